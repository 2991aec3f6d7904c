/// Looking up ids and points through overlays and, below them, the tables of the checkpoint.
/// Thread safety: functions without state; a table reader belongs to one thread.
#pragma once

#include "point_value.hpp"
#include "tables.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/payload/view.hpp>
#include <vecstore/storage/table_store.hpp>

#include <collection/newest/overlay.hpp>

#include <optional>
#include <span>

namespace vecstore::detail {

/// A point's id, version and payload where they lie; valid while overlay and table reader live.
struct point_ref {
    point_id id;
    std::uint64_t version = 0;
    payload::view payload;
    std::uint64_t expire_at = 0;
    byte_span encoded = {};                         ///< the payload's bytes
    std::optional<hash128> vectors = std::nullopt;  ///< hash of its vectors; none in values of before
};

/// Parses a value of the `points` table (point_value.hpp).  Errors: corruption.
[[nodiscard]] inline result<point_ref> parse_point(byte_span value) {
    const auto parsed = parse_point_value(value);
    if (!parsed) return error{errc::corruption, "a point in the tables does not parse", "points", 0};
    return point_ref{parsed->id, parsed->version, payload::view::trusted(parsed->payload),
                     0,          parsed->payload, parsed->vectors};
}

[[nodiscard]] inline point_ref to_ref(const point_version& version) noexcept {
    return {version.id,        version.lsn,       payload::view::trusted(version.payload()),
            version.expire_at, version.payload(), version.vectors};
}

/// The ordinal that `id` means at `lsn`. `overlays`: pointers to overlays, newest first.
template <class Overlays>
[[nodiscard]] result<std::optional<ordinal_id>> find_ordinal(const Overlays& overlays, std::uint64_t lsn,
                                                             collection_id collection, const point_id& id,
                                                             storage::table_reader& tables) {
    for (const auto& overlay : overlays)
        if (const auto* version = overlay->find_id(id, lsn); version != nullptr)
            return version->ordinal == ordinal_none ? std::nullopt : std::optional(version->ordinal);
    VECSTORE_TRY(const auto value, tables.get(tables::ids, tables::id_key(collection, id)));
    if (!value) return std::optional<ordinal_id>{};
    if (value->size() != sizeof(ordinal_id))
        return error{errc::corruption, "the ordinal of id " + to_string(id) + " has a wrong size", "ids", 0};
    return std::optional(load_le<ordinal_id>(value->data()));
}

/// The point that has `ordinal`, as it is at `lsn`. `expiring`: points of the collection may expire.
/// Errors: corruption when there is none.
template <class Overlays>
[[nodiscard]] result<point_ref> find_point(const Overlays& overlays, std::uint64_t lsn, collection_id collection,
                                           ordinal_id ordinal, storage::table_reader& tables, bool expiring) {
    for (const auto& overlay : overlays)
        if (const auto* version = overlay->find_point(ordinal, lsn); version != nullptr) return to_ref(*version);
    VECSTORE_TRY(const auto value, tables.get(tables::points, tables::number_key(collection, ordinal)));
    if (!value) return error{errc::corruption, "no point for ordinal " + std::to_string(ordinal), "points", 0};
    auto point = parse_point(*value);
    if (point && expiring) {
        VECSTORE_TRY(const auto due, tables.get(tables::due, tables::number_key(collection, ordinal)));
        if (due && due->size() == sizeof point->expire_at) point->expire_at = load_le<std::uint64_t>(due->data());
    }
    return point;
}

}  // namespace vecstore::detail
