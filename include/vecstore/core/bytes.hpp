/// Little-endian reading and writing of byte buffers, with every read checked.
/// All formats of the project (log, parts, table values) are little-endian; keys that must sort are big-endian.
/// Thread safety: none needed; a reader or writer belongs to one thread.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

using byte_span = std::span<const std::byte>;
using byte_vector = std::vector<std::byte>;

static_assert(std::endian::native == std::endian::little, "a big-endian port must swap in load_le and store_le");

template <class T>
    requires(std::is_trivially_copyable_v<T>)
[[nodiscard]] T load_le(const void* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
    requires(std::is_trivially_copyable_v<T>)
void store_le(void* to, T value) noexcept { std::memcpy(to, &value, sizeof value); }

[[nodiscard]] inline byte_span as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends values to a buffer that it owns.
class byte_writer {
public:
    template <class T>
        requires(std::integral<T> || std::floating_point<T>)
    void put(T value) {
        std::byte bytes[sizeof value];
        store_le(bytes, value);
        append(bytes, sizeof value);
    }
    /// Most significant byte first, so that unsigned values sort as bytes do.
    template <std::unsigned_integral T>
    void put_big_endian(T value) {
        T swapped = 0;
        for (std::size_t i = 0; i < sizeof value; ++i)
            swapped =
                static_cast<T>(swapped | static_cast<T>((value >> (8 * i) & 0xFF) << (8 * (sizeof value - 1 - i))));
        put(swapped);
    }
    void put_bytes(byte_span bytes) { append(bytes.data(), bytes.size()); }
    /// Length as u32, then the bytes.
    void put_sized(byte_span bytes) {
        put(static_cast<std::uint32_t>(bytes.size()));
        put_bytes(bytes);
    }
    void put_sized(std::string_view text) { put_sized(as_bytes(text)); }
    /// Overwrites what was put at `at`; precondition: it lies inside.
    template <std::integral T>
    void patch(std::size_t at, T value) noexcept {
        store_le(buffer_.data() + at, value);
    }

    void reserve(std::size_t bytes) { buffer_.reserve(bytes); }
    void clear() noexcept { buffer_.clear(); }
    [[nodiscard]] std::size_t size() const noexcept { return buffer_.size(); }
    [[nodiscard]] byte_span bytes() const noexcept { return buffer_; }
    [[nodiscard]] byte_vector take() && noexcept { return std::move(buffer_); }

private:
    // Not inlined: g++ 12 warns of overflows that cannot happen when it sees a small buffer grow step by step.
    [[gnu::noinline]] void append(const std::byte* bytes, std::size_t count) {
        buffer_.insert(buffer_.end(), bytes, bytes + count);
    }
    byte_vector buffer_;
};

/// Reads values from bytes that it borrows. A read beyond the end gives zero or an empty span and sets `failed()`,
/// so that a parser checks once at the end of each structure and never reads out of bounds.
class byte_reader {
public:
    explicit byte_reader(byte_span bytes) noexcept : bytes_(bytes) {}

    template <class T>
        requires(std::integral<T> || std::floating_point<T>)
    [[nodiscard]] T get() noexcept {
        const auto bytes = get_bytes(sizeof(T));
        return failed_ ? T{} : load_le<T>(bytes.data());
    }
    template <std::unsigned_integral T>
    [[nodiscard]] T get_big_endian() noexcept {
        T value = 0;
        for (const auto byte : get_bytes(sizeof(T))) value = static_cast<T>(value << 8) | static_cast<T>(byte);
        return value;
    }
    [[nodiscard]] byte_span get_bytes(std::size_t count) noexcept {
        if (failed_ || count > bytes_.size() - at_) {
            failed_ = true;
            return {};
        }
        const auto bytes = bytes_.subspan(at_, count);
        at_ += count;
        return bytes;
    }
    [[nodiscard]] byte_span get_sized() noexcept { return get_bytes(get<std::uint32_t>()); }

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    /// True when all was read and nothing failed.
    [[nodiscard]] bool finished() const noexcept { return !failed_ && at_ == bytes_.size(); }
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return failed_ ? 0 : bytes_.size() - at_; }

private:
    byte_span bytes_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

}  // namespace vecstore
