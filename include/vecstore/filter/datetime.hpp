/// Points in time, as payloads and filters spell them: texts that mean microseconds since 1970-01-01T00:00:00Z.
/// Accepted: `YYYY-MM-DD`, alone (midnight) or followed by `T`, `t` or blanks and `HH:MM`, then perhaps `:SS`, perhaps
/// `.` and digits (what is finer than a microsecond is cut off), perhaps a zone: `Z`, `z`, `+HH:MM`, `+HHMM` or `+HH`
/// (or `-`), perhaps after blanks. Without a zone it is UTC. A 60th second is the first of the next minute.
/// Source: RFC 3339, section 5.6; the wider forms are those that Qdrant takes. Wider still: a zone or `T` may stand with
/// a time that has no seconds.
/// Thread safety: plain values, functions without state.
#pragma once

#include <vecstore/core/result.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecstore {

namespace filter {

/// Microseconds since 1970, negative before; nothing when the text is no date. Years are 0000 to 9999.
/// Cost: one pass over at most 64 bytes, no allocation.
[[nodiscard]] std::optional<std::int64_t> parse_datetime_us(std::string_view text) noexcept;

/// The first and the last microsecond of the years 0000 to 9999 by UTC, which `to_string` can write. A text with a zone
/// may mean a time that is up to a day outside.
inline constexpr std::int64_t datetime_us_min = -62'167'219'200'000'000;
inline constexpr std::int64_t datetime_us_max = 253'402'300'799'999'999;

}  // namespace filter

/// A point in time, to the microsecond.
class datetime {
public:
    constexpr datetime() noexcept = default;
    /// From the clock or the calendar: `std::chrono::system_clock::now()`, `std::chrono::sys_days(2024y / 1 / 31)`.
    template <class Duration>
    constexpr datetime(std::chrono::sys_time<Duration> time) noexcept  // NOLINT: implicit by design
        : us_(std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count()) {}
    [[nodiscard]] static constexpr datetime from_us(std::int64_t us) noexcept {
        datetime made;
        made.us_ = us;
        return made;
    }
    /// Errors: invalid_argument.
    [[nodiscard]] static result<datetime> parse(std::string_view text);

    /// Microseconds since 1970-01-01T00:00:00Z.
    [[nodiscard]] constexpr std::int64_t us() const noexcept { return us_; }
    friend constexpr auto operator<=>(const datetime&, const datetime&) = default;

private:
    std::int64_t us_ = 0;
};

/// `2024-01-31T12:00:00Z`, with as many digits of a fraction as it needs; what `datetime::parse` reads back.
/// Precondition: datetime_us_min <= us() <= datetime_us_max.
[[nodiscard]] std::string to_string(const datetime& time);

}  // namespace vecstore
