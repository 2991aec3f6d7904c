/// JSON text to payload values and back.
/// Thread safety: free functions without state.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>
#include <vecstore/payload/view.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace vecstore::payload {

struct json_options {
    /// Arrays and objects inside each other; above 0. More nesting is an error.
    std::size_t depth_max = payload_depth_max;
    /// Integers from 2^63 to 2^64 - 1, which no payload integer holds: false makes them the nearest double, true a
    /// string of their digits, for readers of point ids.
    bool wide_integers_as_text = false;
};

/// Parses one JSON text (RFC 8259, UTF-8). Numbers without fraction and exponent are integers, and those beyond the
/// int64 range become the nearest double (but see json_options).
/// Of equal keys in one object the last wins, at the place of the last.
/// Errors: invalid_argument with byte offset and reason (syntax, more than json_bytes_max, arrays and objects nested
/// deeper than the options allow, a number beyond the range of double).
[[nodiscard]] result<value> parse_json(std::string_view text, const json_options& options = {});

/// The same for a text that must be an object. Errors: as parse_json.
[[nodiscard]] result<document> parse_document(std::string_view text);

/// Compact JSON. Doubles are printed in the shortest form that reads back equal, and always with fraction or exponent,
/// so that 1.0 stays a double. Numbers that are not finite, which JSON has not, become null.
[[nodiscard]] std::string to_json(const value& content);
[[nodiscard]] std::string to_json(const document& content);
[[nodiscard]] std::string to_json(view content);

}  // namespace vecstore::payload
