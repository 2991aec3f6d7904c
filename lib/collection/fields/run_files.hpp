/// Runs of payload indexes as files, and their manifest.
/// Files: "<root>/parts/<collection>/fields/<n>.fields", numbered like parts. Order, for crash safety, as for parts: a file
/// is durable under its name before the tables list it, and unlisted before it is removed; files that no manifest lists are
/// left-overs of a crash and are removed at open. All of it is derived from payloads: what is missing or damaged is built
/// again, and meanwhile filters look at payloads.
/// Table `fields`: key u32 collection, u64 index, u64 number. Number 0: u64 lsn of the checkpoint up to which all points
/// have been looked at; absent = the index is not complete. Others: u64 lsn, u64 root checksum of the run's file.
/// Thread safety: as checkpoint.hpp says.
#pragma once

#include "indexed_field.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/table_store.hpp>

#include <collection/state.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::detail {

[[nodiscard]] std::string field_directory(const std::string& root, collection_id collection);
[[nodiscard]] std::string run_path(const std::string& directory, std::uint64_t number);

/// Called now and then; false cancels.
using field_progress = std::function<bool(std::size_t points_done)>;

/// A run for each index of the sealed state, of the points that were sealed; none where there are no points.
/// Errors: resource_exhausted, io. Nothing refers to the files yet.
[[nodiscard]] result<std::vector<made_run>> write_sealed_runs(storage::file_system& files, const std::string& root,
                                                              collection_state& state);
/// Forgets the indexes that were dropped before sealing, and lists `runs`.
[[nodiscard]] result<void> write_sealed_fields(storage::table_writer& tables, const collection_state& state,
                                               const std::vector<made_run>& runs);

/// A run of all points in `tables`, none when there are none. `lsn`: of the checkpoint that they hold.
/// Errors: cancelled, corruption, resource_exhausted, io.
[[nodiscard]] result<std::optional<field_run>> build_run(storage::file_system& files, const std::string& root,
                                                         collection_state& state, const indexed_field& field,
                                                         storage::table_reader& tables, std::uint64_t lsn,
                                                         const field_progress& keep_going);

/// One run instead of the neighbours `inputs`, without rows that died up to `droppable_lsn`; none when nothing is left.
/// Errors: as above.
[[nodiscard]] result<std::optional<field_run>> merge_runs(storage::file_system& files, const std::string& root,
                                                          collection_state& state, const indexed_field& field,
                                                          std::span<const field_run> inputs,
                                                          std::uint64_t droppable_lsn,
                                                          const field_progress& keep_going);
/// Of its file.
[[nodiscard]] std::uint64_t bytes_of(const field_run& run) noexcept;
/// True when the run knows of an ordinal from `first` to `end - 1`.
[[nodiscard]] bool covers(const field_run& run, ordinal_id first, ordinal_id end) noexcept;
/// Neighbours that are worth merging; empty when there are none.
[[nodiscard]] std::span<const field_run> next_merge(const indexed_field& field) noexcept;
/// True when one run without dead rows is all that the index has.
[[nodiscard]] bool is_tidy(const indexed_field& field, const tombstones& deaths, std::uint64_t lsn);

/// Writes the whole manifest of an index. `complete_lsn`: none when it is not complete.
[[nodiscard]] result<void> write_field_manifest(storage::table_writer& tables, collection_id collection,
                                                std::uint64_t index, const run_list& runs,
                                                std::optional<std::uint64_t> complete_lsn);

/// An entry of the manifest; nothing when it does not parse.
struct field_manifest_entry {
    collection_id collection = 0;
    std::uint64_t index = 0;
    std::uint64_t number = 0;
    std::uint64_t lsn = 0;
    std::uint64_t root = 0;
};
[[nodiscard]] std::optional<field_manifest_entry> parse_field_manifest(byte_span key, byte_span value) noexcept;

/// The indexes as the catalog keeps them, an array of {id, path, schema}.
[[nodiscard]] payload::value fields_to_value(const field_list& fields);
/// What a checkpoint holds. Indexes of which something cannot be read are not complete.
/// Errors: corruption (the tables), io.
struct loaded_fields {
    std::shared_ptr<const field_list> fields;
    std::uint64_t next_number = 1;  ///< above those of all files
};
[[nodiscard]] result<loaded_fields> load_fields(storage::file_system& files, const std::string& root,
                                                storage::table_reader& tables, collection_id collection,
                                                const payload::value& catalog, storage::verify_mode verify);

/// Removes files that the collection does not list.
[[nodiscard]] result<void> remove_unlisted_runs(storage::file_system& files, const std::string& root,
                                                const collection_state& state);

}  // namespace vecstore::detail
