/// Keys for tests of encrypted stores.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/storage/encryption_key.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore::test {

/// 32 bytes, each `fill`.
[[nodiscard]] inline encryption_key key_of(std::uint8_t fill) {
    std::array<std::byte, encryption_key::bytes> bytes;
    bytes.fill(std::byte{fill});
    return encryption_key(bytes);
}

[[nodiscard]] inline byte_vector from_hex(std::string_view digits) {
    byte_vector bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
    return bytes;
}

/// A file of keys for key_of(0x11), made by another program (python3, cryptography); so is what tests open with it.
inline constexpr std::string_view old_keyring_file =
    "56534b4559524e470100000001000000202122232425262728292a2b2c2d2e2f404142434445464748494a4b372b6c90a0ee3da393b2c0f0"
    "eef691fef32bc30de40042c8bfb0e92ff901222618e0e18bd2f2961696971eeacdd9a4f7000000000000000000000000b546237f17cb6fb9";

}  // namespace vecstore::test
