#include "fusion.hpp"

#include <cmath>

namespace vecstore::detail {
namespace {

/// What a point gets from one list.
struct share {
    ordinal_id ordinal;
    double score;
};

point_list sum_up(std::vector<share> shares, std::size_t count) {
    std::stable_sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.ordinal < b.ordinal; });
    point_list sums;
    for (std::size_t i = 0; i < shares.size();) {
        const auto ordinal = shares[i].ordinal;
        double sum = 0;
        for (; i < shares.size() && shares[i].ordinal == ordinal; ++i) sum += shares[i].score;
        sums.points.push_back({ordinal, static_cast<float>(sum)});
    }
    keep_best(sums, count);
    return sums;
}

/// Larger is better.
double oriented(const point_list& list, const scored_point& p) {
    return list.larger_is_better ? static_cast<double>(p.score) : -static_cast<double>(p.score);
}

/// Where a list's scores lie: the mean less three deviations, and six deviations. Width 0: all are equal, or there is one.
struct spread {
    double low = 0, width = 0;
};
spread spread_of(const point_list& list) {
    const auto n = static_cast<double>(list.points.size());
    if (n < 2) return {};
    double mean = 0, squares = 0;
    for (const auto& p : list.points) mean += oriented(list, p) / n;
    for (const auto& p : list.points) squares += (oriented(list, p) - mean) * (oriented(list, p) - mean);
    const bool equal = std::all_of(list.points.begin(), list.points.end(),
                                   [&](const auto& p) { return p.score == list.points.front().score; });
    const auto deviation = std::sqrt(squares / (n - 1));
    return equal ? spread{} : spread{mean - 3 * deviation, 6 * deviation};
}

}  // namespace

point_list fuse(const rrf& how, std::span<const point_list> lists, std::size_t count) {
    std::vector<share> shares;
    const auto k = static_cast<double>(how.k);
    for (std::size_t i = 0; i < lists.size(); ++i) {
        const double weight = how.weights.empty() ? 1 : how.weights[i];
        if (weight == 0) continue;
        double place = 0;
        for (const auto& p : lists[i].points) shares.push_back({p.ordinal, 1 / (++place / weight + k - 1)});
    }
    return sum_up(std::move(shares), count);
}

point_list fuse(const dbsf&, std::span<const point_list> lists, std::size_t count) {
    std::vector<share> shares;
    for (const auto& list : lists) {
        const auto [low, width] = spread_of(list);
        for (const auto& p : list.points)
            shares.push_back({p.ordinal, width > 0 ? (oriented(list, p) - low) / width : 0.5});
    }
    return sum_up(std::move(shares), count);
}

}  // namespace vecstore::detail
