/// What can go wrong: a small code that says who must act, and a message that names what was wrong.
/// Thread safety: plain values; distinct objects may be used from any thread.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace vecstore {

/// Who must act on an error.
enum class errc : std::uint8_t {
    not_found = 1,       ///< the caller: no such collection, point or vector name
    already_exists,      ///< the caller: the name is taken
    invalid_argument,    ///< the caller: the message names the field and the value
    corruption,          ///< the operator: a file is damaged; `path` and `offset` say where
    io,                  ///< the operator: the operating system refused; the message has its reason
    resource_exhausted,  ///< retry later: disk full, a limit reached
    unavailable,         ///< retry later: closed, locked by another process, or read-only after a failed sync
    cancelled,           ///< the caller asked for it
    timed_out,           ///< retry later: the deadline passed
    unsupported,         ///< us: this build or this mode cannot do it
    internal,            ///< us: a broken invariant
    conflict,            ///< the caller: a condition of a write is not met; the message names the point
    wrong_key,           ///< the caller: the store is encrypted, and not with the key given; or not encrypted
    not_leader,          ///< the caller: this copy only follows; the message names who leads, when that is known
    unknown_outcome,  ///< the caller: the write may or may not come to be; tried again by its write id, it is done once
};

/// The code as a word, e.g. "invalid_argument". Never fails.
[[nodiscard]] constexpr std::string_view to_string(errc code) noexcept {
    constexpr std::string_view names[] = {"ok",         "not_found", "already_exists",     "invalid_argument",
                                          "corruption", "io",        "resource_exhausted", "unavailable",
                                          "cancelled",  "timed_out", "unsupported",        "internal",
                                          "conflict",   "wrong_key", "not_leader",         "unknown_outcome"};
    const auto i = static_cast<std::size_t>(code);
    return i < std::size(names) ? names[i] : "unknown";
}

/// An error as a value.
struct error {
    errc code = errc::internal;
    std::string message = {};
    std::string path = {};     ///< the file concerned; empty when none
    std::uint64_t offset = 0;  ///< byte offset in `path`; meaningful for `errc::corruption`

    /// One line for people: "corruption: block checksum differs [data/parts/1/0/3.part, offset 65536]".
    [[nodiscard]] std::string what() const {
        std::string text{to_string(code)};
        text += ": ";
        text += message;
        if (!path.empty()) {
            text += " [" + path;
            if (code == errc::corruption) text += ", offset " + std::to_string(offset);
            text += "]";
        }
        return text;
    }
};

/// What `result::value()` throws; carries the error unchanged.
class exception : public std::runtime_error {
public:
    explicit exception(vecstore::error e) : std::runtime_error(e.what()), error_(std::move(e)) {}
    [[nodiscard]] const vecstore::error& error() const noexcept { return error_; }

private:
    vecstore::error error_;
};

/// Short spellings for the two errors that most functions give.
[[nodiscard]] inline error invalid_argument(std::string message) {
    return {errc::invalid_argument, std::move(message)};
}
[[nodiscard]] inline error corruption(std::string message, std::string path, std::uint64_t offset) {
    return {errc::corruption, std::move(message), std::move(path), offset};
}

}  // namespace vecstore
