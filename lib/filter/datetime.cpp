#include <vecstore/filter/datetime.hpp>

#include <array>
#include <cstddef>

namespace vecstore {
namespace filter {
namespace {

using std::chrono::day;
using std::chrono::microseconds;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::size_t text_bytes_max = 64;
constexpr std::int64_t us_of_second = 1'000'000;

class reader {
public:
    explicit reader(std::string_view text) noexcept : left_(text) {}

    std::optional<std::int64_t> read() noexcept {
        const auto year_number = number(4);
        if (!take('-')) return std::nullopt;
        const auto month_number = number(2);
        if (!take('-')) return std::nullopt;
        const auto day_number = number(2);
        const year_month_day date(year(year_number), month(static_cast<unsigned>(month_number)),
                                  day(static_cast<unsigned>(day_number)));
        if (failed_ || !date.ok()) return std::nullopt;
        auto us = microseconds(sys_days(date).time_since_epoch()).count();
        if (left_.empty()) return us;
        if (!take('T') && !take('t') && !skip_blanks()) return std::nullopt;
        us += time_of_day() - zone();
        if (failed_ || !left_.empty()) return std::nullopt;
        return us;
    }

private:
    std::int64_t time_of_day() noexcept {
        const auto hours = bounded(2, 23);
        if (!take(':')) failed_ = true;
        const auto minutes = bounded(2, 59);
        std::int64_t seconds = 0, fraction = 0;
        if (take(':')) {
            seconds = bounded(2, 60);  // 60: a leap second
            if (take('.')) fraction = micros();
        }
        return ((hours * 60 + minutes) * 60 + seconds) * us_of_second + fraction;
    }

    /// What the zone is ahead of UTC.
    std::int64_t zone() noexcept {
        const bool blanks = skip_blanks();
        if (left_.empty()) {
            failed_ |= blanks;
            return 0;
        }
        if (take('Z') || take('z')) return 0;
        const bool west = take('-');
        if (!west && !take('+')) failed_ = true;
        const auto hours = bounded(2, 23);
        const bool more = take(':') || !left_.empty();
        const auto ahead = (hours * 60 + (more ? bounded(2, 59) : 0)) * 60 * us_of_second;
        return west ? -ahead : ahead;
    }

    std::int64_t micros() noexcept {
        std::int64_t read = 0, digits = 0;
        for (; !left_.empty() && left_.front() >= '0' && left_.front() <= '9'; left_.remove_prefix(1))
            if (digits++ < 6) read = read * 10 + (left_.front() - '0');
        failed_ |= digits == 0;
        for (; digits < 6; ++digits) read *= 10;
        return read;
    }

    int number(int digits) noexcept {
        int read = 0;
        for (; digits > 0; --digits) {
            if (left_.empty() || left_.front() < '0' || left_.front() > '9') {
                failed_ = true;
                return 0;
            }
            read = read * 10 + (left_.front() - '0');
            left_.remove_prefix(1);
        }
        return read;
    }
    std::int64_t bounded(int digits, int last) noexcept {
        const auto read = number(digits);
        failed_ |= read > last;
        return read;
    }
    bool take(char c) noexcept {
        if (!left_.starts_with(c)) return false;
        left_.remove_prefix(1);
        return true;
    }
    bool skip_blanks() noexcept {
        const bool any = left_.starts_with(' ');
        while (take(' ')) continue;
        return any;
    }

    std::string_view left_;
    bool failed_ = false;
};

}  // namespace

std::optional<std::int64_t> parse_datetime_us(std::string_view text) noexcept {
    if (text.size() > text_bytes_max) return std::nullopt;
    return reader(text).read();
}

}  // namespace filter

result<datetime> datetime::parse(std::string_view text) {
    if (const auto us = filter::parse_datetime_us(text)) return from_us(*us);
    constexpr std::size_t shown_bytes_max = 100;
    return invalid_argument("'" + std::string(text.substr(0, shown_bytes_max)) +
                            "' does not match accepted datetime format (RFC3339). Example: 2014-01-01T00:00:00Z");
}

std::string to_string(const datetime& time) {
    const std::chrono::sys_time<std::chrono::microseconds> at{std::chrono::microseconds(time.us())};
    const auto midnight = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(midnight);
    const auto us = (at - midnight).count();
    std::string text;
    const auto put = [&](std::int64_t number, int digits) {
        std::array<char, 8> reversed{};
        for (int i = 0; i < digits; ++i, number /= 10)
            reversed[static_cast<std::size_t>(digits - 1 - i)] = static_cast<char>('0' + number % 10);
        text.append(reversed.data(), static_cast<std::size_t>(digits));
    };
    put(int{date.year()}, 4);
    text += '-';
    put(unsigned{date.month()}, 2);
    text += '-';
    put(unsigned{date.day()}, 2);
    text += 'T';
    const auto seconds_of_day = us / filter::us_of_second;
    put(seconds_of_day / 3600, 2);
    text += ':';
    put(seconds_of_day / 60 % 60, 2);
    text += ':';
    put(seconds_of_day % 60, 2);
    if (us % filter::us_of_second != 0) {
        text += '.';
        put(us % filter::us_of_second, 6);
        while (text.back() == '0') text.pop_back();
    }
    return text + 'Z';
}

}  // namespace vecstore
