/// The tables of a checkpoint: their order, their keys, their values. All keys are big-endian, so that a collection's
/// entries lie together and in order; all values little-endian. These are bytes on disk: do not renumber, do not
/// reorder.
///
/// | table   | key                                  | value                                                      |
/// |---------|--------------------------------------|------------------------------------------------------------|
/// | meta    | "format"                             | u32 version of this page, 2 (1 is still read)              |
/// | meta    | "applied"                            | u64 lsn, u64 term: all records up to lsn are in the tables |
/// | meta    | "next_collection"                    | u32                                                        |
/// | meta    | "config"                             | payload of the last record of type config; absent = none   |
/// | meta    | "aliases"                            | document {alias: collection}; absent = none               |
/// | catalog | u32 collection                       | document {name, vectors, metadata, next_ordinal, points, next_part, state_hash (32 digits; absent in version 1), fields (payload indexes; absent = none)} |
/// | ids     | u32 collection, key bytes of the id  | u32 ordinal                                                |
/// | points  | u32 collection, u32 ordinal          | as point_value.hpp says                                    |
/// | deaths  | u32 collection, u32 page             | 512 bytes: a bit for each dead ordinal of the page         |
/// | edits   | u32 collection, u32 page             | 512 bytes: a bit for each ordinal edited since its upsert  |
/// | parts   | u32 collection, u16 vector, u64 part | u32 rows, u32 first, u32 last ordinal, u64 root, u64 graph root, u64 ivf root (0 = none yet, all ones = not wanted); without the last in stores of before |
/// | write_ids | u64 lsn                            | u64 client, number, term, points, skipped: what a write that its caller named was told |
/// | dropped | u32 collection                       | u64 lsn of the drop, document {name, vectors}: kept while the log may speak of it |
/// | readers | text, the name of a reader of the log | u64 lsn: the log behind it is kept for that reader         |
/// | due     | u32 collection, u32 ordinal          | u64 expire_at; absent = never                               |
/// | expiry  | u32 collection, u64 expire_at, u32 ordinal | nothing                                               |
/// | fields  | u32 collection, u64 index, u64 number | runs of payload indexes, as fields/run_files.hpp says        |
/// The tables from `write_ids` on are absent in stores of before; they are then taken for empty.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/point_id.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/storage/table_store.hpp>

#include <array>
#include <string>
#include <vector>

namespace vecstore::detail::tables {

inline constexpr std::uint32_t format_version = 2;
/// In the control file alone: as above, and encrypted, so that a program that knows nothing of it refuses the database.
inline constexpr std::uint32_t encrypted_format_version = 3;

inline constexpr storage::table_id meta = 0;
inline constexpr storage::table_id catalog = 1;
inline constexpr storage::table_id ids = 2;
inline constexpr storage::table_id points = 3;
inline constexpr storage::table_id deaths = 4;
inline constexpr storage::table_id parts = 5;
inline constexpr storage::table_id edits = 6;
inline constexpr storage::table_id write_ids = 7;
inline constexpr storage::table_id dropped = 8;
inline constexpr storage::table_id readers = 9;
inline constexpr storage::table_id due = 10;
inline constexpr storage::table_id expiry = 11;
inline constexpr storage::table_id fields = 12;

[[nodiscard]] inline std::vector<std::string> names() {
    return {"meta",      "catalog", "ids",     "points", "deaths", "parts", "edits",
            "write_ids", "dropped", "readers", "due",    "expiry", "fields"};
}

[[nodiscard]] inline byte_vector collection_key(collection_id collection) {
    byte_writer key;
    key.put_big_endian(collection);
    return std::move(key).take();
}
[[nodiscard]] inline byte_vector id_key(collection_id collection, const point_id& id) {
    byte_writer key;
    key.reserve(21);
    key.put_big_endian(collection);
    id.put_key(key);
    return std::move(key).take();
}
/// For `points` (number = ordinal) and `deaths` (number = page).
[[nodiscard]] inline std::array<std::byte, 8> number_key(collection_id collection, std::uint32_t number) noexcept {
    std::array<std::byte, 8> key;
    store_le(key.data(), __builtin_bswap32(collection));
    store_le(key.data() + 4, __builtin_bswap32(number));
    return key;
}
[[nodiscard]] inline byte_vector expiry_key(collection_id collection, std::uint64_t expire_at, std::uint32_t ordinal) {
    byte_writer key;
    key.put_big_endian(collection);
    key.put_big_endian(expire_at);
    key.put_big_endian(ordinal);
    return std::move(key).take();
}
[[nodiscard]] inline byte_vector part_key(collection_id collection, std::uint16_t slot, std::uint64_t part) {
    byte_writer key;
    key.put_big_endian(collection);
    key.put_big_endian(slot);
    key.put_big_endian(part);
    return std::move(key).take();
}
/// True while a cursor's key still belongs to the collection.
[[nodiscard]] inline bool of_collection(byte_span key, collection_id collection) noexcept {
    byte_reader in(key);
    return in.get_big_endian<std::uint32_t>() == collection && !in.failed();
}

/// Where a checkpoint stands in the log.
struct applied_position {
    std::uint64_t lsn = 0;
    std::uint64_t term = 0;
};

}  // namespace vecstore::detail::tables
