/// What nodes say to each other while one is given a copy of another's database (PROTOCOL.md, types 32 to 36). Spans are borrowed, as
/// in message.hpp.
/// Thread safety: functions without state.
#pragma once

#include "frame.hpp"
#include "types.hpp"

#include <vecstore/core/result.hpp>

#include <array>
#include <cstdint>
#include <variant>

namespace vecstore::replication {

/// Values are on the wire, do not renumber.
enum class seed_frame_type : std::uint8_t { ask = 32, offer = 33, fetch = 34, data = 35, gone = 36 };

inline constexpr std::uint32_t seed_chunk_bytes_max = 4u << 20;

/// Of one snapshot on its way, random.
using seed_id = std::array<std::byte, 16>;

/// Asks for an offer.
struct seed_ask {
    friend bool operator==(const seed_ask&, const seed_ask&) = default;
};

/// There is a snapshot to be had.
struct seed_offer {
    seed_id id{};
    byte_span manifest;  ///< the file SNAPSHOT
};

/// Asks for a piece of the file that is `file`-th in the manifest.
struct seed_fetch {
    seed_id id{};
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    friend bool operator==(const seed_fetch&, const seed_fetch&) = default;
};

struct seed_data {
    seed_id id{};
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    byte_span bytes;
};

/// The snapshot is not there any more.
struct seed_gone {
    seed_id id{};
    friend bool operator==(const seed_gone&, const seed_gone&) = default;
};

using seed_message = std::variant<seed_ask, seed_offer, seed_fetch, seed_data, seed_gone>;

/// True for the types above.
[[nodiscard]] constexpr bool is_seed_frame(std::uint8_t type) noexcept {
    return type >= static_cast<std::uint8_t>(seed_frame_type::ask) &&
           type <= static_cast<std::uint8_t>(seed_frame_type::gone);
}

/// Appends the frame of `m` to `out`; its term is 0, since a snapshot holds what is committed, whoever leads.
/// Precondition: data is within the limit.
void encode(const seed_message& m, byte_writer& out);

/// Errors: corruption (bytes missing or left over, more than a piece may have), unsupported (type or flags not known).
[[nodiscard]] result<seed_message> decode_seed(const frame& f);

}  // namespace vecstore::replication
