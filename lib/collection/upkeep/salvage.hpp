/// Getting out of damaged parts and tables what can be read.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/table_store.hpp>

#include <collection/lost.hpp>
#include <collection/part/part.hpp>
#include <collection/state.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vecstore::detail {

/// Where the rows that can be read go.
struct salvage_target {
    storage::file_system& files;
    std::string directory;
    std::uint64_t number = 0;
};

struct salvaged_part {
    std::shared_ptr<const part> rest;  ///< null when no row can be read
    std::vector<ordinal_range> lost;   ///< ascending
    std::uint64_t lost_rows = 0;
};

/// Writes the rows whose blocks are right as a part of its own, without indexes.
/// Errors: resource_exhausted, io; damage is no error.
[[nodiscard]] result<salvaged_part> salvage_part(storage::file_system& files, const std::string& directory,
                                                 const part_descriptor& descriptor, const vector_options& options,
                                                 const salvage_target& target);

/// Opens a part; when it is damaged, what can be read of it, in memory. `lost` gets what cannot.
/// Errors: resource_exhausted, io.
[[nodiscard]] result<std::shared_ptr<const part>> open_or_salvage(storage::file_system& files,
                                                                  const std::string& directory,
                                                                  const part_descriptor& descriptor,
                                                                  const vector_options& options,
                                                                  std::vector<ordinal_range>& lost, salvage_log& log);

/// Compares a collection with its points: rows without a point are taken for dead, ids without a point are lost.
/// Errors: io.
[[nodiscard]] result<void> salvage_points(storage::table_reader& tables, collection_id collection,
                                          restored_state& restored, lost_data& lost, salvage_log& log);

}  // namespace vecstore::detail
