/// A point in the form in which the log and the parts hold it, so that some of its vectors can be changed and the others
/// stay bit for bit.
///
/// Why a change of vectors is logged as an upsert of the whole point: it gives the point a new ordinal, and its other
/// vectors must move there. Were the log to name the changed ones alone, `apply` would have to read the others out of
/// parts, and a damaged block would keep a store from opening or a follower from following.
/// Thread safety: plain values, functions without state.
#pragma once

#include "reader.hpp"

#include <vecstore/collection/point.hpp>

#include <collection/write/operation.hpp>
#include <collection/write/put_vectors.hpp>

#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

/// Packed vectors by slot, as they stand in the log behind the slot; none where the point lacks one.
using packed_rows = std::vector<std::optional<byte_vector>>;

struct whole_point {
    point_id id;
    std::uint64_t expire_at = 0;
    packed_rows rows;
    byte_vector payload;  ///< encoded
};

/// Packs vectors as `encode_upsert` does; the others are none.
/// Errors: invalid_argument that names vector and value.
[[nodiscard]] result<packed_rows> pack_rows(const collection_state& collection, const given_vectors& given);

/// The vectors that a version of a point has.  Errors: corruption (its block is damaged), io.
[[nodiscard]] result<packed_rows> read_rows(const read_session& session, ordinal_id ordinal);

/// Records of type upsert, or upsert_expiring when one of the points expires.
/// Errors: invalid_argument (too large).
[[nodiscard]] result<std::vector<operation>> encode_whole(collection_id collection,
                                                          std::span<const whole_point> points);

}  // namespace vecstore::detail
