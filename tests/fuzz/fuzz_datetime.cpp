/// Any text: no date, or microseconds that print as a text which means the same.
#include <vecstore/filter/datetime.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto us = filter::parse_datetime_us(text);
    const auto parsed = datetime::parse(text);
    if (parsed.has_value() != us.has_value()) __builtin_trap();
    if (!us) return 0;
    if (parsed->us() != *us) __builtin_trap();
    constexpr std::int64_t day = 86'400'000'000;
    if (*us < filter::datetime_us_min - day || *us > filter::datetime_us_max + day) __builtin_trap();
    if (*us < filter::datetime_us_min || *us > filter::datetime_us_max) return 0;
    if (filter::parse_datetime_us(to_string(*parsed)) != us) __builtin_trap();
    return 0;
}
