// Writes of a database on their way through a replica.
#include "database_log_shared.hpp"

#include <algorithm>

namespace vecstore::replication {

using stage = database_log::shared::open_write::stage;

error database_log::shared::not_leader() const {
    if (stopped_) return {errc::unavailable, "replication has been stopped"};
    if (leader_ == node_id{} || leader_ == identity.node)
        return {errc::not_leader, "not the leader, and none is known"};
    return {errc::not_leader,
            "not the leader: that is " + (options.name_of ? options.name_of(leader_) : short_name(leader_))};
}

bool database_log::shared::wait(std::chrono::steady_clock::time_point until) {
    if (options.wait) {
        mutex_.unlock();
        const bool go_on = options.wait();
        mutex_.lock();
        return go_on;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) return false;
    changed_.wait_for(mutex_, until - now);
    return true;
}

result<std::uint64_t> database_log::shared::begin() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.commit_timeout_ms);
    const lock_guard lock(mutex_);
    if (stopped_ || leading_term_ == 0) return not_leader();
    turn_open_ = true;
    turn_term_ = leading_term_;
    bool in_time = true;
    while (!stopped_ && leading_term_ == turn_term_ && committed_lsn_ < needed_lsn_ && in_time) in_time = wait(until);
    if (!stopped_ && leading_term_ == turn_term_ && committed_lsn_ >= needed_lsn_) return needed_lsn_;
    turn_open_ = false;
    if (committed_lsn_ > applied_lsn_) schedule_apply();
    if (!stopped_ && leading_term_ == turn_term_)
        return error{errc::timed_out, "what was written before has not been committed yet"};
    return not_leader();
}

result<detail::log_position> database_log::shared::commit(std::span<const wal::draft> drafts) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.commit_timeout_ms);
    const auto write = std::make_shared<open_write>();
    const lock_guard lock(mutex_);
    if (stopped_ || leading_term_ != turn_term_) return not_leader();
    write->drafts = drafts;
    write->term = turn_term_;
    write_ = write;
    options.post([this, shared = shared_from_this(), write] { submit(write); });
    const auto under_way = [&] { return write->at <= stage::waiting; };
    while (under_way()) {
        if (stopped_ && write->at == stage::queued) break;
        if (!wait(until) && write->at != stage::submitting) break;
    }
    write_.reset();
    switch (write->at) {
        case stage::committed: return detail::log_position{write->last.lsn, write->last.term, write->last.chain};
        case stage::refused: return write->refusal;
        case stage::queued:
            write->at = stage::refused;  // whoever comes to it leaves it alone
            return stopped_ ? not_leader() : error{errc::timed_out, "the replica did not take the write in time"};
        default: break;
    }
    write->at = stage::unknown;
    return error{errc::unknown_outcome, "the write is in the log up to lsn " + std::to_string(write->last.lsn) +
                                            " of term " + std::to_string(write->last.term) +
                                            ", and whether it will be committed is not known"};
}

void database_log::shared::end(std::uint64_t lsn) noexcept {
    const lock_guard lock(mutex_);
    turn_open_ = false;
    if (lsn > applied_lsn_) {
        applied_lsn_ = lsn;
        tell([lsn](replica& r, time_us now) { r.applied(now, lsn); });
    }
    if (committed_lsn_ > applied_lsn_) schedule_apply();
}

result<std::uint64_t> database_log::shared::read(std::uint64_t from_lsn, byte_writer& out) const {
    constexpr std::size_t bytes_at_once = 1u << 20;
    return state->with_log([&](wal::writer& log) { return files.read(log, from_lsn, bytes_at_once, out); });
}

void database_log::shared::state_hashed(std::uint64_t lsn, const hash128& hash) {
    tell([lsn, hash](replica& r, time_us) { r.state_hashed(lsn, hash); });
}

void database_log::shared::submit(const std::shared_ptr<open_write>& write) {
    {
        const lock_guard lock(mutex_);
        if (write->at != stage::queued) return;
        if (stopped_ || owner == nullptr || leading_term_ != write->term) {
            write->at = stage::refused;
            write->refusal = not_leader();
            changed_.notify_all();
            return;
        }
        write->at = stage::submitting;
    }
    submitting = write.get();
    early.clear();
    const auto ticket = owner->submit(clock(), write->drafts, ack_level::quorum);
    submitting = nullptr;
    {
        const lock_guard lock(mutex_);
        write->drafts = {};
        if (ticket) {
            write->ticket = *ticket;
            write->at = stage::waiting;
            needed_lsn_ = std::max(needed_lsn_, write->last.lsn);
        } else {
            // What the log could not take back may be shipped one day.
            const bool nothing_done = ticket.error().code != errc::io && ticket.error().code != errc::internal;
            write->at = nothing_done ? stage::refused : stage::unknown;
            write->refusal = ticket.error();
        }
        changed_.notify_all();
    }
    for (const auto& outcome : std::exchange(early, {})) write_ended(outcome);
}

/// All up to `lsn` is committed and durable here.
void database_log::shared::reached(std::uint64_t lsn) {
    const lock_guard lock(mutex_);
    committed_lsn_ = std::max(committed_lsn_, lsn);
    if (write_ && write_->at == stage::waiting && lsn >= write_->last.lsn) write_->at = stage::committed;
    changed_.notify_all();
    if (!turn_open_) schedule_apply();
}

void database_log::shared::write_ended(const write_outcome& outcome) {
    if (submitting != nullptr) return early.push_back(outcome);
    {
        const lock_guard lock(mutex_);
        if (write_ && write_->ticket == outcome.ticket && write_->ticket != 0) {
            // It is committed when it can be applied, which is sooner than this says so.
            if (!outcome.done && write_->at == stage::waiting) {
                write_->at = stage::unknown;
                changed_.notify_all();
            }
            return;
        }
    }
    if (options.host != nullptr) options.host->finished(outcome);
}

void database_log::shared::role_changed(std::uint64_t leading_term, std::uint64_t lsn) {
    const lock_guard lock(mutex_);
    leading_term_ = leading_term;
    needed_lsn_ = lsn;
    state->set_following(leading_term == 0);
    changed_.notify_all();
}

/// Followers that are heard get what they lack out of the log.
void database_log::shared::hold_log() const {
    auto least = source ? source->first_lsn_needed() : ~std::uint64_t{0};
    if (owner != nullptr && owner->role() == replica_role::leader)
        for (const auto& peer : owner->status().peers)
            if (!peer.needs_snapshot && peer.durable_lsn > 0) least = std::min(least, peer.durable_lsn + 1);
    state->hold_log_from(least);
}

void database_log::shared::schedule_apply() {
    if (std::exchange(apply_scheduled_, true)) return;
    run(applying, [shared = shared_from_this()] { shared->apply(); });
}

void database_log::shared::apply() {
    std::uint64_t upto = 0;
    {
        const lock_guard lock(mutex_);
        apply_scheduled_ = false;
        if (stopped_ || turn_open_ || committed_lsn_ <= applied_lsn_) return;  // `end` sees to it
        upto = committed_lsn_;
    }
    const auto done = state->apply_committed(upto);
    if (!done) {
        {
            const lock_guard lock(mutex_);
            if (stopped_) return;
        }
        return storage_failed(done.error());
    }
    const lock_guard lock(mutex_);
    if (*done <= applied_lsn_) return;
    applied_lsn_ = *done;
    tell([lsn = *done](replica& r, time_us now) { r.applied(now, lsn); });
}

/// Nothing is acknowledged any more, and leadership is given back.
void database_log::shared::storage_failed(error cause) {
    state->log_failed(std::move(cause));
    tell([](replica& r, time_us now) { r.promise_stored(now, 0, false); });
}

void database_log::shared::stop() {
    const lock_guard lock(mutex_);
    stopped_ = true;
    leading_term_ = 0;
    if (write_ && write_->at == stage::waiting) write_->at = stage::unknown;
    changed_.notify_all();
}

}  // namespace vecstore::replication
