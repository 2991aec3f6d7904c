/// Copying what can be read of damaged tables.
/// Thread safety: functions without state.
#pragma once

#include "storage/lmdb_pages.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/storage/table_store.hpp>

#include <cstdint>

namespace vecstore::detail {

struct salvaged_tables {
    std::uint64_t entries = 0;
    std::uint64_t ids_mended = 0;  ///< that did not name their point
    std::uint64_t ids_without_point = 0;
};

/// Copies each readable entry of all tables that this version knows, a batch at a time; then brings ids in line with the
/// points, which hold them, too. With `drop_lost`, ids that name no point of theirs are left out, all ordinals without a point are
/// marked as dead, and the counts of points are set right: so the copy is whole in itself.
/// Errors: resource_exhausted, io, corruption (the checkpoint's position is lost: nothing would fit it).
[[nodiscard]] result<salvaged_tables> copy_readable_tables(storage::detail::lmdb_pages& from,
                                                           storage::table_store& into, bool drop_lost);

}  // namespace vecstore::detail
