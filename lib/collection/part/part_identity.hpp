/// Whose vector a row is: the point's id and version, as a part keeps them beside its rows.
/// 24 bytes, little-endian: the 16 bytes of a UUID, or a zero u64 and the number as u64; u64 version * 2, + 1 for a
/// UUID. These are bytes on disk: a change needs a new version of the part.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/point_id.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace vecstore::detail {

struct row_identity {
    point_id id;
    std::uint64_t version = 0;

    friend bool operator==(const row_identity&, const row_identity&) = default;
};

inline constexpr std::size_t identity_bytes = 24;

[[nodiscard]] inline std::array<std::byte, identity_bytes> pack_identity(const row_identity& identity) noexcept {
    std::array<std::byte, identity_bytes> packed{};
    if (identity.id.is_uuid())
        std::memcpy(packed.data(), identity.id.uuid().bytes.data(), 16);
    else
        store_le(packed.data() + 8, identity.id.number());
    store_le(packed.data() + 16, identity.version << 1 | std::uint64_t{identity.id.is_uuid()});
    return packed;
}

/// `packed` [identity_bytes].
[[nodiscard]] inline row_identity unpack_identity(const std::byte* packed) noexcept {
    const auto last = load_le<std::uint64_t>(packed + 16);
    if ((last & 1) == 0) return {load_le<std::uint64_t>(packed + 8), last >> 1};
    uuid id;
    std::memcpy(id.bytes.data(), packed, id.bytes.size());
    return {id, last >> 1};
}

}  // namespace vecstore::detail
