/// Who writes next: writers line up, the first takes those behind it along, and one sync serves them all.
/// Invariants: (1) `busy_` is true while one thread has the turn; only that thread appends to the log and changes
/// state.
/// (2) Entries leave the queue in the order in which they came. (3) An entry lives on its thread's stack until `done`.
/// Thread safety: every function from any thread.
#pragma once

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/result.hpp>

#include <collection/port.hpp>

#include <deque>
#include <exception>
#include <functional>
#include <new>
#include <span>
#include <vector>

namespace vecstore::detail {

class commit_queue {
public:
    /// A write in the queue, or (`request` null) a function that wants the turn for itself.
    struct entry {
        write_request* request = nullptr;
        std::function<result<void>()> exclusive;
        result<write_result> outcome = write_result{};
        bool repeats = false;             ///< an earlier write did it already: nothing to log
        const entry* repeated = nullptr;  ///< that one, when it is in the same group
        bool done = false;
        condition turn;
    };
    /// Processes a group of writes and sets each `outcome`. Called by the thread that has the turn.
    using processor = std::function<void(std::span<entry* const>)>;

    explicit commit_queue(processor process) : process_(std::move(process)) {}

    result<write_result> write(write_request& request) {
        entry e;
        e.request = &request;
        run(e);
        return std::move(e.outcome);
    }
    /// Calls `action` while no write is in progress, all earlier ones applied and published.
    result<void> exclusively(std::function<result<void>()> action) {
        entry e;
        e.exclusive = std::move(action);
        run(e);
        if (!e.outcome) return std::move(e.outcome).error();
        return {};
    }

    /// The turn must be given back whatever happens, so nothing is thrown through it.
    template <class Action>
    [[nodiscard]] static result<void> without_exceptions(const Action& action) {
        try {
            return action();
        } catch (const std::bad_alloc&) {
            return error{errc::resource_exhausted, "out of memory"};
        } catch (const std::exception& e) {
            return error{errc::internal, e.what()};
        }
    }

private:
    static constexpr std::size_t group_bytes_max = 1u << 20;
    static constexpr std::size_t group_writes_max = 1'000;

    void run(entry& e) VECSTORE_EXCLUDES(mutex_) {
        std::vector<entry*> group;
        {
            const lock_guard lock(mutex_);
            waiting_.push_back(&e);
            while (!e.done && (busy_ || waiting_.front() != &e)) e.turn.wait(mutex_);
            if (e.done) return;
            busy_ = true;
            group = take_group();
        }
        if (e.request != nullptr)
            process_(group);
        else if (auto ran = without_exceptions(e.exclusive); !ran)
            e.outcome = std::move(ran).error();
        const lock_guard lock(mutex_);
        for (auto* member : group) {
            member->done = true;
            if (member != &e) member->turn.notify_one();
        }
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(group.size()));
        busy_ = false;
        if (!waiting_.empty()) waiting_.front()->turn.notify_one();
    }
    /// The first entry, and the plain writes right behind it while they fit. A write that must look at the state first
    /// is a group of its own.
    [[nodiscard]] std::vector<entry*> take_group() const VECSTORE_REQUIRES(mutex_) {
        const auto plain = [](const entry* e) { return e->request != nullptr && !e->request->resolve; };
        std::vector<entry*> group{waiting_.front()};
        if (!plain(group.front())) return group;
        std::size_t bytes = bytes_of(*group.front());
        for (std::size_t i = 1; i < waiting_.size() && i < group_writes_max && plain(waiting_[i]); ++i) {
            bytes += bytes_of(*waiting_[i]);
            if (bytes > group_bytes_max) break;
            group.push_back(waiting_[i]);
        }
        return group;
    }
    [[nodiscard]] static std::size_t bytes_of(const entry& e) noexcept {
        std::size_t bytes = 0;
        for (const auto& operation : e.request->operations) bytes += operation.payload.size();
        return bytes;
    }

    const processor process_;
    mutex mutex_;
    std::deque<entry*> waiting_ VECSTORE_GUARDED_BY(mutex_);
    bool busy_ VECSTORE_GUARDED_BY(mutex_) = false;
};

}  // namespace vecstore::detail
