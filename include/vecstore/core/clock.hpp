/// The time of day, for points that expire; nothing else in the library depends on it.
/// Thread safety: pure function.
#pragma once

#include <chrono>
#include <cstdint>

namespace vecstore {

/// Milliseconds since 1970 in UTC.
[[nodiscard]] inline std::uint64_t unix_ms() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace vecstore
