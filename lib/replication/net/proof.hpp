/// How a node shows that it has the shared secret. HMAC-SHA-256 over who proves (the side that dialed, or the other), the
/// hash of both hellos, in which both nonces are, and what binds to the TLS channel (RFC 8446, 7.5; RFC 9266 for the
/// idea). So a proof is worth nothing on another connection, in the other direction, or behind somebody in the middle.
/// Thread safety: functions without state.
#pragma once

#include "../message.hpp"

namespace vecstore::replication::net {

using digest = std::array<std::byte, 32>;

enum class side : std::uint8_t { dialed = 0, accepted = 1 };

/// What both sides know before they prove anything.
struct transcript {
    byte_span dialed_hello;    ///< body of the hello of the side that dialed, as it was sent
    byte_span accepted_hello;  ///< that of the other
    digest channel{};          ///< exported from TLS; zero without
};

/// Errors: internal (the library for hashes failed).
[[nodiscard]] result<digest> make_proof(const std::string& secret, side who, const transcript& of);
/// Takes the same time wherever they differ.
[[nodiscard]] bool equal(const digest& a, const digest& b) noexcept;
/// Not to be guessed.
/// Errors: internal (no randomness).
result<void> fill_random(std::span<std::byte> bytes);

}  // namespace vecstore::replication::net
