/// Measures the indexes of a part with queries that came, beside what was measured with rows when they were built: users'
/// queries are not rows, and rows die.
/// Method: the nearest living rows of each query, by one scan of all rows for all queries, over the codes of a graph where it
/// has some (index/slab_scan.hpp); then the searches that users would get, with a ladder of settings around those that
/// matter; then query_measurement.hpp. Equal queries are searched once and count as often as they came.
/// Thread safety: functions without state; one call at a time for each part, beside searches.
#pragma once

#include "part.hpp"
#include "truth.hpp"

#include <collection/search/query_sampler.hpp>

#include <span>

namespace vecstore::detail {

struct recheck_task {
    const part& rows;
    const vector_options& options;
    std::span<const asked_query> queries;
    const row_predicate* alive = nullptr;  ///< null: all rows are
    const keep_measuring& keep_going;
};

/// Measures those indexes that are in memory; searches go by what came out from then on.
/// Errors: cancelled, corruption, io. Then all is as it was, as it is after std::bad_alloc.
[[nodiscard]] result<void> recheck_part(const recheck_task& task);

/// Microseconds for each query that `recheck_part` is expected to take; an estimate.
[[nodiscard]] double recheck_cost(const part& rows, const vector_options& options) noexcept;

}  // namespace vecstore::detail
