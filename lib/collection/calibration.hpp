/// Measures on a part what a graph walk finds, so that a query can ask for recall instead of ef.
/// Method: queries between two stored rows (neither of them, so that no answer is known beforehand), their exact
/// neighbours by scan, the share of them that walks of growing ef return; kept is the lower 95 % confidence bound of
/// the mean.
/// Limit: users' queries that lie far from the stored vectors are harder than these.
/// Thread safety: functions without state.
#pragma once

#include "part.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/index/hnsw.hpp>

#include <vector>

namespace vecstore::detail {

/// Cost: 64 scans of the part and about as many walks for each ef tried.
[[nodiscard]] std::vector<recall_point> calibrate(const index::frozen_graph& graph, const index::contiguous_rows& rows,
                                                  const vector_options& options);

}  // namespace vecstore::detail
