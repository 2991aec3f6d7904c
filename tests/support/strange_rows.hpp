/// Rows of all sorts of data, for what must hold of any.
#pragma once

#include "store.hpp"

#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace vecstore::test {

enum class data : std::uint8_t { even, outliers, zeros, tiny, huge, duplicates, far, one_value, mixed };
inline constexpr data all_data[] = {data::even,       data::outliers, data::zeros,     data::tiny, data::huge,
                                    data::duplicates, data::far,      data::one_value, data::mixed};

[[nodiscard]] inline std::vector<float> draw(data kind, std::size_t dim, random_source& random, std::size_t i) {
    auto row = random_vector(random, dim);
    const auto scale = [&](float by) {
        for (auto& x : row) x *= by;
    };
    switch (kind) {
        case data::even: break;
        case data::outliers: row[random.below(dim)] = i % 3 == 0 ? 6e4f : 1'000.0f; break;
        case data::zeros:
            if (i % 2 == 0) std::fill(row.begin(), row.end(), 0.0f);
            break;
        case data::tiny: scale(i % 2 == 0 ? 1e-40f : 1e-20f); break;
        case data::huge: scale(i % 2 == 0 ? 3e38f : 1e18f); break;
        case data::duplicates: {
            random_source same(i % 5);
            row = random_vector(same, dim);
            break;
        }
        case data::far:
            for (auto& x : row) x = 1e4f + (i % 2 == 0 ? 1e-2f : 1.0f) * x;
            break;
        case data::one_value: std::fill(row.begin(), row.end(), 0.3f); break;
        case data::mixed: scale(static_cast<float>(std::pow(10.0, 30 * (random.unit() - 0.5)))); break;
    }
    return row;
}

/// A packed row as a collection would store it; nothing when it would be refused.
[[nodiscard]] inline std::optional<std::vector<std::byte>> stored(std::vector<float> values, metric m,
                                                                  element_type type) {
    if (m == metric::cosine && !normalize(values)) return std::nullopt;
    std::vector<std::byte> row(row_bytes(type, values.size()));
    if (!pack(type, values, row)) return std::nullopt;
    return row;
}

}  // namespace vecstore::test
