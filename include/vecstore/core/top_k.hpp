/// The k nearest of a stream of candidates.
/// Ties: equal distances are ordered by row, so that a result does not depend on the order of arrival.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/core/types.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace vecstore {

/// A row and its distance; smaller is nearer.
struct neighbor {
    float distance = 0;
    row_id row = row_none;

    friend bool operator==(const neighbor&, const neighbor&) = default;
    friend bool operator<(const neighbor& a, const neighbor& b) noexcept {
        return a.distance < b.distance || (a.distance == b.distance && a.row < b.row);
    }
};

/// A bounded max-heap: the worst kept candidate on top. `Item` is ordered by <.
template <class Item = neighbor>
class top_k {
public:
    explicit top_k(std::size_t k) : k_(k) { heap_.reserve(std::min<std::size_t>(k, 1024)); }

    [[nodiscard]] bool full() const noexcept { return heap_.size() >= k_; }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    /// Precondition: size() > 0.
    [[nodiscard]] const Item& worst() const noexcept { return heap_.front(); }

    /// Keeps `item` if it is among the k nearest so far. Cost: O(log k).
    void push(const Item& item) {
        if (!full()) {
            heap_.push_back(item);
            std::push_heap(heap_.begin(), heap_.end());
        } else if (k_ > 0 && item < heap_.front()) {
            std::pop_heap(heap_.begin(), heap_.end());
            heap_.back() = item;
            std::push_heap(heap_.begin(), heap_.end());
        }
    }
    /// Nearest first; leaves the heap empty.
    [[nodiscard]] std::vector<Item> take_sorted() {
        std::sort_heap(heap_.begin(), heap_.end());
        return std::exchange(heap_, {});
    }

private:
    std::size_t k_;
    std::vector<Item> heap_;
};

}  // namespace vecstore
