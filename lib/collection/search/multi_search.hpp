/// The search primitive of multi-vectors: MaxSim of every matching point, exact. Nothing is indexed.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include "search.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace vecstore::detail {

struct multi_request {
    std::size_t slot = 0;
    std::vector<std::vector<float>> query;  ///< each [dim], of unit length under cosine
    std::size_t wanted = 0;                 ///< limit + offset
    std::optional<float> radius;
};

/// Nearest first. The distance is the sum, over the query's vectors, of the least distance to one of the point's, so that
/// `to_score` gives MaxSim; under cosine less the number of the query's vectors, plus 1.
/// `only`: the points that count, ascending, which pass the filter; null: all that pass it. A session that is interrupted ends
/// with what it has.
/// Errors: corruption, io.
[[nodiscard]] result<std::vector<candidate>> find_nearest_multi(read_session& session, const multi_request& request,
                                                                const filter::compiled& filter,
                                                                const std::vector<ordinal_id>* only, query_plan& plan);

}  // namespace vecstore::detail
