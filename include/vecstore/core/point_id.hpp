/// The user's id of a point: an unsigned 64-bit number or a UUID.
/// Order: all numbers ascending, then all UUIDs ascending; the key bytes sort the same way.
/// Thread safety: a plain value.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore {

/// 16 bytes in the order in which they are printed.
struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(const uuid&, const uuid&) = default;

    /// Accepts the simple (32 hex digits), hyphenated, "urn:uuid:" and "{...}" forms, in either case.
    /// Errors: invalid_argument.
    [[nodiscard]] static result<uuid> parse(std::string_view text);
};

/// Lower case, hyphenated.
[[nodiscard]] std::string to_string(const uuid& id);

class point_id {
public:
    constexpr point_id() noexcept = default;
    template <std::integral T>
    constexpr point_id(T number) noexcept
        : number_(static_cast<std::uint64_t>(number)) {}                      // NOLINT: implicit by design
    constexpr point_id(const vecstore::uuid& id) noexcept : is_uuid_(true) {  // NOLINT: implicit by design
        std::uint64_t high = 0, low = 0;
        for (int i = 0; i < 8; ++i) high = high << 8 | id.bytes[i];
        for (int i = 8; i < 16; ++i) low = low << 8 | id.bytes[i];
        high_ = high;
        number_ = low;
    }

    [[nodiscard]] constexpr bool is_uuid() const noexcept { return is_uuid_; }
    /// Precondition: !is_uuid().
    [[nodiscard]] constexpr std::uint64_t number() const noexcept { return number_; }
    /// Precondition: is_uuid().
    [[nodiscard]] constexpr vecstore::uuid uuid() const noexcept {
        vecstore::uuid id;
        for (int i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(high_ >> (56 - 8 * i));
        for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<std::uint8_t>(number_ >> (56 - 8 * i));
        return id;
    }

    friend constexpr auto operator<=>(const point_id&, const point_id&) = default;

    /// Key bytes: 0x00 and 8 big-endian bytes, or 0x01 and the 16 bytes of the UUID. They sort as the ids do.
    void put_key(byte_writer& out) const {
        out.put(static_cast<std::uint8_t>(is_uuid_));
        if (is_uuid_) out.put_big_endian(high_);
        out.put_big_endian(number_);
    }
    /// Reads what `put_key` wrote; sets `in.failed()` when the bytes are no id.
    [[nodiscard]] static point_id get_key(byte_reader& in) noexcept {
        point_id id;
        const auto tag = in.get<std::uint8_t>();
        if (tag > 1) (void)in.get_bytes(in.remaining() + 1);  // marks the reader failed
        id.is_uuid_ = tag == 1;
        if (id.is_uuid_) id.high_ = in.get_big_endian<std::uint64_t>();
        id.number_ = in.get_big_endian<std::uint64_t>();
        return id;
    }

private:
    bool is_uuid_ = false;  // first, so that the defaulted order puts numbers before UUIDs
    std::uint64_t high_ = 0;
    std::uint64_t number_ = 0;
};

/// "42", or the UUID's hyphenated form.
[[nodiscard]] std::string to_string(const point_id& id);

inline result<uuid> uuid::parse(std::string_view text) {
    const auto original = text;
    const auto bad = [&] { return invalid_argument("\"" + std::string(original) + "\" is no UUID"); };
    constexpr std::string_view urn = "urn:uuid:";
    if (text.starts_with(urn)) text.remove_prefix(urn.size());
    if (text.starts_with('{') && text.ends_with('}') && text.size() >= 2) text = text.substr(1, text.size() - 2);
    const bool hyphenated = text.size() == 36;
    if (!hyphenated && text.size() != 32) return bad();
    vecstore::uuid id;
    std::size_t digit_count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (hyphenated && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (text[i] != '-') return bad();
            continue;
        }
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return bad();
        auto& byte = id.bytes[digit_count / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | digit);
        ++digit_count;
    }
    return id;
}

inline std::string to_string(const uuid& id) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[id.bytes[i] >> 4];
        text += digits[id.bytes[i] & 15];
    }
    return text;
}

inline std::string to_string(const point_id& id) {
    return id.is_uuid() ? to_string(id.uuid()) : std::to_string(id.number());
}

}  // namespace vecstore

template <>
struct std::hash<vecstore::point_id> {
    std::size_t operator()(const vecstore::point_id& id) const noexcept {
        const auto u = id.is_uuid() ? id.uuid() : vecstore::uuid{};
        std::uint64_t h = id.is_uuid() ? vecstore::load_le<std::uint64_t>(u.bytes.data()) ^
                                             vecstore::load_le<std::uint64_t>(u.bytes.data() + 8)
                                       : id.number();
        h = (h ^ (h >> 32)) * 0x9E37'79B9'7F4A'7C15u;
        return static_cast<std::size_t>(h ^ (h >> 29));
    }
};
