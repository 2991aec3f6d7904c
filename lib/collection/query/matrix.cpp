// Distances among points drawn at random.
#include "checks.hpp"
#include "random_choice.hpp"
#include "row_scan.hpp"
#include "time_limit.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/limits.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/fields/match_reader.hpp>

#include <algorithm>

namespace vecstore {
namespace {

using detail::read_session;

result<void> check_matrix(const matrix_query& q) {
    if (q.sample < 2 || q.sample > matrix_sample_max)
        return invalid_argument("sample = " + std::to_string(q.sample) + " is not in 2 to " +
                                std::to_string(matrix_sample_max));
    return detail::check_limit(q.limit, 0);
}

/// Rows of the vector that are drawn, ascending in ordinal.
struct drawn_rows {
    detail::ordinal_list ordinals;
    std::vector<const void*> vectors;
};
result<drawn_rows> draw(read_session& session, std::size_t slot, const matrix_query& q) {
    VECSTORE_TRY(const auto filter, detail::compile_filter(session.state(), q.filter));
    query_plan plan;
    VECSTORE_TRY(const auto matches, detail::matching_points(session, filter, plan));
    detail::random_choice<ordinal_id> choice(q.sample, q.seed);
    VECSTORE_CHECK(detail::for_each_row(session, slot, matches ? &*matches : nullptr,
                                        [&](ordinal_id ordinal, const void*) { choice.see(ordinal); }));
    drawn_rows drawn;
    drawn.ordinals = choice.take();
    detail::sort_unique(drawn.ordinals);
    for (const auto ordinal : drawn.ordinals) {
        VECSTORE_TRY(const auto row, session.vector(slot, ordinal));
        drawn.vectors.push_back(row ? row->data() : nullptr);
    }
    return drawn;
}

}  // namespace

result<vecstore::distance_matrix> collection::distance_matrix(const matrix_query& q) const {
    VECSTORE_CHECK(check_matrix(q));
    const auto begin_ms = detail::time_limit::now(*access_, q);
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const detail::time_limit limit(session, *access_, q, begin_ms);
    VECSTORE_TRY(const auto slot, detail::find_slot(session.collection().options(), q.using_vector));
    const auto& options = session.collection().options().vectors[slot];
    VECSTORE_TRY(const auto drawn, draw(session, slot, q));
    const auto count = drawn.ordinals.size();
    vecstore::distance_matrix matrix;
    std::vector<float> values(options.dim), distances(count);
    for (const auto ordinal : drawn.ordinals) {
        VECSTORE_TRY(const auto point, session.point(ordinal));
        matrix.ids.push_back(point.id);
    }
    for (std::size_t i = 0; i < count && !session.interrupted(); ++i) {
        unpack(options.type, drawn.vectors[i], values);
        VECSTORE_TRY(const auto ready, detail::make_ready(options, values, "distance_matrix"));
        const distance_computer distance(options.metric, options.type, ready.data, options.dim);
        distance.many(drawn.vectors.data(), count, distances.data());
        top_k<neighbor> nearest(q.limit);
        for (std::size_t j = 0; j < count; ++j)
            if (j != i) nearest.push({distances[j], static_cast<row_id>(j)});
        for (const auto& n : nearest.take_sorted()) {
            matrix.rows.push_back(static_cast<std::uint32_t>(i));
            matrix.columns.push_back(n.row);
            matrix.scores.push_back(to_score(options.metric, n.distance));
        }
    }
    VECSTORE_CHECK(limit.finish(matrix));
    return matrix;
}

}  // namespace vecstore
