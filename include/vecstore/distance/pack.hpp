/// Turns f32 vectors into the bytes of a stored row, and back.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/element_type.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace vecstore {

namespace distance {

/// The nearest f16, ties to even; nullopt when that is infinite (from 65,520 on). Precondition: `value` is finite.
[[nodiscard]] inline std::optional<std::uint16_t> to_f16(float value) noexcept {
    constexpr std::uint32_t overflow = 0x477F'F000, smallest_normal = 0x3880'0000, exponent_shift = 112u << 23;
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = bits >> 16 & 0x8000u;
    const auto magnitude = bits & 0x7FFF'FFFFu;
    if (magnitude >= overflow) return std::nullopt;
    std::uint32_t rounded;
    if (magnitude < smallest_normal) {  // the last place of 0.5f is 2^-24, the unit of small f16 numbers
        rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F00'0000u;
    } else {
        rounded = (magnitude + 0xFFFu + (magnitude >> 13 & 1u) - exponent_shift) >> 13;
    }
    return static_cast<std::uint16_t>(sign | rounded);
}

/// Exact. Infinities and NaN stay what they are.
[[nodiscard]] inline float from_f16(std::uint16_t half) noexcept {
    const std::uint32_t sign = (half & 0x8000u) << 16, magnitude = half & 0x7FFFu;
    std::uint32_t bits;
    if (magnitude < 0x400u)
        bits = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
    else if (magnitude < 0x7C00u)
        bits = (magnitude << 13) + (112u << 23);
    else
        bits = 0x7F80'0000u | magnitude << 13;
    return std::bit_cast<float>(sign | bits);
}

/// The nearest bf16, ties to even; nullopt when that is infinite. Precondition: `value` is finite.
[[nodiscard]] inline std::optional<std::uint16_t> to_bf16(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto rounded = static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
    if ((rounded & 0x7F80u) == 0x7F80u) return std::nullopt;
    return rounded;
}

[[nodiscard]] inline float from_bf16(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// Element `i` as the type keeps it, into `row`; false when the type cannot hold it. `row` must be zero for binary.
[[nodiscard]] inline bool pack_element(element_type type, std::size_t i, float value, std::byte* row) noexcept {
    switch (type) {
        case element_type::f32: std::memcpy(row + 4 * i, &value, 4); return true;
        case element_type::f16:
        case element_type::bf16: {
            const auto bits = type == element_type::f16 ? to_f16(value) : to_bf16(value);
            if (bits) std::memcpy(row + 2 * i, &*bits, 2);
            return bits.has_value();
        }
        case element_type::int8:
            if (!(value >= -128 && value <= 127) || static_cast<float>(static_cast<int>(value)) != value) return false;
            row[i] = static_cast<std::byte>(static_cast<std::int8_t>(value));
            return true;
        case element_type::binary:
            if (value == 1) row[i / 8] |= std::byte{1} << (i % 8);
            return value == 0 || value == 1;
    }
    return false;
}

}  // namespace distance

/// Writes `values` [dim], finite, as a row into `row` [row_bytes(type, dim)].
/// Errors: invalid_argument that names the element and what the type holds; then `row` is half written.
[[nodiscard]] inline result<void> pack(element_type type, std::span<const float> values, std::span<std::byte> row) {
    if (type == element_type::f32) {
        if (!values.empty()) std::memcpy(row.data(), values.data(), values.size_bytes());
        return {};
    }
    if (type == element_type::binary && !row.empty()) std::memset(row.data(), 0, row.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (distance::pack_element(type, i, values[i], row.data())) continue;
        const auto what = "element " + std::to_string(i) + " = " + std::to_string(values[i]);
        switch (type) {
            case element_type::int8: return invalid_argument(what + " is no integer in -128 to 127, as int8 needs");
            case element_type::binary: return invalid_argument(what + " is neither 0 nor 1, as binary needs");
            default: return invalid_argument(what + " is beyond the range of " + std::string(to_string(type)));
        }
    }
    return {};
}

/// True when the bits behind the last element of a binary row are zero, as the kernels need; of other types always.
[[nodiscard]] inline bool padding_clear(element_type type, std::size_t dim, byte_span row) noexcept {
    if (type != element_type::binary || dim % 8 == 0) return true;
    return std::to_integer<unsigned>(row[dim / 8]) >> dim % 8 == 0;
}

/// The f32 values of a row, exactly what it holds. Shapes: row [row_bytes(type, dim)], values [dim].
inline void unpack(element_type type, const void* row, std::span<float> values) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(row);
    const auto pair = [&](std::size_t i) {
        std::uint16_t bits;
        std::memcpy(&bits, bytes + 2 * i, 2);
        return bits;
    };
    switch (type) {
        case element_type::f32:
            if (!values.empty()) std::memcpy(values.data(), row, values.size_bytes());
            break;
        case element_type::f16:
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = distance::from_f16(pair(i));
            break;
        case element_type::bf16:
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = distance::from_bf16(pair(i));
            break;
        case element_type::int8:
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] = static_cast<float>(static_cast<std::int8_t>(bytes[i]));
            break;
        case element_type::binary:
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(bytes[i / 8] >> i % 8 & 1);
            break;
    }
}

}  // namespace vecstore
