#include "match_reader.hpp"

#include "filtered_read.hpp"

namespace vecstore::detail {

result<match_reader> match_reader::open(read_session& session, const filter::compiled& filter, query_plan& plan) {
    match_reader reader(session, filter, plan);
    VECSTORE_TRY(reader.known_, filter_plan::make(session, filter));
    reader.known_.tell(plan);
    return reader;
}

bool match_reader::few_candidates() const {
    if (filter_->required_ids()) return true;
    return known_.bounded() && few_of(known_.candidates(), session_->state().point_count);
}

template <class Visit>
result<void> match_reader::for_each_candidate(const Visit& visit) {
    const auto* const lost = session_->state().lost.get();
    std::optional<error> failure;
    std::size_t looked = 0;
    known_.for_each_candidate(*session_, [&](ordinal_id ordinal, filter_plan::verdict verdict) {
        if (++looked % interruption_interval == 0 && session_->interrupted()) return false;
        if (lost != nullptr && lost->points.contains(ordinal)) return true;
        auto going = visit(ordinal, verdict);
        if (!going) failure = std::move(going).error();
        return going && *going;
    });
    if (failure) return *std::move(failure);
    return {};
}

result<void> match_reader::for_each_listed(std::span<const point_id> ids, const visitor& visit) {
    for (const auto& id : ids) {  // without repeats
        VECSTORE_TRY(const auto ordinal, session_->find(id));
        if (!ordinal || !session_->visible(*ordinal)) continue;
        VECSTORE_TRY(const auto point, session_->point(*ordinal));
        if (matches(filter_plan::verdict::ask, *ordinal, point) && !visit(*ordinal, point)) break;
    }
    return {};
}

result<void> match_reader::for_each(const visitor& visit) {
    if (filter_->passes_all()) return session_->for_each_point(visit);
    if (const auto ids = filter_->required_ids()) return for_each_listed(*ids, visit);
    if (few_candidates())
        return for_each_candidate([&](ordinal_id ordinal, filter_plan::verdict verdict) -> result<bool> {
            VECSTORE_TRY(const auto point, session_->point(ordinal));
            return !matches(verdict, ordinal, point) || visit(ordinal, point);
        });
    return session_->for_each_point([&](ordinal_id ordinal, const point_ref& point) {
        return !matches(known_.of(ordinal), ordinal, point) || visit(ordinal, point);
    });
}

result<ordinal_list> match_reader::list() {
    ordinal_list found;
    if (known_.exact() && !filter_->required_ids()) {
        VECSTORE_CHECK(for_each_candidate([&](ordinal_id ordinal, filter_plan::verdict verdict) -> result<bool> {
            if (verdict == filter_plan::verdict::ask) {
                VECSTORE_TRY(const auto point, session_->point(ordinal));
                if (!matches(verdict, ordinal, point)) return true;
            }
            found.push_back(ordinal);
            return true;
        }));
    } else {
        VECSTORE_CHECK(for_each([&](ordinal_id ordinal, const point_ref&) {
            found.push_back(ordinal);
            return true;
        }));
    }
    sort_unique(found);
    return found;
}

}  // namespace vecstore::detail
