// Directories of backups: finding, listing, checking, pruning.
#include "backup_directory.hpp"
#include "database_state.hpp"

#include <vecstore/storage/file_system.hpp>

#include <algorithm>
#include <charconv>

namespace vecstore {
namespace detail {
namespace {

using storage::join_path;

std::optional<std::uint64_t> parse_backup_name(std::string_view name) noexcept {
    constexpr std::size_t digits = 16;
    std::uint64_t lsn = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), lsn, 16);
    if (name.size() != digits || failure != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    return lsn;
}

/// Sum of the collections, each computed from its points.
result<hash128> computed_hash(database_state& state) {
    hash128 sum;
    VECSTORE_TRY(const auto names, state.names());
    for (const auto& name : names) {
        VECSTORE_TRY(auto found, state.find(name));
        const collection opened(
            std::make_shared<collection_access>(collection_access{state.shared_from_this(), std::move(found)}));
        VECSTORE_TRY(const auto computed, opened.verify_state());
        sum += computed;
    }
    return sum;
}

}  // namespace

std::string backup_name(std::uint64_t lsn) {
    constexpr char digits[] = "0123456789abcdef";
    std::string name(16, '0');
    for (std::size_t i = 0; i < name.size(); ++i) name[15 - i] = digits[lsn >> (4 * i) & 15];
    return name;
}

std::shared_ptr<storage::file_system> files_of(const database_environment& environment) {
    if (environment.files) return environment.files;
    return {&storage::posix_file_system(), [](storage::file_system*) {}};
}

snapshot_info to_info(const snapshot_manifest& manifest, const std::string& directory, std::uint64_t bytes_copied) {
    return {directory,        manifest.lsn, manifest.term, manifest.state_hash, manifest.files.size(),
            manifest.bytes(), bytes_copied};
}

result<std::vector<snapshot_info>> list_backups_in(storage::file_system& files, const std::string& directory) {
    std::vector<snapshot_info> backups;
    const auto snapshots = join_path(directory, backup_snapshots_name);
    if (!files.exists(snapshots)) return backups;
    VECSTORE_TRY(const auto names, files.list(snapshots));
    for (const auto& name : names) {  // sorted, and so ascending by lsn
        if (!parse_backup_name(name)) continue;
        const auto path = join_path(snapshots, name);
        VECSTORE_TRY(const auto manifest, read_manifest(files, path));
        backups.push_back(to_info(manifest, path, 0));
    }
    return backups;
}

result<restore_point> find_restore_point(storage::file_system& files, const std::string& directory, std::uint64_t lsn) {
    restore_point found;
    if (files.exists(join_path(directory, snapshot_manifest_name))) {
        found.snapshot = directory;
    } else {
        VECSTORE_TRY(const auto backups, list_backups_in(files, directory));
        for (const auto& backup : backups)
            if (backup.lsn <= lsn) found.snapshot = backup.directory;
        if (backups.empty()) return error{errc::not_found, "no backup here", directory, 0};
        if (found.snapshot.empty())
            return error{errc::not_found,
                         "lsn " + std::to_string(lsn) + " is before the first backup, which is at lsn " +
                             std::to_string(backups.front().lsn),
                         directory, 0};
        found.archive = join_path(directory, backup_log_name);
    }
    VECSTORE_TRY(found.manifest, read_manifest(files, found.snapshot));
    const bool beyond = found.archive.empty() && lsn != lsn_latest && lsn != found.manifest.lsn;
    if (beyond)
        return error{errc::not_found,
                     "the snapshot is at lsn " + std::to_string(found.manifest.lsn) + ", not " + std::to_string(lsn),
                     directory, 0};
    return found;
}

result<hash128> check_points(const std::string& directory, const database_environment& environment, std::uint64_t lsn,
                             const std::optional<hash128>& wanted, const encryption_key& key) {
    database_options options;
    options.read_only = true;
    options.encryption = key;
    VECSTORE_TRY(const auto state, database_state::open(directory, options, {environment.files, nullptr}));
    VECSTORE_TRY(const auto stats, state->stats());
    if (stats.lsn != lsn)
        return corruption("the database is at lsn " + std::to_string(stats.lsn) + ", not " + std::to_string(lsn),
                          directory, 0);
    VECSTORE_TRY(const auto computed, computed_hash(*state));
    const auto& kept = wanted ? wanted : stats.state_hash;  // an encrypted database keeps it in its tables alone
    if (kept && computed != *kept)
        return corruption("the points have state hash " + to_string(computed) + ", it should be " + to_string(*kept),
                          directory, 0);
    return computed;
}

}  // namespace detail

using namespace detail;

result<snapshot_info> read_snapshot(const std::string& directory, const database_environment& environment) {
    VECSTORE_TRY(const auto manifest, read_manifest(*files_of(environment), directory));
    return to_info(manifest, directory, 0);
}

result<snapshot_info> verify_snapshot(const std::string& directory, const database_environment& environment,
                                      const encryption_key& key) {
    const auto files = files_of(environment);
    VECSTORE_TRY(const auto manifest, read_manifest(*files, directory));
    for (const auto& wanted : manifest.files) {
        const auto path = storage::join_path(directory, wanted.path);
        if (!files->exists(path)) return corruption("a file of the snapshot is missing", path, 0);
        VECSTORE_TRY(const auto found, sum_file(*files, path));
        VECSTORE_CHECK(check_file(wanted, found, path));
    }
    VECSTORE_CHECK(check_points(directory, environment, manifest.lsn, manifest.state_hash, key));
    return to_info(manifest, directory, 0);
}

result<std::vector<snapshot_info>> list_backups(const std::string& directory, const database_environment& environment) {
    return list_backups_in(*files_of(environment), directory);
}

result<backup_check> verify_backups(const std::string& directory, const database_environment& environment,
                                    const encryption_key& key) {
    const auto files = files_of(environment);
    backup_check check;
    VECSTORE_TRY(check.backups, list_backups_in(*files, directory));
    for (const auto& backup : check.backups) VECSTORE_CHECK(verify_snapshot(backup.directory, environment, key));
    VECSTORE_TRY(check.log, check_archive(*files, storage::join_path(directory, backup_log_name)));
    return check;
}

result<void> prune_backups(const std::string& directory, std::uint64_t lsn, const database_environment& environment) {
    const auto files = files_of(environment);
    VECSTORE_TRY(const auto needed, find_restore_point(*files, directory, lsn));
    if (needed.archive.empty()) return invalid_argument("this is a single snapshot, not a directory of backups");
    VECSTORE_TRY(const auto in_use, files->lock(storage::join_path(directory, "LOCK")));
    VECSTORE_TRY(const auto backups, list_backups_in(*files, directory));
    const auto snapshots = storage::join_path(directory, backup_snapshots_name);
    for (const auto& backup : backups) {
        if (backup.lsn >= needed.manifest.lsn) break;
        // Under another name first: half of a snapshot must not look like one.
        const auto doomed = storage::join_path(snapshots, "pruned.tmp");
        VECSTORE_CHECK(files->remove_all(doomed));
        VECSTORE_CHECK(files->rename(backup.directory, doomed));
        VECSTORE_CHECK(files->remove_all(doomed));
    }
    VECSTORE_CHECK(files->sync_directory(snapshots));
    return prune_archive(*files, needed.archive, needed.manifest.lsn + 1);
}

}  // namespace vecstore
