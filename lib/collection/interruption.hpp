/// Why a read ends before it has looked at everything: its time is up, or its caller wants it no more.
/// It is asked by loops at bounded intervals, about every few hundred rows; one walk of one index is not interrupted.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace vecstore::detail {

class interruption {
public:
    using clock = std::function<std::uint64_t()>;

    /// `end_ms`: on `now_ms`, when the time is up; 0 = never.
    interruption(std::uint64_t end_ms, clock now_ms, std::stop_token stop)
        : end_ms_(end_ms), now_ms_(std::move(now_ms)), stop_(std::move(stop)) {}

    /// True from the first time on that it finds a reason.
    [[nodiscard]] bool due() {
        if (reason_) return true;
        if (stop_.stop_requested())
            reason_ = errc::cancelled;
        else if (end_ms_ != 0 && now_ms_() >= end_ms_)
            reason_ = errc::timed_out;
        return reason_.has_value();
    }
    /// What was not looked at because of it.
    void rows_left(std::size_t count) noexcept { rows_left_ += count; }
    void points_left(std::size_t count) noexcept { points_left_ += count; }

    /// What the caller is told.  Precondition: reason().
    [[nodiscard]] std::string what() const {
        std::string text = reason_ == errc::cancelled ? "stopped by the caller" : "the time is up";
        if (rows_left_ > 0) text += "; " + std::to_string(rows_left_) + " rows were not compared";
        if (points_left_ > 0) text += "; " + std::to_string(points_left_) + " points were not filtered";
        return text;
    }
    /// What `due` has found.
    [[nodiscard]] const std::optional<errc>& reason() const noexcept { return reason_; }

private:
    std::uint64_t end_ms_;
    clock now_ms_;
    std::stop_token stop_;
    std::optional<errc> reason_;
    std::size_t rows_left_ = 0;
    std::size_t points_left_ = 0;
};

/// Rows or points between two looks at an interruption.
inline constexpr std::size_t interruption_interval = 256;

}  // namespace vecstore::detail
