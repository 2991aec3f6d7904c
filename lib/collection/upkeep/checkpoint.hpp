/// A collection's share of a checkpoint: writing what was sealed, and loading it again.
/// Order, for crash safety: parts are durable under their names before the tables' transaction that lists them commits;
/// part files that no manifest lists are left-overs of a crash and are removed at open.
/// Thread safety: one checkpoint or optimizer step of a database at a time; beside readers and writers.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/table_store.hpp>

#include <collection/state.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::detail {

/// "<root>/parts/<collection>/<slot>".
[[nodiscard]] std::string part_directory(const std::string& root, collection_id collection, std::size_t slot);
[[nodiscard]] std::string collection_directory(const std::string& root, collection_id collection);

/// Writes the sealed memtables' living rows as parts; for each slot the part, or null when there were no rows.
/// Errors: resource_exhausted, io. Nothing refers to the files yet.
[[nodiscard]] result<part_list> write_sealed_parts(storage::file_system& files, const std::string& root,
                                                   collection_state& state);

/// Puts the sealed ids, points, deaths, counters and `parts` into the transaction.
[[nodiscard]] result<void> write_sealed_tables(storage::table_writer& tables, const collection_state& state,
                                               const part_list& parts);  // and fields/run_files.hpp

/// Replaces `removed` by `added` in the manifest.
[[nodiscard]] result<void> write_manifest(storage::table_writer& tables, collection_id collection, std::size_t slot,
                                          const part_list& removed, const part_list& added);

/// An entry of the manifest; nothing when it does not parse.
struct manifest_entry {
    collection_id collection = 0;
    std::uint16_t slot = 0;
    part_descriptor descriptor;
};
[[nodiscard]] std::optional<manifest_entry> parse_manifest_entry(byte_span key, byte_span value) noexcept;

/// Removes all that the tables hold of a collection.
[[nodiscard]] result<void> erase_tables(storage::table_writer& tables, collection_id collection);

/// All collections of a checkpoint, with their parts opened, and verified as `verify` says. With `salvage`, those that can be
/// read, as far as they can, all verified; what is missing is noted there.
/// Errors: corruption, io.
[[nodiscard]] result<std::vector<std::shared_ptr<collection_state>>> load_collections(
    storage::file_system& files, const std::string& root, storage::table_reader& tables, std::uint64_t applied_lsn,
    storage::verify_mode verify = storage::verify_mode::all, salvage_log* salvage = nullptr);

/// A file that the manifest of parts names.
struct listed_file {
    std::string path;        ///< relative to the database's directory
    std::uint64_t root = 0;  ///< root checksum of its contents
    bool derived = false;    ///< an index, which may be missing
};
/// All files of all collections.  Errors: corruption, io.
[[nodiscard]] result<std::vector<listed_file>> list_part_files(storage::table_reader& tables);

/// Removes part files that the collection does not list.
[[nodiscard]] result<void> remove_unlisted_parts(storage::file_system& files, const std::string& root,
                                                 const collection_state& state);

}  // namespace vecstore::detail
