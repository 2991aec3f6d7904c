// What readers of the log need: how far it may be read, whose collections it speaks of, and that it is kept.
#include "database_state.hpp"

#include <vecstore/payload/codec.hpp>

#include <collection/tables.hpp>

#include <algorithm>

namespace vecstore::detail {

std::uint64_t database_state::readable_lsn() const noexcept {
    return std::min(durable_lsn_.load(std::memory_order_acquire), lsn_.load(std::memory_order_acquire));
}

void database_state::wait_readable(std::uint64_t lsn, std::chrono::milliseconds timeout) {
    feeds_waiting_.fetch_add(1);
    {
        const lock_guard lock(feed_mutex_);
        if (readable_lsn() <= lsn && !closed_) feed_signal_.wait_for(feed_mutex_, timeout);
    }
    feeds_waiting_.fetch_sub(1);
}

void database_state::notify_feeds() {
    const lock_guard lock(feed_mutex_);
    feed_signal_.notify_all();
}

/// By the writer. Adding nothing orders this look behind the new lsn, so that no reader can miss both.
void database_state::notify_feeds_of_write() noexcept {
    if (feeds_waiting_.fetch_add(0) > 0) notify_feeds();
}

result<wal::cursor> database_state::open_log_cursor(std::uint64_t after_lsn) {
    VECSTORE_CHECK(check_open());
    if (in_memory()) return error{errc::unsupported, "a database in memory has no log to read changes from"};
    if (const auto last = lsn_.load(); after_lsn > last)
        return error{errc::conflict,
                     "lsn " + std::to_string(after_lsn) + " is ahead of the log, which ends at " + std::to_string(last),
                     directory_, 0};
    return wal::cursor::open(*files_, path("wal"), after_lsn + 1);
}

std::optional<named_options> database_state::schema_of(collection_id id) const {
    const lock_guard lock(catalog_mutex_);
    for (const auto& [name, state] : by_name_)
        if (state->id() == id) return named_options{name, state->options()};
    const auto found = past_.find(id);
    return found == past_.end() ? std::nullopt : std::optional(found->second.schema);
}

result<change_token> database_state::change_position() {
    VECSTORE_CHECK(check_writable());
    if (in_memory()) return error{errc::unsupported, "a database in memory has no log to read changes from"};
    change_token token;
    auto done = queue_.exclusively([&]() -> result<void> {
        VECSTORE_CHECK(check_writable());
        VECSTORE_CHECK(sync_log());
        token = {applied_.lsn, applied_.chain};
        return {};
    });
    VECSTORE_CHECK(done);
    return token;
}

result<void> database_state::keep_log_for(const std::string& reader, std::uint64_t lsn) {
    VECSTORE_CHECK(validate_name("reader", reader, false));
    VECSTORE_CHECK(check_writable());
    {
        const lock_guard lock(catalog_mutex_);
        if (const auto known = log_readers_.find(reader); known != log_readers_.end()) {
            known->second = lsn;
            return {};
        }
    }
    const lock_guard checkpoint_lock(checkpoint_mutex_);
    VECSTORE_TRY(const auto tables, tables_->write());
    byte_writer value;
    value.put(lsn);
    VECSTORE_CHECK(tables->put(tables::readers, as_bytes(reader), value.bytes()));
    VECSTORE_CHECK(tables->commit());
    const lock_guard lock(catalog_mutex_);
    log_readers_[reader] = lsn;
    return {};
}

result<void> database_state::forget_log_reader(const std::string& reader) {
    VECSTORE_CHECK(validate_name("reader", reader, false));
    VECSTORE_CHECK(check_writable());
    const lock_guard checkpoint_lock(checkpoint_mutex_);
    {
        const lock_guard lock(catalog_mutex_);
        if (log_readers_.erase(reader) == 0) return error{errc::not_found, "no reader of the log \"" + reader + "\""};
    }
    VECSTORE_TRY(const auto tables, tables_->write());
    VECSTORE_CHECK(tables->erase(tables::readers, as_bytes(reader)));
    return tables->commit();
}

result<void> database_state::load_log_readers(storage::table_reader& tables) {
    std::map<collection_id, past_collection> past;
    std::map<std::string, std::uint64_t> readers;
    VECSTORE_TRY(const auto dropped, tables.cursor(tables::dropped));
    VECSTORE_CHECK(dropped->seek({}));
    while (dropped->valid()) {
        byte_reader key(dropped->key()), in(dropped->value());
        const auto id = key.get_big_endian<collection_id>();
        past_collection entry;
        entry.lsn = in.get<std::uint64_t>();
        if (!key.finished() || in.failed())
            return error{errc::corruption, "a dropped collection does not parse", "dropped", 0};
        VECSTORE_TRY(const auto document, payload::decode(in.get_bytes(in.remaining())));
        VECSTORE_TRY(entry.schema, from_document(document));
        past.emplace(id, std::move(entry));
        VECSTORE_CHECK(dropped->next());
    }
    VECSTORE_TRY(const auto named, tables.cursor(tables::readers));
    VECSTORE_CHECK(named->seek({}));
    while (named->valid()) {
        byte_reader in(named->value());
        const auto lsn = in.get<std::uint64_t>();
        if (!in.finished()) return error{errc::corruption, "a reader of the log does not parse", "readers", 0};
        readers.emplace(as_text(named->key()), lsn);
        VECSTORE_CHECK(named->next());
    }
    const lock_guard lock(catalog_mutex_);
    past_ = std::move(past);
    log_readers_ = std::move(readers);
    return {};
}

/// Part of a checkpoint: what is known of collections that are gone, as long as the log speaks of them, and how far
/// the named readers are.
result<void> database_state::store_log_readers(storage::table_writer& tables, const unfinished_checkpoint& c) {
    const lock_guard lock(catalog_mutex_);
    for (auto entry = past_.begin(); entry != past_.end();) {
        const auto key = tables::collection_key(entry->first);
        if (entry->second.lsn < c.log_first_lsn) {
            VECSTORE_CHECK(tables.erase(tables::dropped, key));
            entry = past_.erase(entry);
            continue;
        }
        if (entry->second.lsn <= c.lsn) {
            const auto& [name, options] = entry->second.schema;
            VECSTORE_TRY(const auto document, payload::encode(to_document(name, options)));
            byte_writer value;
            value.put(entry->second.lsn);
            value.put_bytes(document);
            VECSTORE_CHECK(tables.put(tables::dropped, key, value.bytes()));
        }
        ++entry;
    }
    for (const auto& [name, lsn] : log_readers_)
        VECSTORE_CHECK(tables.put(tables::readers, as_bytes(name), std::as_bytes(std::span(&lsn, 1))));
    return {};
}

/// Lets go of the log before `upto_lsn`, but for what options and named readers keep. By the writer.
result<void> database_state::release_log(std::uint64_t upto_lsn) {
    upto_lsn = std::min(upto_lsn, releasable_lsn_.load());  // what the archive does not have yet
    auto held = upto_lsn;
    {
        const lock_guard lock(catalog_mutex_);
        for (const auto& [name, lsn] : log_readers_) held = std::min(held, lsn + 1);
    }
    // Another copy may need more than who leads now knows of.
    constexpr std::uint64_t kept_by_members = 64u << 20;
    const auto for_members = member_ ? std::min(kept_by_members, options_.log_hold_bytes_max) : 0;
    const auto retained = std::max(options_.log_retention_bytes, for_members);
    held = std::min(held, held_lsn_.load());
    VECSTORE_CHECK(log_->release_before(held, retained));
    return log_->release_before(upto_lsn, std::max(retained, options_.log_hold_bytes_max));
}

}  // namespace vecstore::detail
