/// The bytes of `<n>.fields`: the values of one payload field over a set of points ("covered"), from which any condition
/// on that field can be answered without the payloads.
///
/// A block file, kind "VFLD". Version 2 is what indexes of UUIDs and of texts are written as, which earlier programs would
/// misread; all others are version 1 still. Sections (little-endian; values are on disk, do not renumber):
///   HEAD  96 bytes:
///     offset  bytes  field
///     0       8      points covered
///     8       4      first ordinal covered
///     12      4      last ordinal covered
///     16      8      number of the index that it belongs to (lsn of its creation)
///     24      1      kind of the index (field_kind)
///     25      7      zero
///     32      8 * 8  values in each dictionary, in the order of `dictionary_kind`; then places
///   BITS  five bitmaps, each u32 bytes and the portable form of Roaring: covered; null (a null, or an array with one);
///         filled (something that is neither null nor []); valued (an element that is not null); other (an element that
///         is neither null nor in a dictionary). Version 2 has two more: text (an element is a text), several (more than
///         one is)
///   and for each dictionary that is not empty, n values, with a letter L for its kind: T texts, I integers, D doubles,
///   B booleans (0, 1), S times (microseconds since 1970), C counts (how many values the field has):
///   LKEY  the values, ascending: n i64 or f64; of text, n + 1 u64 offsets, then the bytes
///   LNOD  nodes of 16 bytes: u64 offset in LPST, u32 bytes, u32 ordinals. Level 0 has one for each value; level i + 1
///         one for each 8 (fewer for the last) of level i, with the union of their ordinals; the highest level is the
///         first that has at most 8
///   LPST  ordinals of the nodes, one after another: up to 63 as ascending u32, more as a bitmap in Roaring's portable form
///   Of an index of UUIDs, texts are as one UUID is always written. Of an index of texts, what L = T has are tokens.
///   GLAT, GLON, GORD  of an index of places: f64 latitudes, ascending; f64 longitudes and u32 ordinals beside them
/// An element is what filters look at: a value that the path reaches, or an element of an array that it reaches.
///
/// Why a tree: a range of values is the union of few nodes, whatever its length, and points that have several values of the
/// range are counted once. It costs about two bytes a point and level.
/// Thread safety: constants and functions without state.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/field_index/schema.hpp>
#include <vecstore/storage/block_file.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::field_index {

inline constexpr auto segment_file_kind = storage::fourcc("VFLD");
inline constexpr std::uint32_t segment_file_version = 1;
inline constexpr std::uint32_t text_file_version = 2;
inline constexpr std::size_t head_bytes = 96;
inline constexpr std::size_t dictionaries_max = 8;
inline constexpr std::size_t node_bytes = 16;
inline constexpr std::size_t node_width = 8;
inline constexpr std::uint32_t plain_ordinals_max = 63;  ///< more ordinals are kept as a bitmap

/// The values are on disk, do not renumber.
enum class dictionary_kind : std::uint8_t { text = 0, integer = 1, floating = 2, boolean = 3, time = 4, count = 5 };
inline constexpr std::size_t dictionaries_known = 6;
inline constexpr std::array dictionary_letters{'T', 'I', 'D', 'B', 'S', 'C'};
inline constexpr std::size_t places_number = 6;  ///< among the counts of the head

[[nodiscard]] constexpr std::uint32_t section_name(dictionary_kind kind, const char (&rest)[4]) noexcept {
    const char name[5] = {dictionary_letters[static_cast<std::size_t>(kind)], rest[0], rest[1], rest[2], 0};
    return storage::fourcc(name);
}

/// How many nodes each level has, the values first.
[[nodiscard]] inline std::vector<std::uint64_t> level_sizes(std::uint64_t values) {
    std::vector<std::uint64_t> sizes{values};
    while (sizes.back() > node_width) sizes.push_back((sizes.back() + node_width - 1) / node_width);
    return sizes;
}

/// The version that segments of a kind are written as; no other is read.
[[nodiscard]] constexpr std::uint32_t version_of(field_kind kind) noexcept {
    return kind == field_kind::uuid || kind == field_kind::text ? text_file_version : segment_file_version;
}

/// What every segment says of itself.
struct segment_head {
    std::uint64_t points = 0;
    ordinal_id first = 0, last = 0;
    std::uint64_t index = 0;
    std::uint8_t kind = 0;
    std::array<std::uint64_t, dictionaries_max> values{};
};

}  // namespace vecstore::field_index
