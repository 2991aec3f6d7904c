/// The value of a point in the `points` table, little-endian:
///   key bytes of the id; the bits of its first byte above bit 3 say which of the optional fields follow
///   u64 version
///   16 bytes hash of the vectors (state_hash.hpp), if bit 4 is set
///   encoded payload, to the end
/// Format 1 has no optional fields; its values are still read. Bits that this version does not know are corruption.
/// These are bytes on disk: do not renumber.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/hash128.hpp>
#include <vecstore/core/point_id.hpp>

#include <cstdint>
#include <optional>

namespace vecstore::detail {

inline constexpr std::uint8_t point_has_vectors_hash = 0x10;
inline constexpr std::uint8_t point_flags = point_has_vectors_hash;

struct point_value {
    point_id id;
    std::uint64_t version = 0;
    std::optional<hash128> vectors;
    byte_span payload;
};

/// Replaces what is in `out`.
inline void encode_point_value(byte_writer& out, const point_value& value) {
    out.clear();
    value.id.put_key(out);
    if (value.vectors)
        out.patch(0, static_cast<std::uint8_t>(std::uint8_t{value.id.is_uuid()} | point_has_vectors_hash));
    out.put(value.version);
    if (value.vectors) put(out, *value.vectors);
    out.put_bytes(value.payload);
}

/// Nothing when the bytes are no such value.
[[nodiscard]] inline std::optional<point_value> parse_point_value(byte_span bytes) noexcept {
    if (bytes.empty()) return std::nullopt;
    const auto first = std::to_integer<std::uint8_t>(bytes.front());
    const auto flags = static_cast<std::uint8_t>(first & 0xF0);
    if ((first & 0x0F) > 1 || (flags & ~point_flags) != 0) return std::nullopt;
    constexpr std::size_t uuid_bytes = 16;
    byte_reader in(bytes.subspan(1));
    point_value value;
    if ((first & 0x0F) == 1) {
        uuid id;
        const auto raw = in.get_bytes(uuid_bytes);
        if (in.failed()) return std::nullopt;
        for (std::size_t i = 0; i < uuid_bytes; ++i) id.bytes[i] = std::to_integer<std::uint8_t>(raw[i]);
        value.id = id;
    } else {
        value.id = in.get_big_endian<std::uint64_t>();
    }
    value.version = in.get<std::uint64_t>();
    if ((flags & point_has_vectors_hash) != 0) value.vectors = get_hash128(in);
    if (in.failed()) return std::nullopt;
    value.payload = in.get_bytes(in.remaining());
    return value;
}

}  // namespace vecstore::detail
