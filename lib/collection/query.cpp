// Reads of a collection: query, get, scroll, count.
#include "answering_order.hpp"
#include "batch_search.hpp"
#include "search.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/limits.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

namespace vecstore {
namespace {

using detail::read_session;

result<std::size_t> find_slot(const collection_options& options, const std::string& name) {
    for (std::size_t slot = 0; slot < options.vectors.size(); ++slot)
        if (options.vectors[slot].name == name) return slot;
    std::string known;
    for (const auto& v : options.vectors) known += (known.empty() ? "\"" : ", \"") + v.name + "\"";
    return error{errc::not_found, "no vector \"" + name + "\"; the collection has " + (known.empty() ? "none" : known)};
}

result<void> check_names(const collection_options& options, const vector_selector& with_vectors) {
    for (const auto& name : with_vectors.names()) VECSTORE_CHECK(find_slot(options, name));
    return {};
}

result<void> check_limit(std::size_t limit, std::size_t offset) {
    if (limit == 0) return invalid_argument("limit = 0, it must be at least 1");
    if (limit > query_limit_max || offset > query_limit_max || limit + offset > query_limit_max)
        return invalid_argument("limit + offset = " + std::to_string(limit) + " + " + std::to_string(offset) +
                                " is above the limit of " + std::to_string(query_limit_max));
    return {};
}

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

/// A query that passed its checks: the vector in the form that the kernels take, the filter compiled.
struct checked_query {
    std::vector<float> scaled;  ///< a copy of unit length, where cosine needs one
    byte_vector bits;           ///< instead for binary
    filter::compiled filter;
    detail::nearest_request request;
    vecstore::metric metric = vecstore::metric::cosine;
};

result<checked_query> check(const collection_options& options, const query& q) {
    checked_query checked;
    VECSTORE_CHECK(check_limit(q.limit, q.offset));
    VECSTORE_TRY(checked.request.slot, find_slot(options, q.using_vector));
    const auto& vector = options.vectors[checked.request.slot];
    if (q.nearest.size() != vector.dim)
        return invalid_argument("nearest: expected dimension " + std::to_string(vector.dim) + ", got " +
                                std::to_string(q.nearest.size()));
    const auto length = squared_length(q.nearest);
    if (!std::isfinite(length)) {
        const auto first = std::find_if(q.nearest.begin(), q.nearest.end(), [](float x) { return !std::isfinite(x); });
        return invalid_argument("nearest: element " + std::to_string(first - q.nearest.begin()) + " is not finite");
    }
    checked.request.vector = q.nearest.data();
    // What f32 can tell from unit length.
    constexpr double tolerance = 2.4e-7;
    if (vector.metric == metric::cosine && std::abs(length - 1) > tolerance) {
        checked.scaled = q.nearest;
        if (!normalize(checked.scaled)) return invalid_argument("nearest: zero vector has no direction under cosine");
        checked.request.vector = checked.scaled.data();
    }
    if (vector.type == element_type::binary) {
        checked.bits.resize(row_bytes(vector.type, vector.dim));
        if (auto packed = pack(vector.type, q.nearest, checked.bits); !packed)
            return invalid_argument("nearest: " + std::move(packed).error().message);
        checked.request.vector = checked.bits.data();
    }
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
    VECSTORE_TRY(checked.filter, filter::compiled::compile(q.filter));
    checked.metric = vector.metric;
    checked.request.wanted = q.limit + q.offset;
    checked.request.recall = q.recall;
    checked.request.ef = q.ef;
    checked.request.exact = q.exact;
    return checked;
}

/// A hit that lacks its payload.
struct unfilled {
    ordinal_id ordinal;
    std::uint32_t query, hit;
};

/// All of the answer but payloads; the hits that want one are added to `later`.
result<query_result> find_hits(read_session& session, const query& q, const checked_query& checked, std::size_t number,
                               std::vector<unfilled>& later) {
    query_result answer;
    VECSTORE_TRY(const auto found, detail::find_nearest(session, checked.request, checked.filter, answer.plan));
    if (!q.with_payload.reads_payload())
        for (const auto& c : found)
            if (c.owner != nullptr) c.owner->prefetch_identity(c.row);
    const auto hits = found.size() - std::min(q.offset, found.size());
    answer.hits.reserve(hits);
    if (later.empty() && q.with_payload.reads_payload()) later.reserve(hits);
    for (std::size_t i = q.offset; i < found.size(); ++i) {
        const auto score = to_score(checked.metric, found[i].distance);
        if (q.score_threshold) {
            const bool better =
                larger_is_better(checked.metric) ? score > *q.score_threshold : score < *q.score_threshold;
            if (!better) break;  // and so are all that follow
        }
        if (q.within && (larger_is_better(checked.metric) ? score < *q.within : score > *q.within)) break;
        auto& h = answer.hits.emplace_back();
        h.score = score;
        if (q.with_payload.reads_payload()) {
            later.push_back({found[i].ordinal, static_cast<std::uint32_t>(number),
                             static_cast<std::uint32_t>(answer.hits.size() - 1)});
            continue;
        }
        VECSTORE_TRY(const auto identity, session.identity(found[i].ordinal, found[i].owner, found[i].row));
        h.id = identity.id;
        h.version = identity.version;
        VECSTORE_CHECK(session.fill_vectors(h, found[i].ordinal, q.with_vectors));
    }
    return answer;
}

error of_query(std::size_t number, error e) {
    e.message = "queries[" + std::to_string(number) + "]: " + e.message;
    return e;
}

/// Of those that are searched one by one.
std::vector<std::uint32_t> order_of(const std::vector<checked_query>& queries, const collection_options& options,
                                    const detail::batch_answers& together) {
    std::vector<const float*> vectors;
    if (together.empty())
        for (const auto& q : queries)
            if (q.bits.empty() && q.request.slot == queries.front().request.slot)
                vectors.push_back(static_cast<const float*>(q.request.vector));
    if (vectors.size() == queries.size() && !queries.empty()) {
        const auto& slot = options.vectors[queries.front().request.slot];
        return detail::answering_order(vectors, slot.metric, slot.dim);
    }
    std::vector<std::uint32_t> order(queries.size());
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    return order;
}

/// Those that may be searched together with others: for the nearest of all points, to a recall.
std::vector<const detail::nearest_request*> shareable(const std::vector<checked_query>& queries) {
    std::vector<const detail::nearest_request*> requests;
    for (const auto& q : queries) {
        const auto& r = q.request;
        const bool plain = q.filter.passes_all() && q.bits.empty() && !r.exact && r.recall < 1 && !r.ef && !r.radius;
        requests.push_back(plain ? &r : nullptr);
    }
    return requests;
}

/// In the order in which payloads lie: neighbours share pages of the tables.
result<void> fill_payloads(read_session& session, std::span<const query> queries, std::span<query_result> answers,
                           std::vector<unfilled>& hits) {
    std::sort(hits.begin(), hits.end(), [](const auto& a, const auto& b) { return a.ordinal < b.ordinal; });
    for (const auto& [ordinal, number, place] : hits) {
        VECSTORE_TRY(const auto point, session.point(ordinal));
        const auto& q = queries[number];
        VECSTORE_CHECK(session.fill(answers[number].hits[place], ordinal, point, q.with_payload, q.with_vectors));
    }
    return {};
}

}  // namespace

result<query_result> collection::query(const vecstore::query& query) const {
    VECSTORE_TRY(auto session, read_session::open(*access_));
    std::vector<unfilled> later;
    VECSTORE_TRY(const auto checked, check(session.collection().options(), query));
    VECSTORE_TRY(auto answer, find_hits(session, query, checked, 0, later));
    VECSTORE_CHECK(fill_payloads(session, {&query, 1}, {&answer, 1}, later));
    return answer;
}

result<std::vector<query_result>> collection::query_batch(std::span<const vecstore::query> queries) const {
    if (queries.size() > batch_queries_max)
        return invalid_argument("a batch of " + std::to_string(queries.size()) + " queries is above the limit of " +
                                std::to_string(batch_queries_max));
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const auto& options = session.collection().options();
    std::vector<checked_query> checked;
    checked.reserve(queries.size());
    for (std::size_t i = 0; i < queries.size(); ++i) {
        auto one = check(options, queries[i]);
        if (!one) return of_query(i, std::move(one).error());
        checked.push_back(*std::move(one));
    }
    std::vector<query_result> answers(queries.size());
    std::vector<unfilled> later;
    const auto together = detail::search_together(session, shareable(checked));
    for (std::size_t i = 0; i < checked.size(); ++i) {
        checked[i].request.together = &together;
        checked[i].request.number = i;
    }
    std::optional<error> failure;
    std::size_t failed = queries.size();  // the first one; those before it may fail yet
    for (const auto i : order_of(checked, options, together)) {
        if (i > failed) continue;
        auto one = find_hits(session, queries[i], checked[i], i, later);
        if (one) {
            answers[i] = *std::move(one);
        } else {
            failed = i;
            failure = of_query(i, std::move(one).error());
        }
    }
    if (failure) return *std::move(failure);
    VECSTORE_CHECK(fill_payloads(session, queries, answers, later));
    return answers;
}

result<std::vector<record>> collection::get(std::span<const point_id> ids, const payload::selector& with_payload,
                                            const vector_selector& with_vectors) const {
    VECSTORE_TRY(auto session, read_session::open(*access_));
    VECSTORE_CHECK(check_names(session.collection().options(), with_vectors));
    std::vector<record> records;
    records.reserve(ids.size());
    for (const auto& id : ids) {
        VECSTORE_TRY(const auto ordinal, session.find(id));
        if (!ordinal) continue;
        VECSTORE_TRY(const auto point, session.point(*ordinal));
        VECSTORE_CHECK(session.fill(records.emplace_back(), *ordinal, point, with_payload, with_vectors));
    }
    return records;
}

result<record> collection::get(point_id id, const payload::selector& with_payload,
                               const vector_selector& with_vectors) const {
    VECSTORE_TRY(auto records, get(std::span(&id, 1), with_payload, with_vectors));
    if (records.empty()) return error{errc::not_found, "no point with id " + to_string(id)};
    return std::move(records.front());
}

result<scroll_page> collection::scroll(const vecstore::scroll& page) const {
    VECSTORE_CHECK(check_limit(page.limit, 0));
    VECSTORE_TRY(const auto filter, filter::compiled::compile(page.filter));
    VECSTORE_TRY(auto session, read_session::open(*access_));
    VECSTORE_CHECK(check_names(session.collection().options(), page.with_vectors));
    scroll_page answer;
    std::optional<error> failure;
    VECSTORE_CHECK(session.for_each_id(page.offset.value_or(point_id{}), [&](const point_id& id, ordinal_id ordinal) {
        auto point = session.point(ordinal);
        if (!point) {
            failure = std::move(point).error();
            return false;
        }
        if (!session.passes(filter, ordinal, *point)) return true;
        if (answer.records.size() == page.limit) {
            answer.next = id;
            return false;
        }
        auto filled =
            session.fill(answer.records.emplace_back(), ordinal, *point, page.with_payload, page.with_vectors);
        if (!filled) failure = std::move(filled).error();
        return !failure;
    }));
    if (failure) return *std::move(failure);
    return answer;
}

result<std::size_t> collection::count(const filter::expression& filter) const {
    VECSTORE_TRY(const auto compiled, filter::compiled::compile(filter));
    VECSTORE_TRY(auto session, read_session::open(*access_));
    if (compiled.passes_all()) return session.state().point_count;
    std::size_t matches = 0;
    VECSTORE_CHECK(session.for_each_point([&](ordinal_id ordinal, const detail::point_ref& point) {
        matches += session.passes(compiled, ordinal, point);
        return true;
    }));
    return matches;
}

}  // namespace vecstore
