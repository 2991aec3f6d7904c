/// What codes of signs (rotation_code.hpp) in blocks (fast_scan.hpp) are made of, on the side of the rows and of the query.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/fast_scan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vecstore::quantization {

/// The range of some values in 256 levels. Precondition: there is one.
[[nodiscard]] inline level_scale levels_of(std::span<const float> values) noexcept {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return {*least, (*most - *least) / 255};
}

/// The nearest level, or with `upward` the least that is not below.
[[nodiscard]] inline std::uint8_t level_of(float value, const level_scale& levels, bool upward) noexcept {
    const float level = levels.step > 0 ? (value - levels.least) / levels.step : 0;
    return static_cast<std::uint8_t>(std::clamp(upward ? std::ceil(level) : std::round(level), 0.0f, 255.0f));
}

/// Tables in f32 in bytes, each less its smallest entry, all with one step: so fine that the largest entry is
/// `entry_max`, unless the sums of all of them would leave 16 bits or the step is below `step_least`.
/// Shapes: raw [subs, 16]; it is changed.
/// Returns what a sum stands for: `least` + `step` * sum.
[[nodiscard]] inline level_scale round_tables(std::span<float> raw, unsigned entry_max, float step_least,
                                              std::vector<std::uint8_t>& tables) {
    constexpr float sums_max = 49'000;
    const auto subs = raw.size() / codewords;
    const auto most = static_cast<float>(entry_max);
    float bias = 0, range_max = 0, range_sum = 0;
    for (std::size_t s = 0; s < subs; ++s) {
        float* table = raw.data() + s * codewords;
        const float least = *std::min_element(table, table + codewords);
        const float range = *std::max_element(table, table + codewords) - least;
        for (std::size_t j = 0; j < codewords; ++j) table[j] -= least;
        bias += least;
        range_max = std::max(range_max, range);
        range_sum += range;
    }
    float step = std::max({range_max / most, range_sum / sums_max, step_least});
    if (!(step > 0) || !std::isfinite(step)) step = 1;
    tables.assign(table_bytes(subs), 0);
    const float inverse = 1 / step;
    for (std::size_t s = 0; s < subs; ++s) {
        auto* to = tables.data() + table_offset(s);
        for (std::size_t j = 0; j < codewords; ++j)
            to[j] = to[j + codewords] =
                static_cast<std::uint8_t>(std::min(most, raw[s * codewords + j] * inverse + 0.5f));
    }
    return {bias, step};
}

/// Tables of the inner product of a rotated query with signs, each half above or below their middle. The product is taken
/// negative, so that a small sum is near.
/// Shapes: rotated [4 subs]; raw [subs, 16], scratch.
/// Returns what a sum stands for, as `round_tables`.
[[nodiscard]] inline level_scale make_sign_tables(std::span<const float> rotated, std::vector<float>& raw,
                                                  std::vector<std::uint8_t>& tables) {
    const auto subs = rotated.size() / 4;
    raw.resize(subs * codewords);
    for (std::size_t s = 0; s < subs; ++s) {
        const float* q = rotated.data() + 4 * s;
        float* table = raw.data() + s * codewords;
        table[0] = (q[0] + q[1] + q[2] + q[3]) / 2;
        for (std::size_t b = 0; b < 4; ++b)
            for (std::size_t j = 0; j < std::size_t{1} << b; ++j) table[j + (std::size_t{1} << b)] = table[j] - q[b];
    }
    return round_tables(raw, sign_entry_max, 0, tables);
}

}  // namespace vecstore::quantization
