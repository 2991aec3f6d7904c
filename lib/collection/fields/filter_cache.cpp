#include "filter_cache.hpp"

namespace vecstore::detail {

std::shared_ptr<const known_matches> filter_cache::find(const std::shared_ptr<const field_list>& fields,
                                                        ordinal_id first_new, const filter::expression& filter) const {
    const auto now = entries_.pin();
    if (!now) return nullptr;
    for (const auto& e : *now) {
        if (e->first_new != first_new || !e->is_of(fields) || !(e->filter == filter)) continue;
        if (!e->asked.load(std::memory_order_relaxed)) e->asked.store(true, std::memory_order_relaxed);
        return e->known;
    }
    return nullptr;
}

void filter_cache::keep(const std::shared_ptr<const field_list>& fields, ordinal_id first_new,
                        const filter::expression& filter, std::shared_ptr<const known_matches> known) {
    auto made = std::make_shared<entry>();
    made->fields = fields;
    made->first_new = first_new;
    made->filter = filter;
    made->known = std::move(known);
    const lock_guard lock(keeping_);
    const auto before = entries_.pin();
    auto all = before ? *before : entries();
    std::erase_if(all,
                  [&](const auto& e) { return !e->is_of(fields) || e->first_new != first_new || e->filter == filter; });
    if (all.size() < entries_max) {
        all.push_back(std::move(made));
    } else {
        // The clock's second chance: whoever was asked for since the hand passed stays.
        for (std::size_t i = 0; i < all.size() && all[hand_ % all.size()]->asked.exchange(false); ++i) ++hand_;
        all[hand_++ % all.size()] = std::move(made);
    }
    entries_.publish(std::move(all));
}

}  // namespace vecstore::detail
