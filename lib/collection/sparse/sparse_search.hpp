/// The search primitive of sparse vectors: the points with the largest dot products in one view. Exact, whatever has been
/// indexed; parts that have lists are searched through them, other rows are scanned.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include <collection/search/search.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace vecstore::detail {

struct sparse_request {
    std::size_t slot = 0;
    sparse_value query;      ///< ascending by index
    bool idf = false;        ///< weights are multiplied with the inverse document frequency
    std::size_t wanted = 0;  ///< limit + offset
    std::optional<float> radius;
};

/// Best first, distance = -score; of points that share an index with the query. Adds its cost to `plan`.
/// Document frequencies count visible points, as the view has them; of parts with dead rows they are counted one by one.
/// `only`: the points that count, ascending, which pass the filter; null: all that pass it. A session that is interrupted ends
/// with what it has.
/// Errors: corruption, io.
[[nodiscard]] result<std::vector<candidate>> find_nearest_sparse(read_session& session, const sparse_request& request,
                                                                 const filter::compiled& filter,
                                                                 const std::vector<ordinal_id>* only, query_plan& plan);

}  // namespace vecstore::detail
