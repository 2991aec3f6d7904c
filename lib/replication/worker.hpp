/// A thread that does one thing after the other: what the thread of a replica must not wait for.
/// Thread safety: `run` from any thread.
#pragma once

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/result.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace vecstore::replication {

class worker {
public:
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Finishes what it is doing, and drops the rest.
    ~worker() { stop(); }

    /// Errors: resource_exhausted (no thread).
    [[nodiscard]] static result<std::unique_ptr<worker>> start() {
        std::unique_ptr<worker> made(new worker);
        try {
            made->thread_ = std::thread([self = made.get()] { self->loop(); });
        } catch (const std::system_error& e) {
            return error{errc::resource_exhausted, std::string("no thread for replication: ") + e.what()};
        }
        return made;
    }
    void run(std::function<void()> job) {
        const lock_guard lock(mutex_);
        if (stopping_) return;
        jobs_.push_back(std::move(job));
        wake_.notify_one();
    }
    void stop() {
        {
            const lock_guard lock(mutex_);
            stopping_ = true;
            jobs_.clear();
            wake_.notify_one();
        }
        if (thread_.joinable()) thread_.join();
    }

private:
    worker() = default;
    void loop() {
        for (;;) {
            std::function<void()> job;
            {
                const lock_guard lock(mutex_);
                while (jobs_.empty() && !stopping_) wake_.wait(mutex_);
                if (stopping_) return;
                job = std::move(jobs_.front());
                jobs_.pop_front();
            }
            job();
        }
    }

    mutex mutex_;
    condition wake_;
    std::deque<std::function<void()>> jobs_ VECSTORE_GUARDED_BY(mutex_);
    bool stopping_ VECSTORE_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace vecstore::replication
