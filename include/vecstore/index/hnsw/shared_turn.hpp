/// Who may change a graph: many inserts together, or one repair alone.
/// Thread safety: this is what makes it.
#pragma once

#include <vecstore/core/mutex.hpp>

#include <shared_mutex>

namespace vecstore::index {

/// A shared mutex that is fair to who wants it alone: who comes later, waits behind him. (That of the standard library
/// may let sharers pass for ever.) Made for std::shared_lock and std::unique_lock.
/// Invariant: the gate is held only while a lock is being taken.
class shared_turn {
public:
    shared_turn() = default;
    shared_turn(const shared_turn&) = delete;
    shared_turn& operator=(const shared_turn&) = delete;
    ~shared_turn() { forget_lock(mutex_); }

    void lock_shared() {
        const lock_guard first_come(gate_);
        mutex_.lock_shared();
    }
    void unlock_shared() { mutex_.unlock_shared(); }
    void lock() {
        const lock_guard first_come(gate_);
        mutex_.lock();
    }
    void unlock() { mutex_.unlock(); }

private:
    mutex gate_;
    std::shared_mutex mutex_;
};

}  // namespace vecstore::index
