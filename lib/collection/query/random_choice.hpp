/// Some of a stream of items, each with the same chance.
/// Paper: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), doi:10.1145/3147.3165, algorithm R.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/core/random.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace vecstore::detail {

template <class Item>
class random_choice {
public:
    /// Without a seed the choice is another one each time.
    random_choice(std::size_t count, std::optional<std::uint64_t> seed)
        : count_(count), random_(seed ? *seed : some_seed()) {}

    void see(const Item& item) {
        ++seen_;
        if (kept_.size() < count_)
            kept_.push_back(item);
        else if (const auto place = random_.below(seen_); place < count_)
            kept_[place] = item;
    }
    /// In random order.
    [[nodiscard]] std::vector<Item> take() {
        for (std::size_t i = kept_.size(); i > 1; --i) std::swap(kept_[i - 1], kept_[random_.below(i)]);
        return std::exchange(kept_, {});
    }

private:
    static std::uint64_t some_seed() noexcept {
        static std::atomic<std::uint64_t> calls{0};
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        return mix64(static_cast<std::uint64_t>(now)) + calls.fetch_add(1, std::memory_order_relaxed);
    }

    std::size_t count_;
    random_source random_;
    std::uint64_t seen_ = 0;
    std::vector<Item> kept_;
};

}  // namespace vecstore::detail
