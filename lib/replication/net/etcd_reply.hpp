/// What etcd's JSON gateway says (v3 API), read without believing it: 64-bit numbers are strings, what is zero or false is
/// not there at all, keys and values are base64, and an error may come with any status.
/// Thread safety: functions without state.
#pragma once

#include "http_client.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::replication::net {

struct etcd_lease {
    std::uint64_t id = 0;
    std::uint64_t ttl_s = 0;  ///< 0: it is gone
};

struct etcd_value {
    std::string key;
    std::string value;
    std::uint64_t lease = 0;
    std::uint64_t create_revision = 0;
};

struct etcd_transaction {
    bool succeeded = false;
    std::vector<etcd_value> values;  ///< of all ranges that were asked for, in order

    [[nodiscard]] const etcd_value* find(std::string_view key) const noexcept;
};

/// Errors of all: unavailable (etcd says an error; its text), corruption (no such reply).
[[nodiscard]] result<etcd_lease> parse_lease(const http_reply& reply);
[[nodiscard]] result<etcd_transaction> parse_transaction(const http_reply& reply);
[[nodiscard]] result<std::string> parse_token(const http_reply& reply);
/// True when a token is asked for, or the one that was shown has become old.
[[nodiscard]] bool wants_token(const http_reply& reply) noexcept;

/// Who leads, as it stands in the key `leader`.
struct etcd_leader {
    std::string node;     ///< 32 hexadecimal digits
    std::string address;  ///< of the node, for others
    std::uint64_t session = 0;
    std::uint64_t term = 0;
};
[[nodiscard]] std::string encode_leader(const etcd_leader& leader);
/// Errors: corruption.
[[nodiscard]] result<etcd_leader> parse_leader(std::string_view text);

[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace vecstore::replication::net
