/// The level of a row: geometric with ratio 1/(2m), drawn from a hash of (seed, row), so that a graph built again from the
/// same rows, in any order and by any number of threads, has the same levels.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, section 4.1 (m_L = 1/ln m). Differs: a hash in place of a generator; half
/// the ratio, as level 0 has 2m links: the curve is the same, and upper levels take half the memory.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/core/types.hpp>

#include <cstddef>
#include <cstdint>

namespace vecstore::index {

inline constexpr unsigned level_max = 15;

/// P(level >= l) = (2m)^-l, at most `level_max`. Compares by multiplication alone, so all platforms agree.
[[nodiscard]] constexpr unsigned level_of(std::uint64_t seed, row_id row, std::size_t m) noexcept {
    const auto hash = mix64(mix64(seed + 0x9E37'79B9'7F4A'7C15u) ^ (row + std::uint64_t{1}) * 0x9E37'79B9'7F4A'7C15u);
    const double unit = static_cast<double>(hash >> 11) * 0x1.0p-53;
    const double ratio = 0.5 / static_cast<double>(m);
    unsigned level = 0;
    for (double bound = ratio; unit < bound && level < level_max; bound *= ratio) ++level;
    return level;
}

}  // namespace vecstore::index
