/// What a `node` is made of: the database's log, the loop, and the thread that runs it.
/// Thread safety: functions marked (loop) belong to the loop's thread, the others may be called from any.
#pragma once

#include "../database_log.hpp"
#include "node_loop.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/replication/node.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <deque>
#include <future>
#include <map>
#include <optional>
#include <thread>

namespace vecstore::replication {

[[nodiscard]] result<node_id> cluster_id(const std::string& cluster);
[[nodiscard]] result<node_id> named_node(const std::string& cluster, const std::string& name);

/// Names and addresses of nodes, as far as they are known.
class name_table {
public:
    void add(const node_id& node, const std::string& name) VECSTORE_EXCLUDES(mutex_);
    void found_at(const node_id& node, const std::string& address) VECSTORE_EXCLUDES(mutex_);
    [[nodiscard]] std::string name_of(const node_id& node) const VECSTORE_EXCLUDES(mutex_);
    [[nodiscard]] std::string address_of(const node_id& node) const VECSTORE_EXCLUDES(mutex_);
    /// For people who want to reach it: the address, if known.
    [[nodiscard]] std::string place_of(const node_id& node) const;

private:
    mutable mutex mutex_;
    std::map<node_id, std::string> names_ VECSTORE_GUARDED_BY(mutex_);
    std::map<node_id, std::string> addresses_ VECSTORE_GUARDED_BY(mutex_);
};

/// When records were written here, so that it can be said how long others lag.
class lag_clock {
public:
    void wrote(std::uint64_t last_lsn, time_us now);
    /// Age of the first record behind `applied_lsn`; 0 when there is none.
    [[nodiscard]] std::uint64_t lag_ms(std::uint64_t applied_lsn, time_us now) const;
    void clear() noexcept { marks_.clear(); }

private:
    std::deque<std::pair<std::uint64_t, time_us>> marks_;  ///< last lsn, and when it was there
};

class node::runtime final : public std::enable_shared_from_this<node::runtime>, private net::loop_observer {
public:
    explicit runtime(const node_options& options);
    ~runtime() override;

    result<void> open(const database& db, std::optional<boost::asio::any_io_executor> run_on);
    void stop();
    [[nodiscard]] const std::string& listening_at() const noexcept { return listening_at_; }

    /// Runs `what(loop)` on the loop's thread and gives what it returns.  Errors: unavailable (stopped).
    template <class Value>
    result<Value> ask(std::function<result<Value>(net::node_loop&)> what) const;
    /// Starts something on the loop's thread, whose end is told.
    using start = std::function<void(net::node_loop&, net::node_loop::done)>;
    result<void> wait(start what, time_us until, error late) const;

    [[nodiscard]] node_status status(net::node_loop& loop) const;  // (loop)
    [[nodiscard]] result<void> hand_over(net::node_loop& loop, const std::string& to) const;
    void change_members(net::node_loop& loop, const membership& to, net::node_loop::done tell);  // (loop)
    [[nodiscard]] result<node_id> id_of(const std::string& name);
    [[nodiscard]] const name_table& names() const noexcept { return names_; }

private:
    /// What the replica says goes through the database's log, which keeps what is its own, to the loop.
    struct from_log final : listener {
        void finished(const write_outcome& outcome) override {
            if (loop != nullptr) loop->finished(outcome);
        }
        void happened(const event& what) override {
            if (loop != nullptr) loop->happened(what);
        }
        net::node_loop* loop = nullptr;
    };

    // loop_observer
    void finished(const write_outcome& outcome) override;
    void happened(const event& what) override;
    void connected(const node_id& peer, const std::optional<std::string>& address) override;
    void disconnected(const node_id& peer, const error& why) override;
    void begin();
    void end();
    [[nodiscard]] error not_leader(net::node_loop& loop) const;
    [[nodiscard]] result<replica_identity> make_identity();
    [[nodiscard]] net::node_loop_options loop_options(const node_id& self, const node_id& cluster) const;
    void tell(const node_event& what) const {
        if (options_.on_event) options_.on_event(what);
    }

    node_options options_;
    name_table names_;
    std::string listening_at_;
    node_id self_{};
    std::unique_ptr<boost::asio::io_context> context_;  ///< null: the host's executor
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
    std::shared_ptr<net::loop_queue> queue_;
    std::unique_ptr<database_log> log_;
    std::unique_ptr<net::node_loop> loop_;  ///< (loop)
    lag_clock lag_;                         ///< (loop)
    from_log said_;                         ///< (loop)
    bool changing_ = false;                 ///< (loop), as what follows
    std::vector<write_outcome> early_;
    std::map<std::uint64_t, net::node_loop::done> changes_;  ///< by ticket
    std::thread thread_;
    mutable mutex mutex_;
    bool stopped_ VECSTORE_GUARDED_BY(mutex_) = false;
};

}  // namespace vecstore::replication
