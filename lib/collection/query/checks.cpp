#include "checks.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/distance/pack.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/slots.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace vecstore::detail {
namespace {

/// In several lanes, so that it costs a tenth of a distance; in double precision, so that only a number that is not
/// finite makes it so.
double squared_length(std::span<const float> vector) noexcept {
    constexpr std::size_t width = 8;
    std::array<double, width> lanes{};
    std::size_t i = 0;
    for (; i + width <= vector.size(); i += width)
        for (std::size_t j = 0; j < width; ++j) {
            const auto x = static_cast<double>(vector[i + j]);
            lanes[j] += x * x;
        }
    double sum = std::accumulate(lanes.begin(), lanes.end(), 0.0);
    for (; i < vector.size(); ++i) sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
    return sum;
}

}  // namespace

/// The distance that a score within stands for, and a little more: the score itself has the last word, and it is
/// computed from the distance with rounding.
result<float> radius_of(metric m, float within) {
    if (!std::isfinite(within)) return invalid_argument("within is not finite");
    if (!larger_is_better(m) && within < 0)
        return invalid_argument("within = " + std::to_string(within) + " is negative, and no " +
                                std::string(to_string(m)) + " distance is");
    const auto distance = to_distance(m, within);
    return distance + 1e-6f * (1 + std::abs(distance));
}

result<std::size_t> find_any_slot(const collection_options& options, const std::string& name) {
    std::string known;
    for (std::size_t slot = 0; slot < slot_count(options); ++slot) {
        const auto& each = slot_name(options, slot);
        if (each == name) return slot;
        known += (known.empty() ? "\"" : ", \"") + each + "\"";
    }
    return error{errc::not_found, "no vector \"" + name + "\"; the collection has " + (known.empty() ? "none" : known)};
}

result<std::size_t> find_slot(const collection_options& options, const std::string& name) {
    VECSTORE_TRY(const auto slot, find_any_slot(options, name));
    if (is_sparse(options, slot)) return invalid_argument("the vector \"" + name + "\" is sparse");
    if (options.vectors[slot].multi) return invalid_argument("the vector \"" + name + "\" is a multi-vector");
    return slot;
}

result<void> check_names(const collection_options& options, const vector_selector& with_vectors) {
    for (const auto& name : with_vectors.names()) VECSTORE_CHECK(find_any_slot(options, name));
    return {};
}

result<void> check_limit(std::size_t limit, std::size_t offset) {
    if (limit == 0) return invalid_argument("limit = 0, it must be at least 1");
    if (limit > query_limit_max || offset > query_limit_max || limit + offset > query_limit_max)
        return invalid_argument("limit + offset = " + std::to_string(limit) + " + " + std::to_string(offset) +
                                " is above the limit of " + std::to_string(query_limit_max));
    return {};
}

result<ready_vector> make_ready(const vector_options& options, std::span<const float> values, std::string_view what) {
    const auto bad = [&](const std::string& reason) { return invalid_argument(std::string(what) + ": " + reason); };
    if (values.size() != options.dim)
        return bad("expected dimension " + std::to_string(options.dim) + ", got " + std::to_string(values.size()));
    const auto length = squared_length(values);
    if (!std::isfinite(length)) {
        const auto first = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
        return bad("element " + std::to_string(first - values.begin()) + " is not finite");
    }
    ready_vector ready;
    ready.data = values.data();
    // What f32 can tell from unit length.
    constexpr double tolerance = 2.4e-7;
    if (options.metric == metric::cosine && std::abs(length - 1) > tolerance) {
        ready.scaled.assign(values.begin(), values.end());
        if (!normalize(ready.scaled)) return bad("zero vector has no direction under cosine");
        ready.data = ready.scaled.data();
    }
    if (options.type == element_type::binary) {
        ready.bits.resize(row_bytes(options.type, options.dim));
        if (auto packed = pack(options.type, values, ready.bits); !packed)
            return bad(std::move(packed).error().message);
        ready.data = ready.bits.data();
    }
    return ready;
}

result<checked_query> check_nearest(const read_session& session, const query& q, std::span<const float> nearest,
                                    std::string_view what) {
    const auto& options = session.collection().options();
    checked_query checked;
    VECSTORE_CHECK(check_limit(q.limit, q.offset));
    VECSTORE_TRY(checked.request.slot, find_slot(options, q.using_vector));
    if (!q.nearest_sparse.empty())
        return invalid_argument("nearest_sparse: the vector \"" + q.using_vector + "\" is not sparse");
    if (!q.nearest_multi.empty())
        return invalid_argument("nearest_multi: the vector \"" + q.using_vector + "\" is not a multi-vector");
    const auto& vector = options.vectors[checked.request.slot];
    VECSTORE_TRY(checked.vector, make_ready(vector, nearest, what));
    checked.request.vector = checked.vector.data;
    if (!(q.recall > 0 && q.recall <= 1))
        return invalid_argument("recall = " + std::to_string(q.recall) + " is not in (0, 1]");
    if (q.ef && (*q.ef < 1 || *q.ef > ef_max))
        return invalid_argument("ef = " + std::to_string(*q.ef) + " is not in 1 to " + std::to_string(ef_max));
    if (q.score_threshold && !std::isfinite(*q.score_threshold))
        return invalid_argument("score_threshold is not finite");
    if (q.within) {
        VECSTORE_TRY(checked.request.radius, radius_of(vector.metric, *q.within));
    }
    VECSTORE_CHECK(check_names(options, q.with_vectors));
    VECSTORE_TRY(checked.filter, compile_filter(session.state(), q.filter));
    checked.metric = vector.metric;
    checked.request.wanted = q.limit + q.offset;
    checked.request.recall = q.recall;
    checked.request.ef = q.ef;
    checked.request.exact = q.exact;
    return checked;
}

bool good_enough(const query& q, bool larger_is_better, float score) noexcept {
    if (q.score_threshold && !(larger_is_better ? score > *q.score_threshold : score < *q.score_threshold))
        return false;
    return !q.within || (larger_is_better ? score >= *q.within : score <= *q.within);
}

}  // namespace vecstore::detail
