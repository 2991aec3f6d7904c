/// What a snapshot consists of: the file `SNAPSHOT` in its directory, written last. A directory without it is none.
///
/// Layout (little-endian; values are on disk, do not renumber):
///   offset  bytes  field
///   0       8      magic "VSSNAP01"
///   8       4      version, 1
///   12      4      chain of the log at lsn (wal/record.hpp)
///   16      16     database uuid
///   32      8      lsn: the snapshot holds all writes up to here
///   40      8      term of that record
///   48      4      flags: bit 0 = the state hash is known
///   52      4      number of files
///   56      16     state hash
///   72      ...    for each file, ascending by path: u32 path bytes, path (relative, '/'), u64 size, 16 bytes XXH3-128,
///                  u64 root checksum of a part or index file (0 for others), which is how the next backup knows it again
///   end - 8 8      XXH3-64 of all before
/// Thread safety: plain values, pure functions.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::detail {

inline constexpr const char* snapshot_manifest_name = "SNAPSHOT";
inline constexpr const char* snapshot_staging_name = "snapshot.tmp";  ///< in a database; links while one is made
inline constexpr const char* tables_dump_name = "tables";             ///< in `state`; in place of LMDB's file
inline constexpr const char* backup_snapshots_name = "snapshots";     ///< in a directory of backups
inline constexpr std::uint32_t snapshot_manifest_version = 1;
inline constexpr std::size_t snapshot_path_bytes_max = 1024;

struct snapshot_file {
    std::string path;
    std::uint64_t bytes = 0;
    hash128 checksum;
    std::uint64_t root = 0;

    friend bool operator==(const snapshot_file&, const snapshot_file&) = default;
};

struct snapshot_manifest {
    std::array<std::byte, 16> database_uuid{};
    std::uint64_t lsn = 0;
    std::uint64_t term = 0;
    std::uint32_t chain = 0;
    std::optional<hash128> state_hash;
    std::vector<snapshot_file> files;

    [[nodiscard]] std::uint64_t bytes() const noexcept {
        std::uint64_t sum = 0;
        for (const auto& file : files) sum += file.bytes;
        return sum;
    }
    /// Null when there is none.
    [[nodiscard]] const snapshot_file* find(std::string_view path) const noexcept;
    friend bool operator==(const snapshot_manifest&, const snapshot_manifest&) = default;
};

/// Precondition: files ascending by path.
[[nodiscard]] byte_vector encode_manifest(const snapshot_manifest& manifest);

/// `path`: for errors. Paths in a manifest that is accepted stay inside the snapshot's directory.
/// Errors: corruption (path, offset), unsupported (newer version).
[[nodiscard]] result<snapshot_manifest> decode_manifest(byte_span bytes, const std::string& path);

/// Errors: not_found (no snapshot there), corruption, unsupported, io.
[[nodiscard]] result<snapshot_manifest> read_manifest(storage::file_system& files, const std::string& directory);

/// Size and checksum of a file.  Errors: not_found, io.
[[nodiscard]] result<snapshot_file> sum_file(storage::file_system& files, const std::string& path);
/// Copies a file, synced, and gives size and checksum of what was read.  `from` and `to` may be different systems.
/// Errors: not_found, already_exists, resource_exhausted, io.
[[nodiscard]] result<snapshot_file> copy_file(storage::file_system& from_files, const std::string& from,
                                              storage::file_system& to_files, const std::string& to);

/// Compares a file with what the manifest says of it.  Errors: corruption.
[[nodiscard]] result<void> check_file(const snapshot_file& wanted, const snapshot_file& found, const std::string& path);

/// Syncs a directory and those below it.  Errors: io.
result<void> sync_tree(storage::file_system& files, const std::string& directory);

}  // namespace vecstore::detail
