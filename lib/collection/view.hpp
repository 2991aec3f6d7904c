/// What a reader pins: one state of a collection.
/// A view is immutable; what it points to grows, but never changes for a reader who keeps to the view's lsn and counts.
/// Thread safety: as a const value.
#pragma once

#include "lost.hpp"
#include "ordinal_set.hpp"

#include <collection/fields/indexed_field.hpp>
#include <collection/newest/memtable.hpp>
#include <collection/newest/overlay.hpp>
#include <collection/newest/tombstones.hpp>
#include <collection/part/part.hpp>
#include <collection/write/operation.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace vecstore::detail {

/// The rows of one named vector: parts, then memtables, both oldest first.
struct vector_view {
    struct newest_rows {
        std::shared_ptr<const memtable> table;
        row_id rows = 0;
    };
    std::shared_ptr<const part_list> parts;
    std::vector<newest_rows> memtables;
};

struct view {
    std::uint64_t lsn = 0;       ///< changes up to here, no later ones
    ordinal_id ordinal_end = 0;  ///< ordinals given so far
    std::size_t point_count = 0;
    std::optional<hash128> state_hash;  ///< of all points; none = not known
    std::shared_ptr<const collection_notes> notes;
    bool dropped = false;
    bool expiring = false;                                 ///< points may have an expire_at
    std::vector<vector_view> vectors;                      ///< by slot
    std::vector<std::shared_ptr<const overlay>> overlays;  ///< newest first
    std::shared_ptr<const tombstones> deaths;
    /// Points whose payload changed in a later generation than they came in: parts have an older version of them.
    std::shared_ptr<const ordinal_set> edits;
    std::shared_ptr<const lost_data> lost;  ///< null unless the database is open for salvage
    std::shared_ptr<const field_list> fields = std::make_shared<const field_list>();  ///< payload indexes
};

}  // namespace vecstore::detail
