/// What queries that really came have found, and what follows from it: a calibration that knows of rows and of queries.
/// Rows as queries are many, queries that came are few, but they are the right ones. So each rung's share of misses is drawn
/// from that of the rows (in the bands where the queries lie) towards that of the queries, by how sure each is; and the ratio
/// of what comes out to what the rows miss is applied to the rows' curve, band by band. Where nothing was measured the
/// ratio is that of the neighbouring rungs. A few hundred queries move a curve smoothly, and nothing is fitted.
/// Thread safety: pure functions.
#pragma once

#include "calibration.hpp"

#include <cstdint>
#include <vector>

namespace vecstore::detail {

/// All queries, searched with one setting.
struct query_rung {
    search_setting setting;
    double missed = 0;        ///< mean share of the k nearest that was not found
    double variance = 0;      ///< of that mean
    double microseconds = 0;  ///< of the processor, for a query
};

struct query_table {
    std::uint32_t k = 0;
    std::vector<query_rung> rungs;  ///< ascending in breadth: steps of the rows, then broader ones
};

struct query_measurement {
    band_shares shares{};             ///< of the queries, in the bands of the rows' calibration
    std::uint32_t depth = 1;          ///< so many times the rows' re-scoring pays with these queries
    bool walked = true;               ///< a graph, whose walk meets no more than its breadth to re-score
    std::vector<query_table> tables;  ///< for some k of the rows' calibration, or all
};

/// The setting that a step of the rows becomes.
[[nodiscard]] search_setting deepened(search_setting setting, const query_measurement& queries) noexcept;

/// Precondition: `rows` was measured with rows alone and is not empty; some rung was measured.
[[nodiscard]] calibration with_queries(const calibration& rows, const query_measurement& queries);

}  // namespace vecstore::detail
