/// The words of replication: who somebody is, where a log stands, which record belongs to which leader.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/bytes.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::replication {

/// Random, made with the node's directory. A directory that was lost comes back as another node, so that somebody who
/// has forgotten what he promised cannot promise again.
using node_id = std::array<std::byte, 16>;

/// Microseconds of the node's own clock, which only runs forward and goes on while the machine sleeps.
using time_us = std::uint64_t;
inline constexpr time_us never = ~time_us{0};

/// A place in a log. An equal chain at an lsn means an equal log up to it (wal/FORMAT.md).
struct position {
    std::uint64_t term = 0;
    std::uint64_t lsn = 0;
    std::uint32_t chain = 0;
    friend bool operator==(const position&, const position&) = default;
};

/// Which of two logs a new leader must have: that of the later term, and of one term the longer.
[[nodiscard]] constexpr bool is_behind(const position& a, const position& b) noexcept {
    return a.term != b.term ? a.term < b.term : a.lsn < b.lsn;
}

/// Records of one leader stand together: from `first_lsn` to the next run.
struct term_run {
    std::uint64_t term = 0;
    std::uint64_t first_lsn = 0;
    friend bool operator==(const term_run&, const term_run&) = default;
};

/// 32 hexadecimal digits.
[[nodiscard]] inline std::string full_name(const node_id& id) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const auto byte : id) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}
/// The first eight of them: for people.
[[nodiscard]] inline std::string short_name(const node_id& id) { return full_name(id).substr(0, 8); }
/// Reads what `full_name` gives; nothing for any other text.
[[nodiscard]] inline std::optional<node_id> parse_node_id(std::string_view text) noexcept {
    node_id id{};
    if (text.size() != 2 * id.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return std::nullopt;
        id[i / 2] = id[i / 2] << 4 | static_cast<std::byte>(digit);
    }
    return id;
}

inline void put(byte_writer& out, const node_id& id) { out.put_bytes(id); }
inline void put(byte_writer& out, const position& p) {
    out.put(p.term);
    out.put(p.lsn);
    out.put(p.chain);
}
[[nodiscard]] inline node_id get_node_id(byte_reader& in) noexcept {
    node_id id{};
    const auto bytes = in.get_bytes(id.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) id[i] = bytes[i];
    return id;
}
[[nodiscard]] inline position get_position(byte_reader& in) noexcept {
    position p;
    p.term = in.get<std::uint64_t>();
    p.lsn = in.get<std::uint64_t>();
    p.chain = in.get<std::uint32_t>();
    return p;
}

}  // namespace vecstore::replication
