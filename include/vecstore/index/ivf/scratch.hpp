/// Memory that a search over inverted lists needs and gives back.
#pragma once

#include <vecstore/core/types.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/take_least.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace vecstore::index {

/// A set of a few rows: open addressing, cleared by counting the searches.
/// Thread safety: belongs to one thread.
class few_rows_set {
public:
    void clear(std::size_t expected) {
        const auto size = std::bit_ceil(std::max<std::size_t>(4 * expected, 256));
        count_ = 0;
        slots_.assign(size, row_none);
    }
    /// True the first time.
    bool insert(row_id row) {
        if (2 * (count_ + 1) > slots_.size()) grow();
        if (!put(row)) return false;
        ++count_;
        return true;
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.capacity() * sizeof(row_id); }

private:
    bool put(row_id row) noexcept {
        const auto mask = slots_.size() - 1;
        for (auto i = (row * 0x9E37'79B1u) & mask;; i = (i + 1) & mask) {
            if (slots_[i] == row) return false;
            if (slots_[i] == row_none) {
                slots_[i] = row;
                return true;
            }
        }
    }
    void grow() {
        auto old = std::exchange(slots_, std::vector<row_id>(2 * slots_.size(), row_none));
        for (const auto row : old)
            if (row != row_none) put(row);
    }

    std::vector<row_id> slots_;
    std::size_t count_ = 0;
};

/// Thread safety: belongs to one thread while borrowed from a pool.
struct ivf_scratch {
    ivf_query query;
    std::vector<ivf_candidate> found;  ///< in the chunk just scanned
    std::vector<ivf_candidate> candidates;
    std::vector<ivf_candidate> chosen;
    std::vector<row_id> rows;  ///< about to be compared
    few_rows_set seen;         ///< compared already

    void begin(std::size_t keep) {
        candidates.clear();
        rows.clear();
        seen.clear(keep);
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof *this + query.memory_bytes() +
               (found.capacity() + candidates.capacity() + chosen.capacity()) * sizeof(ivf_candidate) +
               rows.capacity() * sizeof(row_id) + seen.memory_bytes();
    }
};

/// A query that probes a list, which is the `rank`-th in its order.
struct ivf_probe {
    std::uint32_t query = 0;
    std::uint32_t rank = 0;
};

/// The candidates of one probe, scanned ahead of their turn.
struct ivf_run {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    bool scanned = false;
};

/// Of a group of queries that are searched together.
/// Thread safety: belongs to one thread while borrowed from a pool.
struct ivf_group_scratch {
    std::vector<ivf_scratch> each;       ///< of a query
    std::vector<float> centered;         ///< [queries, dim]
    std::vector<float> products;         ///< [queries, panels * 32], with centroids
    std::vector<std::uint32_t> starts;   ///< [lists + 1], of the probes of a list
    std::vector<ivf_probe> probes;       ///< by list
    std::vector<ivf_candidate> waiting;  ///< of all runs
    std::vector<ivf_run> runs;           ///< [queries, probes of a query]; empty: nothing was scanned ahead

    void begin() {
        waiting.clear();
        runs.clear();
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        auto bytes = sizeof *this + (centered.capacity() + products.capacity()) * sizeof(float) +
                     starts.capacity() * sizeof(std::uint32_t) + probes.capacity() * sizeof(ivf_probe) +
                     waiting.capacity() * sizeof(ivf_candidate) + runs.capacity() * sizeof(ivf_run);
        for (const auto& scratch : each) bytes += scratch.memory_bytes();
        return bytes;
    }
};

/// Lends scratches to any number of threads at once; keeps up to `slots` for reuse.
/// Invariant: a pointer is in a slot or lent, never both; `exchange` hands it over whole.
/// Thread safety: `borrow` from any thread, without locks.
template <class Scratch, std::size_t slots>
class ivf_pool {
public:
    /// Gives the scratch back when it goes out of scope.
    class loan {
    public:
        loan(ivf_pool& pool, std::unique_ptr<Scratch> scratch) noexcept : pool_(pool), scratch_(std::move(scratch)) {}
        ~loan() { pool_.give_back(std::move(scratch_)); }
        loan(const loan&) = delete;
        loan& operator=(const loan&) = delete;
        [[nodiscard]] Scratch& operator*() const noexcept { return *scratch_; }

    private:
        ivf_pool& pool_;
        std::unique_ptr<Scratch> scratch_;
    };

    ivf_pool() = default;
    ~ivf_pool() {
        for (auto& slot : slots_) std::unique_ptr<Scratch>(slot.load(std::memory_order_relaxed)).reset();
    }
    ivf_pool(const ivf_pool&) = delete;
    ivf_pool& operator=(const ivf_pool&) = delete;

    /// May throw std::bad_alloc.
    [[nodiscard]] loan borrow() {
        for (auto& slot : slots_)
            if (auto* kept = slot.exchange(nullptr, std::memory_order_acquire))
                return {*this, std::unique_ptr<Scratch>(kept)};
        return {*this, std::make_unique<Scratch>()};
    }
    /// Of the scratches kept at the time they were given back.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
    void give_back(std::unique_ptr<Scratch> scratch) noexcept {
        bytes_.store(std::max(bytes_.load(std::memory_order_relaxed), scratch->memory_bytes()),
                     std::memory_order_relaxed);
        for (auto& slot : slots_) {
            Scratch* none = nullptr;
            if (slot.compare_exchange_strong(none, scratch.get(), std::memory_order_release,
                                             std::memory_order_relaxed)) {
                scratch.release();
                return;
            }
        }
    }

    std::array<std::atomic<Scratch*>, slots> slots_{};
    std::atomic<std::size_t> bytes_{0};
};

using ivf_scratch_pool = ivf_pool<ivf_scratch, 16>;
using ivf_group_pool = ivf_pool<ivf_group_scratch, 4>;

}  // namespace vecstore::index
