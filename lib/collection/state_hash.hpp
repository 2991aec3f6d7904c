/// The hash of what a collection holds: two that hold the same points, in the same versions, have the same hash,
/// whatever parts, checkpoints or memtables they lie in. It is kept up with each change: the hash of the old point is
/// subtracted, that of the new one added.
///
///   collection = sum mod 2^128 of its living points;  database = sum of its collections
///   point      = XXH3-128 of 61 bytes: u32 collection, u8 1 for a UUID, 16 bytes id (UUID, or u64 and zeros), u64
///                version, 16 bytes vectors, 16 bytes XXH3-128 of the payload as stored
///   vectors    = sum mod 2^128 of XXH3-128 of each vector's packed bytes, as they are in the log, seed = slot + 1
///
/// Why vectors apart: an edit of the payload must subtract the old point and must not read its vectors, which may be
/// on disk; their hash is kept with the point (point_value.hpp).
/// The values are on disk and compared between stores: a change needs a new format version.
/// Paper: Bellare, Micciancio, "A New Paradigm for Collision-free Hashing: Incrementality at Reduced Cost", EUROCRYPT
/// 1997 (AdHASH). Differs: detects accidents, not attackers.
/// Cost: some 30 ns a point besides one pass over its bytes.
/// Thread safety: functions without state.
#pragma once

#include "lookup.hpp"
#include "view.hpp"

#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/table_store.hpp>

#include <cstddef>
#include <optional>

namespace vecstore::detail {

/// One vector's share. `packed` [row_bytes(type, dim)], or as sparse_row.hpp says.
[[nodiscard]] hash128 hash_of_vector(std::size_t slot, byte_span packed) noexcept;
[[nodiscard]] hash128 hash_of_point(collection_id collection, const point_id& id, std::uint64_t version,
                                    const hash128& vectors, byte_span payload) noexcept;

/// The packed vector; nothing when the point lacks it. Lifetime: that of the view.
/// Errors: corruption (its block is damaged), io.
[[nodiscard]] result<std::optional<byte_span>> find_vector(const vector_view& rows, ordinal_id ordinal);
/// Whether the point has one, without a look at its bytes.
[[nodiscard]] bool holds_vector(const vector_view& rows, ordinal_id ordinal) noexcept;
/// Hash of the vectors of `ordinal`, from the vectors themselves.  Errors: as `find_vector`.
[[nodiscard]] result<hash128> hash_of_vectors(const view& state, ordinal_id ordinal);

/// The hash of what the tables and parts of a checkpoint hold, for stores that do not keep it. Cost: reads all of it.
/// `state`: as loaded, without newer changes.  Errors: corruption, io.
[[nodiscard]] result<hash128> hash_of_checkpoint(collection_id collection, const view& state,
                                                 storage::table_reader& tables);

}  // namespace vecstore::detail
