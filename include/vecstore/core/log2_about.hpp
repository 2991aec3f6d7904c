/// A logarithm for decisions that a hundredth does not change.
/// Thread safety: pure.
#pragma once

#include <bit>
#include <cstdint>

namespace vecstore {

/// log2(x), at most 0.01 off: the exponent's bits, and a parabola through the logarithms of 1 and 2 for the others.
/// Precondition: x is positive, finite and normal.
/// Cost: a nanosecond; does not call the mathematical library.
[[nodiscard]] inline float log2_about(float x) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto exponent = static_cast<int>(bits >> 23) - 127;
    const float m = std::bit_cast<float>((bits & 0x7F'FFFFu) | 0x3F80'0000u);  // in [1, 2)
    return static_cast<float>(exponent) + (m - 1) * (1.0f + 0.344f * (2 - m));
}

}  // namespace vecstore
