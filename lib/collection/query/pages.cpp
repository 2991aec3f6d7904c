// Points without a question: pages by id or by a field, and counts.
#include "checks.hpp"
#include "ordered.hpp"
#include "time_limit.hpp"

#include <vecstore/collection/collection.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/fields/filtered_read.hpp>

#include <optional>

namespace vecstore {
namespace {

using detail::check_limit;
using detail::check_names;
using detail::read_session;

result<scroll_page> scroll_ordered(read_session& session, const scroll& page, const filter::compiled& filter) {
    if (page.offset) return invalid_argument("Cannot use an `offset` when using `order_by`.");
    VECSTORE_CHECK(detail::check(*page.order_by));
    query_plan plan;
    VECSTORE_TRY(const auto list, detail::ordered(session, *page.order_by, filter, nullptr, page.limit, plan));
    scroll_page answer;
    for (const auto& p : list.points) {
        VECSTORE_TRY(const auto point, session.point(p.ordinal));
        auto& record = answer.records.emplace_back();
        record.order_value = p.value;
        VECSTORE_CHECK(session.fill(record, p.ordinal, point, page.with_payload, page.with_vectors));
    }
    return answer;
}

/// A page of few matches.
result<void> scroll_candidates(read_session& session, const scroll& page, const detail::filter_plan& known,
                               const filter::compiled& filter, scroll_page& answer) {
    VECSTORE_TRY(const auto found,
                 detail::candidates_by_id(session, known, filter, page.offset.value_or(point_id{}), page.limit + 1));
    for (const auto& [id, ordinal] : found) {
        if (answer.records.size() == page.limit) {
            answer.next = id;
            break;
        }
        VECSTORE_TRY(const auto point, session.point(ordinal));
        VECSTORE_CHECK(
            session.fill(answer.records.emplace_back(), ordinal, point, page.with_payload, page.with_vectors));
    }
    return {};
}

/// A page of ids as they come.
class id_page {
public:
    id_page(read_session& session, const scroll& page, const detail::filter_plan& known, const filter::compiled& filter)
        : session_(session), page_(page), known_(known), filter_(filter) {}

    result<void> fill(scroll_page& answer) {
        VECSTORE_CHECK(
            session_.for_each_id(page_.offset.value_or(point_id{}), [&](const point_id& id, ordinal_id ordinal) {
                const auto more = add(id, ordinal, answer);
                if (!more) failure_ = more.error();
                return more && *more;
            }));
        if (failure_) return *failure_;
        if (session_.was_interrupted() && !answer.next) step_back(answer);
        return {};
    }

private:
    result<bool> add(const point_id& id, ordinal_id ordinal, scroll_page& answer) {
        const auto verdict = known_.of(ordinal);
        last_ = id;
        taken_ = false;
        if (verdict == detail::filter_plan::verdict::no) return true;
        VECSTORE_TRY(const auto point, session_.point(ordinal));
        if (verdict == detail::filter_plan::verdict::ask && !session_.passes(filter_, ordinal, point)) return true;
        if (answer.records.size() == page_.limit) {
            answer.next = id;
            return false;
        }
        VECSTORE_CHECK(
            session_.fill(answer.records.emplace_back(), ordinal, point, page_.with_payload, page_.with_vectors));
        taken_ = true;
        return true;
    }
    /// The next page begins with an id that is known: the last one that was looked at.
    void step_back(scroll_page& answer) const {
        if (taken_) answer.records.pop_back();
        answer.next = last_ ? last_ : page_.offset.value_or(point_id{});
    }

    read_session& session_;
    const scroll& page_;
    const detail::filter_plan& known_;
    const filter::compiled& filter_;
    std::optional<point_id> last_;
    bool taken_ = false;
    std::optional<error> failure_;
};

result<scroll_page> read_page(read_session& session, const scroll& page) {
    VECSTORE_TRY(const auto filter, detail::compile_filter(session.state(), page.filter));
    VECSTORE_CHECK(check_names(session.collection().options(), page.with_vectors));
    if (page.order_by) return scroll_ordered(session, page, filter);
    VECSTORE_TRY(const auto known, detail::filter_plan::make(session, filter));
    scroll_page answer;
    if (known.bounded() && detail::worth_sorting(known.candidates(), page.limit, session.state().point_count)) {
        VECSTORE_CHECK(scroll_candidates(session, page, known, filter, answer));
        if (session.was_interrupted() && answer.records.empty()) answer.next = page.offset.value_or(point_id{});
        return answer;
    }
    VECSTORE_CHECK(id_page(session, page, known, filter).fill(answer));
    return answer;
}

result<std::size_t> count_matches(read_session& session, const filter::expression& filter) {
    VECSTORE_TRY(const auto compiled, detail::compile_filter(session.state(), filter));
    if (compiled.passes_all()) return session.state().point_count;
    VECSTORE_TRY(const auto known, detail::filter_plan::make(session, compiled));
    if (known.bounded() && (known.exact() || detail::few_of(known.candidates(), session.state().point_count)))
        return detail::count_candidates(session, known, compiled);
    std::size_t matches = 0;
    VECSTORE_CHECK(session.for_each_point([&](ordinal_id ordinal, const detail::point_ref& point) {
        const auto verdict = known.of(ordinal);
        matches += verdict == detail::filter_plan::verdict::ask ? session.passes(compiled, ordinal, point)
                                                                : verdict == detail::filter_plan::verdict::yes;
        return true;
    }));
    return matches;
}

}  // namespace

result<scroll_page> collection::scroll(const vecstore::scroll& page) const {
    VECSTORE_CHECK(check_limit(page.limit, 0));
    const auto begin_ms = detail::time_limit::now(*access_, page);
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const detail::time_limit limit(session, *access_, page, begin_ms);
    VECSTORE_TRY(auto answer, read_page(session, page));
    VECSTORE_CHECK(limit.finish(answer));
    return answer;
}

result<std::size_t> collection::count(const filter::expression& filter) const {
    VECSTORE_TRY(auto session, read_session::open(*access_));
    return count_matches(session, filter);
}

result<count_result> collection::count_within(const count_query& q) const {
    const auto begin_ms = detail::time_limit::now(*access_, q);
    VECSTORE_TRY(auto session, read_session::open(*access_));
    const detail::time_limit limit(session, *access_, q, begin_ms);
    count_result answer;
    VECSTORE_TRY(answer.count, count_matches(session, q.filter));
    VECSTORE_CHECK(limit.finish(answer));
    return answer;
}

}  // namespace vecstore
