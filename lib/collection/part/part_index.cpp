#include "part_index.hpp"

#include "calibration.hpp"

#include <algorithm>

namespace vecstore::detail {

bool part_index::load_once() const {
    const lock_guard lock(mutex_);
    if (state_.load(std::memory_order_relaxed) == load_state::waiting) {
        auto loaded = load();
        if (!loaded) failure_ = std::move(loaded).error();
        state_.store(loaded ? load_state::ready : load_state::damaged, std::memory_order_release);
    }
    return state_.load(std::memory_order_relaxed) == load_state::ready;
}

std::vector<neighbor> part_index::search(const part_request& request, part_cost& cost) const {
    if (request.allow != nullptr || request.radius || measured().band_edges().empty()) return find(request, cost);
    // Enough to see how far the query lies; what is re-scored anyway is no less.
    auto wider = request;
    wider.k = std::max(request.k, band_rank);
    auto found = find(wider, cost);
    note(found);
    if (found.size() > request.k) found.resize(request.k);
    return found;
}

std::shared_ptr<const calibration> part_index::measured_by_queries() const noexcept {
    if (!any_by_queries_.load(std::memory_order_relaxed)) return nullptr;
    const auto pinned = by_queries_.pin();
    return pinned ? *pinned : nullptr;
}

void part_index::remeasured(std::shared_ptr<const calibration> measured) const {
    by_queries_.publish(std::move(measured));
    any_by_queries_.store(true, std::memory_order_relaxed);
}

chosen_setting part_index::choose(double recall, std::size_t k) const noexcept {
    const auto better = measured_by_queries();
    auto chosen = (better ? *better : measured()).choose(recall, k, mix_.shares());
    chosen.by_queries = better != nullptr;
    return chosen;
}

void part_index::choose_breadths(double recall, std::size_t k, std::vector<std::uint32_t>& breadths) const {
    constexpr std::uint32_t most = 65'536;
    constexpr std::size_t rarest = 24;
    const auto better = measured_by_queries();
    const auto& measured = better ? *better : this->measured();
    const auto shares = mix_.shares();
    breadths.clear();
    while (breadths.size() < rarest && (breadths.empty() || breadths.back() < most)) {
        const auto breadth = measured.choose(recall, k << breadths.size(), shares).setting.breadth;
        breadths.push_back(std::max(breadth, breadths.empty() ? 1 : breadths.back()));
    }
}

chosen_setting part_index::at_breadth(std::size_t breadth, std::size_t k) const noexcept {
    const auto better = measured_by_queries();
    auto chosen = (better ? *better : measured()).at_breadth(breadth, k, mix_.shares());
    chosen.by_queries = better != nullptr;
    return chosen;
}

void part_index::note(const std::vector<neighbor>& found) const {
    if (found.size() >= band_rank && !measured().band_edges().empty())
        mix_.note(measured().band_of(found[band_rank - 1].distance));
}

}  // namespace vecstore::detail
