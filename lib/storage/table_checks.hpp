/// Argument checks that both table stores share.
#pragma once

#include <vecstore/storage/table_store.hpp>

#include <cstring>
#include <string>

namespace vecstore::storage::detail {

[[nodiscard]] inline result<void> check_table(table_id table, std::size_t count) {
    if (table >= count) return invalid_argument("table: no number " + std::to_string(table));
    return {};
}

[[nodiscard]] inline result<void> check_key(table_id table, std::size_t count, byte_span key) {
    VECSTORE_CHECK(check_table(table, count));
    if (key.empty() || key.size() > table_key_bytes_max)
        return invalid_argument("key: " + std::to_string(key.size()) + " bytes, not 1 to 511");
    return {};
}

[[nodiscard]] inline result<void> check_value(byte_span value) {
    if (value.size() > table_value_bytes_max)
        return invalid_argument("value: " + std::to_string(value.size()) + " bytes, more than 1 GiB");
    return {};
}

/// Unsigned bytes, the shorter first among equals: LMDB's own order.
[[nodiscard]] inline bool key_less(byte_span a, byte_span b) noexcept {
    const auto shared = a.size() < b.size() ? a.size() : b.size();
    const int order = shared == 0 ? 0 : std::memcmp(a.data(), b.data(), shared);
    return order != 0 ? order < 0 : a.size() < b.size();
}

}  // namespace vecstore::storage::detail
