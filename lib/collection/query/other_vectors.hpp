/// Questions for the nearest that are not about one dense vector: sparse ones, and multi-vectors.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/query.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/metric.hpp>

#include <collection/search/multi_search.hpp>
#include <collection/sparse/sparse_search.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace vecstore::detail {

/// True when `q.using_vector` names such a vector.
[[nodiscard]] bool asks_other_vector(const collection_options& options, const query& q) noexcept;

/// A question that passed its checks: one of the two.
struct other_query {
    std::optional<sparse_request> sparse;
    std::optional<multi_request> multi;
    vecstore::metric metric = vecstore::metric::dot;
};
/// Precondition: asks_other_vector.
/// Errors: invalid_argument, unsupported (a text that this build cannot encode).
[[nodiscard]] result<other_query> check_other_vector(const collection_state& collection, const query& q,
                                                     std::size_t wanted);

/// Best first. `only`: the points that count, ascending, which pass the filter; null: all that pass it.
/// Errors: corruption, io.
[[nodiscard]] result<std::vector<candidate>> find_nearest_other(read_session& session, const other_query& request,
                                                                const filter::compiled& filter,
                                                                const std::vector<ordinal_id>* only, query_plan& plan);

}  // namespace vecstore::detail
