/// What the payload indexes of a view know of a filter: the set of matching points, or a set that holds them all, without
/// reading a payload. Where nothing is indexed it knows nothing, and every point is asked.
///
/// Sets speak of points that no overlay of the view changed (indexed_field.hpp has the invariant); all others are asked.
/// Thread safety: belongs to one thread, as the session does; borrows from it.
#pragma once

#include "changed_points.hpp"
#include "filter_cache.hpp"

#include <vecstore/collection/query.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <collection/part/row_predicate.hpp>
#include <collection/reader.hpp>
#include <field_index/ordinal_bitmap.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace vecstore::detail {

class filter_plan {
public:
    enum class verdict : std::uint8_t {
        no,
        yes,
        ask,  ///< look at the payload
    };

    /// Knows nothing.
    filter_plan() = default;
    /// Errors: invalid_argument (strict_filters), corruption, io (ids that a filter lists are looked up).
    /// Cost:   a few unions of bitmaps for each condition.
    [[nodiscard]] static result<filter_plan> make(read_session& session, const filter::compiled& filter);

    /// True when only points of a set, and those changed since the checkpoint, can match.
    [[nodiscard]] bool bounded() const noexcept { return known_ != nullptr && known_->bounded; }
    /// True when points of the set match for certain.
    [[nodiscard]] bool exact() const noexcept { return bounded() && known_->exact; }
    /// At most so many points match. Precondition: bounded().
    [[nodiscard]] std::uint64_t candidates() const noexcept { return known_->size + changed_.count(); }
    /// Of these, so many must be asked for that are not in the set.
    [[nodiscard]] std::uint64_t changed() const noexcept { return changed_.count(); }
    [[nodiscard]] const changed_points& changes() const noexcept { return changed_; }
    /// Precondition: bounded().
    [[nodiscard]] const field_index::ordinal_bitmap& set() const noexcept { return known_->set; }

    /// Notes what is known, and adds to what was.
    void tell(query_plan& plan) const {
        if (!bounded()) return;
        const auto most = static_cast<std::size_t>(candidates());
        plan.matches_told = known_->exact && (plan.matches_told || !plan.matches_at_most);
        plan.matches_at_most = std::max(plan.matches_at_most.value_or(0), most);
    }

    /// How many members of the set lie between two ordinals. Some may be dead.
    [[nodiscard]] std::uint64_t members_between(ordinal_id first, ordinal_id last) const {
        return known_->set.cardinality(first, last) + known_->set.contains(last);
    }
    /// What can match, for searches to look up; empty when nothing is known, or the set is too large for that.
    [[nodiscard]] ordinal_bits bits() const noexcept {
        if (!bounded()) return {};
        const auto& words = changed_.edited() ? words_ : known_->words;
        return {words.data(), words.empty() ? 0 : changed_.first_new(), known_->exact && !changed_.edited()};
    }
    /// What of it is kept for the same filter. Precondition: bounded().
    [[nodiscard]] const known_matches& known() const noexcept { return *known_; }
    /// `count` members of the set between two ordinals, or as many as there are; spread evenly. Some may be dead.
    [[nodiscard]] std::vector<ordinal_id> some_between(ordinal_id first, ordinal_id last, std::size_t count) const;

    /// Of a visible ordinal.
    [[nodiscard]] verdict of(ordinal_id ordinal) const noexcept {
        if (!bounded() || changed_.contains(ordinal)) return verdict::ask;
        if (!in_set(ordinal)) return verdict::no;
        return known_->exact ? verdict::yes : verdict::ask;
    }
    /// Calls `visit(ordinal, verdict)` for each visible ordinal that is not `no`, in no order that is promised, until it
    /// returns false. Precondition: bounded().
    template <class Visit>
    void for_each_candidate(const read_session& session, const Visit& visit) const;
    /// The same of those that are not in the set because they changed.
    template <class Visit>
    void for_each_changed(const read_session& session, const Visit& visit) const;
    /// How many visible points match, if no payload is needed to tell. Precondition: exact().
    /// Cost: O(1) when nothing has died, else a look at each match.
    [[nodiscard]] std::uint64_t sure_matches(const read_session& session) const;

private:
    void add_edited(const view& state);
    [[nodiscard]] bool in_set(ordinal_id ordinal) const noexcept {
        const auto& words = known_->words;
        if (words.empty()) return known_->set.contains(ordinal);
        return ordinal / 64 < words.size() && (words[ordinal / 64] >> (ordinal % 64) & 1) != 0;
    }

    changed_points changed_;
    std::shared_ptr<const known_matches> known_;
    std::vector<std::uint64_t> words_;  ///< of `known_`, and older points that changed; when there are such
};

template <class Visit>
void filter_plan::for_each_candidate(const read_session& session, const Visit& visit) const {
    bool going = true;
    known_->set.for_each([&](ordinal_id ordinal) {
        if (ordinal >= changed_.first_new()) return false;
        if (!session.visible(ordinal) || (changed_.edited() && changed_.contains(ordinal))) return true;
        return going = visit(ordinal, known_->exact ? verdict::yes : verdict::ask);
    });
    if (going) for_each_changed(session, visit);
}

template <class Visit>
void filter_plan::for_each_changed(const read_session& session, const Visit& visit) const {
    changed_.for_each(session, [&](ordinal_id ordinal) { return visit(ordinal, verdict::ask); });
}

}  // namespace vecstore::detail
