/// SipHash-2-4: a 64-bit hash of a few bytes under a key of 128 bits, the same on every machine.
/// Paper: Aumasson, Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012.
/// Thread safety: a function without state.
#pragma once

#include <vecstore/core/bytes.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace vecstore {

/// `key0`, `key1`: the halves of the key, each read little-endian.
/// Cost: a few ns for ids; one pass over the bytes.
[[nodiscard]] inline std::uint64_t siphash24(byte_span bytes, std::uint64_t key0 = 0, std::uint64_t key1 = 0) noexcept {
    std::uint64_t v0 = key0 ^ 0x736f'6d65'7073'6575u, v1 = key1 ^ 0x646f'7261'6e64'6f6du;
    std::uint64_t v2 = key0 ^ 0x6c79'6765'6e65'7261u, v3 = key1 ^ 0x7465'6462'7974'6573u;
    const auto rounds = [&](int count) {
        for (; count > 0; --count) {
            v0 += v1, v2 += v3;
            v1 = std::rotl(v1, 13) ^ v0, v3 = std::rotl(v3, 16) ^ v2;
            v0 = std::rotl(v0, 32);
            v2 += v1, v0 += v3;
            v1 = std::rotl(v1, 17) ^ v2, v3 = std::rotl(v3, 21) ^ v0;
            v2 = std::rotl(v2, 32);
        }
    };
    const auto take = [&](std::uint64_t word) {
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    };
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) take(load_le<std::uint64_t>(bytes.data() + at));
    auto last = std::uint64_t{bytes.size()} << 56;
    for (std::size_t i = 0; at + i < bytes.size(); ++i) last |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8 * i;
    take(last);
    v2 ^= 0xFF;
    rounds(4);
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace vecstore
