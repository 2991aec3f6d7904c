// A database that is one of several copies: what is in its log is applied when others say that it is committed.
#include "commit_gate.hpp"
#include "database_state.hpp"

#include <collection/tables.hpp>

#include <set>

namespace vecstore::detail {
namespace {

constexpr std::size_t bytes_in_a_turn = 4u << 20;  // so that readers see progress, and checkpoints get their turn

}  // namespace

result<void> database_state::check_member() const {
    VECSTORE_CHECK(check_writable());
    if (in_memory()) return error{errc::unsupported, "a database in memory has no log to share"};
    if (cipher_.encrypts())
        return error{errc::unsupported, "an encrypted database cannot be replicated yet", directory_, 0};
    if (!options_.archive_directory.empty())
        return error{errc::unsupported,
                     "archive_directory: the log of a replica may be cut, and cannot be archived yet", directory_, 0};
    return {};
}

result<void> database_state::become_member(const std::function<result<void>(storage::file_system&)>& make_file) {
    VECSTORE_CHECK(check_member());
    const lock_guard lock(checkpoint_mutex_);
    return queue_.exclusively([&]() -> result<void> {
        VECSTORE_CHECK(check_writable());
        if (member_) return error{errc::already_exists, "the database is a member of a cluster already", directory_, 0};
        VECSTORE_CHECK(sync_log());
        if (!config_.empty()) {  // of the cluster that this is a copy of
            VECSTORE_TRY(const auto tables, tables_->write());
            VECSTORE_CHECK(tables->erase(tables::meta, as_bytes("config")));
            VECSTORE_CHECK(tables->commit());
            config_.clear();
        }
        VECSTORE_CHECK(make_file(*files_));
        member_ = following_ = true;
        return {};
    });
}

result<void> database_state::attach(commit_gate& gate) {
    VECSTORE_CHECK(check_member());
    return queue_.exclusively([&]() -> result<void> {
        VECSTORE_CHECK(check_writable());
        if (!member_) return error{errc::internal, "attached before it is a member of a cluster", directory_, 0};
        if (gate_ != nullptr) return error{errc::already_exists, "the database's log is shared already", directory_, 0};
        const lock_guard lock(log_mutex_);
        if (!log_) return error{errc::unavailable, "the database is closed", directory_, 0};
        VECSTORE_CHECK(log_->keep_positions(applied_.lsn, {applied_.term, applied_.chain}));
        durable_lsn_.store(log_->durable_lsn(), std::memory_order_release);
        gate_ = &gate;
        return {};
    });
}

void database_state::detach() {
    (void)queue_.exclusively([&]() -> result<void> {
        gate_ = nullptr;
        following_ = true;
        return {};
    });
    held_lsn_ = ~std::uint64_t{0};
}

result<database_state::applied_state> database_state::applied() {
    applied_state found;
    VECSTORE_CHECK(queue_.exclusively([&]() -> result<void> {
        found = {applied_, config_};
        return {};
    }));
    return found;
}

result<std::uint64_t> database_state::apply_committed(std::uint64_t upto) {
    while (lsn_.load(std::memory_order_acquire) < upto) {
        const auto some = queue_.exclusively([&]() -> result<void> {
            VECSTORE_CHECK(check_writable());
            if (gate_ == nullptr) return error{errc::unavailable, "replication has been stopped", directory_, 0};
            return apply_from_log(upto, bytes_in_a_turn);
        });
        VECSTORE_CHECK(some);
    }
    checkpoint_if_due();
    return lsn_.load(std::memory_order_acquire);
}

/// Applies whole batches up to `upto`, or some of them, and publishes. By the writer.
result<void> database_state::apply_from_log(std::uint64_t upto, std::size_t bytes_max) {
    if (lsn_.load(std::memory_order_relaxed) >= upto) return {};
    VECSTORE_TRY(const auto tables, tables_->read());
    half_applied_ = true;
    auto done = commit_queue::without_exceptions([&] { return apply_batches(upto, bytes_max, *tables); });
    if (!done) return poison(std::move(done).error());
    half_applied_ = false;
    return {};
}

result<void> database_state::apply_batches(std::uint64_t upto, std::size_t bytes_max, storage::table_reader& tables) {
    auto at = applied_;
    std::set<collection_id> touched;
    std::size_t bytes = 0;
    bool open = false;
    byte_writer chunk;
    while (at.lsn < upto && (open || bytes < bytes_max)) {
        chunk.clear();
        VECSTORE_CHECK(gate_->read(at.lsn + 1, chunk));
        for (auto rest = chunk.bytes(); !rest.empty() && at.lsn < upto;) {
            const auto record = wal::decode_record(rest, 0);
            if (!record || record->lsn != at.lsn + 1 || (at.chain != 0 && record->prev_chain != at.chain))
                return corruption("log record " + std::to_string(at.lsn + 1) + " cannot be read", path("wal"), 0);
            VECSTORE_CHECK(apply_stored(*record, tables));
            if (record->type == wal::record_type::state_hash)
                if (const auto hash = current_hash()) gate_->state_hashed(record->lsn, *hash);
            touched.insert(byte_reader(record->payload).get<collection_id>());
            at = {record->lsn, record->term, record->chain};
            open = record->batch_continues();
            const auto taken = wal::record_bytes(record->payload.size());
            bytes += taken;
            rest = rest.subspan(taken);
        }
    }
    applied_ = at;
    for (const auto id : touched)
        if (const auto found = by_id_.find(id); found != by_id_.end()) {
            found->second->publish(at.lsn);
            if (found->second->expiring()) any_expiring_ = true;
        }
    lsn_.store(at.lsn, std::memory_order_release);
    bytes_since_seal_.fetch_add(bytes, std::memory_order_relaxed);
    publish_position();
    {
        const lock_guard lock(log_mutex_);
        if (log_) durable_lsn_.store(log_->durable_lsn(), std::memory_order_release);
    }
    notify_feeds_of_write();
    return {};
}

/// The log goes on meanwhile: only who uses the writer waits for the lock.
result<void> database_state::sync_shared_log() {
    wal::sync_point point;
    {
        const lock_guard lock(log_mutex_);
        if (!log_) return {};
        point = log_->begin_sync();
    }
    auto synced = point.file ? point.file->sync() : result<void>{};
    {
        const lock_guard lock(log_mutex_);
        if (!log_) return {};
        synced = log_->end_sync(point, std::move(synced));
        if (!synced) return poison(std::move(synced).error());
        durable_lsn_.store(log_->durable_lsn(), std::memory_order_release);
    }
    notify_feeds_of_write();
    return {};
}

/// Of all collections, as applied. By the writer.
std::optional<hash128> database_state::current_hash() const {
    hash128 sum{};
    for (const auto& [id, state] : by_id_) {
        if (!state->state_hash()) return std::nullopt;
        sum += *state->state_hash();
    }
    return sum;
}

result<void> database_state::load_config(storage::table_reader& tables) {
    VECSTORE_TRY(const auto value, tables.get(tables::meta, as_bytes("config")));
    config_.clear();
    if (value) config_.assign(value->begin(), value->end());
    return {};
}

void database_state::log_failed(error cause) { (void)poison(std::move(cause)); }

}  // namespace vecstore::detail
