/// Snapshots, backups, and going back in time.
///
/// A snapshot (`database::snapshot`) is a directory that holds the database as it was at one lsn. It opens read-only
/// like any other. Its files of vectors and indexes are hard links to the database's where the file system has links, so
/// that it costs little room and time; damage of such a file is then damage of both.
///
/// A directory of backups (`database::backup`) holds copies that share nothing with the database:
///   snapshots/<lsn, 16 hex digits>/   a snapshot each; what did not change since the one before is a hard link to it
///   wal/                              log segments, which lead from one snapshot to the next
/// With `database_options::archive_directory` set to such a directory, log segments are also kept there whenever the
/// database would let go of them; then every lsn from the first backup on can be restored, between backups too.
///
/// Thread safety: any thread. Several processes may read one directory of backups; one at a time writes to it.
/// Snapshots and backups of an encrypted database are encrypted, under the same data key; restoring one keeps it.
/// Errors common to all: invalid_argument, corruption (the message says what, the path which file), resource_exhausted,
/// io; wrong_key from those that open a snapshot.
#pragma once

#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/database/options.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace vecstore {

/// What a snapshot, a backup or a restored database holds. Sizes in bytes.
struct snapshot_info {
    std::string directory;
    std::uint64_t lsn = 0;   ///< all writes up to here, none after
    std::uint64_t term = 0;  ///< of the last of them
    /// Of all points (database_stats::state_hash). Nothing when the database did not know its own, or is encrypted: then only
    /// the call that made it tells.
    std::optional<hash128> state_hash;
    std::size_t files = 0;
    std::uint64_t bytes = 0;         ///< of all files
    std::uint64_t bytes_copied = 0;  ///< written anew: not linked. Only told by the call that made it
};

/// Records `first` to `last` of the log.
struct lsn_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    friend bool operator==(const lsn_range&, const lsn_range&) = default;
};

/// What `verify_backups` read.
struct backup_check {
    std::vector<snapshot_info> backups;  ///< ascending by lsn
    std::vector<lsn_range> log;          ///< records that are kept, ascending, without gaps inside
};

inline constexpr std::uint64_t lsn_latest = std::numeric_limits<std::uint64_t>::max();

/// What the manifest of a snapshot says; reads none of its other files.
/// Errors: not_found (no snapshot there; an interrupted one is none), unsupported (made by a newer version).
[[nodiscard]] result<snapshot_info> read_snapshot(const std::string& directory,
                                                  const database_environment& environment = {});

/// Compares each file with its checksum, opens the snapshot, and computes the state hash from the points themselves.
/// Errors: as `read_snapshot`; corruption names the first file that differs.  Cost: reads all of it.
/// `key`: of an encrypted database, here and below; the one it had when the snapshot was made.
result<snapshot_info> verify_snapshot(const std::string& directory, const database_environment& environment = {},
                                      const encryption_key& key = {});

/// The backups in a directory, ascending by lsn; empty when there is none.
[[nodiscard]] result<std::vector<snapshot_info>> list_backups(const std::string& directory,
                                                              const database_environment& environment = {});

/// `verify_snapshot` of each backup, and every record of the log kept beside them.  Cost: reads all of it.
[[nodiscard]] result<backup_check> verify_backups(const std::string& directory,
                                                  const database_environment& environment = {},
                                                  const encryption_key& key = {});

/// Removes the backups and the log that are not needed to restore `lsn` or anything later.
/// Errors: not_found (nothing here can restore `lsn`; then nothing is removed).
result<void> prune_backups(const std::string& directory, std::uint64_t lsn,
                           const database_environment& environment = {});

/// Makes the database `target` from a directory of backups, as it was at `lsn` exactly; or from a single snapshot, whose
/// lsn must be the one asked for. The latest is the newest snapshot and all the log that follows it.
/// Everything copied is compared with its checksum, and the new database is opened and its points are read before it
/// gets its name. It is a database of its own (with its own uuid): its later writes do not continue the backups'.
/// Errors: already_exists (`target`), not_found (no backup; `lsn` is before the first or after what is kept, or the log
///         between has a gap), invalid_argument (`lsn` lies inside a batch, which was never visible in part).
/// Durability: synced when this returns without error; before that there is no `target`, at most `<target>.tmp`.
result<snapshot_info> restore_backup(const std::string& directory, const std::string& target,
                                     std::uint64_t lsn = lsn_latest, const database_environment& environment = {},
                                     const encryption_key& key = {});

}  // namespace vecstore
