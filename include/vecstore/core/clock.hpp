/// Time as a dependency: production uses the system's clock, tests bring their own.
/// Thread safety: `now_ms` may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace vecstore {

class clock {
public:
    virtual ~clock() = default;
    /// Milliseconds from an arbitrary start; never goes back.
    [[nodiscard]] virtual std::uint64_t now_ms() const = 0;
};

/// std::chrono::steady_clock.
class system_clock final : public clock {
public:
    [[nodiscard]] std::uint64_t now_ms() const override {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    }
};

}  // namespace vecstore
