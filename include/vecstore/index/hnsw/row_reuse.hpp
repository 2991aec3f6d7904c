/// When the number of a freed row may be given to a new one: when the last walk that may have met the old one has
/// ended.
/// Paper: McKenney & Slingwine, "Read-Copy Update: Using Execution History to Solve Concurrency Problems", 1998, in the
/// form with two counters of running readers.
#pragma once

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::index {

/// Invariants:
///  1. A walk is counted in the counter of the phase in which it began, from before its first look at the graph to
///     after its last.
///  2. Rows in `waiting_` were retired before the current phase began. So what can still meet them is counted in the
///     other phase's counter, and when that is 0 they are ready.
///  3. A phase begins only when the other counter is 0.
/// Thread safety: any number of threads; a walk takes no lock.
class row_reuse {
public:
    /// Lasts as long as a walk does.
    class walk {
    public:
        /// Of none when there is no `reuse`.
        explicit walk(row_reuse* reuse) noexcept : counter_(reuse != nullptr ? reuse->begin_walk() : nullptr) {}
        ~walk() {
            if (counter_ != nullptr) counter_->fetch_sub(1, std::memory_order_release);
        }
        walk(const walk&) = delete;
        walk& operator=(const walk&) = delete;

    private:
        std::atomic<std::size_t>* counter_;
    };

    /// Takes in rows that no list names any more. May throw std::bad_alloc, then they are not used again.
    void retire(std::span<const row_id> rows) VECSTORE_EXCLUDES(mutex_) {
        if (rows.empty()) return;
        const lock_guard lock(mutex_);
        retired_.insert(retired_.end(), rows.begin(), rows.end());
    }

    /// A row whose memory nobody reads; row_none when there is none now.
    [[nodiscard]] row_id take() VECSTORE_EXCLUDES(mutex_) {
        const lock_guard lock(mutex_);
        if (ready_.empty()) advance();
        if (ready_.empty()) return row_none;
        const auto row = ready_.back();
        ready_.pop_back();
        return row;
    }

private:
    struct alignas(64) walk_counter {
        std::atomic<std::size_t> running{0};
    };

    // Sequential consistency: either `advance` sees the walk counted, or the walk sees the new phase.
    [[nodiscard]] std::atomic<std::size_t>* begin_walk() noexcept {
        for (;;) {
            const auto phase = phase_.load();
            auto& counter = counters_[phase % 2].running;
            counter.fetch_add(1);
            if (phase_.load() == phase) return &counter;
            counter.fetch_sub(1);
        }
    }

    /// Never waits: what is not ready now may be so next time.
    void advance() VECSTORE_REQUIRES(mutex_) {
        const auto phase = phase_.load();
        if (counters_[(phase + 1) % 2].running.load() != 0) return;
        ready_.swap(waiting_);
        waiting_.swap(retired_);
        if (waiting_.empty()) return;
        phase_.store(phase + 1);
        if (ready_.empty() && counters_[phase % 2].running.load() == 0) ready_.swap(waiting_);
    }

    std::atomic<std::size_t> phase_{0};
    std::array<walk_counter, 2> counters_;
    mutex mutex_;
    std::vector<row_id> retired_ VECSTORE_GUARDED_BY(mutex_);  // since the phase began
    std::vector<row_id> waiting_ VECSTORE_GUARDED_BY(mutex_);
    std::vector<row_id> ready_ VECSTORE_GUARDED_BY(mutex_);
};

}  // namespace vecstore::index
