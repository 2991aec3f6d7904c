/// The numbers that the layers below the user's ids speak.
#pragma once

#include <cstdint>

namespace vecstore {

/// Dense number of a vector inside one part or memtable.
using row_id = std::uint32_t;

/// Dense number of one version of a point's vectors inside a collection, given in log order.
using ordinal_id = std::uint32_t;

/// Dense number of a collection inside a database; never reused.
using collection_id = std::uint32_t;

inline constexpr row_id row_none = ~row_id{0};
inline constexpr ordinal_id ordinal_none = ~ordinal_id{0};

/// Log positions (lsn: dense, +1 for each record; 0 = before the first) and leadership terms are plain
/// `std::uint64_t`, always named `lsn...` and `term...`.

}  // namespace vecstore
