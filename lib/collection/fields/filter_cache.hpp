/// What payload indexes said of the filters of late: the same filter, asked again before the indexes change, is looked up
/// instead of worked out. A filter that every query of a user carries is the common case.
/// Thread safety: any number of threads; looking up never waits. What is kept is immutable but for the members of lists, which are
/// published.
#pragma once

#include "indexed_field.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/published.hpp>
#include <vecstore/core/types.hpp>

#include <field_index/ordinal_bitmap.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace vecstore::index {
class ivf_members;
}

namespace vecstore::detail {

/// Which points that no overlay of a view changed can match a filter.
class known_matches {
public:
    bool bounded = false;  ///< only members of the set; else nothing is known
    bool exact = false;    ///< all members
    field_index::ordinal_bitmap set;
    std::uint64_t size = 0;            ///< members below the first ordinal that is in overlays alone
    std::vector<std::uint64_t> words;  ///< these as bits; empty where there are too many ordinals

    /// Where the members lie in the lists of a part, whose file has the checksum `root`: worked out by `find` when that was asked for a few times, since it
    /// is a pass over all entries of the lists. Null: not yet.
    template <class Find>
    [[nodiscard]] std::shared_ptr<const index::ivf_members> members_in(std::uint64_t root, const Find& find) const {
        constexpr unsigned asked_first = 4;
        if (const auto all = members_.pin())
            for (const auto& [owner, members] : *all)
                if (owner == root) return members;
        if (asked_.fetch_add(1, std::memory_order_relaxed) < asked_first) return nullptr;
        auto found = find();  // perhaps by several at once, and for the last of them
        const lock_guard lock(adding_);
        const auto before = members_.pin();
        auto all = before ? *before : members_of_parts();
        std::erase_if(all, [&](const auto& each) { return each.first == root; });
        all.emplace_back(root, found);
        members_.publish(std::move(all));
        return found;
    }

private:
    using members_of_parts = std::vector<std::pair<std::uint64_t, std::shared_ptr<const index::ivf_members>>>;

    mutable std::atomic<unsigned> asked_{0};
    mutable mutex adding_;
    mutable published<members_of_parts> members_;
};

/// Memory: `entries_max` sets and what the searches made of them; about 3 bits for each point and filter.
class filter_cache {
public:
    static constexpr std::size_t entries_max = 16;

    /// Null when it is not there. `first_new`: the first ordinal that is in overlays alone.
    [[nodiscard]] std::shared_ptr<const known_matches> find(const std::shared_ptr<const field_list>& fields,
                                                            ordinal_id first_new,
                                                            const filter::expression& filter) const;
    /// In the place of one that cannot be asked for any more, or was not for the longest time. What depends on more than the
    /// indexes must not be kept.
    void keep(const std::shared_ptr<const field_list>& fields, ordinal_id first_new, const filter::expression& filter,
              std::shared_ptr<const known_matches> known);

private:
    struct entry {
        std::weak_ptr<const field_list> fields;
        ordinal_id first_new;
        filter::expression filter;
        std::shared_ptr<const known_matches> known;
        mutable std::atomic<std::uint64_t> asked_at{0};  ///< by `clock_`

        [[nodiscard]] bool is_of(const std::shared_ptr<const field_list>& now) const noexcept {
            return !fields.owner_before(now) && !now.owner_before(fields);
        }
    };
    using entries = std::vector<std::shared_ptr<const entry>>;

    published<entries> entries_;
    mutex keeping_;
    mutable std::atomic<std::uint64_t> clock_{0};
};

}  // namespace vecstore::detail
