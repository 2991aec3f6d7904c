/// Whether two nodes may talk: decided by each side from the two hellos, before anything else is read.
/// Thread safety: a function without state.
#pragma once

#include "message.hpp"

#include <variant>

namespace vecstore::replication {

/// Another node, and what it and this one both understand.
struct acquaintance {
    node_id node{};
    std::uint16_t version = protocol_version;
    std::uint64_t features = 0;
};

/// A refusal is sent to the other side, and the connection closed. Whoever is refused does not try again by itself,
/// unless the reason is `busy`.
[[nodiscard]] std::variant<acquaintance, refuse> judge(const hello& own, const hello& theirs);

}  // namespace vecstore::replication
