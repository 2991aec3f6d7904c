#include "filtered_read.hpp"

#include <collection/search/planner.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::detail {

bool few_of(std::uint64_t candidates, std::size_t points) noexcept {
    return static_cast<double>(candidates) * random_read_cost < static_cast<double>(points);
}

bool worth_sorting(std::uint64_t candidates, std::size_t limit, std::size_t points) noexcept {
    const auto many = static_cast<double>(candidates) + 1;
    return many * many < static_cast<double>(limit) * static_cast<double>(points);
}

result<std::size_t> count_candidates(read_session& session, const filter_plan& known, const filter::compiled& filter) {
    auto matches = known.exact() ? known.sure_matches(session) : 0;
    std::optional<error> failure;
    std::size_t looked = 0;
    const auto ask = [&](ordinal_id ordinal, filter_plan::verdict verdict) {
        if (++looked % interruption_interval == 0 && session.interrupted()) return false;
        if (verdict == filter_plan::verdict::yes) return true;  // has been counted
        const auto point = session.point(ordinal);
        if (!point) {
            failure = point.error();
            return false;
        }
        matches += session.passes(filter, ordinal, *point);
        return true;
    };
    if (!known.exact())
        known.for_each_candidate(session, ask);
    else
        known.for_each_changed(session, ask);
    if (failure) return *std::move(failure);
    return static_cast<std::size_t>(matches);
}

result<std::vector<std::pair<point_id, ordinal_id>>> candidates_by_id(read_session& session, const filter_plan& known,
                                                                      const filter::compiled& filter,
                                                                      const point_id& first, std::size_t limit) {
    std::vector<std::pair<point_id, ordinal_id>> found;
    std::optional<error> failure;
    std::size_t looked = 0;
    known.for_each_candidate(session, [&](ordinal_id ordinal, filter_plan::verdict verdict) {
        if (++looked % interruption_interval == 0 && session.interrupted()) return false;
        const auto point = session.point(ordinal);
        if (!point) {
            failure = point.error();
            return false;
        }
        if (point->id < first) return true;
        if (verdict == filter_plan::verdict::yes || session.passes(filter, ordinal, *point))
            found.emplace_back(point->id, ordinal);
        return true;
    });
    if (failure) return *std::move(failure);
    if (session.was_interrupted()) found.clear();  // they need not be the first ones
    const auto kept = std::min(limit, found.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end());
    found.resize(kept);
    return found;
}

}  // namespace vecstore::detail
