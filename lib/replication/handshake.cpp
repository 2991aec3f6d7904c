#include "handshake.hpp"

#include <algorithm>

namespace vecstore::replication {

std::variant<acquaintance, refuse> judge(const hello& own, const hello& theirs) {
    if (theirs.cluster != own.cluster)
        return refuse{refusal::wrong_cluster,
                      "cluster " + short_name(theirs.cluster) + " is not " + short_name(own.cluster)};
    // A copied directory, or a node that has reached itself.
    if (theirs.node == own.node) return refuse{refusal::own_node, "both sides are node " + short_name(own.node)};
    const auto version = std::min(own.version_max, theirs.version_max);
    if (version < std::max(own.version_min, theirs.version_min))
        return refuse{refusal::no_common_version,
                      "versions " + std::to_string(theirs.version_min) + " to " + std::to_string(theirs.version_max) +
                          ", here " + std::to_string(own.version_min) + " to " + std::to_string(own.version_max)};
    return acquaintance{theirs.node, version, own.features & theirs.features};
}

}  // namespace vecstore::replication
