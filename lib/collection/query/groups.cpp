// Groups of hits.
#include "checks.hpp"
#include "time_limit.hpp"
#include "tree.hpp"

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/limits.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/fields/strict.hpp>
#include <collection/notes.hpp>

#include <algorithm>
#include <map>

namespace vecstore {
namespace {

using detail::read_session;
using detail::scored_point;

/// A group that is being filled.
struct gathered_group {
    group_id id;
    std::vector<scored_point> points;
};

result<void> check_groups(const group_query& q) {
    if (q.group_size == 0) return invalid_argument("group_size = 0, it must be at least 1");
    if (q.query.offset != 0)
        return invalid_argument("offset = " + std::to_string(q.query.offset) + ", groups have none");
    VECSTORE_CHECK(detail::check_limit(q.query.limit, 0));
    if (q.group_size > query_limit_max / q.query.limit)
        return invalid_argument("limit * group_size = " + std::to_string(q.query.limit) + " * " +
                                std::to_string(q.group_size) + " is above the limit of " +
                                std::to_string(query_limit_max));
    if (const auto path = payload::path::parse(q.group_by); !path)
        return invalid_argument("group_by: " + path.error().message);
    return detail::check_tree(q.query);
}

/// The groups that a point is in, each once.
std::vector<group_id> groups_of(payload::view content, const payload::path& where) {
    std::vector<group_id> ids;
    const auto add = [&](payload::view v) {
        std::optional<group_id> id;
        if (v.kind() == payload::kind::string) id = std::string(v.string());
        if (v.kind() == payload::kind::int64) id = v.int64();
        if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*std::move(id));
    };
    where.any_of(content, [&](payload::view reached) {
        if (!reached.is_array()) add(reached);
        for (const auto element : reached.elements()) add(element);
        return false;
    });
    return ids;
}

class grouping {
public:
    grouping(read_session& session, const detail::collection_access& access, const group_query& q)
        : session_(session), access_(access), q_(q), query_(q.query) {
        // What is asked again must be answered alike.
        if (auto* sample = std::get_if<random_sample>(&query_.ask); sample != nullptr && !sample->seed)
            sample->seed = session.state().lsn;
        // The filter of a query holds for its prefetches, too, and would change what they find.
        if (query_.prefetch.empty()) query_.filter = query_.filter && !field(q.group_by).is_empty();
    }

    /// Looks at more and more of the best points, until they fill all groups, or there are no more.
    result<std::vector<gathered_group>> gather(query_plan& plan) {
        VECSTORE_TRY(const auto where, payload::path::parse(q_.group_by));
        auto wanted = std::max<std::size_t>(2 * q_.query.limit * q_.group_size, 64);
        for (;; wanted *= 4) {
            wanted = std::min(wanted, query_limit_max);
            query_.limit = wanted;
            VECSTORE_TRY(const auto list, detail::answer_tree(session_, access_, query_, plan));
            groups_.clear();
            places_.clear();
            full_ = 0;
            for (const auto& p : list.points) {
                VECSTORE_TRY(const auto point, session_.point(p.ordinal));
                for (auto& id : groups_of(point.payload, where)) add(std::move(id), p);
                if (full_ == q_.query.limit) return std::move(groups_);
            }
            if (list.points.size() < wanted || wanted == query_limit_max || session_.interrupted())
                return std::move(groups_);
        }
    }

private:
    void add(group_id id, const scored_point& p) {
        const auto known = places_.find(id);
        if (known == places_.end()) {
            if (groups_.size() == q_.query.limit) return;
            places_.emplace(id, groups_.size());
            groups_.push_back({std::move(id), {p}});
            full_ += q_.group_size == 1;
            return;
        }
        auto& points = groups_[known->second].points;
        if (points.size() == q_.group_size) return;
        points.push_back(p);
        full_ += points.size() == q_.group_size;
    }

    read_session& session_;
    const detail::collection_access& access_;
    const group_query& q_;
    query query_;
    std::vector<gathered_group> groups_;  ///< by their best points
    std::map<group_id, std::size_t> places_;
    std::size_t full_ = 0;
};

std::optional<point_id> point_id_of(const group_id& id) {
    if (const auto* number = std::get_if<std::int64_t>(&id))
        return *number >= 0 ? std::optional(point_id(*number)) : std::nullopt;
    const auto parsed = uuid::parse(std::get<std::string>(id));
    return parsed ? std::optional(point_id(*parsed)) : std::nullopt;
}

result<void> look_up(const detail::collection_access& access, const group_lookup& from,
                     std::vector<point_group>& groups) {
    const auto of_lookup = [](error e) {
        e.message = "with_lookup: " + e.message;
        return e;
    };
    auto found = access.database->find_collection(from.collection);
    if (!found) return of_lookup(std::move(found).error());
    VECSTORE_TRY(auto session, read_session::open({access.database, *std::move(found)}));
    if (auto known = detail::check_names(session.collection().options(), from.with_vectors); !known)
        return of_lookup(std::move(known).error());
    for (auto& group : groups) {
        const auto id = point_id_of(group.id);
        if (!id) continue;
        VECSTORE_TRY(const auto ordinal, session.find(*id));
        if (!ordinal || !session.visible(*ordinal)) continue;
        VECSTORE_TRY(const auto point, session.point(*ordinal));
        VECSTORE_CHECK(session.fill(group.lookup.emplace(), *ordinal, point, from.with_payload, from.with_vectors));
    }
    return {};
}

}  // namespace

result<group_result> collection::query_groups(const group_query& q) const {
    VECSTORE_CHECK(check_groups(q));
    const auto begin_ms = q.query.timeout_ms != 0 ? access_->database->steady_ms() : 0;
    VECSTORE_TRY(auto session, read_session::open(*access_));
    VECSTORE_CHECK(detail::check_models(session, q.query));
    const detail::time_limit limit(session, *access_, q.query, begin_ms);
    VECSTORE_CHECK(detail::check_names(session.collection().options(), q.query.with_vectors));
    VECSTORE_CHECK(detail::check_key(session, q.group_by, "group_by",
                                     {field_kind::keyword, field_kind::integer, field_kind::uuid}));
    group_result answer;
    VECSTORE_TRY(const auto gathered, grouping(session, *access_, q).gather(answer.plan));
    VECSTORE_CHECK(limit.finish(answer));
    for (const auto& [id, points] : gathered) {
        auto& group = answer.groups.emplace_back(point_group{id, {}});
        for (const auto& p : points) {
            VECSTORE_TRY(const auto point, session.point(p.ordinal));
            auto& h = group.hits.emplace_back();
            h.score = p.score;
            h.order_value = p.value;
            VECSTORE_CHECK(session.fill(h, p.ordinal, point, q.query.with_payload, q.query.with_vectors));
        }
    }
    if (q.with_lookup) VECSTORE_CHECK(look_up(*access_, *q.with_lookup, answer.groups));
    return answer;
}

}  // namespace vecstore
