/// What searches that compare rows one by one share: asking the filter, and going through points that are given.
/// Thread safety: belongs to one thread, as the session does; borrows from it.
#pragma once

#include "reader.hpp"

#include <vecstore/collection/query.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/fields/filter_plan.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace vecstore::detail {

class listed_points {
public:
    /// `only`: points that match for certain, all that is searched; null: the filter says.
    listed_points(read_session& session, const filter::compiled& filter, const std::vector<ordinal_id>* only,
                  query_plan& plan) noexcept
        : session_(session), filter_(filter), only_(only), plan_(plan) {}

    /// Asks the payload indexes. Points are listed when no larger share of all can match.
    /// Errors: invalid_argument (strict_filters), corruption, io.
    [[nodiscard]] result<void> open(double share) {
        if (only_ != nullptr || filter_.passes_all()) return {};
        VECSTORE_TRY(known_, filter_plan::make(session_, filter_));
        known_.tell(plan_);
        by_ids_ = filter_.required_ids().has_value();
        few_ = known_.bounded() &&
               static_cast<double>(known_.candidates()) <= share * static_cast<double>(session_.state().point_count);
        return {};
    }

    /// True when the points that can match are listed: `for_each` gives them.
    [[nodiscard]] bool any() const noexcept { return only_ != nullptr || by_ids_ || few_; }
    /// Calls `visit(ordinal)`, which gives a result<void>, for each of them that is visible, once.  Errors: the visitor's; io.
    template <class Visit>
    result<void> for_each(const Visit& visit) {
        if (only_ != nullptr) {
            for (const auto ordinal : *only_) VECSTORE_CHECK(visit(ordinal));
            return {};
        }
        if (!by_ids_) return for_each_candidate(visit);
        const auto ids = filter_.required_ids();  // without repeats
        for (const auto& id : *ids) {
            VECSTORE_TRY(const auto ordinal, session_.find(id));
            if (ordinal && session_.visible(*ordinal)) VECSTORE_CHECK(visit(*ordinal));
        }
        return {};
    }

    /// True when the filter is known not to let the point pass, without its payload.
    [[nodiscard]] bool rules_out(ordinal_id ordinal) const noexcept {
        return known_.of(ordinal) == filter_plan::verdict::no;
    }
    /// The filter alone. The first failure to read a payload is kept; from then on nothing matches.
    bool pass(ordinal_id ordinal) {
        if (failure_) return false;
        if (only_ != nullptr || filter_.passes_all()) return true;
        const auto verdict = known_.of(ordinal);
        if (verdict != filter_plan::verdict::ask) return verdict == filter_plan::verdict::yes;
        ++plan_.filter_evaluations;
        auto point = session_.point(ordinal);
        if (point) return session_.passes(filter_, ordinal, *point);
        failure_ = std::move(point).error();
        return false;
    }
    [[nodiscard]] std::optional<error>& failure() noexcept { return failure_; }

private:
    template <class Visit>
    result<void> for_each_candidate(const Visit& visit) {
        result<void> done;
        std::size_t looked = 0;
        known_.for_each_candidate(session_, [&](ordinal_id ordinal, filter_plan::verdict) {
            if (++looked % interruption_interval == 0 && session_.interrupted()) return false;
            done = visit(ordinal);
            return done.has_value();
        });
        return done;
    }

    read_session& session_;
    const filter::compiled& filter_;
    const std::vector<ordinal_id>* only_;
    query_plan& plan_;
    filter_plan known_;
    bool by_ids_ = false, few_ = false;
    std::optional<error> failure_;
};

}  // namespace vecstore::detail
