#include "other_vectors.hpp"

#include "checks.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/computer.hpp>

#include <collection/slots.hpp>

#include <cmath>
#include <string>
#include <utility>

namespace vecstore::detail {
namespace {

result<other_query> check_multi(const vector_options& vector, const query& q) {
    if (!q.nearest.empty() || !q.nearest_sparse.empty())
        return invalid_argument("the vector \"" + q.using_vector + "\" is searched with nearest_multi");
    if (q.nearest_multi.empty() || q.nearest_multi.size() > multi_vectors_max)
        return invalid_argument("nearest_multi: " + std::to_string(q.nearest_multi.size()) + " vectors are not 1 to " +
                                std::to_string(multi_vectors_max));
    other_query checked;
    auto& request = checked.multi.emplace();
    request.query = q.nearest_multi;
    for (std::size_t i = 0; i < request.query.size(); ++i) {
        auto& values = request.query[i];
        const auto where = "nearest_multi[" + std::to_string(i) + "]: ";
        if (values.size() != vector.dim)
            return invalid_argument(where + "expected dimension " + std::to_string(vector.dim) + ", got " +
                                    std::to_string(values.size()));
        if (!all_finite(values)) return invalid_argument(where + "not all elements are finite");
        if (vector.metric == metric::cosine && !normalize(values))
            return invalid_argument(where + "zero vector has no direction under cosine");
    }
    checked.metric = vector.metric;
    if (q.within) {
        // The score of cosine is a sum, too, and so is its distance (multi_search.hpp).
        VECSTORE_TRY(request.radius, radius_of(vector.metric, *q.within));
    }
    return checked;
}

result<other_query> check_sparse(const collection_state& collection, std::size_t slot, const query& q) {
    const auto& options = collection.options();
    if (!q.nearest.empty() || !q.nearest_multi.empty())
        return invalid_argument("the vector \"" + q.using_vector + "\" is searched with nearest_sparse");
    auto value = collection.encoders().for_query(slot - options.vectors.size(), q.nearest_sparse);
    if (!value) {
        auto e = std::move(value).error();
        e.message = "nearest_sparse: " + e.message;
        return e;
    }
    const auto& known = sparse_options(options, slot);
    other_query checked;
    auto& request = checked.sparse.emplace();
    request.query = *std::move(value);
    request.idf = known.modifier == sparse_modifier::idf || known.bm25;
    if (q.within) {
        VECSTORE_TRY(request.radius, radius_of(metric::dot, *q.within));
    }
    return checked;
}

}  // namespace

bool asks_other_vector(const collection_options& options, const query& q) noexcept {
    for (std::size_t slot = 0; slot < slot_count(options); ++slot)
        if (slot_name(options, slot) == q.using_vector) return rows_vary(slot_options(options, slot));
    return false;
}

result<other_query> check_other_vector(const collection_state& collection, const query& q, std::size_t wanted) {
    VECSTORE_TRY(const auto slot, find_any_slot(collection.options(), q.using_vector));
    if (q.mmr) return invalid_argument("mmr: not for sparse vectors and multi-vectors");
    if (q.score_threshold && !std::isfinite(*q.score_threshold))
        return invalid_argument("score_threshold is not finite");
    const bool sparse = is_sparse(collection.options(), slot);
    VECSTORE_TRY(auto checked,
                 sparse ? check_sparse(collection, slot, q) : check_multi(collection.options().vectors[slot], q));
    if (checked.sparse) {
        checked.sparse->slot = slot;
        checked.sparse->wanted = wanted;
    } else {
        checked.multi->slot = slot;
        checked.multi->wanted = wanted;
    }
    return checked;
}

result<std::vector<candidate>> find_nearest_other(read_session& session, const other_query& request,
                                                  const filter::compiled& filter, const std::vector<ordinal_id>* only,
                                                  query_plan& plan) {
    if (request.sparse) return find_nearest_sparse(session, *request.sparse, filter, only, plan);
    return find_nearest_multi(session, *request.multi, filter, only, plan);
}

}  // namespace vecstore::detail
