// Opening: lock, control file, tables, parts, the log behind the checkpoint. And, for read-only databases, doing so
// again.
#include "database_state.hpp"
#include "seed.hpp"
#include "snapshot_manifest.hpp"

#include <vecstore/core/clock.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/storage/memory_table_store.hpp>
#include <vecstore/storage/table_copy.hpp>
#include <vecstore/storage/unmapped_file_system.hpp>

#include <collection/reader.hpp>
#include <collection/tables.hpp>

#include <algorithm>
#include <random>
#include <set>
#include <system_error>

namespace vecstore::detail {
namespace {

std::shared_ptr<storage::file_system> choose_files(const std::string& directory,
                                                   const database_environment& environment) {
    if (environment.files) return environment.files;
    if (directory.empty()) return std::make_shared<storage::memory_file_system>();
    return {&storage::posix_file_system(), [](storage::file_system*) {}};
}

std::shared_ptr<storage::file_system> mapped_or_not(std::shared_ptr<storage::file_system> files, bool mapped) {
    return mapped ? files : storage::without_mappings(std::move(files));
}

result<void> validate(const database_options& options) {
    if (options.background_threads > 1)
        return invalid_argument("background_threads = " + std::to_string(options.background_threads) +
                                " is not 0 or 1");
    if (options.build_threads < 1 || options.build_threads > 256)
        return invalid_argument("build_threads = " + std::to_string(options.build_threads) + " is not in 1 to 256");
    if (!(options.optimizer_cpu_share > 0 && options.optimizer_cpu_share <= 1))
        return invalid_argument("optimizer_cpu_share = " + std::to_string(options.optimizer_cpu_share) +
                                " is not above 0 and up to 1");
    if (options.checkpoint_bytes == 0) return invalid_argument("checkpoint_bytes = 0");
    if (options.expire_interval_ms == 0) return invalid_argument("expire_interval_ms = 0");
    if (options.flush_interval_ms == 0) return invalid_argument("flush_interval_ms = 0");
    return {};
}

result<std::uint64_t> sum_of_parts(storage::table_reader& tables) {
    std::uint64_t sum = 0;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::parts));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        sum = storage::checksum64(cursor->value(), storage::checksum64(cursor->key(), sum));
        VECSTORE_CHECK(cursor->next());
    }
    return sum;
}

/// Salvage changes nothing. The key is not kept: it is of use while opening alone.
database_options with_implied(database_options options) {
    if (options.salvage) options.read_only = true;
    options.encryption = {};
    return options;
}

}  // namespace

std::array<std::byte, 16> make_uuid() {
    std::random_device entropy;
    std::array<std::byte, 16> uuid;
    for (auto& byte : uuid) byte = static_cast<std::byte>(entropy());
    uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x40};  // version 4
    uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};  // RFC 4122 variant
    return uuid;
}

database_state::database_state(std::string directory, const database_options& options,
                               const database_environment& environment)
    : directory_(std::move(directory)),
      options_(with_implied(options)),
      clock_(environment.clock ? environment.clock : unix_ms),
      steady_clock_(environment.steady_clock ? environment.steady_clock : vecstore::steady_ms),
      tables_given_(environment.tables != nullptr),
      files_(mapped_or_not(choose_files(directory_, environment), options.mapped)),
      part_files_(files_),
      tables_(environment.tables),
      queue_([this](std::span<commit_queue::entry* const> group) { process(group); }) {}

result<std::shared_ptr<database_state>> database_state::open(std::string directory, const database_options& options,
                                                             const database_environment& environment) {
    VECSTORE_CHECK(validate(options));
    if (directory.empty() && options.encryption.given())
        return invalid_argument("encryption: a database in memory leaves nothing at rest");
    auto opened = open_once(directory, options, environment);
    if (opened || opened.error().code != errc::resource_exhausted || directory.empty() || options.read_only)
        return opened;
    // The disk may be too full to open. What is set aside for that is the store's, if nobody else has it open.
    const auto files = choose_files(directory, environment);
    const auto reserve = storage::join_path(directory, "reserve");
    if (!files->exists(reserve)) return opened;
    {
        VECSTORE_TRY(const auto lock, files->lock(storage::join_path(directory, "LOCK")));
        VECSTORE_CHECK(files->remove(reserve));
    }
    return open_once(directory, options, environment);
}

result<std::shared_ptr<database_state>> database_state::open_once(const std::string& directory,
                                                                  const database_options& options,
                                                                  const database_environment& environment) {
    // In a child after fork nothing is taken apart: threads, LMDB's reader slots and condition variables are the parent's.
    const auto take_apart = [](database_state* state) {
        if (!storage::forked_since(state->process_)) std::default_delete<database_state>{}(state);
    };
    std::unique_ptr<database_state> made(new database_state(directory, options, environment));
    std::shared_ptr<database_state> state(made.release(), take_apart);
    if (auto started = state->start(options.encryption); !started) {
        state->closed_ = true;  // nothing to write on the way out
        return std::move(started).error();
    }
    return state;
}

result<void> database_state::start(const encryption_key& key) {
    if (in_memory()) {
        if (!tables_) tables_ = storage::make_memory_table_store(tables::names());
    } else {
        VECSTORE_CHECK(open_directory());
        VECSTORE_CHECK(open_cipher(key));
        VECSTORE_CHECK(open_control());
        VECSTORE_CHECK(open_tables());
        member_ = following_ = files_->exists(path("replica"));
        const lock_guard lock(checkpoint_mutex_);
        if (options_.read_only) return reload();
        reserve_.emplace(*files_, path("reserve"), options_.reserve_bytes);
        VECSTORE_TRY(const auto applied_lsn, load());
        VECSTORE_CHECK(replay(applied_lsn));
        publish_catalog();
        VECSTORE_CHECK(remove_unlisted());
        (void)ensure_reserve();
    }
    if (options_.background_threads == 0 || options_.read_only) return {};
    if (!in_memory()) start_idle_work();
    try {
        const auto collections = all_collections();
        const bool unfinished = std::any_of(collections.begin(), collections.end(), [](const auto& state) {
            const auto fields = state->pin()->fields;
            return std::any_of(fields->begin(), fields->end(), [](const auto& f) { return !f->usable(); });
        });
        if (unfinished) wake_background(true);
        background_ = std::thread([this] { run_background(); });
    } catch (const std::system_error& e) {
        return error{errc::resource_exhausted, std::string("no thread for the background work: ") + e.what()};
    }
    return {};
}

result<void> database_state::check_file_system() {
    if (options_.allow_network_file_system) return {};
    // Of a directory that is yet to be made, the nearest one that is there counts.
    auto at = directory_;
    while (!files_->exists(at) && storage::parent_directory(at) != at) at = storage::parent_directory(at);
    const auto kind = files_->network_kind(at);
    if (kind.empty()) return {};
    return error{errc::unsupported, "a network file system (" + kind + "); see allow_network_file_system", directory_,
                 0};
}

result<void> database_state::open_directory() {
    VECSTORE_CHECK(check_file_system());
    if (options_.read_only || !options_.create) {
        if (!files_->exists(path("control")) && !(options_.salvage && files_->exists(path("wal"))))
            return error{errc::not_found, "no database here", directory_, 0};
        if (options_.salvage && files_->exists(path("LOCK"))) {
            auto locked = files_->lock(path("LOCK"));
            if (!locked && locked.error().code == errc::unavailable) return std::move(locked).error();
            if (locked) lock_ = *std::move(locked);  // else the medium is read-only: nobody writes there
        }
        if (options_.read_only && !seed_is_ready(*files_, directory_)) return {};
        if (options_.read_only)
            return error{errc::unavailable, "a newer copy is to be put in place here by who opens it for writing",
                         directory_, 0};
    }
    if (files_->exists(path(snapshot_manifest_name)))
        return error{errc::unsupported, "this is a snapshot: open it read-only, or restore it", directory_, 0};
    VECSTORE_CHECK(files_->create_directories(directory_));
    VECSTORE_TRY(lock_, files_->lock(path("LOCK")));
    VECSTORE_CHECK(install_seed(*files_, directory_));
    for (const auto* name : {"wal", "state", "parts"}) VECSTORE_CHECK(files_->create_directories(path(name)));
    return files_->sync_directory(directory_);
}

/// Before anything else is read.
result<void> database_state::open_cipher(const encryption_key& key) {
    const bool present = files_->exists(path("control")) || files_->exists(path(storage::keyring_file_name));
    if (present || options_.read_only) {
        VECSTORE_TRY(cipher_, store_cipher::open(*files_, directory_, key));
    } else {
        // Without a control file, but with a log, this is no new database: `open_control` refuses it.
        VECSTORE_TRY(const auto log, files_->list(path("wal")));
        if (log.empty()) {
            VECSTORE_TRY(cipher_, store_cipher::create(*files_, directory_, key));
        }
    }
    part_files_ = cipher_.files(files_);
    if (tables_) tables_ = cipher_.tables(std::move(tables_));
    return {};
}

result<void> database_state::open_control() {
    if (options_.salvage) {
        auto opened = storage::control_file::open(*files_, directory_, true);
        if (!opened) {
            note_missing("the control file cannot be read: " + opened.error().what());
            return {};
        }
        control_ = *std::move(opened);
    } else if (files_->exists(path("control"))) {
        VECSTORE_TRY(control_, storage::control_file::open(*files_, directory_, options_.read_only));
    } else {
        // The control file is made first, so without it nothing else can be ours.
        VECSTORE_TRY(const auto log, files_->list(path("wal")));
        if (!log.empty()) return corruption("the control file is missing, but there is a log", path("control"), 0);
        storage::control_state fresh;
        fresh.database_uuid = make_uuid();
        fresh.format_version = cipher_.format_version();
        fresh.promised_term = 1;
        VECSTORE_TRY(control_, storage::control_file::create(*files_, directory_, fresh));
    }
    if (control_->state().format_version > tables::encrypted_format_version)
        return error{errc::unsupported,
                     "format version " + std::to_string(control_->state().format_version) +
                         " is newer than this library's " + std::to_string(tables::encrypted_format_version),
                     path("control"), 0};
    return {};
}

result<void> database_state::open_tables() {
    const auto dump = path(storage::join_path("state", tables_dump_name));
    const bool dumped = files_->exists(dump);  // by a snapshot
    if (!tables_ && dumped && options_.read_only) tables_ = storage::make_memory_table_store(tables::names());
    VECSTORE_CHECK(open_own_tables());
    if (!dumped) return {};
    VECSTORE_TRY(const auto present, tables_->read());
    VECSTORE_TRY(const auto format, present->get(tables::meta, as_bytes("format")));
    return format ? result<void>{} : storage::load_tables(*part_files_, dump, *tables_);
}

result<void> database_state::open_own_tables() {
    if (tables_) return {};
    storage::lmdb_options options;
    options.map_bytes = options_.tables_bytes_max;
    options.read_only = options_.read_only;
    if (options_.salvage) return salvage_tables();
    VECSTORE_TRY(auto opened, storage::open_lmdb(path("state"), tables::names(), options));
    tables_ = cipher_.tables(std::move(opened));
    if (options_.read_only) return {};
    return storage::posix_file_system().sync_directory(path("state"));  // LMDB syncs its file, but not the file's name
}

/// Loads what the checkpoint holds; its lsn.
result<std::uint64_t> database_state::load() {
    VECSTORE_TRY(const auto tables, tables_->read());
    VECSTORE_TRY(const auto applied, read_applied(*tables));
    // The control file is written after the tables, so tables that are behind it have been lost or replaced.
    if (const auto known = known_control().checkpoint_lsn; applied.lsn < known) {
        const auto behind = corruption("the tables hold a checkpoint at lsn " + std::to_string(applied.lsn) +
                                           ", the control file knows of " + std::to_string(known),
                                       path("state/data.mdb"), 0);
        if (!options_.salvage) return behind;
        note_missing(behind.what());
    }
    VECSTORE_TRY(const auto next, tables->get(tables::meta, as_bytes("next_collection")));
    if (next && next->size() == sizeof(collection_id)) next_collection_ = load_le<collection_id>(next->data());
    const bool on_touch = options_.verify == verification::first_touch && options_.mapped;
    salvage_log missing;
    VECSTORE_TRY(const auto collections,
                 load_collections(*part_files_, directory_, *tables, applied.lsn,
                                  on_touch ? storage::verify_mode::footer : storage::verify_mode::all,
                                  options_.salvage ? &missing : nullptr));
    VECSTORE_TRY(parts_sum_, sum_of_parts(*tables));
    for (auto& line : missing.notes) note_missing(std::move(line));
    {
        const lock_guard lock(status_mutex_);
        missing_.lost_points = missing.lost_points;
        missing_.lost_vectors = missing.lost_vectors;
    }
    by_id_.clear();
    dropped_.clear();
    VECSTORE_CHECK(write_ids_.load(*tables));
    VECSTORE_CHECK(load_log_readers(*tables));
    VECSTORE_CHECK(load_aliases(*tables));
    VECSTORE_CHECK(load_config(*tables));
    applied_ = {applied.lsn, applied.term, 0};
    for (const auto& state : collections) by_id_.emplace(state->id(), state);
    lsn_ = durable_lsn_ = checkpoint_lsn_ = committing_lsn_ = applied.lsn;
    return applied.lsn;
}

result<void> database_state::replay(std::uint64_t applied_lsn) {
    VECSTORE_TRY(const auto tables, tables_->read());
    const auto known = known_control();
    wal::recover_options options;
    options.checkpoint_lsn = applied_lsn;
    options.known_durable_lsn = std::max(applied_lsn, known.durable_lsn);
    options.read_only = options_.read_only;
    options.salvage = options_.salvage;
    options.checkpoint_term = known.checkpoint_term;
    options.checkpoint_chain = known.checkpoint_chain;
    std::optional<error> stopped;  // of salvage: a record that cannot be applied to what is left
    VECSTORE_TRY(const auto scan,
                 wal::recover(*files_, path("wal"), options, [&](const wal::record& record) -> result<void> {
                     if (stopped) return {};
                     if (member_) {  // others decide whether it is committed
                         if (record.lsn == applied_lsn + 1) applied_.chain = record.prev_chain;
                         return {};
                     }
                     if (auto applied = apply_stored(record, *tables); !applied) {
                         if (!options_.salvage) return applied;
                         stopped = std::move(applied).error();
                         return {};
                     }
                     lsn_.store(record.lsn, std::memory_order_relaxed);
                     applied_ = {record.lsn, record.term, record.chain};
                     bytes_since_seal_.fetch_add(wal::record_bytes(record.payload.size()), std::memory_order_relaxed);
                     return {};
                 }));
    if (scan.end.last_lsn == applied_.lsn) applied_ = {applied_.lsn, scan.end.term, scan.end.chain};
    if (scan.damage) stopped = scan.damage;
    if (stopped) note_missing("writes behind lsn " + std::to_string(lsn_) + ": " + stopped->what());
    if (control_ && scan.end.has_segment && scan.end.segment.database_uuid != known.database_uuid)
        return corruption("the log is that of another database", path("wal"), 0);
    for (const auto& [id, state] : by_id_) {
        state->publish(lsn_);
        if (state->expiring()) any_expiring_ = true;
    }
    durable_lsn_ = lsn_.load();
    publish_position();
    return options_.read_only ? result<void>{} : open_log(scan.end);
}

result<void> database_state::open_log(const wal::log_end& end) {
    wal::writer_options options;
    options.database_uuid = control_->state().database_uuid;
    options.node_uuid = options.database_uuid;
    options.term = std::max<std::uint64_t>(1, control_->state().promised_term);
    if (!options_.archive_directory.empty()) {
        VECSTORE_CHECK(files_->create_directories(archive_path()));
        VECSTORE_CHECK(check_owner(*files_, archive_path(), options.database_uuid));
        releasable_lsn_ = 0;  // until it has been kept
    }
    const lock_guard lock(log_mutex_);
    VECSTORE_TRY(log_, wal::writer::open(*files_, path("wal"), options, end));
    log_bytes_ = log_->bytes();
    return {};
}

void database_state::publish_catalog() {
    const lock_guard lock(catalog_mutex_);
    by_name_.clear();
    for (const auto& [id, state] : by_id_) {
        if (samples_queries()) state->sample_queries();
        by_name_.emplace(state->name(), state);
    }
    list_aliases_locked();
}

/// Removes what a crash left behind: part files without an entry in a manifest, directories of collections that are
/// gone.
result<void> database_state::remove_unlisted() {
    VECSTORE_CHECK(files_->remove_all(path(snapshot_staging_name)));
    for (const auto& [id, state] : by_id_) VECSTORE_CHECK(remove_unlisted_parts(*files_, directory_, *state));
    VECSTORE_TRY(const auto names, files_->list(path("parts")));
    std::set<std::string> used;
    for (const auto& [id, state] : by_id_) used.insert(std::to_string(id));
    for (const auto id : dropped_) used.insert(std::to_string(id));  // until a checkpoint, the tables list their parts
    for (const auto& name : names)
        if (!used.contains(name)) VECSTORE_CHECK(files_->remove_all(storage::join_path(path("parts"), name)));
    return {};
}

/// True when the tables hold a newer checkpoint than the state that is shown.
result<bool> database_state::behind() {
    VECSTORE_TRY(const auto tables, tables_->read());
    VECSTORE_TRY(const auto applied, read_applied(*tables));
    return applied.lsn > lsn_.load(std::memory_order_acquire);
}

/// True when the tables hold the state that is shown in other parts, merged or with graphs.
result<bool> database_state::other_parts() {
    VECSTORE_TRY(const auto tables, tables_->read());
    VECSTORE_TRY(const auto applied, read_applied(*tables));
    if (applied.lsn != lsn_.load(std::memory_order_acquire)) return false;
    VECSTORE_TRY(const auto sum, sum_of_parts(*tables));
    return sum != parts_sum_.load(std::memory_order_relaxed);
}

result<bool> database_state::catch_up() {
    VECSTORE_CHECK(check_open());
    if (!options_.read_only || options_.salvage) return false;
    VECSTORE_TRY(const bool newer, behind());
    if (!newer) {
        VECSTORE_TRY(const bool other, other_parts());
        if (!other) return false;
    }
    const lock_guard lock(checkpoint_mutex_);
    VECSTORE_CHECK(reload());
    return true;
}

result<void> database_state::follow() {
    if (!options_.read_only || options_.salvage) return {};
    VECSTORE_TRY(const bool newer, behind());
    return newer ? refresh() : result<void>{};
}

result<void> database_state::refresh() {
    if (!options_.read_only || options_.salvage) return {};
    const lock_guard lock(checkpoint_mutex_);
    VECSTORE_TRY(const bool newer, behind());
    return newer ? reload() : result<void>{};  // another reader may have done it
}

/// Reads everything anew, and lets handles that exist already see it. After an error all is as it was.
result<void> database_state::reload() {
    const auto before = by_id_;
    const auto lsn_before = lsn_.load();
    if (auto loaded = load_and_replay(); !loaded) {
        by_id_ = before;
        lsn_ = lsn_before;
        publish_position();
        return loaded;
    }
    for (const auto& [id, state] : before) {
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) {
            state->publish_dropped(lsn_);
            continue;
        }
        state->take_over(*found->second);
        found->second = state;
    }
    publish_catalog();
    return {};
}

/// The writing process may write a checkpoint meanwhile and take log or parts away from under us, or be in the middle
/// of an append; then the next try finds the newer state.
result<void> database_state::load_and_replay() {
    constexpr int attempts_min = 3, attempts_max = 20;
    for (int attempt = 1;; ++attempt) {
        auto loaded = load();
        auto replayed = loaded ? replay(*loaded) : result<void>(loaded.error());
        if (replayed) return {};
        VECSTORE_TRY(const auto tables, tables_->read());
        VECSTORE_TRY(const auto applied, read_applied(*tables));
        const bool moved_on = !loaded || applied.lsn != *loaded;
        if (attempt >= attempts_min && (!moved_on || attempt == attempts_max)) return replayed;
    }
}

}  // namespace vecstore::detail
