/// Optional formatting with fmt: `fmt::print("{} {}", hit.id, hit.payload["lang"])` prints `1 en`.
/// Payloads print as JSON, but a string that is the whole value prints bare. Format specifications are those of
/// strings, e.g. `{:>10}`. No other header includes this one, so that fmt is needed by those who ask for it.
/// Thread safety: free functions without state.
#pragma once

#include <vecstore/core/point_id.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/value.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>

template <>
struct fmt::formatter<vecstore::payload::value> : fmt::formatter<std::string_view> {
    template <class Context>
    auto format(const vecstore::payload::value& content, Context& context) const {
        if (const auto* text = content.if_string()) return fmt::formatter<std::string_view>::format(*text, context);
        return fmt::formatter<std::string_view>::format(vecstore::payload::to_json(content), context);
    }
};

template <>
struct fmt::formatter<vecstore::payload::document> : fmt::formatter<std::string_view> {
    template <class Context>
    auto format(const vecstore::payload::document& content, Context& context) const {
        return fmt::formatter<std::string_view>::format(vecstore::payload::to_json(content), context);
    }
};

template <>
struct fmt::formatter<vecstore::point_id> : fmt::formatter<std::string_view> {
    template <class Context>
    auto format(const vecstore::point_id& id, Context& context) const {
        return fmt::formatter<std::string_view>::format(vecstore::to_string(id), context);
    }
};
