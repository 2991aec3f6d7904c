// What the thread that has the turn does: log, sync, apply, publish.
#include "database_state.hpp"

#include <collection/decode.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace vecstore::detail {
namespace {

/// Ordinals are 32 bits. What is left above it is for the writes of one group, which are looked at together.
constexpr ordinal_id versions_max = ~ordinal_id{0} - (1u << 28);

/// True when a write makes the store smaller, sooner or later, and takes next to nothing now.
bool frees_space(const write_request& request) {
    return std::all_of(request.operations.begin(), request.operations.end(), [](const operation& o) {
        if (o.type == wal::record_type::erase || o.type == wal::record_type::write_id) return true;
        if (o.type != wal::record_type::ddl) return false;
        byte_reader in(o.payload);
        (void)in.get<collection_id>();
        return static_cast<ddl_kind>(in.get<std::uint8_t>()) == ddl_kind::drop;
    });
}

error wrapped(error e, std::string_view before) {
    e.message = std::string(before) + e.message;
    return e;
}

}  // namespace

result<write_result> database_state::commit(write_request request) {
    VECSTORE_CHECK(check_writable());
    const auto outcome = queue_.write(request);
    if (request.durability == durability::async && options_.background_threads > 0) wake_background(false);
    checkpoint_if_due();
    return outcome;
}

/// Without a background thread, or when it cannot keep up, the writer pays for the checkpoint. A failure is not his
/// write's: it is kept in stats(), and the next checkpoint tries again.
void database_state::checkpoint_if_due() {
    constexpr std::uint64_t backlog_factor = 4;
    if (!checkpoint_due()) return;
    const bool overdue = bytes_since_seal_.load(std::memory_order_relaxed) > backlog_factor * options_.checkpoint_bytes;
    if (options_.background_threads > 0 && !overdue)
        wake_background(true);
    else if (auto done = checkpoint(); !done)
        note_error(done.error());
}

result<void> database_state::check_open() const {
    if (storage::forked_since(process_))
        return error{errc::unavailable, "used after fork: open it again in the child", directory_, 0};
    if (closed_.load(std::memory_order_acquire))
        return error{errc::unavailable, "the database is closed", directory_, 0};
    return {};
}

result<void> database_state::check_writable() const {
    VECSTORE_CHECK(check_open());
    if (options_.read_only) return error{errc::unavailable, "the database is open read-only", directory_, 0};
    if (poisoned_.load(std::memory_order_acquire)) {
        const lock_guard lock(status_mutex_);
        return wrapped(poison_cause_, "writes are refused until the database is opened again: ");
    }
    return {};
}

error database_state::poison(error cause) {
    const lock_guard lock(status_mutex_);
    if (!poisoned_.load(std::memory_order_relaxed)) {
        poison_cause_ = cause;
        poison_cause_.code = errc::unavailable;
        last_error_ = cause.what();
        poisoned_.store(true, std::memory_order_release);
    }
    return cause;
}

void database_state::process(std::span<commit_queue::entry* const> group) {
    const auto done = commit_queue::without_exceptions([&] { return process_group(group); });
    // Whatever stopped it between the log and the state (no memory, say) leaves records that were not applied. Those that
    // a gate has not let through are for others to decide about.
    if (!done && half_applied_) (void)poison(done.error());
    if (!done)
        for (auto* entry : group)
            if (entry->outcome) entry->outcome = done.error();
}

/// Makes sure that what is written to is still there, and gets the records of writes that depend on the state.
result<void> database_state::prepare(write_request& request) {
    for (const auto* target : request.targets)
        if (target->pin()->dropped)
            return error{errc::not_found, "no collection \"" + target->name() + "\": it was dropped"};
    if (request.resolve) VECSTORE_CHECK(request.resolve(request));
    const bool adds = std::any_of(request.operations.begin(), request.operations.end(), [](const operation& o) {
        return o.type == wal::record_type::upsert || o.type == wal::record_type::upsert_expiring;
    });
    for (const auto* target : request.targets)
        if (adds && target->pin()->ordinal_end > versions_max)
            return error{errc::resource_exhausted,
                         "collection \"" + target->name() +
                             "\" has numbered all versions that it can; write its points into a new one"};
    return {};
}

result<void> database_state::process_group(std::span<commit_queue::entry* const> group) {
    VECSTORE_CHECK(check_writable());
    if (gate_ == nullptr) {
        if (!member_) return write_group(group);
        return error{errc::unavailable, "a member of a cluster takes no writes before its replication has been started",
                     directory_, 0};
    }
    VECSTORE_TRY(const auto decided, gate_->begin());
    auto done = commit_queue::without_exceptions([&]() -> result<void> {
        while (lsn_.load(std::memory_order_relaxed) < decided) VECSTORE_CHECK(apply_from_log(decided, ~std::size_t{0}));
        return write_group(group);
    });
    gate_->end(lsn_.load(std::memory_order_relaxed));
    return done;
}

/// Errors of single writes are put into their outcomes; an error returned concerns all the others.
result<void> database_state::write_group(std::span<commit_queue::entry* const> group) {
    bool sync_wanted = false;
    std::map<std::pair<std::uint64_t, std::uint64_t>, const commit_queue::entry*> named;
    for (auto* entry : group) {
        auto& request = *entry->request;
        if (const auto id = request.operation_id) {
            const auto told = write_ids_.find(*id, lsn_.load(std::memory_order_relaxed));
            const auto same = named.find({id->client, id->number});
            if (told || same != named.end()) {
                entry->repeats = true;
                if (told)
                    entry->outcome = *told;
                else
                    entry->repeated = same->second;
                sync_wanted |= request.durability == durability::sync;  // the first may not have asked for it
                continue;
            }
        }
        if (auto prepared = prepare(request); !prepared) {
            entry->outcome = std::move(prepared).error();
            continue;
        }
        if (reserve_ && reserve_->disk_full() && !frees_space(request) && !ensure_reserve()) {
            entry->outcome =
                error{errc::resource_exhausted, "the disk is full: only erasing is possible", directory_, 0};
            continue;
        }
        sync_wanted |= request.durability == durability::sync;
        if (const auto id = request.operation_id) {
            request.operations.push_back(encode_write_id({*id, request.points, request.skipped.size()}));
            named.emplace(std::pair(id->client, id->number), entry);
        }
    }
    auto appended = append(group);
    if (!appended && appended.error().code == errc::resource_exhausted && reserve_ && !poisoned_)
        appended = append_to_full_disk(group, appended.error());
    if (!appended) return std::move(appended).error();
    half_applied_ = appended->lsn != lsn_.load(std::memory_order_relaxed);
    if (sync_wanted && gate_ == nullptr) VECSTORE_CHECK(sync_log());
    if (auto applied = apply_group(group, *appended); !applied) return poison(std::move(applied).error());
    half_applied_ = false;
    answer_repeated(group);
    return {};
}

void database_state::answer_repeated(std::span<commit_queue::entry* const> group) {
    for (auto* entry : group) {
        if (entry->repeated == nullptr) continue;
        entry->outcome = entry->repeated->outcome;
        if (!entry->outcome) continue;
        entry->outcome->repeated = true;
        entry->outcome->skipped_ids.clear();
    }
}

/// Refuses what would fill the disk further, and gives the reserve to the rest.
result<log_position> database_state::append_to_full_disk(std::span<commit_queue::entry* const> group,
                                                         const error& cause) {
    (void)reserve_->release();
    for (auto* entry : group)
        if (entry->outcome && !entry->repeats && !frees_space(*entry->request)) entry->outcome = cause;
    return append(group);
}

/// Appends the records of all writes that are still good; the position of the last.
result<log_position> database_state::append(std::span<commit_queue::entry* const> group) {
    std::vector<wal::draft> drafts;
    std::uint64_t bytes = 0, given = 0;
    for (auto* entry : group) {
        if (!entry->outcome || entry->repeats) continue;
        const auto& operations = entry->request->operations;
        for (std::size_t i = 0; i < operations.size(); ++i) {
            const auto flags = i + 1 < operations.size() ? wal::flag_batch_continues : std::uint16_t{0};
            drafts.push_back({operations[i].type, flags, operations[i].payload});
            bytes += wal::record_bytes(operations[i].payload.size());
            given += operations[i].payload.size();
        }
    }
    if (drafts.empty()) return log_position{applied_.lsn, std::max<std::uint64_t>(1, applied_.term), applied_.chain};
    VECSTORE_TRY(const auto last, gate_ != nullptr ? gate_->commit(drafts) : append_here(drafts, bytes));
    if (!in_memory()) log_bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
    user_bytes_written_.fetch_add(given, std::memory_order_relaxed);
    bytes_since_seal_.fetch_add(bytes, std::memory_order_relaxed);
    return last;
}

result<log_position> database_state::append_here(std::span<wal::draft> drafts, std::uint64_t& bytes) {
    const lock_guard lock(log_mutex_);
    if (!log_) return log_position{lsn_.load(std::memory_order_relaxed) + drafts.size(), 1, 0};
    std::vector<byte_vector> sealed;
    if (cipher_.encrypts()) {
        VECSTORE_CHECK(encrypt(drafts, sealed));
        bytes = 0;
        for (const auto& each : drafts) bytes += wal::record_bytes(each.payload.size());
    }
    auto appended = log_->append(drafts);
    if (!appended) return log_->poisoned() ? poison(std::move(appended).error()) : std::move(appended).error();
    log_bytes_.store(log_->bytes(), std::memory_order_relaxed);
    return log_position{*appended, log_->term(), log_->chain()};
}

/// Puts encrypted payloads, which lie in `into`, in place of the plain ones.
result<void> database_state::encrypt(std::span<wal::draft> drafts, std::vector<byte_vector>& into) const {
    VECSTORE_TRY(auto nonces, storage::nonce_sequence::start());
    wal::record record;
    record.lsn = log_->last_lsn();
    record.term = log_->term();
    into.reserve(drafts.size());
    for (auto& each : drafts) {
        ++record.lsn;
        record.type = each.type;
        record.flags = each.flags |= wal::flag_encrypted;
        record.payload = each.payload;
        VECSTORE_TRY(auto sealed, cipher_.records().seal(record, nonces));
        each.payload = into.emplace_back(std::move(sealed));
    }
    return {};
}

result<void> database_state::sync_log() {
    if (member_) return sync_shared_log();
    {
        const lock_guard lock(log_mutex_);
        if (!log_) return {};
        if (auto synced = log_->sync(); !synced) return poison(std::move(synced).error());
        durable_lsn_.store(log_->durable_lsn(), std::memory_order_release);
    }
    notify_feeds_of_write();
    return {};
}

result<void> database_state::apply_group(std::span<commit_queue::entry* const> group, const log_position& last) {
    VECSTORE_TRY(const auto tables, tables_->read());
    wal::record record;
    record.lsn = last.lsn + 1;
    record.term = last.term;
    for (const auto* entry : group)
        if (entry->outcome && !entry->repeats) record.lsn -= entry->request->operations.size();
    if (gate_ != nullptr && record.lsn > applied_.lsn + 1) {
        VECSTORE_CHECK(apply_from_log(record.lsn - 1, ~std::size_t{0}));
        half_applied_ = true;
    }
    std::set<collection_id> touched;
    for (auto* entry : group) {
        if (!entry->outcome || entry->repeats) continue;
        for (const auto& operation : entry->request->operations) {
            record.type = operation.type;
            record.payload = operation.payload;
            VECSTORE_CHECK(apply_record(record, *tables));
            touched.insert(byte_reader(record.payload).get<collection_id>());
            ++record.lsn;
        }
        auto& request = *entry->request;
        entry->outcome =
            write_result{record.term, record.lsn - 1, request.points, request.skipped.size(), request.skipped};
    }
    for (const auto id : touched)
        if (const auto found = by_id_.find(id); found != by_id_.end()) {
            found->second->publish(record.lsn - 1);
            if (found->second->expiring() && !any_expiring_.exchange(true)) wake_background(false);
        }
    applied_ = last;
    lsn_.store(last.lsn, std::memory_order_release);
    publish_position();
    if (gate_ != nullptr) durable_lsn_.store(last.lsn, std::memory_order_release);
    notify_feeds_of_write();
    return {};
}

/// By the writer, when all is applied.
void database_state::publish_position() {
    state_position now{lsn_.load(std::memory_order_relaxed), hash128{}};
    for (const auto& [id, state] : by_id_) {
        if (now.hash && state->state_hash())
            *now.hash += *state->state_hash();
        else
            now.hash.reset();
    }
    const lock_guard lock(position_mutex_);
    position_ = now;
}

result<void> database_state::apply_record(const wal::record& record, storage::table_reader& tables) {
    switch (record.type) {
        case wal::record_type::ddl: return apply_ddl(record);
        case wal::record_type::write_id: {
            VECSTORE_TRY(const auto written, decode_write_id(record.payload));
            write_ids_.put({written.id, record.lsn, record.term, written.points, written.skipped});
            return {};
        }
        case wal::record_type::upsert:
        case wal::record_type::upsert_expiring:
        case wal::record_type::erase:
        case wal::record_type::set_payload: break;
        case wal::record_type::config: config_.assign(record.payload.begin(), record.payload.end()); return {};
        case wal::record_type::term_open:
        case wal::record_type::state_hash:
        case wal::record_type::snapshot_mark:
        case wal::record_type::pad: return {};  // they change no points
        default:
            return error{errc::unsupported,
                         "log record " + std::to_string(record.lsn) + " has type " +
                             std::to_string(static_cast<int>(record.type)) + ", which this version does not know",
                         path("wal"), 0};
    }
    byte_reader in(record.payload);
    const auto found = by_id_.find(in.get<collection_id>());
    if (in.failed() || found == by_id_.end())
        return error{errc::corruption, "log record " + std::to_string(record.lsn) + " names no collection", path("wal"),
                     0};
    if (auto applied = found->second->apply(record, tables); !applied)
        return wrapped(std::move(applied).error(), "log record " + std::to_string(record.lsn) + ": ");
    return {};
}

/// A record as it stands in the log.
result<void> database_state::apply_stored(const wal::record& stored, storage::table_reader& tables) {
    byte_vector payload;
    auto plain = cipher_.open(stored, payload);
    if (plain) return apply_record(*plain, tables);
    auto e = std::move(plain).error();
    e.path = path("wal");
    return e;
}

result<void> database_state::apply_ddl(const wal::record& record) {
    auto ddl = decode_ddl(record.payload);
    if (!ddl) {
        auto e = std::move(ddl).error();
        e.path = path("wal");
        return e;
    }
    const auto found = by_id_.find(ddl->collection);
    if (ddl->kind == ddl_kind::create) {
        create_applied(ddl->collection, *std::move(ddl->created), record.lsn);
    } else if (ddl->kind == ddl_kind::aliases) {
        apply_aliases(ddl->aliases);
    } else if (found == by_id_.end()) {
        return error{errc::corruption, "a log record of DDL names no collection", path("wal"), 0};
    } else if (ddl->kind == ddl_kind::notes) {
        found->second->annotate(ddl->notes);
    } else if (ddl->kind == ddl_kind::create_field) {
        found->second->create_field(record.lsn, ddl->field.path, ddl->field.schema);
    } else if (ddl->kind == ddl_kind::drop_field) {
        found->second->drop_field(ddl->field.path);
    } else {
        drop_applied(found->second, record.lsn);
    }
    return {};
}

void database_state::create_applied(collection_id id, named_options made, std::uint64_t lsn) {
    auto state = std::make_shared<collection_state>(id, made.name, std::move(made.options));
    state->publish(lsn);
    if (samples_queries()) state->sample_queries();
    by_id_.emplace(id, state);
    next_collection_ = std::max(next_collection_, id + 1);
    if (options_.read_only) return;  // `reload` shows the catalog when it is complete
    const lock_guard lock(catalog_mutex_);
    by_name_[made.name] = std::move(state);
}

void database_state::drop_applied(std::shared_ptr<collection_state> state, std::uint64_t lsn) {
    state->publish_dropped(lsn);
    dropped_.push_back(state->id());
    forget_aliases_of(state->id());
    by_id_.erase(state->id());
    const lock_guard lock(catalog_mutex_);
    past_[state->id()] = {lsn, {state->name(), state->options()}};
    if (!options_.read_only) by_name_.erase(state->name());
}

result<collection> database_state::create_collection(const std::string& name, const collection_options& options) {
    VECSTORE_CHECK(validate_name("collection name", name, false));
    VECSTORE_CHECK(validate(options));
    write_request request;
    request.resolve = [&](write_request& made) -> result<void> {
        if (find_exactly(name)) return error{errc::already_exists, "collection \"" + name + "\" exists already"};
        if (aliases_.contains(name)) return invalid_argument("there is an alias \"" + name + "\"");
        if (by_id_.size() >= collections_max)
            return error{errc::resource_exhausted,
                         "the limit of " + std::to_string(collections_max) + " collections is reached",
                         {},
                         0};
        made.operations.push_back(encode_create(next_collection_, name, options));
        return {};
    };
    VECSTORE_CHECK(commit(std::move(request)));
    VECSTORE_TRY(auto state, find(name));
    return collection(std::make_shared<collection_access>(collection_access{shared_from_this(), std::move(state)}));
}

result<void> database_state::drop_collection(const std::string& name) {
    write_request request;
    request.resolve = [&](write_request& made) -> result<void> {
        VECSTORE_TRY(const auto state, find_exactly(name));
        made.operations.push_back(encode_drop(state->id()));
        return {};
    };
    VECSTORE_CHECK(commit(std::move(request)));
    return {};
}

}  // namespace vecstore::detail
