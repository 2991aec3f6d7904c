/// How a query is answered: the only place that chooses between exact scan and a search of the indexes.
/// Which index of a part is searched is the choice of the part (part::choose), by what was measured on it.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/collection/query.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace vecstore::detail {

/// What is known before a query runs.
struct plan_input {
    std::size_t points = 0;          ///< visible points of the collection
    std::size_t rows_in_graphs = 0;  ///< rows of the vector that lie in parts with an index
    std::size_t wanted = 0;          ///< limit + offset
    std::size_t ef = 0;              ///< of the walk, if there is one; of lists, the candidates they look for
    bool exact = false;              ///< the caller asked for it
    bool filtered = false;
    bool few_listed = false;                    ///< the filter lists the only ids that can match
    std::size_t sampled = 0;                    ///< points on which the filter was tried ...
    std::size_t sampled_matches = 0;            ///< ... and those that matched
    std::optional<std::uint64_t> matches = {};  ///< at most so many match, by payload indexes ...
    bool matches_known = false;                 ///< ... which tell them without their payloads
    double walk_microseconds = 0;               ///< what the searches of the indexes are expected to take; 0 = unknown
    std::size_t bytes_of_row = 0;               ///< of an original
    std::size_t bytes_of_code = 0;              ///< 0 = parts have no codes, or they are of no use
};

/// Points worth sampling to estimate how many match a filter; looked at after every power of two from the first on.
inline constexpr std::size_t filter_sample = 64;
inline constexpr std::size_t filter_sample_first = 8;

/// A filtered walk tries the filter on about this many rows for each match it needs, and needs ef of them. (Of 10,000 entries of
/// WordNet, 4 chose a walk where one in 45 passes, at half the speed of the scan.)
inline constexpr double evaluations_per_match = 8;
/// With payload indexes: what a scan costs for each match, in microseconds, and for each byte of its row, original or code.
/// Measured with rows of 100 and of 384 dimensions; what it is to be compared with was measured on the machine at hand, and
/// need be known within a factor of two only.
inline constexpr double scan_of_match = 0.03, scan_of_byte = 2e-5;
inline constexpr double scan_of_code = 0.012, scan_of_code_byte = 8e-5;
/// A scan of codes compares some originals, too, and prepares the query.
inline constexpr double code_scan_overhead = 12;
/// The same and a filtered walk, for each match it needs, in distances, where the time of the walk is not known.
inline constexpr double walked_per_match = 16, scanned_per_match = 2;
/// Reading one payload at random, in units of reading it in a pass over all (measured: 0.9 us against 0.17 us).
inline constexpr double random_read_cost = 5;

/// What is best when the filter lets this share of the points pass. A scan below some share, a walk above it.
[[nodiscard]] inline search_strategy strategy_at(const plan_input& in, double share) noexcept {
    const auto points = static_cast<double>(in.points);
    const auto needed = static_cast<double>(std::max(in.ef, in.wanted));
    if (share * points < 2 * needed) return search_strategy::exact_scan;
    const auto walk_cost = random_read_cost * evaluations_per_match * needed / share;
    return walk_cost < points ? search_strategy::filtered_walk : search_strategy::exact_scan;
}

/// The same when payload indexes know the matches.
[[nodiscard]] inline search_strategy strategy_of_known(const plan_input& in) noexcept {
    const auto matches = static_cast<double>(in.matches.value_or(0));
    const auto points = static_cast<double>(std::max<std::size_t>(in.points, 1));
    const auto needed = static_cast<double>(std::max(in.ef, in.wanted));
    if (matches < 2 * static_cast<double>(in.wanted)) return search_strategy::exact_scan;
    if (in.walk_microseconds > 0) {
        const auto original = scan_of_match + scan_of_byte * static_cast<double>(in.bytes_of_row);
        const auto code = scan_of_code + scan_of_code_byte * static_cast<double>(in.bytes_of_code);
        const auto exact = matches * original, coded = matches * code + code_scan_overhead;
        const bool by_codes = in.bytes_of_code > 0 && coded < exact;
        if (in.walk_microseconds < std::min(exact, by_codes ? coded : exact)) return search_strategy::filtered_walk;
        return by_codes ? search_strategy::code_scan : search_strategy::exact_scan;
    }
    if (matches < 2 * needed) return search_strategy::exact_scan;
    const auto share = std::min(1.0, matches / points);
    const auto walk_cost = walked_per_match * needed / std::sqrt(share);
    return walk_cost < scanned_per_match * matches ? search_strategy::filtered_walk : search_strategy::exact_scan;
}

[[nodiscard]] inline search_strategy choose_strategy(const plan_input& in) noexcept {
    if (in.exact || in.rows_in_graphs == 0 || in.few_listed) return search_strategy::exact_scan;
    if (!in.filtered) return search_strategy::plain_walk;
    if (in.matches_known) return strategy_of_known(in);
    // Laplace's rule: no match in the sample is not yet proof that none exists.
    const auto share = (static_cast<double>(in.sampled_matches) + 1) / (static_cast<double>(in.sampled) + 2);
    return strategy_at(in, share);
}

/// True when more samples would hardly change the choice: both ends of the share's interval (Wilson, 1927; 99 %) say
/// the same.  Precondition: in.filtered.
[[nodiscard]] inline bool settled(const plan_input& in) noexcept {
    constexpr double z2 = 2.576 * 2.576;
    if (in.sampled == 0) return false;
    const auto n = static_cast<double>(in.sampled), p = static_cast<double>(in.sampled_matches) / n;
    const auto middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    const auto half = std::sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n);
    const auto least = std::max(middle - half, 1e-9);
    return strategy_at(in, least) == strategy_at(in, middle + half);
}

}  // namespace vecstore::detail
