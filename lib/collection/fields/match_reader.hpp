/// The points that match a filter, found with as few payloads as may be: what payload indexes know comes first, then ids that
/// the filter lists, then a pass over all.
/// Thread safety: belongs to one thread, as the session does; borrows from it and from the filter.
#pragma once

#include "filter_plan.hpp"

#include <vecstore/collection/query.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/query/point_list.hpp>
#include <collection/reader.hpp>

#include <functional>
#include <optional>

namespace vecstore::detail {

class match_reader {
public:
    using visitor = std::function<bool(ordinal_id, const point_ref&)>;

    /// Counts in `plan` how many payloads are asked.
    /// Errors: invalid_argument (strict_filters), corruption, io.
    [[nodiscard]] static result<match_reader> open(read_session& session, const filter::compiled& filter,
                                                   query_plan& plan);

    [[nodiscard]] const filter_plan& known() const noexcept { return known_; }
    /// True when all points match, or indexes tell which do, but for those changed since the checkpoint.
    [[nodiscard]] bool told_by_indexes() const noexcept { return filter_->passes_all() || known_.exact(); }
    /// True when only few points can match, by indexes or by ids.
    [[nodiscard]] bool few_candidates() const;

    /// What is known without the payload. Precondition: the ordinal is visible.
    [[nodiscard]] filter_plan::verdict verdict(ordinal_id ordinal) const noexcept {
        return filter_->passes_all() ? filter_plan::verdict::yes : known_.of(ordinal);
    }
    [[nodiscard]] bool matches(filter_plan::verdict verdict, ordinal_id ordinal, const point_ref& point) {
        if (verdict != filter_plan::verdict::ask) return verdict == filter_plan::verdict::yes;
        ++plan_->filter_evaluations;
        return session_->passes(*filter_, ordinal, point);
    }

    /// Calls `visit(ordinal, point)` for each point that matches, in no order that is promised, until it returns false. Ends
    /// early, without an error, when the session is interrupted.
    /// Errors: corruption, io.
    [[nodiscard]] result<void> for_each(const visitor& visit);
    /// The points, ascending. Reads payloads of those alone that must be asked.  Errors: as above.
    [[nodiscard]] result<ordinal_list> list();

private:
    match_reader(read_session& session, const filter::compiled& filter, query_plan& plan) noexcept
        : session_(&session), filter_(&filter), plan_(&plan) {}
    /// `visit` gives a result<bool>.
    template <class Visit>
    result<void> for_each_candidate(const Visit& visit);
    result<void> for_each_listed(std::span<const point_id> ids, const visitor& visit);

    read_session* session_;
    const filter::compiled* filter_;
    query_plan* plan_;
    filter_plan known_;
};

/// All that `match_reader::for_each` gives.
[[nodiscard]] inline result<void> for_each_match(read_session& session, const filter::compiled& filter,
                                                 query_plan& plan, const match_reader::visitor& visit) {
    VECSTORE_TRY(auto reader, match_reader::open(session, filter, plan));
    return reader.for_each(visit);
}

/// The points that match, ascending; nothing when all do.
[[nodiscard]] inline result<std::optional<ordinal_list>> matching_points(read_session& session,
                                                                         const filter::compiled& filter,
                                                                         query_plan& plan) {
    if (filter.passes_all()) return std::optional<ordinal_list>();
    VECSTORE_TRY(auto reader, match_reader::open(session, filter, plan));
    VECSTORE_TRY(auto points, reader.list());
    return std::optional(std::move(points));
}

}  // namespace vecstore::detail
