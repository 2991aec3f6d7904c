/// What a replica needs of the world around it. It calls these from its own functions and nowhere else, and none of them
/// calls it back: what takes time is started, and its end is reported by a call of the replica.
/// Thread safety: one thread at a time, that of the replica.
#pragma once

#include "types.hpp"

#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/wal/record.hpp>

#include <optional>
#include <span>

namespace vecstore::replication {

/// The log: whole batches, contiguous, of terms that never fall.
class replica_log {
public:
    replica_log() = default;
    replica_log(const replica_log&) = delete;
    replica_log& operator=(const replica_log&) = delete;
    virtual ~replica_log() = default;

    /// The last record, synced or not.
    [[nodiscard]] virtual position last() const = 0;
    /// First lsn that can be read; last().lsn + 1 when there is none.
    [[nodiscard]] virtual std::uint64_t first_lsn() const = 0;
    /// Nothing outside first_lsn() - 1 to last().lsn.
    [[nodiscard]] virtual std::optional<position> at(std::uint64_t lsn) const = 0;
    /// Appends whole batches. Chains are computed by the log; those in the records are not looked at.
    /// Errors: resource_exhausted (nothing was appended), others: the log is unusable.
    virtual result<void> append(std::span<const wal::record> records) = 0;
    /// Begins to make durable what has been appended; the end is reported with `id`. A cut cancels it.
    virtual void start_sync(std::uint64_t id) = 0;
    /// Keeps the records above `lsn` in a file of their own, then takes them off the log. On return all of it is
    /// durable, what is left too.
    /// Errors: any; the log is unusable.
    virtual result<void> cut(std::uint64_t lsn) = 0;
    /// Appends the bytes of records from `from_lsn` on, salt 0, to `out`: at least one, then while they fit in `bytes_max`.
    /// Gives the lsn of the last. Precondition: from_lsn is in the log.
    /// Errors: not_found (released meanwhile), corruption, io.
    [[nodiscard]] virtual result<std::uint64_t> read(std::uint64_t from_lsn, std::size_t bytes_max,
                                                     byte_writer& out) const = 0;
};

/// The one node that is followed, of the largest term.
struct promised_leader {
    std::uint64_t term = 0;
    node_id node{};
    friend bool operator==(const promised_leader&, const promised_leader&) = default;
};

class promise_store {
public:
    promise_store() = default;
    promise_store(const promise_store&) = delete;
    promise_store& operator=(const promise_store&) = delete;
    virtual ~promise_store() = default;
    /// Begins to make it durable in place of the one before; the end is reported with `id`.
    virtual void start_store(std::uint64_t id, const promised_leader& promised) = 0;
};

class state_machine {
public:
    state_machine() = default;
    state_machine(const state_machine&) = delete;
    state_machine& operator=(const state_machine&) = delete;
    virtual ~state_machine() = default;
    /// Begins to apply the records up to `lsn`, which are committed, durable here and end with a whole batch.
    virtual void apply_to(std::uint64_t lsn) = 0;
};

class network {
public:
    network() = default;
    network(const network&) = delete;
    network& operator=(const network&) = delete;
    virtual ~network() = default;
    /// Sends a frame, or loses it. The bytes live for the call.
    virtual void send(const node_id& to, byte_span frame) = 0;
};

enum class coordinator_call : std::uint8_t {
    look,      ///< is there a leader?
    campaign,  ///< be the leader, in a term above `term`
    renew,     ///< stay it
    resign,    ///< stop being it; no answer is waited for
};

struct coordinator_request {
    coordinator_call call = coordinator_call::look;
    std::uint64_t id = 0;
    std::uint64_t session = 0;  ///< of this run of the node: a lease belongs to it
    std::uint64_t term = 0;     ///< campaign: the largest term seen; renew and resign: that of the lease
};

struct coordinator_reply {
    std::uint64_t id = 0;
    bool held = false;    ///< campaign, renew: by the caller
    bool vacant = false;  ///< look, campaign, renew: nobody holds it
    std::uint64_t term = 0;
    time_us ttl_us = 0;  ///< from when the request was sent
};

/// Who may try to lead: gives leases and terms. What it says is for liveness alone: if it names two leaders, or a term
/// twice, nothing that was acknowledged is lost.
class coordinator {
public:
    coordinator() = default;
    coordinator(const coordinator&) = delete;
    coordinator& operator=(const coordinator&) = delete;
    virtual ~coordinator() = default;
    /// Asks; the answer is reported by a call of the replica, or never.
    virtual void ask(const coordinator_request& request) = 0;
};

struct write_outcome {
    std::uint64_t ticket = 0;
    bool done = false;  ///< else unknown: leadership ended before it was certain
    position at;        ///< of a write: its last record; of a read: the lsn to read at
};

enum class event_kind : std::uint8_t {
    leading,         ///< took leadership in `term`
    following,       ///< lost it, or gave up trying
    diverged,        ///< `count` records behind `lsn` were cut and kept
    state_differs,   ///< the state at `lsn` is not that of `peer`
    needs_snapshot,  ///< `peer` needs records below `lsn`, which are gone
    copy_ready,      ///< this node lacked too much and has got a copy as of `lsn`: the database is to be opened anew
    asked_to_lead,   ///< `peer`, who led, wants this node to lead
    failed,          ///< storage failed: nothing is acknowledged until it is opened again
};

struct event {
    event_kind kind = event_kind::following;
    std::uint64_t term = 0;
    std::uint64_t lsn = 0;
    std::uint64_t count = 0;
    node_id peer{};
};

class listener {
public:
    listener() = default;
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    virtual ~listener() = default;
    virtual void finished(const write_outcome& outcome) = 0;
    virtual void happened(const event& what) = 0;
    /// A frame that is not for the replica: of seeding (seed_message.hpp).
    virtual void received(const node_id& /*from*/, byte_span /*frame*/) {}
    /// The replica was called at a deadline of its own: each second at least, while it does not fail.
    virtual void ticked(time_us /*now*/) {}
};

}  // namespace vecstore::replication
