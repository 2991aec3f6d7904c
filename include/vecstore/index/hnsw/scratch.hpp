/// Memory that a graph search needs and gives back: the visited set and the buffers of one hop.
#pragma once

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/quantization/nearest_pool.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace vecstore::index {

/// Neighbours in one list, at most (m0 = 2m, m <= m_max).
inline constexpr std::size_t m_max = 128;
inline constexpr std::size_t list_max = 2 * m_max;

/// The rows that a walk has seen: one tag a row, equal to the current epoch when seen, so that forgetting is free but
/// for one fill in 255 walks.
/// Thread safety: belongs to one thread.
class visited_set {
public:
    /// Forgets all, and makes room for rows below `size`. May throw std::bad_alloc.
    void start(std::size_t size) {
        if (tags_.size() < size) tags_.resize(size);
        if (++epoch_ == 0) {
            std::fill(tags_.begin(), tags_.end(), std::uint8_t{0});
            epoch_ = 1;
        }
    }
    /// True the first time. A row beyond the room (inserted after the walk began) counts as seen.
    [[nodiscard]] bool visit(row_id row) noexcept {
        if (row >= tags_.size()) return false;
        // No branch on what cannot be predicted.
        const bool first = tags_[row] != epoch_;
        tags_[row] = epoch_;
        return first;
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return tags_.capacity(); }

private:
    std::vector<std::uint8_t> tags_;
    std::uint8_t epoch_ = 0;
};

/// Room for the pool of a walk, kept from walk to walk.
/// Thread safety: belongs to one thread.
class pool_memory {
public:
    /// An empty pool of `capacity` rows in this memory; it ends the pool before. May throw std::bad_alloc.
    [[nodiscard]] quantization::nearest_pool start(std::size_t capacity) {
        const auto slots = quantization::pool_slots(capacity);
        if (distances_.size() < slots) {
            distances_ = aligned_buffer<float>(slots);
            rows_ = aligned_buffer<row_id>(slots);
        }
        quantization::nearest_pool pool{distances_.data(), rows_.data()};
        pool.start(capacity);
        return pool;
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return distances_.memory_bytes() + rows_.memory_bytes(); }

private:
    aligned_buffer<float> distances_;
    aligned_buffer<row_id> rows_;
};

/// The rows met by one hop of a walk for the first time.
struct hop {
    std::size_t count = 0;
    std::array<row_id, list_max + 1> rows;  ///< one more: a row is written before it is known to be new
};

/// Thread safety: belongs to one thread while borrowed from a pool.
struct search_scratch {
    visited_set visited;
    pool_memory pool;
    std::array<hop, 2> hops;
    std::array<float, list_max> distances;
    std::array<row_id, list_max> kept;
    std::vector<neighbor> heap;  ///< capacity kept from walk to walk

    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof *this + visited.memory_bytes() + pool.memory_bytes() + heap.capacity() * sizeof(neighbor);
    }
};

/// Lends scratches to any number of threads at once. Up to 16 are kept for reuse; a thread that finds none makes its
/// own.
/// Invariant: a pointer is in a slot or lent, never both; `exchange` hands it over whole.
/// Thread safety: `borrow` from any thread, without locks.
class scratch_pool {
public:
    /// Gives the scratch back when it goes out of scope.
    class loan {
    public:
        loan(scratch_pool& pool, std::unique_ptr<search_scratch> scratch) noexcept
            : pool_(pool), scratch_(std::move(scratch)) {}
        ~loan() { pool_.give_back(std::move(scratch_)); }
        loan(const loan&) = delete;
        loan& operator=(const loan&) = delete;
        [[nodiscard]] search_scratch& operator*() const noexcept { return *scratch_; }
        [[nodiscard]] search_scratch* operator->() const noexcept { return scratch_.get(); }

    private:
        scratch_pool& pool_;
        std::unique_ptr<search_scratch> scratch_;
    };

    scratch_pool() = default;
    ~scratch_pool() {
        for (auto& slot : slots_) std::unique_ptr<search_scratch>(slot.exchange(nullptr)).reset();
    }
    scratch_pool(const scratch_pool&) = delete;
    scratch_pool& operator=(const scratch_pool&) = delete;

    /// May throw std::bad_alloc.
    [[nodiscard]] loan borrow() {
        for (auto& slot : slots_) {
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;
            if (auto* scratch = slot.exchange(nullptr, std::memory_order_acquire)) {
                bytes_.fetch_sub(scratch->memory_bytes(), std::memory_order_relaxed);
                return {*this, std::unique_ptr<search_scratch>(scratch)};
            }
        }
        return {*this, std::make_unique<search_scratch>()};
    }
    /// What the pool holds at rest; lent scratches are counted when they are back.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
    void give_back(std::unique_ptr<search_scratch> scratch) noexcept {
        const auto bytes = scratch->memory_bytes();
        bytes_.fetch_add(bytes, std::memory_order_relaxed);
        for (auto& slot : slots_) {
            search_scratch* empty = nullptr;
            if (slot.compare_exchange_strong(empty, scratch.get(), std::memory_order_release,
                                             std::memory_order_relaxed)) {
                (void)scratch.release();
                return;
            }
        }
        bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    }

    std::array<std::atomic<search_scratch*>, 16> slots_{};
    std::atomic<std::size_t> bytes_{0};
};

}  // namespace vecstore::index
