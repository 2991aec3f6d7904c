#include "database_state.hpp"

#include <vecstore/database/changes.hpp>

#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

namespace vecstore {

/// Shared by the handle and the thread, so that the callback may end or drop its own subscription.
struct change_subscription::worker {
    worker(std::shared_ptr<detail::database_state> database, change_feed opened, change_callback called)
        : state(std::move(database)), feed(std::move(opened)), callback(std::move(called)), token(feed.position()) {}

    void run() {
        constexpr std::chrono::milliseconds longest_wait{100};  // how late a stop may be seen
        auto ended = detail::commit_queue::without_exceptions([&]() -> result<void> {
            while (!stopping) {
                VECSTORE_TRY(const auto found, feed.wait(longest_wait));
                if (stopping) break;
                if (found && !callback(*found)) {
                    note(feed.position());
                    break;
                }
                note(feed.position());
            }
            return {};
        });
        const lock_guard lock(mutex_);
        outcome = std::move(ended);
        done = true;
    }
    void note(const change_token& reached) {
        const lock_guard lock(mutex_);
        token = reached;
    }
    void stop() {
        stopping = true;
        state->notify_feeds();
        if (thread.get_id() == std::this_thread::get_id()) return;
        const lock_guard lock(join_mutex);
        if (thread.joinable()) thread.join();
    }

    std::shared_ptr<detail::database_state> state;
    change_feed feed;  ///< the thread's own
    change_callback callback;
    std::atomic<bool> stopping{false};
    std::atomic<bool> done{false};
    std::thread thread;
    mutex join_mutex;

    mutable mutex mutex_;
    change_token token VECSTORE_GUARDED_BY(mutex_);
    result<void> outcome VECSTORE_GUARDED_BY(mutex_);
};

change_subscription::change_subscription(std::shared_ptr<worker> inner) noexcept : worker_(std::move(inner)) {}
change_subscription::change_subscription(change_subscription&&) noexcept = default;
change_subscription& change_subscription::operator=(change_subscription&& other) noexcept {
    std::swap(worker_, other.worker_);
    return *this;
}

change_subscription::~change_subscription() {
    if (!worker_) return;
    worker_->stop();
    // Dropped by its own callback: the thread holds what it needs until it ends.
    if (worker_->thread.joinable()) worker_->thread.detach();
}

result<change_subscription> change_subscription::start(std::shared_ptr<detail::database_state> state, change_feed feed,
                                                       change_callback callback) {
    auto made = std::make_shared<worker>(std::move(state), std::move(feed), std::move(callback));
    try {
        made->thread = std::thread([made] { made->run(); });
    } catch (const std::system_error& e) {
        return error{errc::resource_exhausted, std::string("no thread for the subscription: ") + e.what()};
    }
    return change_subscription(std::move(made));
}

void change_subscription::stop() { worker_->stop(); }
bool change_subscription::running() const noexcept { return !worker_->done; }

result<void> change_subscription::status() const {
    const lock_guard lock(worker_->mutex_);
    return worker_->outcome;
}

change_token change_subscription::position() const {
    const lock_guard lock(worker_->mutex_);
    return worker_->token;
}

}  // namespace vecstore
