/// A replica with its connections, its coordinator and its clock, on one executor. What takes time is done elsewhere (by the
/// ports), and its end comes back through `post`.
/// Thread safety: `post` from any thread; everything else belongs to the executor's thread, also the destructor. `make` may be
/// called anywhere, as nothing runs before `begin`.
#pragma once

#include "../replica.hpp"
#include "../static_primary.hpp"
#include "etcd.hpp"
#include "peers.hpp"

#include <vecstore/replication/coordinator.hpp>

#include <boost/asio/strand.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::replication::net {

/// Microseconds since the machine started; goes on while it sleeps.
[[nodiscard]] time_us boot_time();

/// Runs functions on the thread of a loop, one after the other. Outlives the loop: then they run all the same.
class loop_queue : public std::enable_shared_from_this<loop_queue> {
public:
    using strand = boost::asio::strand<boost::asio::any_io_executor>;

    explicit loop_queue(boost::asio::any_io_executor run_on) : strand_(std::move(run_on)) {}
    void post(std::function<void()> job);
    [[nodiscard]] const strand& run_on() const noexcept { return strand_; }
    /// By the thread of the loop: called behind each job, until null.
    void set_after(std::function<void()> after) { after_ = std::move(after); }

private:
    const strand strand_;
    std::function<void()> after_;
};

struct node_loop_options {
    node_id cluster{};
    std::string address;     ///< where others reach this node; empty: where it listens
    replica_options timing;  ///< self must be set; session and seed are made here
    peers_options peers;
    coordinator_options coordinator;
};

struct node_loop_ports {
    replica_log& log;
    promise_store& promises;
    state_machine& state;
    listener* host = nullptr;  ///< gets all that the replica says; it gives to the loop what it does not want itself
};

/// What the user of a loop is told, by its thread. None of these may destroy the loop.
class loop_observer {
public:
    loop_observer() = default;
    loop_observer(const loop_observer&) = delete;
    loop_observer& operator=(const loop_observer&) = delete;
    virtual ~loop_observer() = default;
    virtual void happened(const event&) {}
    virtual void finished(const write_outcome&) {}
    virtual void connected(const node_id&, const std::optional<std::string>& /*address*/) {}
    virtual void disconnected(const node_id&, const error&) {}
};

class node_loop final : public listener, private peers_host, private network, private coordinator {
public:
    using done = std::function<void(result<void>)>;

    /// Takes its address and opens the replica. The ports and `observer` must outlive it.
    /// Errors: those of peers::make, etcd_coordinator::make and replica::open.
    [[nodiscard]] static result<std::unique_ptr<node_loop>> make(std::shared_ptr<loop_queue> queue,
                                                                 const node_loop_options& options,
                                                                 const node_loop_ports& ports,
                                                                 const replica_start& start, loop_observer& observer);
    ~node_loop() override;

    /// Talks to the others from now on.
    void begin();
    [[nodiscard]] class replica& replica() noexcept { return *replica_; }
    [[nodiscard]] const class peers& peers() const noexcept { return *peers_; }
    [[nodiscard]] const etcd_coordinator* etcd() const noexcept { return etcd_.get(); }
    /// After the replica was told something: sets the timer, and ends waits whose time has come.
    void settle();

    /// Static primary: this node is to lead.  Errors: unsupported (another coordinator decides).
    result<void> promote();

    /// Tells when a read here sees all that was acknowledged before this call, wherever it was.
    /// Errors: unavailable (no leader is known, or it cannot tell), timed_out.
    void wait_strong(time_us until, done tell);
    /// Tells when the record at `lsn` has been applied here. `term` is that of the write's acknowledgement.
    /// Errors: conflict (another leader's record is there: the write is lost), timed_out.
    void wait_applied(std::uint64_t term, std::uint64_t lsn, time_us until, done tell);

    // What the replica says, and the ports' host gives on.
    void finished(const write_outcome& outcome) override;
    void happened(const event& what) override;

private:
    struct barrier {  ///< a read of this node, or of another, that the leader's round is waited for
        std::optional<node_id> asker;
        std::uint64_t id = 0;
        time_us until = 0;
        done tell;
    };
    struct wait {
        std::uint64_t term = 0, lsn = 0;
        time_us until = 0;
        done tell;
    };

    node_loop(std::shared_ptr<loop_queue> queue, const node_loop_options& options, loop_observer& observer);
    result<void> open(const node_loop_ports& ports, const replica_start& start);
    [[nodiscard]] replica_options timing() const;
    void set_timer();
    void end_waits();
    [[nodiscard]] std::optional<result<void>> outcome_of(const wait& w, const replica_status& status) const;

    // reads
    void begin_barrier(barrier b);
    void end_barrier(const barrier& b, bool known, std::uint64_t lsn);
    [[nodiscard]] bool take_read(const node_id& from, byte_span bytes);
    void tell_peer(const node_id& to, const message& m);

    // peers_host, network, coordinator
    [[nodiscard]] hello own_hello() override;
    void received(const node_id& from, byte_span bytes) override;
    void connected(const node_id& node) override;
    void disconnected(const node_id& node, const error& why) override;
    void send(const node_id& to, byte_span bytes) override;
    void ask(const coordinator_request& request) override;
    void deliver();

    const std::shared_ptr<loop_queue> queue_;
    const node_loop_options options_;
    loop_observer& observer_;
    std::uint64_t session_ = 0, seed_ = 0;
    std::unique_ptr<class peers> peers_;
    std::optional<static_primary> primary_;
    std::unique_ptr<etcd_coordinator> etcd_;
    replica_log* log_ = nullptr;
    std::unique_ptr<class replica> replica_;
    boost::asio::steady_timer timer_;
    time_us timer_at_ = never;
    std::map<std::uint64_t, barrier> barriers_;  ///< by ticket, on the leader
    std::map<std::uint64_t, barrier> asked_;     ///< by id, of the leader that is another
    std::vector<write_outcome> early_;           ///< while a barrier is begun
    bool beginning_ = false;
    std::uint64_t next_id_ = 1;
    std::vector<wait> waits_;
    bool settling_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vecstore::replication::net
