/// Keys for tests of encrypted stores.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/storage/encryption_key.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace vecstore::test {

/// 32 bytes, each `fill`.
[[nodiscard]] inline encryption_key key_of(std::uint8_t fill) {
    std::array<std::byte, encryption_key::bytes> bytes;
    bytes.fill(std::byte{fill});
    return encryption_key(bytes);
}

}  // namespace vecstore::test
