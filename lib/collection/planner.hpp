/// How a query is answered: the only place that chooses between exact scan and graph walk.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/collection/query.hpp>

#include <cstddef>

namespace vecstore::detail {

/// What is known before a query runs.
struct plan_input {
    std::size_t points = 0;           ///< visible points of the collection
    std::size_t rows_in_graphs = 0;   ///< rows of the vector that lie in parts with a graph
    std::size_t wanted = 0;           ///< limit + offset
    bool exact = false;               ///< the caller asked for it
    bool filtered = false;
    bool few_listed = false;          ///< the filter lists the only ids that can match
    std::size_t sampled = 0;          ///< points on which the filter was tried ...
    std::size_t sampled_matches = 0;  ///< ... and those that matched
};

/// Points worth sampling to estimate how many match a filter.
inline constexpr std::size_t filter_sample = 128;

/// A walk visits about ef / selectivity rows; an exact scan of the matches compares selectivity * points rows after one pass of
/// the filter over all payloads. Below this share of matches the scan is cheaper at all sizes measured, and it cannot miss.
inline constexpr double walk_selectivity_min = 0.04;

[[nodiscard]] inline search_strategy choose_strategy(const plan_input& in) noexcept {
    if (in.exact || in.rows_in_graphs == 0 || in.few_listed) return search_strategy::exact_scan;
    if (!in.filtered) return search_strategy::plain_walk;
    // Laplace's rule: no match in the sample is not yet proof that none exists.
    const auto share = (static_cast<double>(in.sampled_matches) + 1) / (static_cast<double>(in.sampled) + 2);
    const auto matches = share * static_cast<double>(in.points);
    if (share < walk_selectivity_min || matches < 2 * static_cast<double>(in.wanted)) return search_strategy::exact_scan;
    return search_strategy::filtered_walk;
}

}  // namespace vecstore::detail
