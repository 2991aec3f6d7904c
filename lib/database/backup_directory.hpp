/// What snapshots, backups and restored databases have in common.
/// Thread safety: functions without state.
#pragma once

#include "archive.hpp"
#include "snapshot_manifest.hpp"

#include <vecstore/database/backup.hpp>
#include <vecstore/storage/control_file.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vecstore::detail {

/// Name of a backup's snapshot: its lsn as 16 hexadecimal digits.
[[nodiscard]] std::string backup_name(std::uint64_t lsn);

[[nodiscard]] snapshot_info to_info(const snapshot_manifest& manifest, const std::string& directory,
                                    std::uint64_t bytes_copied);

/// As `list_backups`.
[[nodiscard]] result<std::vector<snapshot_info>> list_backups_in(storage::file_system& files,
                                                                 const std::string& directory);

/// The snapshot from which `lsn` can be reached, and the archive beside it. `directory` may be a single snapshot.
/// Errors: not_found.
struct restore_point {
    std::string snapshot;
    std::string archive;  ///< empty = none
    snapshot_manifest manifest;

    [[nodiscard]] log_position position() const noexcept { return {manifest.lsn, manifest.term, manifest.chain}; }
};
[[nodiscard]] result<restore_point> find_restore_point(storage::file_system& files, const std::string& directory,
                                                       std::uint64_t lsn);

/// Gives the database in `directory` a log that goes on behind `position` and has no record yet.
[[nodiscard]] result<wal::writer> begin_log(storage::file_system& files, const std::string& directory,
                                            const std::array<std::byte, 16>& database_uuid,
                                            const log_position& position);

/// Opens what is at `directory` and compares lsn, and the hash of its points as computed with `wanted` (none = any) and
/// with what it keeps; gives the hash.  Errors: corruption, io.  Cost: reads all points.
[[nodiscard]] result<hash128> check_points(const std::string& directory, const database_environment& environment,
                                           std::uint64_t lsn, const std::optional<hash128>& wanted,
                                           const encryption_key& key);

[[nodiscard]] std::shared_ptr<storage::file_system> files_of(const database_environment& environment);

}  // namespace vecstore::detail
