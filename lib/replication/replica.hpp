/// One node of a cluster that shares a log: a state machine that owns no thread, socket, file or clock. The host tells it
/// what has happened and when; it asks for what should be done through its ports.
///
/// Who leads: a candidate with the coordinator's lease asks voters to promise its term, takes the best log among a
/// majority of promises, and opens its term in the log. Safety rests on promises and majorities alone, never on leases
/// or clocks. A lease only says who should try, and whether acknowledgements weaker than a majority may be given.
/// Papers: Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm", USENIX ATC 2014 (log matching, commit rule);
/// Liskov & Cowling, "Viewstamped Replication Revisited", 2012 (the new leader takes the best log of a majority).
/// Differs from Raft: any voter can win, since it fetches what it lacks; a coordinator replaces the election timeout.
///
/// Invariants: promises and commit_lsn never fall; nothing is answered in a term that is not durably promised; nothing is
/// cut that is committed; nothing is applied that is not.
/// Thread safety: one thread at a time.
#pragma once

#include "membership.hpp"
#include "message.hpp"
#include "ports.hpp"

#include <vecstore/core/random.hpp>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace vecstore::replication {

struct replica_options {
    node_id self{};
    std::uint64_t session = 0;      ///< random: another one each time that the node starts
    std::uint64_t random_seed = 0;  ///< of delays
    time_us heartbeat_us = 250'000;
    time_us resend_us = 400'000;           ///< without progress, what is under way counts as lost
    time_us quorum_lost_us = 1'000'000;    ///< a leader that hears no majority for so long takes no writes,
    time_us quorum_resign_us = 2'000'000;  ///< and for so long gives its lease back
    time_us election_us = 2'000'000;       ///< a candidate that is not elected gives its lease back
    time_us look_us = 1'000'000;           ///< between looks whether there is a leader
    time_us campaign_delay_us = 150'000;   ///< at most, when there is none
    time_us renew_us = 400'000;
    time_us lease_margin_us = 400'000;  ///< a lease counts as lost so long before its end
    time_us coordinator_timeout_us = 350'000;
    time_us hand_over_us = 2'000'000;     ///< longest wait for who is to lead next
    time_us commit_notice_us = 2'000;     ///< at least between two heartbeats that only say what is committed
    std::size_t append_bytes = 1u << 20;  ///< of records in one frame
    std::size_t window_bytes = 16u << 20;
    std::size_t window_frames = 256;
    std::size_t eager_frames = 4;  ///< with so many under way, records wait until they fill a frame
    std::size_t pending_max = 100'000;
    std::uint64_t learner_lag_max = 1'000;  ///< records that a learner may lack when it is made a voter
    std::uint64_t hash_interval = 1'024;    ///< records between two comparisons of states
};

struct replica_ports {
    replica_log& log;
    promise_store& promises;
    state_machine& state;
    network& net;
    coordinator& leases;
    listener& host;
};

/// What the node knows when it starts, besides its log.
struct replica_start {
    promised_leader promised;
    std::uint64_t applied_lsn = 0;  ///< of the state: committed
    membership members;             ///< as of that record
};

enum class replica_role : std::uint8_t { follower, candidate, leader, failed };
enum class ack_level : std::uint8_t { leader_only, one_copy, quorum };

struct peer_status {
    node_id node{};
    std::uint64_t durable_lsn = 0;
    std::uint64_t applied_lsn = 0;
    std::size_t bytes_under_way = 0;
    time_us heard_at = 0;
    bool needs_snapshot = false;
};

struct replica_status {
    replica_role role = replica_role::follower;
    promised_leader promised;
    std::optional<node_id> leader;  ///< who is followed; oneself when leading
    position last;
    std::uint64_t durable_lsn = 0;
    std::uint64_t commit_lsn = 0;
    std::uint64_t applied_lsn = 0;
    bool voter = false;
    bool lease_held = false;     ///< false while leading: suspended
    bool read_only = false;      ///< leading without a majority
    bool state_differs = false;  ///< must not answer reads
    std::vector<peer_status> peers;
};

class replica {
public:
    /// The ports must outlive it; all records of the log are durable.
    /// Errors: those of reading the log; corruption (a config record).
    /// Cost: reads the log from applied_lsn on.
    [[nodiscard]] static result<std::unique_ptr<replica>> open(const replica_options& options,
                                                               const replica_ports& ports, const replica_start& start,
                                                               time_us now);

    // What has happened. `now` may stand still, and jump ahead.
    void receive(time_us now, const node_id& from, byte_span frame);
    /// Sends a frame that is not the replica's own.
    void send_frame(const node_id& to, byte_span frame) { net_.send(to, frame); }
    void tick(time_us now);
    void log_synced(time_us now, std::uint64_t id, bool ok);
    void promise_stored(time_us now, std::uint64_t id, bool ok);
    void applied(time_us now, std::uint64_t lsn);
    /// The state's hash at a `state_hash` record, when that has been applied.
    void state_hashed(std::uint64_t lsn, const hash128& hash);
    void answered(time_us now, const coordinator_reply& reply);

    /// When `tick` wants to be called at the latest.
    [[nodiscard]] time_us next_deadline() const noexcept { return deadline_; }

    /// Appends one or more whole batches (`wal::flag_batch_continues`), whose end is reported by their ticket.
    /// Errors: unavailable (not leading, no majority, no lease for that level: surely not done), resource_exhausted (too
    /// many pending, disk full), invalid_argument (no drafts, an open batch).
    [[nodiscard]] result<std::uint64_t> submit(time_us now, std::span<const wal::draft> batch, ack_level level);

    /// Reports, by a ticket, an lsn at which a read sees every write that was acknowledged before this call.
    /// Errors: unavailable, resource_exhausted.
    [[nodiscard]] result<std::uint64_t> read_barrier(time_us now);

    /// Its ticket ends when the change is committed. The epoch is set here.
    /// Errors: unavailable, invalid_argument (check_change), conflict (an earlier change, or this term, is not committed
    /// yet; the new voter lacks too much).
    [[nodiscard]] result<std::uint64_t> change_membership(time_us now, membership to);

    /// Begins to leave the leadership to `to`: takes no more writes, waits until what was written is committed and `to` has
    /// all of it, then lets go. After `hand_over_us` it leads on. Followed by the event `following`, or by none.
    /// Errors: unavailable (not leading, no majority, handed over already), invalid_argument (no other voter).
    result<void> hand_over_to(time_us now, const node_id& to);

    /// The coordinator may have changed its mind: it is asked at the next tick, at once.
    void look_soon(time_us now);

    [[nodiscard]] replica_status status() const;
    [[nodiscard]] replica_role role() const noexcept { return role_; }
    [[nodiscard]] const promised_leader& promised() const noexcept { return promised_; }
    [[nodiscard]] std::uint64_t commit_lsn() const noexcept { return commit_lsn_; }
    [[nodiscard]] const membership& members() const noexcept { return configs_.back().second; }

private:
    struct under_way {
        std::uint64_t last_lsn = 0;
        std::size_t bytes = 0;
    };
    struct peer {
        node_id node{};
        std::uint64_t match_lsn = 0;  ///< durable there
        std::uint64_t next_lsn = 1;
        std::uint64_t applied_lsn = 0;
        std::uint64_t round = 0;  ///< the largest that it has answered
        std::size_t credit = 0;
        std::deque<under_way> sent;
        std::size_t sent_bytes = 0;
        time_us progress_at = 0;
        time_us heard_at = 0;
        time_us noticed_at = 0;
        std::uint64_t noticed_commit = 0;  ///< the last that it was sent
        bool probing = true;               ///< where its log meets this one is not known
        bool needs_snapshot = false;
        std::optional<promise> promised;  ///< while a candidate
    };
    struct pending {
        std::uint64_t ticket = 0;
        position at;
        std::uint64_t round = 0;  ///< of a read
    };
    enum class intake { taken, conflict, malformed, failed };

    replica(const replica_options& options, const replica_ports& ports, const replica_start& start, time_us now);

    // replica.cpp
    result<void> load_configs();
    void advance(time_us now) noexcept { now_ = now > now_ ? now : now_; }
    void settle();
    void set_deadline();
    void fail();
    void notify(event_kind kind, std::uint64_t lsn = 0, std::uint64_t count = 0, const node_id& about = {});
    void send(const node_id& to, const message& m, std::uint64_t term);
    void end_leading();
    void adopt(std::uint64_t term, const node_id& node);
    void commit_to(std::uint64_t lsn);
    void compare_hash(const node_id& about, std::uint64_t lsn, const hash128& hash);
    [[nodiscard]] bool promise_durable() const noexcept { return stored_id_ == store_id_; }
    [[nodiscard]] bool has(const position& p) const;
    void add_configs(std::span<const wal::record> records);
    [[nodiscard]] const membership& voting() const noexcept;
    void refresh_peers();
    [[nodiscard]] peer* find(const node_id& node) noexcept;
    [[nodiscard]] std::vector<term_run> runs_upto(std::uint64_t lsn) const;
    [[nodiscard]] std::uint64_t common_with(const reject& r) const;

    // replica_follower.cpp
    [[nodiscard]] bool follows(const node_id& from, std::uint64_t term, std::uint64_t asked_lsn);
    void on(const node_id& from, std::uint64_t term, const append& m);
    void on(const node_id& from, std::uint64_t term, const heartbeat& m);
    void on(const node_id& from, std::uint64_t term, const fence& m);
    void on(const node_id& from, std::uint64_t term, const fetch& m);
    [[nodiscard]] intake take(const position& prev, byte_span records, std::uint64_t& upto);
    [[nodiscard]] intake take_from(position at, byte_span source, std::uint64_t& upto);
    [[nodiscard]] intake keep(std::span<const wal::record> records, byte_span open_batch, const position& end);
    [[nodiscard]] bool cut_behind(std::uint64_t lsn);
    void send_conflict(const node_id& to, std::uint64_t term, std::uint64_t asked_lsn);
    void acknowledge();
    void give_promise();

    // replica_leader.cpp
    void on(const node_id& from, std::uint64_t term, const append_ok& m);
    void on(const node_id& from, std::uint64_t term, const reject& m);
    void lead();
    void ship(peer& p);
    void ship_all();
    void probe(peer& p);
    void send_heartbeat(peer& p);
    void heartbeat_all();
    void advance_commit();
    void tell_commit();
    void leave_if_removed();
    [[nodiscard]] bool notice_due(const peer& p) const noexcept {
        return p.sent.empty() && p.noticed_commit < commit_lsn_;
    }
    void finish_pending();
    result<void> append_own(std::span<const wal::draft> batch);
    [[nodiscard]] result<void> check_leading() const;
    [[nodiscard]] bool hears_majority(time_us within) const;
    void leader_tick();

    // replica_hand_over.cpp
    void on(const node_id& from, std::uint64_t term, const hand_over& m);
    void finish_hand_over();

    // replica_election.cpp
    void on(const node_id& from, std::uint64_t term, const promise& m);
    void on(const node_id& from, std::uint64_t term, const fetched& m);
    void stand(std::uint64_t term);
    void election_step();
    void ask_promises();
    void ask_missing(const node_id& best);
    void candidate_rejected(const node_id& from, const reject& m);
    void give_up();
    void lease_tick();
    void ask_coordinator(coordinator_call call, std::uint64_t term);
    void resign();
    [[nodiscard]] bool may_campaign() const;
    [[nodiscard]] bool lease_valid() const noexcept { return lease_held_ && now_ < lease_until_; }

    // Nothing to do with these: both sides of a connection have met before.
    void on(const node_id&, std::uint64_t, const hello&) {}
    void on(const node_id&, std::uint64_t, const refuse&) {}
    void on(const node_id&, std::uint64_t, const proof&) {}
    // The host answers these (net/reads.hpp).
    void on(const node_id&, std::uint64_t, const read_index&) {}
    void on(const node_id&, std::uint64_t, const read_index_ok&) {}

    const replica_options options_;
    replica_log& log_;
    promise_store& promises_;
    state_machine& state_;
    network& net_;
    coordinator& leases_;
    listener& host_;
    random_source random_;

    time_us now_ = 0;
    time_us deadline_ = 0;
    replica_role role_ = replica_role::follower;
    promised_leader promised_;
    std::uint64_t term_seen_ = 0;
    std::uint64_t store_id_ = 0, stored_id_ = 0;
    std::uint64_t sync_id_ = 0, sync_target_ = 0;
    bool syncing_ = false;
    std::uint64_t durable_lsn_ = 0;
    std::uint64_t commit_lsn_ = 0;
    std::uint64_t applying_lsn_ = 0, applied_lsn_ = 0;
    std::vector<std::pair<std::uint64_t, membership>> configs_;  ///< last committed one, then those that are not
    std::deque<std::pair<std::uint64_t, hash128>> hashes_;       ///< of own state, the latest
    bool state_differs_ = false;
    std::vector<peer> peers_;
    byte_writer frame_, records_;  ///< kept for their capacity
    std::uint64_t malformed_ = 0;

    // Follower
    std::uint64_t followed_term_ = 0;  ///< of the leader that `matched_lsn_` is about
    node_id followed_{};
    std::uint64_t matched_lsn_ = 0;  ///< the log is the leader's up to here
    std::uint64_t heard_round_ = 0;
    bool answer_due_ = false;
    bool fence_due_ = false;  ///< the promised node waits for the promise
    byte_vector open_batch_;  ///< records behind the log whose batch has not ended
    position open_end_;
    std::vector<wal::record> taken_;

    // Leader
    std::uint64_t term_ = 0;
    std::uint64_t term_open_lsn_ = 0;
    std::uint64_t round_ = 0;
    std::uint64_t last_hash_lsn_ = 0;
    time_us heartbeat_at_ = 0;
    std::uint64_t next_ticket_ = 1;
    std::array<std::deque<pending>, 3> writes_;  ///< by level
    std::deque<pending> reads_;
    std::optional<node_id> heir_;  ///< who is to lead next
    time_us heir_until_ = 0;

    // Candidate
    time_us election_until_ = 0;
    time_us ask_again_at_ = 0;
    bool fetching_ = false;

    // Lease
    bool lease_held_ = false;
    std::uint64_t lease_term_ = 0;
    time_us lease_until_ = 0;
    time_us lease_action_at_ = 0;  ///< the next look, campaign or renewal
    bool campaign_next_ = false;
    std::uint64_t call_id_ = 0;
    coordinator_call call_ = coordinator_call::look;
    time_us call_sent_at_ = 0;
    bool call_open_ = false;
};

}  // namespace vecstore::replication
