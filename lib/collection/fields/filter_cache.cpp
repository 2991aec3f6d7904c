#include "filter_cache.hpp"

#include <algorithm>

namespace vecstore::detail {

std::shared_ptr<const known_matches> filter_cache::find(const std::shared_ptr<const field_list>& fields,
                                                        ordinal_id first_new, const filter::expression& filter) const {
    const auto now = entries_.pin();
    if (!now) return nullptr;
    for (const auto& e : *now) {
        if (e->first_new != first_new || !e->is_of(fields) || !(e->filter == filter)) continue;
        e->asked_at.store(clock_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
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
    made->asked_at.store(clock_.fetch_add(1, std::memory_order_relaxed), std::memory_order_relaxed);
    const lock_guard lock(keeping_);
    const auto before = entries_.pin();
    auto all = before ? *before : entries();
    std::erase_if(all,
                  [&](const auto& e) { return !e->is_of(fields) || e->first_new != first_new || e->filter == filter; });
    const auto longest_ago = std::min_element(
        all.begin(), all.end(), [](const auto& a, const auto& b) { return a->asked_at.load() < b->asked_at.load(); });
    if (all.size() < entries_max)
        all.push_back(std::move(made));
    else
        *longest_ago = std::move(made);
    entries_.publish(std::move(all));
}

}  // namespace vecstore::detail
