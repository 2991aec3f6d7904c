#include "row_scan.hpp"

namespace vecstore::detail {

result<std::optional<ordinal_list>> matching_points(read_session& session, const filter::compiled& filter,
                                                    query_plan& plan) {
    if (filter.passes_all()) return std::optional<ordinal_list>();
    ordinal_list matches;
    const auto add_if_passes = [&](ordinal_id ordinal, const point_ref& point) {
        ++plan.filter_evaluations;
        if (session.passes(filter, ordinal, point)) matches.push_back(ordinal);
        return true;
    };
    if (const auto ids = filter.required_ids()) {
        for (const auto& id : *ids) {
            VECSTORE_TRY(const auto ordinal, session.find(id));
            if (!ordinal || !session.visible(*ordinal)) continue;
            VECSTORE_TRY(const auto point, session.point(*ordinal));
            add_if_passes(*ordinal, point);
        }
        sort_unique(matches);
    } else {
        VECSTORE_CHECK(session.for_each_point(add_if_passes));
    }
    return std::optional(std::move(matches));
}

}  // namespace vecstore::detail
