/// Reading filters out of JSON: what the parsers of tests, conditions and expressions share.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/json.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace vecstore::filter::detail {

using payload::document;
using payload::value;

inline error bad(const std::string& place, std::string_view reason) {
    return invalid_argument(place + ": " + std::string(reason));
}

inline std::string at(const std::string& place, std::size_t index) { return place + "[" + std::to_string(index) + "]"; }

inline bool is_one_of(std::string_view key, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), key) != list.end();
}

/// A null is the same as no member.
inline const value* present(const document& object, std::string_view key) {
    const auto* found = object.find(key);
    return found && !found->is_null() ? found : nullptr;
}

/// The object, if it has no other members than these.
inline result<const document*> object_of(const value& json, const std::string& place,
                                         std::initializer_list<std::string_view> keys) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    for (const auto& m : *object)
        if (!is_one_of(m.key, keys)) return bad(place + "." + m.key, "unknown key");
    return object;
}

/// Point ids use all 64 bits, payload integers 63: larger ids are written as a string of digits (to_value does, and
/// payload::parse_json can). Smaller numbers in quotes are no ids.
inline std::optional<std::uint64_t> wide_integer(const value& json) {
    const auto text = json.string_or({});
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    if (std::in_range<std::int64_t>(number)) return std::nullopt;
    return number;
}

/// The integer, if it is one from 0 to 2^64 - 1.
inline std::optional<std::uint64_t> natural(const value& json) {
    if (const auto* number = json.if_int64(); number && *number >= 0) return static_cast<std::uint64_t>(*number);
    return wide_integer(json);
}

/// The test of that kind, e.g. `match`; nothing when there is no such kind.
/// Errors: invalid_argument.
[[nodiscard]] result<std::optional<field_test>> parse_test(std::string_view kind, const value& json,
                                                           const std::string& place);

}  // namespace vecstore::filter::detail
