/// Gives copies of this database to members that need records which its log has let go of: makes a snapshot, offers it, and serves
/// its files piece by piece. One snapshot serves all who ask meanwhile; it goes when nobody has asked for a while.
/// A snapshot holds what is committed, so that any member may be a source, whoever leads.
/// Thread safety: all functions by the thread of the replica; the snapshot is made by `work`.
#pragma once

#include "ports.hpp"
#include "seed_message.hpp"

#include <vecstore/database/database.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::replication {

struct seed_source_options {
    /// Runs a function on the thread of the replica, later; from any thread.
    std::function<void(std::function<void()>)> post;
    /// Runs what takes time, elsewhere.
    std::function<void(std::function<void()>)> work;
    time_us idle_us = 60'000'000;        ///< after so long without a question the snapshot is removed
    time_us offer_again_us = 2'000'000;  ///< at least between two offers to one node
    /// Gets what goes wrong; null: nobody.
    std::function<void(const error&)> failed = {};
};

class seed_source {
public:
    /// Removes what an earlier run has left. `net` must outlive it.  Errors: unsupported (in memory), io.
    [[nodiscard]] static result<std::unique_ptr<seed_source>> open(const database& db, network& net,
                                                                   const seed_source_options& options);
    /// Removes the snapshot.
    ~seed_source();

    /// `to` needs a snapshot (event_kind::needs_snapshot, again and again while it does).
    void offer(time_us now, const node_id& to);
    /// True when it was a frame for a source.
    bool receive(time_us now, const node_id& from, byte_span frame);
    void tick(time_us now);
    /// The log from there on is needed by those who take the snapshot; the largest number when there is none.
    [[nodiscard]] std::uint64_t first_lsn_needed() const noexcept;

private:
    struct shared;
    explicit seed_source(std::shared_ptr<shared> inner) noexcept : shared_(std::move(inner)) {}
    std::shared_ptr<shared> shared_;
};

}  // namespace vecstore::replication
