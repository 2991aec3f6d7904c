// Making snapshots and backups of a database that goes on being written to.
//
// What must hold still does so for a moment only: under checkpoint_mutex_ a checkpoint is written, the tables are
// pinned by a reader, and the part files get second names in `snapshot.tmp`, so that the optimizer can remove the first
// ones. All copying and reading comes after.
#include "backup_directory.hpp"
#include "database_state.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/table_copy.hpp>

#include <collection/reader.hpp>
#include <collection/tables.hpp>
#include <collection/upkeep/checkpoint.hpp>

#include <algorithm>

namespace vecstore::detail {
namespace {

using storage::join_path;

/// The sum over the collections of a checkpoint; nothing when one does not know its own.
result<std::optional<hash128>> hash_of_catalog(storage::table_reader& tables) {
    std::optional<hash128> sum = hash128{};
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::catalog));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        VECSTORE_TRY(const auto entry, payload::decode(cursor->value()));
        const auto kept = parse_hash128(entry["state_hash"].string_or(""));
        if (sum && kept)
            *sum += *kept;
        else
            sum.reset();
        VECSTORE_CHECK(cursor->next());
    }
    return sum;
}

}  // namespace

/// A directory on its way to being a snapshot: `path` until it is complete.
struct database_state::snapshot_build {
    storage::file_system& files;  ///< where it is made
    std::string path;
    bool copy = false;               ///< share nothing with the database
    std::string archive = {};        ///< where the log is kept; empty = nowhere
    std::string previous_path = {};  ///< of a snapshot to share with; empty = none
    snapshot_manifest previous = {};

    // From the moment that everything held still.
    storage::control_state control = {};
    std::unique_ptr<storage::table_reader> tables = nullptr;
    std::vector<listed_file> parts = {};

    snapshot_manifest manifest = {};
    std::uint64_t bytes_copied = 0;

    void add(snapshot_file file, std::string relative, bool copied) {
        file.path = std::move(relative);
        if (copied) bytes_copied += file.bytes;
        manifest.files.push_back(std::move(file));
    }
};

result<snapshot_info> database_state::snapshot(const std::string& target) {
    VECSTORE_CHECK(check_writable());
    if (target.empty()) return invalid_argument("the path of the snapshot is empty");
    auto& files = in_memory() ? storage::posix_file_system() : *files_;
    const lock_guard lock(snapshot_mutex_);
    if (files.exists(target)) return error{errc::already_exists, "there is something under this name", target, 0};
    snapshot_build build{files, target + ".tmp"};
    auto made = make_snapshot(build);
    if (made) made = finish_snapshot(build, target);
    if (!made) {
        (void)files.remove_all(build.path);
        return std::move(made).error();
    }
    return to_info(build.manifest, target, build.bytes_copied);
}

result<snapshot_info> database_state::backup(const std::string& directory) {
    VECSTORE_CHECK(check_writable());
    if (directory.empty()) return invalid_argument("the directory of backups is empty");
    auto& files = in_memory() ? storage::posix_file_system() : *files_;
    const lock_guard lock(snapshot_mutex_);
    const auto snapshots = join_path(directory, backup_snapshots_name);
    VECSTORE_CHECK(files.create_directories(snapshots));
    VECSTORE_TRY(const auto in_use, files.lock(join_path(directory, "LOCK")));
    snapshot_build build{files, join_path(snapshots, "incoming.tmp"), true, join_path(directory, backup_log_name)};
    VECSTORE_TRY(const auto earlier, list_backups_in(files, directory));
    if (!earlier.empty()) {
        build.previous_path = earlier.back().directory;
        VECSTORE_TRY(build.previous, read_manifest(files, build.previous_path));
    }
    auto made = make_backup(build, directory);
    if (!made) {
        (void)files.remove_all(build.path);
        return std::move(made).error();
    }
    return made;
}

result<snapshot_info> database_state::make_backup(snapshot_build& build, const std::string& directory) {
    VECSTORE_CHECK(make_snapshot(build));
    const auto target = join_path(join_path(directory, backup_snapshots_name), backup_name(build.manifest.lsn));
    if (build.files.exists(target)) {  // nothing was written since
        VECSTORE_CHECK(build.files.remove_all(build.path));
        VECSTORE_TRY(const auto present, read_manifest(build.files, target));
        return to_info(present, target, 0);
    }
    VECSTORE_CHECK(finish_snapshot(build, target));
    return to_info(build.manifest, target, build.bytes_copied);
}

/// Everything but the name and the manifest.
result<void> database_state::make_snapshot(snapshot_build& build) {
    auto& files = build.files;
    VECSTORE_CHECK(files.remove_all(build.path));
    for (const auto* name : {"wal", "state", "parts"})
        VECSTORE_CHECK(files.create_directories(join_path(build.path, name)));
    const auto staging = path(snapshot_staging_name);
    auto made = hold_still(build, staging);
    if (made) made = fill_snapshot(build, staging);
    build.tables.reset();
    const auto cleared = files_->remove_all(staging);
    return made ? cleared : made;
}

result<void> database_state::hold_still(snapshot_build& build, const std::string& staging) {
    VECSTORE_CHECK(files_->remove_all(staging));
    const lock_guard lock(checkpoint_mutex_);
    VECSTORE_CHECK(check_writable());
    // Before the checkpoint, which lets go of the log; and after, so that what is kept leads on from this snapshot.
    const bool keeps_log = !in_memory() && !build.archive.empty();
    if (keeps_log && member_)
        return error{errc::unsupported, "the log of a replica may be cut, and cannot be archived yet; see snapshot()",
                     directory_, 0};
    if (keeps_log) VECSTORE_CHECK(archive_log(build.files, build.archive));
    VECSTORE_CHECK(checkpoint_locked());
    if (keeps_log) VECSTORE_CHECK(archive_log(build.files, build.archive));
    if (control_) {
        build.control = control_->state();
    } else {
        build.control.database_uuid = make_uuid();
        build.control.format_version = tables::format_version;
        build.control.promised_term = build.control.checkpoint_term = 1;
        build.control.checkpoint_lsn = build.control.durable_lsn = checkpoint_lsn_;
    }
    const bool foreign = !build.previous_path.empty() && build.previous.database_uuid != build.control.database_uuid;
    if (foreign)
        return error{errc::already_exists, "the directory has backups of another database", build.previous_path, 0};
    VECSTORE_TRY(build.tables, tables_->read());
    VECSTORE_TRY(build.parts, list_part_files(*build.tables));
    std::erase_if(build.parts, [&](const listed_file& file) {
        return file.derived && !files_->exists(path(file.path));  // an index that was lost costs speed, nothing else
    });
    for (const auto& file : build.parts) {
        const auto to = join_path(staging, file.path);
        VECSTORE_CHECK(files_->create_directories(storage::parent_directory(to)));
        VECSTORE_CHECK(files_->link(path(file.path), to));
    }
    return {};
}

result<void> database_state::fill_snapshot(snapshot_build& build, const std::string& staging) {
    auto& manifest = build.manifest;
    manifest.database_uuid = build.control.database_uuid;
    manifest.lsn = build.control.checkpoint_lsn;
    manifest.term = build.control.checkpoint_term;
    manifest.chain = build.control.checkpoint_chain;
    VECSTORE_TRY(manifest.state_hash, hash_of_catalog(*build.tables));
    for (const auto& file : build.parts) VECSTORE_CHECK(take_part(build, staging, file));
    VECSTORE_CHECK(take_tables(build));
    if (cipher_.encrypts())
        VECSTORE_CHECK(
            storage::write_file(build.files, join_path(build.path, storage::keyring_file_name), cipher_.keys_file()));
    VECSTORE_CHECK(storage::control_file::create(build.files, build.path, build.control));
    VECSTORE_CHECK(
        begin_log(build.files, build.path, build.control.database_uuid, {manifest.lsn, manifest.term, manifest.chain}));
    for (const auto* name : {"", "state", "wal"}) {
        VECSTORE_TRY(const auto names, build.files.list(join_path(build.path, name)));
        for (const auto& file_name : names) {
            const auto relative = join_path(name, file_name);
            if (relative == "state" || relative == "wal" || relative == "parts") continue;
            VECSTORE_TRY(auto summed, sum_file(build.files, join_path(build.path, relative)));
            build.add(std::move(summed), relative, true);
        }
    }
    std::sort(manifest.files.begin(), manifest.files.end(),
              [](const snapshot_file& a, const snapshot_file& b) { return a.path < b.path; });
    return {};
}

result<void> database_state::take_part(snapshot_build& build, const std::string& staging, const listed_file& file) {
    const auto from = join_path(staging, file.path);
    const auto to = join_path(build.path, file.path);
    VECSTORE_CHECK(build.files.create_directories(storage::parent_directory(to)));
    VECSTORE_TRY(const auto bytes, files_->file_size(from));
    snapshot_file taken;
    const auto* const before = build.previous.find(file.path);
    VECSTORE_TRY(const auto root, cipher_.masked(file.root));  // everybody can read the manifest
    const bool shared = before != nullptr && before->root == root && before->bytes == bytes;
    const bool linked = shared || (!build.copy && &build.files == files_.get());
    if (shared) {
        taken = *before;
        VECSTORE_CHECK(build.files.link(join_path(build.previous_path, file.path), to));
    } else if (linked) {
        VECSTORE_CHECK(build.files.link(from, to));
        VECSTORE_TRY(taken, sum_file(build.files, to));
    } else {
        VECSTORE_TRY(taken, copy_file(*files_, from, build.files, to));
    }
    taken.root = root;
    build.add(std::move(taken), file.path, !linked);
    return {};
}

/// LMDB's file where the database has one; else, for tables that came with the environment, a file of their entries.
result<void> database_state::take_tables(snapshot_build& build) {
    const auto count = static_cast<storage::table_id>(tables::names().size());
    const auto directory = join_path(build.path, "state");
    if (tables_given_ && !in_memory()) {
        const auto files = cipher_.files({&build.files, [](storage::file_system*) {}});
        return storage::dump_tables(*build.tables, count, *files, join_path(directory, tables_dump_name));
    }
    storage::lmdb_options options;
    options.map_bytes = options_.tables_bytes_max;
    {
        VECSTORE_TRY(auto made, storage::open_lmdb(directory, tables::names(), options));
        const auto copy = cipher_.tables(std::move(made));
        VECSTORE_CHECK(storage::copy_tables(*build.tables, count, *copy));
    }
    return build.files.remove_all(join_path(directory, "lock.mdb"));  // of this process
}

result<void> database_state::finish_snapshot(snapshot_build& build, const std::string& target) {
    const auto manifest_path = join_path(build.path, snapshot_manifest_name);
    VECSTORE_CHECK(sync_tree(build.files, build.path));
    auto written = build.manifest;
    if (cipher_.encrypts()) written.state_hash.reset();  // whoever guesses the points could see that he is right
    VECSTORE_CHECK(storage::write_file(build.files, manifest_path, encode_manifest(written)));
    VECSTORE_CHECK(build.files.rename(build.path, target));
    auto named = build.files.sync_directory(storage::parent_directory(target));
    if (!named) (void)build.files.remove_all(target);  // it might be gone after a power cut
    return named;
}

result<std::uint64_t> database_state::archive_log(storage::file_system& files, const std::string& archive) {
    const auto close_segment = [this]() -> result<void> {
        VECSTORE_CHECK(check_writable());
        const lock_guard lock(log_mutex_);
        if (!log_) return error{errc::unavailable, "the database is closed", directory_, 0};
        auto started = log_->start_segment();
        durable_lsn_.store(log_->durable_lsn(), std::memory_order_release);
        log_bytes_.store(log_->bytes(), std::memory_order_relaxed);
        if (!started && log_->poisoned()) return poison(std::move(started).error());
        return started;
    };
    VECSTORE_CHECK(queue_.exclusively(close_segment));
    return archive_segments(*files_, path("wal"), files, archive, control_->state().database_uuid);
}

void database_state::archive_before_release() {
    if (in_memory() || options_.archive_directory.empty()) return;
    const auto end = archive_log(*files_, archive_path());
    if (end)
        releasable_lsn_ = *end;
    else
        note_error(end.error());
}

}  // namespace vecstore::detail
