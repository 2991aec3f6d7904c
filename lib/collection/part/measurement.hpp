/// Measures on a part what an index finds, and at what cost.
/// Method: up to 1,000 rows of the part, drawn by a hash, are the queries: they come from where the data comes from, which
/// points made up between rows do not. A graph is measured before they are linked into it, so they are strange to
/// it; lists hold them, so they are left out of what is found and of the truth. Truth is an exact scan. Costs are time
/// of the measuring thread's processor.
/// Limit: users' queries that come from elsewhere (questions against answers) can be harder than these; recheck.hpp measures with
/// them when some have come.
/// Thread safety: functions without state.
#pragma once

#include "calibration.hpp"
#include "truth.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/ivf.hpp>

#include <vector>

namespace vecstore::detail {

/// The rows that are asked for, and what is nearest to each.
struct query_sample {
    std::vector<row_id> rows;                  ///< ascending
    std::vector<byte_vector> queries;          ///< beside `rows`, in the form that kernels take
    std::vector<std::vector<neighbor>> truth;  ///< beside `rows`: the nearest other rows, nearest first

    [[nodiscard]] bool contains(row_id row) const noexcept;
};

/// Draws the rows, at most a tenth of all. Precondition: rows.size() >= 100.
[[nodiscard]] query_sample draw_queries(const index::contiguous_rows& rows, metric m);

/// Finds what is nearest to each query.
/// Cost: one distance for each row and query; rows are read from memory once.
/// Errors: cancelled.
[[nodiscard]] result<void> find_truth(query_sample& sample, const index::contiguous_rows& rows, metric m,
                                      const keep_measuring& keep_going);

/// What is measured, and where originals are.
struct measured_rows {
    const index::contiguous_rows& rows;
    vecstore::metric metric;
    const query_sample& sample;
    const keep_measuring& keep_going;
};

/// Walks of growing ef over `codes` (null: over originals). Precondition: the rows of the sample are not in the graph.
/// Errors: cancelled.
[[nodiscard]] result<calibration> measure_graph(const index::frozen_graph& graph, const index::coded_rows* codes,
                                                const measured_rows& on);

/// Scans of ever more lists.
/// Errors: cancelled.
[[nodiscard]] result<calibration> measure_ivf(const index::ivf& lists, const measured_rows& on);

}  // namespace vecstore::detail
