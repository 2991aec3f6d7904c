/// 128 bits that name contents, or a sum of such: hashes of points are added and subtracted mod 2^128.
/// Sum, not exclusive or: two equal members must not cancel each other.
/// Thread safety: a plain value.
#pragma once

#include <vecstore/core/bytes.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecstore {

struct hash128 {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    constexpr hash128& operator+=(const hash128& other) noexcept {
        low += other.low;
        high += other.high + (low < other.low ? 1 : 0);
        return *this;
    }
    constexpr hash128& operator-=(const hash128& other) noexcept {
        high -= other.high + (low < other.low ? 1 : 0);
        low -= other.low;
        return *this;
    }
    friend constexpr bool operator==(const hash128&, const hash128&) = default;
};

inline constexpr std::size_t hash128_bytes = 16;

/// 32 lower-case hexadecimal digits, the highest first.
[[nodiscard]] inline std::string to_string(const hash128& value) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text(2 * hash128_bytes, '0');
    for (int i = 0; i < 16; ++i) {
        text[static_cast<std::size_t>(15 - i)] = digits[value.high >> (4 * i) & 15];
        text[static_cast<std::size_t>(31 - i)] = digits[value.low >> (4 * i) & 15];
    }
    return text;
}

/// Reads what `to_string` gives; nothing for any other text.
[[nodiscard]] inline std::optional<hash128> parse_hash128(std::string_view text) noexcept {
    if (text.size() != 2 * hash128_bytes) return std::nullopt;
    hash128 value;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return std::nullopt;
        value.high = value.high << 4 | value.low >> 60;
        value.low = value.low << 4 | static_cast<std::uint64_t>(digit);
    }
    return value;
}

/// Bytes on disk: low, then high, little-endian.
inline void put(byte_writer& out, const hash128& value) {
    out.put(value.low);
    out.put(value.high);
}
[[nodiscard]] inline hash128 get_hash128(byte_reader& in) noexcept {
    hash128 value;
    value.low = in.get<std::uint64_t>();
    value.high = in.get<std::uint64_t>();
    return value;
}

}  // namespace vecstore
