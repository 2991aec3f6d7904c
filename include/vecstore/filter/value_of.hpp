/// What filters and payload indexes take a payload's value for, beyond the kinds of JSON.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/filter/datetime.hpp>
#include <vecstore/filter/geo.hpp>
#include <vecstore/payload/view.hpp>

#include <cstdint>
#include <optional>

namespace vecstore::filter {

/// Microseconds since 1970 when the value is a text that means a date; else nothing.
[[nodiscard]] inline std::optional<std::int64_t> datetime_us_of(payload::view value) noexcept {
    if (value.kind() != payload::kind::string) return std::nullopt;
    return parse_datetime_us(value.string());
}

/// The place when the value is an object whose `lon` and `lat` are numbers; else nothing.
[[nodiscard]] inline std::optional<geo_point> geo_point_of(payload::view value) noexcept {
    if (!value.is_object()) return std::nullopt;
    const auto lon = value.find("lon"), lat = value.find("lat");
    if (!lon || !lat) return std::nullopt;
    const auto x = lon->number(), y = lat->number();
    if (!x || !y) return std::nullopt;
    return geo_point{*x, *y};
}

}  // namespace vecstore::filter
