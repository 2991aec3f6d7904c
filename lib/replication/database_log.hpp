/// A database as the log, the state and the memory of promises of one replica.
///
///   database_log::open(db, identity, options)  ->  replica::open(..., {log, log, log, net, leases, log}, start(), now)
///   log->attach(replica, clock)                ->  writes of the database go through the replica, committed records into it
///   log->detach()                              ->  before the replica goes
///
/// A write holds the writer's turn (lib/database/write.cpp) until it is committed: its records go to the replica, which appends,
/// syncs and ships them; once they are committed they are applied and published by the thread that wrote. What others
/// wrote is applied by a thread of this object's. Nothing that is not committed is ever applied.
/// A directory with a file `replica` belongs to a cluster: opened by `database::open` it shows its last checkpoint and takes no
/// writes until `attach`, since the log behind the checkpoint may be cut.
/// Who lacks records that are gone gets a copy from who leads (seed_source.hpp, seed_target.hpp), by itself: when the event copy_ready
/// says so, detach, close the database and open it again, which puts the copy in place.
/// Thread safety: the ports, `attach` and `detach` belong to the thread of the replica; what they start is reported through
/// `options.post`. The database is used from any thread as always.
#pragma once

#include "ports.hpp"
#include "replica.hpp"
#include "replica_file.hpp"
#include "seed_target.hpp"

#include <vecstore/database/database.hpp>

#include <functional>
#include <memory>
#include <string>

namespace vecstore::replication {

struct database_log_options {
    /// Runs a function on the thread of the replica, later, in order; from any thread. Nothing may come after `detach`
    /// has been called by that thread. (What has been posted before is harmless then.)
    std::function<void(std::function<void()>)> post;
    /// Runs work that takes time (syncs, promises, applying), each kind in order. Null: by two threads of this object's own.
    std::function<void(std::function<void()>)> work = {};
    /// For programs of one thread: lets something else happen while a write waits, and says whether to wait on. Null: the writer
    /// sleeps until it is woken, `commit_timeout_ms` at most.
    std::function<bool()> wait = {};
    /// Of the files of a copy that are on their way: bytes of one piece.
    std::uint32_t seed_piece_bytes = 1u << 20;
    /// How long a write waits to be committed; then its outcome is unknown.
    std::uint64_t commit_timeout_ms = 10'000;
    /// Of the latest records, in memory, so that followers that keep up are not served from files.
    std::size_t recent_bytes = 8u << 20;
    /// What not_leader says of who leads, e.g. its address. Null: the first digits of its id.
    std::function<std::string(const node_id&)> name_of = {};
    /// Gets what the replica says to its host, but for the outcomes of the database's own writes; ignores tickets that it does
    /// not know.
    listener* host = nullptr;
};

class database_log final : public replica_log, public promise_store, public state_machine, public listener {
public:
    /// Makes the database a member of a cluster with `identity`, if it is none yet; else `identity` is not looked at but for
    /// its cluster. A database that has been used on its own becomes one with all it holds, and with the promise to follow itself
    /// in its log's term.
    /// Errors: invalid_argument (another cluster, members), unsupported (in memory, read-only, encrypted, with an archive),
    ///         already_exists (attached already), unavailable (closed), corruption, resource_exhausted, io.
    /// Cost: reads the log that is kept once.
    [[nodiscard]] static result<std::unique_ptr<database_log>> open(const database& db,
                                                                    const replica_identity& identity,
                                                                    const database_log_options& options);
    /// Detaches.
    ~database_log() override;

    /// As it was found, or made.
    [[nodiscard]] const replica_identity& identity() const noexcept;
    /// For `replica::open`.  Errors: corruption (a config record), unavailable (closed).
    [[nodiscard]] result<replica_start> start() const;

    /// `owner` and `clock` must outlive `detach`.
    void attach(replica& owner, std::function<time_us()> clock);
    /// Writes that wait end with unknown_outcome. The database takes no writes any more.
    void detach();

    /// Of the copy that this node is being given.
    [[nodiscard]] seed_status seeding() const;

    // replica_log
    [[nodiscard]] position last() const override;
    [[nodiscard]] std::uint64_t first_lsn() const override;
    [[nodiscard]] std::optional<position> at(std::uint64_t lsn) const override;
    result<void> append(std::span<const wal::record> records) override;
    void start_sync(std::uint64_t id) override;
    result<void> cut(std::uint64_t lsn) override;
    [[nodiscard]] result<std::uint64_t> read(std::uint64_t from_lsn, std::size_t bytes_max,
                                             byte_writer& out) const override;

    // promise_store, state_machine, listener
    void start_store(std::uint64_t id, const promised_leader& promised) override;
    void apply_to(std::uint64_t lsn) override;
    void finished(const write_outcome& outcome) override;
    void happened(const event& what) override;
    void received(const node_id& from, byte_span frame) override;
    void ticked(time_us now) override;

    struct shared;

private:
    explicit database_log(std::shared_ptr<shared> inner) noexcept;
    std::shared_ptr<shared> shared_;
};

}  // namespace vecstore::replication
