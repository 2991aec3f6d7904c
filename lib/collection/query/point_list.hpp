/// What the questions of a tree hand to each other: points with their scores.
/// Thread safety: plain values and functions without state.
#pragma once

#include <vecstore/collection/query/order.hpp>
#include <vecstore/core/types.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

struct scored_point {
    ordinal_id ordinal = ordinal_none;
    float score = 0;
    std::optional<order_value> value = std::nullopt;  ///< what it was ordered by
};

/// Best first.
struct point_list {
    std::vector<scored_point> points;
    bool larger_is_better = true;
    /// [points, prefetches]: what each had in the lists that this one was made of, for the outermost query; or empty.
    std::vector<std::optional<float>> prefetch_scores = {};
};

/// Ascending, without repeats.
using ordinal_list = std::vector<ordinal_id>;

inline void sort_unique(ordinal_list& ordinals) {
    std::sort(ordinals.begin(), ordinals.end());
    ordinals.erase(std::unique(ordinals.begin(), ordinals.end()), ordinals.end());
}

/// The points of all lists.
[[nodiscard]] inline ordinal_list union_of(std::span<const point_list> lists) {
    ordinal_list all;
    for (const auto& list : lists)
        for (const auto& p : list.points) all.push_back(p.ordinal);
    sort_unique(all);
    return all;
}

/// Best first, and of equal ones the older; at most `count`.
inline void keep_best(point_list& list, std::size_t count) {
    const auto better = [larger = list.larger_is_better](const scored_point& a, const scored_point& b) {
        if (a.score != b.score) return larger ? a.score > b.score : a.score < b.score;
        return a.ordinal < b.ordinal;
    };
    auto& points = list.points;
    const auto middle = points.begin() + static_cast<std::ptrdiff_t>(std::min(count, points.size()));
    std::partial_sort(points.begin(), middle, points.end(), better);
    points.erase(middle, points.end());
}

}  // namespace vecstore::detail
