/// Building the indexes of a part: which ones its vector wants, their codes, links and measurements, and their files.
/// Thread safety: functions without state; a build uses as many threads as it is told.
#pragma once

#include "part.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>

#include <collection/upkeep/optimizer.hpp>

#include <memory>
#include <string>

namespace vecstore::detail {

/// Below this a part is scanned: an index would not be faster.
inline constexpr row_id indexed_rows_min = 2'000;

/// True when the part should have an index that it does not have.
[[nodiscard]] bool lacks_index(const part& p, const vector_options& options) noexcept;

/// Builds what the part lacks, and opens it anew. On failure the files that were written are removed.
/// `merged_from`: the parts that its rows come from, if any. When one of them has a graph with at least half of the rows,
/// the graph begins as that one, in about half the time or less; it is built from nothing after all when the other rows
/// lie where that graph does not lead. Both are equally good, and the same each time when there is one thread.
/// Errors: cancelled, resource_exhausted (memory, disk), io, corruption.
[[nodiscard]] result<std::shared_ptr<const part>> build_indexes(storage::file_system& files,
                                                                const std::string& directory, const part& p,
                                                                const vector_options& options,
                                                                const job_control& control,
                                                                const part_list& merged_from = {});

}  // namespace vecstore::detail
