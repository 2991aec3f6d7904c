/// Log segments that are kept beside backups, under the names they had in the log.
/// A segment is taken when it is closed: then it is whole, ends with a batch, and never changes.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/backup.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/reader.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::detail {

inline constexpr const char* backup_log_name = "wal";  ///< in a directory of backups

/// Keeps all closed segments of `log` in `archive`, by links or copies; those that are there already are left.
/// Gives the first lsn that is not kept.
/// Errors: as `check_owner`; already_exists (another log's segment has the name), resource_exhausted, io.
[[nodiscard]] result<std::uint64_t> archive_segments(storage::file_system& files, const std::string& log,
                                                     storage::file_system& archive_files, const std::string& archive,
                                                     const std::array<std::byte, 16>& database_uuid);

/// Errors: already_exists (the segments in `archive` are those of another database), corruption, io.
[[nodiscard]] result<void> check_owner(storage::file_system& files, const std::string& archive,
                                       const std::array<std::byte, 16>& database_uuid);

/// A place in a log: its last lsn so far, and the term and chain there.
struct log_position {
    std::uint64_t lsn = 0;
    std::uint64_t term = 0;
    std::uint32_t chain = 0;
};

/// Gives `visit` the records behind `from`, up to `upto` or, with lsn_latest, as far as there are any.
/// Errors: not_found (`upto` or a record before it is not kept), invalid_argument (`upto` lies inside a batch),
///         corruption (also a log that does not continue `from`), io, and those of `visit`.
[[nodiscard]] result<log_position> read_archive(storage::file_system& files, const std::string& archive,
                                                const log_position& from, std::uint64_t upto,
                                                const wal::record_visitor& visit);

/// Reads everything.  Errors: corruption, io.
[[nodiscard]] result<std::vector<lsn_range>> check_archive(storage::file_system& files, const std::string& archive);

/// Removes segments whose records are all below `lsn`.  Errors: io.
result<void> prune_archive(storage::file_system& files, const std::string& archive, std::uint64_t lsn);

}  // namespace vecstore::detail
