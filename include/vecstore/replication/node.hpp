/// A database as one of several copies: each application has its own, one of them takes the writes, and all have what a
/// majority of them has. Of each write that was acknowledged, a majority has a synced copy, so it outlives any minority.
///
///   auto db   = vecstore::database::open("data").value();
///   auto node = vecstore::replication::node::start(db, {.cluster = "shop",
///                                                       .listen = "10.0.0.1:7401",
///                                                       .peers = {"10.0.0.2:7401", "10.0.0.3:7401"},
///                                                       .coordinator = vecstore::replication::etcd_options{...},
///                                                       .security = {.tls = ...},
///                                                       .first_start = true}).value();
///   auto wrote = docs.upsert(points).value();                                     // on the leader
///   node.wait_for(vecstore::replication::read::your_writes(wrote)).value();       // on any; then read as always
///   auto hits  = docs.query(question);
///
/// The database is used as always. Its writes return when a majority has them; on a node that does not lead they give
/// `not_leader`, and the message ends with the leader's address. A write whose end is not known when the leadership ends, or
/// after `commit_timeout_ms`, gives `unknown_outcome`: given again with the same `operation_id`, it is done once.
/// Reads answer from the copy at hand; `wait_for` says when that is new enough.
/// A node that was away for too long, or is new, is given a copy by the leader, while it goes on answering from its old one; it is put
/// in place by opening the database again (event `copy_ready`).
/// Paper: Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014. Differs: a coordinator
/// says who should lead; whoever it names needs promises of a majority all the same.
#pragma once

#include <vecstore/database/database.hpp>
#include <vecstore/replication/coordinator.hpp>
#include <vecstore/replication/security.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::replication {

enum class role : std::uint8_t {
    follower,
    candidate,  ///< is being elected
    leader,
    failed,  ///< its storage failed: nothing is acknowledged until it is opened again
};

/// Never fails, e.g. "leader".
[[nodiscard]] constexpr const char* to_string(role r) noexcept {
    return r == role::follower    ? "follower"
           : r == role::candidate ? "candidate"
           : r == role::leader    ? "leader"
                                  : "failed";
}

struct node_event {
    enum class kind : std::uint8_t {
        leading,    ///< this node took the leadership in `term`
        following,  ///< and lost it, or gave up trying
        diverged,  ///< `count` records behind `lsn`, which nobody was told were done, were cut and are kept in `diverged/`
        state_differs,   ///< this copy differs from `peer`'s at `lsn`: it must be made anew
        needs_snapshot,  ///< `peer` needs records that are gone from the log: it is given a copy
        copy_ready,  ///< this node lacked too much and has a copy as of `lsn`: stop it, close the database, open both again
        asked_to_lead,  ///< `peer` hands the leadership over
        failed,         ///< storage failed
        connected,      ///< to `peer`
        disconnected,   ///< from `peer`; `text` says why
    };
    kind what = kind::following;
    std::uint64_t term = 0;
    std::uint64_t lsn = 0;
    std::uint64_t count = 0;
    std::string peer = {};
    std::string text = {};
};

struct node_options {
    /// Of one name are those who belong together. Not empty.
    std::string cluster;
    /// Of this node; empty: its address. A directory that was lost comes back under another name, since what it has
    /// promised is lost, too.
    std::string name;
    std::string listen;              ///< host:port; port 0: any that is free
    std::string address;             ///< where others reach it; empty: `listen`
    std::vector<std::string> peers;  ///< addresses of the others; its own among them does no harm
    /// Names of those who vote when the cluster begins, the same on all nodes; empty: this node and `peers`. Later
    /// changes are made by `change_members` alone.
    std::vector<std::string> members;
    coordinator_options coordinator;
    security_options security;
    /// Makes the database a member if it is none. Set it when a node is set up, not in a script that restarts it: a lost
    /// directory would go unnoticed, and what it had promised be forgotten.
    bool first_start = false;
    std::uint32_t commit_timeout_ms = 10'000;
    /// Called by the thread that runs the node; must not wait for it. May be null.
    std::function<void(const node_event&)> on_event;
};

struct node_peer {
    std::string name;     ///< the first digits of its id, where the name is not known
    std::string address;  ///< empty: it is at none of `peers`
    bool connected = false;
    bool refused = false;  ///< for good: another cluster, wrong secret, ...
    bool voter = false;
    std::uint64_t durable_lsn = 0;  ///< of a leader's peers: what they have, as they said last
    std::uint64_t applied_lsn = 0;
    std::uint64_t lag_records = 0;  ///< that they lack
    std::uint64_t lag_ms = 0;       ///< how long ago the first record that they have not applied was written
    std::uint64_t bytes_under_way = 0;
    std::uint64_t frames_lost = 0;  ///< because too much waited to be sent
    bool needs_snapshot = false;
    std::string trouble;  ///< why it was not connected last
};

struct node_status {
    std::string name;
    std::string address;
    replication::role role = replication::role::follower;
    std::uint64_t term = 0;
    std::string leader;          ///< name; empty: none is known
    std::string leader_address;  ///< empty: not known
    bool voter = false;
    bool suspended = false;      ///< leads without a lease: quorum writes go on
    bool read_only = false;      ///< leads, and hears no majority
    bool state_differs = false;  ///< must not be read
    std::uint64_t last_lsn = 0, durable_lsn = 0, commit_lsn = 0, applied_lsn = 0;
    std::vector<node_peer> peers;
    bool copy_ready = false;                                  ///< as the event of that name
    std::uint64_t copy_bytes_done = 0, copy_bytes_total = 0;  ///< of the copy that this node is being given; else 0
    std::string coordinator_trouble;  ///< why it gave no answer last; empty: it did, or is no other process
};

/// How new a copy must be before it is read.
struct read {
    enum class kind : std::uint8_t { eventual, your_writes, strong };
    kind level = kind::eventual;
    std::uint64_t term = 0, lsn = 0;

    /// As it is.
    [[nodiscard]] static read eventual() noexcept { return {}; }
    /// With that write.
    [[nodiscard]] static read your_writes(const write_result& written) noexcept {
        return {kind::your_writes, written.term, written.lsn};
    }
    /// With every write that anybody was told is done. A majority is asked whether the leader still leads; no clock
    /// and no lease is believed.
    [[nodiscard]] static read strong() noexcept { return {kind::strong, 0, 0}; }
};

/// Thread safety: any thread, but for the thread that runs the node, which must not wait for itself: `on_event` may call
/// `status` alone.
class node {
public:
    /// Runs on a thread of its own. The database must be open for writing and stay open until `stop`.
    /// Errors: invalid_argument (names the option), not_found (not a member yet, and `first_start` is off), io (the address
    ///         is taken), unsupported (in memory, encrypted, with an archive), unavailable (closed), corruption,
    ///         resource_exhausted.
    [[nodiscard]] static result<node> start(const database& db, const node_options& options);
    /// Runs on an executor of the host, whose thread must not be the one that calls `stop`.
    /// Errors: as above.
    [[nodiscard]] static result<node> start(const database& db, boost::asio::any_io_executor run_on,
                                            const node_options& options);

    node(node&&) noexcept;
    node& operator=(node&&) noexcept;
    /// Stops.
    ~node();

    /// Waits until a read of this copy is as new as that. Then read the database as always.
    /// Errors: timed_out (the copy lags), conflict (your_writes: the write is lost, which none is that a majority had),
    ///         unavailable (strong: no leader that hears a majority; stopped).
    result<void> wait_for(const read& level, std::uint32_t timeout_ms = 5'000) const;

    /// Errors: unavailable (stopped).
    [[nodiscard]] result<node_status> status() const;
    /// Where it listens, with the port that it got.
    [[nodiscard]] const std::string& listening_at() const noexcept;

    /// static_primary_options: this node is to lead, in a term above all that it knows of. Whoever leads now is cut off by that, if
    /// a majority can be reached. Returns before it leads.
    /// Errors: unsupported (another coordinator decides), unavailable (stopped).
    result<void> promote();
    /// On the leader: hands over to `to`, by default the voter that is nearest, once that has all, and waits until it leads.
    /// Meanwhile writes are refused. If it does not come to be, this node leads on.
    /// Errors: not_leader, invalid_argument (no other voter of that name), timed_out, unavailable.
    result<void> switchover(const std::string& to = {});
    /// On the leader: these vote and those only get copies, from now on. One voter more or less at a time; who is to vote must
    /// have been a learner and lack little.
    /// Errors: not_leader, invalid_argument, conflict (an earlier change is under way; too much is lacking), timed_out,
    ///         unavailable, unknown_outcome.
    result<void> change_members(const std::vector<std::string>& voters, const std::vector<std::string>& learners = {});

    /// Leads no longer, talks to nobody any more; writes that wait get `unknown_outcome`. The database stays open and takes no
    /// writes. Idempotent.
    void stop();

private:
    class runtime;
    explicit node(std::shared_ptr<runtime> running) noexcept;
    std::shared_ptr<runtime> runtime_;
};

/// The DNS name that the certificate of a node must have (tls_options::node_in_certificate).
[[nodiscard]] std::string certificate_name(const std::string& cluster, const std::string& name);

}  // namespace vecstore::replication
