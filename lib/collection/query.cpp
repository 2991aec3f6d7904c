// Reads of a collection: query, get.
#include "answering_order.hpp"
#include "notes.hpp"
#include "query/checks.hpp"
#include "query/other_vectors.hpp"
#include "query/time_limit.hpp"
#include "query/tree.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/limits.hpp>

#include <collection/search/batch_search.hpp>
#include <collection/search/search.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace vecstore {
namespace {

using detail::check_limit;
using detail::check_names;
using detail::checked_query;
using detail::read_session;

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
        if (!detail::good_enough(q, larger_is_better(checked.metric), score)) break;  // nor are all that follow
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
            if (q.vector.bits.empty() && q.request.slot == queries.front().request.slot)
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
        const bool plain =
            q.filter.passes_all() && q.vector.bits.empty() && !r.exact && r.recall < 1 && !r.ef && !r.radius;
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

/// A query that is more than one search for the nearest.
result<query_result> answer_tree(read_session& session, const detail::collection_access& access, const query& q) {
    VECSTORE_CHECK(detail::check_tree(q));
    VECSTORE_CHECK(detail::check_models(session, q));
    VECSTORE_CHECK(check_names(session.collection().options(), q.with_vectors));
    query_result answer;
    VECSTORE_TRY(const auto list, detail::answer_tree(session, access, q, answer.plan));
    answer.hits.reserve(list.points.size());
    auto in_lists = list.prefetch_scores.begin();
    for (const auto& p : list.points) {
        auto& h = answer.hits.emplace_back();
        if (!list.prefetch_scores.empty()) {
            const auto next = in_lists + static_cast<std::ptrdiff_t>(q.prefetch.size());
            h.prefetch_scores.assign(std::exchange(in_lists, next), next);
        }
        h.score = p.score;
        h.order_value = p.value;
        VECSTORE_TRY(const auto point, session.point(p.ordinal));
        VECSTORE_CHECK(session.fill(h, p.ordinal, point, q.with_payload, q.with_vectors));
    }
    return answer;
}

result<query_result> answer_plain(read_session& session, const query& q) {
    std::vector<unfilled> later;
    VECSTORE_CHECK(detail::check_models(session, q));
    VECSTORE_TRY(const auto checked, detail::check_nearest(session, q, q.nearest));
    VECSTORE_TRY(auto answer, find_hits(session, q, checked, 0, later));
    VECSTORE_CHECK(fill_payloads(session, {&q, 1}, {&answer, 1}, later));
    return answer;
}

/// `begin_ms`: when the call began, on the steady clock; for queries with a timeout.
result<query_result> answer_alone(read_session& session, const detail::collection_access& access, const query& q,
                                  std::uint64_t begin_ms) {
    const detail::time_limit limit(session, access, q, begin_ms);
    const bool plain = detail::is_plain(q) && !detail::asks_other_vector(session.collection().options(), q);
    VECSTORE_TRY(auto answer, plain ? answer_plain(session, q) : answer_tree(session, access, q));
    VECSTORE_CHECK(limit.finish(answer));
    return answer;
}

/// A batch in which not all queries are plain and without a limit of time.
result<std::vector<query_result>> answer_each(read_session& session, const detail::collection_access& access,
                                              std::span<const query> queries, std::uint64_t begin_ms) {
    for (std::size_t i = 0; i < queries.size(); ++i)
        if (auto checked = detail::check_tree(queries[i]); !checked) return of_query(i, std::move(checked).error());
    std::vector<query_result> answers;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        auto one = answer_alone(session, access, queries[i], begin_ms);
        if (!one) return of_query(i, std::move(one).error());
        answers.push_back(*std::move(one));
    }
    return answers;
}

}  // namespace

result<query_result> collection::query(const vecstore::query& query) const {
    const auto begin_ms = query.timeout_ms != 0 ? access_->database->steady_ms() : 0;
    VECSTORE_TRY(auto session, read_session::open(*access_));
    return answer_alone(session, *access_, query, begin_ms);
}

result<std::vector<query_result>> collection::query_batch(std::span<const vecstore::query> queries) const {
    if (queries.size() > batch_queries_max)
        return invalid_argument("a batch of " + std::to_string(queries.size()) + " queries is above the limit of " +
                                std::to_string(batch_queries_max));
    const bool simple = std::all_of(queries.begin(), queries.end(), [&](const auto& q) {
        return detail::is_plain(q) && !detail::time_limit::limits(q) &&
               !detail::asks_other_vector(access_->state->options(), q);
    });
    const auto begin_ms = simple ? 0 : access_->database->steady_ms();
    VECSTORE_TRY(auto session, read_session::open(*access_));
    if (!simple) return answer_each(session, *access_, queries, begin_ms);
    const auto& options = session.collection().options();
    std::vector<checked_query> checked;
    checked.reserve(queries.size());
    for (std::size_t i = 0; i < queries.size(); ++i) {
        if (auto right = detail::check_models(session, queries[i]); !right)
            return of_query(i, std::move(right).error());
        auto one = detail::check_nearest(session, queries[i], queries[i].nearest);
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

}  // namespace vecstore
