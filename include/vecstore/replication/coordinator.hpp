/// Who says which node should lead. Nothing that was acknowledged by a quorum rests on it, nor on clocks.
/// Thread safety: plain values.
#pragma once

#include <vecstore/replication/security.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vecstore::replication {

/// People say who leads, by `node::promote`. No failover happens by itself, so none happens by mistake.
struct static_primary_options {
    /// This node leads when it starts, unless another has led since it did. Of one cluster one node has this.
    bool primary = false;
};

/// etcd, version 3.4 or later, through its JSON gateway; three members are recommended, on disks of their own, with
/// --heartbeat-interval 50 --election-timeout 500.
struct etcd_options {
    std::vector<std::string>
        endpoints;  ///< "http://10.0.0.1:2379", "https://..."; any member will do, all should be named
    /// How long a leader that vanished keeps others from leading: [1, 60]. etcd may give more.
    std::uint32_t ttl_s = 2;
    std::uint32_t request_ms = 300;  ///< [50, 10000]: longest wait for an answer
    std::string user;                ///< empty: no authentication by name
    std::string password;
    /// For https: `authority_file` is whom to trust; the certificate is shown when it is named.
    std::optional<tls_options> tls;
};

using coordinator_options = std::variant<static_primary_options, etcd_options>;

}  // namespace vecstore::replication
