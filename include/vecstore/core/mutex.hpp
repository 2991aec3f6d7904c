/// std::mutex with the capability attributes that clang's thread-safety analysis checks (-Wthread-safety).
/// g++ ignores the attributes. Exemplar: the analysis' own documentation, "mutex.h".
/// Thread safety: this is what makes it.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__SANITIZE_THREAD__)
#define VECSTORE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VECSTORE_THREAD_SANITIZER 1
#endif
#endif
#ifdef VECSTORE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__clang__)
#define VECSTORE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define VECSTORE_THREAD_ATTRIBUTE(x)
#endif
#define VECSTORE_CAPABILITY(x) VECSTORE_THREAD_ATTRIBUTE(capability(x))
#define VECSTORE_SCOPED_CAPABILITY VECSTORE_THREAD_ATTRIBUTE(scoped_lockable)
#define VECSTORE_GUARDED_BY(x) VECSTORE_THREAD_ATTRIBUTE(guarded_by(x))
#define VECSTORE_REQUIRES(...) VECSTORE_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define VECSTORE_EXCLUDES(...) VECSTORE_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define VECSTORE_ACQUIRE(...) VECSTORE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define VECSTORE_RELEASE(...) VECSTORE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define VECSTORE_TRY_ACQUIRE(...) VECSTORE_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define VECSTORE_NO_THREAD_SAFETY_ANALYSIS VECSTORE_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace vecstore {

class condition;

/// The thread sanitizer forgets the lock here. Locks of the standard library do nothing when they are destroyed, so one
/// that comes to lie on the same piece of stack would inherit the order in which the old one was taken.
template <class Lock>
void forget_lock([[maybe_unused]] Lock& lock) noexcept {
#ifdef VECSTORE_THREAD_SANITIZER
    __tsan_mutex_destroy(lock.native_handle(), 0);
#endif
}

class VECSTORE_CAPABILITY("mutex") mutex {
public:
    mutex() = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;
    ~mutex() { forget_lock(mutex_); }

    void lock() VECSTORE_ACQUIRE() { mutex_.lock(); }
    void unlock() VECSTORE_RELEASE() { mutex_.unlock(); }
    [[nodiscard]] bool try_lock() VECSTORE_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

private:
    friend class condition;
    std::mutex mutex_;
};

/// Holds a mutex for a scope.
class VECSTORE_SCOPED_CAPABILITY lock_guard {
public:
    explicit lock_guard(mutex& m) VECSTORE_ACQUIRE(m) : mutex_(m) { mutex_.lock(); }
    ~lock_guard() VECSTORE_RELEASE() { mutex_.unlock(); }
    lock_guard(const lock_guard&) = delete;
    lock_guard& operator=(const lock_guard&) = delete;

private:
    mutex& mutex_;
};

/// A condition variable over `mutex`. Waits may wake without cause: call them in a loop.
class condition {
public:
    void wait(mutex& m) VECSTORE_REQUIRES(m) {
        std::unique_lock<std::mutex> lock(m.mutex_, std::adopt_lock);
        condition_.wait(lock);
        lock.release();
    }
    template <class Duration>
    void wait_for(mutex& m, const Duration& duration) VECSTORE_REQUIRES(m) {
        std::unique_lock<std::mutex> lock(m.mutex_, std::adopt_lock);
        condition_.wait_for(lock, duration);
        lock.release();
    }
    void notify_one() noexcept { condition_.notify_one(); }
    void notify_all() noexcept { condition_.notify_all(); }

private:
    std::condition_variable condition_;
};

}  // namespace vecstore
