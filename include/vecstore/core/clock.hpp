/// The time of day, for points that expire, and a clock that only runs forward, for reads that must end in time; nothing
/// else in the library depends on them.
/// Thread safety: pure functions.
#pragma once

#include <chrono>
#include <cstdint>

namespace vecstore {

/// Milliseconds since 1970 in UTC.
[[nodiscard]] inline std::uint64_t unix_ms() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

/// Milliseconds since some moment; never goes back.
[[nodiscard]] inline std::uint64_t steady_ms() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace vecstore
