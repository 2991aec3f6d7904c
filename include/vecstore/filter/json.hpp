/// Filters in Qdrant's JSON dialect, e.g.
/// `{"must": [{"key": "lang", "match": {"value": "en"}}], "must_not": [{"is_null": {"key": "year"}}]}`.
/// Understood: must, should, must_not, min_should; match value / any / except / text / text_any / phrase / prefix, range
/// of numbers or of datetimes, values_count, geo_radius, geo_bounding_box, geo_polygon, is_empty, is_null, has_id,
/// has_vector, slice, nested, and filters inside filters. A part that is null is absent; a part may be one condition in
/// place of a list. Integers from 2^63 on may also be texts of digits, which `to_value` makes of them.
/// Thread safety: free functions without state.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/value.hpp>

#include <string>
#include <string_view>

namespace vecstore::filter {

/// Errors: invalid_argument, with the place and the reason, e.g. `filter.must[1].match.value: ...`. What it accepts
///         passes `validate`.
[[nodiscard]] result<expression> parse_json(std::string_view text);

/// The same from JSON already parsed; null gives the empty expression. `root`: what places begin with, e.g.
/// `prefetch[0].filter`. Errors: as parse_json.
[[nodiscard]] result<expression> from_value(const payload::value& json, std::string_view root = "filter");

/// Inverse of from_value for expressions that pass `validate` (more than one `at_least` is written as nested filters).
[[nodiscard]] payload::value to_value(const expression& filter);
[[nodiscard]] std::string to_json(const expression& filter);

}  // namespace vecstore::filter
