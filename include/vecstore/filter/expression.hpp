/// Filters as a tree of plain values: which points may be returned.
/// Mostly written with the operators of dsl.hpp or parsed from JSON (json.hpp); evaluated after `compiled::compile`.
/// A condition on a field holds if any value reached by its path satisfies it; arrays are looked into, one level deep.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/point_id.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/filter/datetime.hpp>
#include <vecstore/filter/geo.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vecstore::filter {

/// Tests of a field. Types are compared strictly: 1 matches neither 1.0 nor "1" nor true.

/// Equals one value.
struct match_value {
    std::variant<bool, std::int64_t, std::string> value;
    friend bool operator==(const match_value&, const match_value&) = default;
};

/// Strings or integers, never both.
using value_list = std::variant<std::vector<std::string>, std::vector<std::int64_t>>;

/// Equals one of the values; an empty list matches nothing.
struct match_any {
    value_list values;
    friend bool operator==(const match_any&, const match_any&) = default;
};

/// Is present, not null, and equals none of the values; a value of another type qualifies, and an empty list lets
/// everything present pass. As with every test, in an array one such element is enough: `must_not{match_any}` is the
/// stronger "no element is in the list", which also holds when the field is missing.
struct match_except {
    value_list values;
    friend bool operator==(const match_except&, const match_except&) = default;
};

/// A number within all the bounds given. Integers are compared as doubles. Bounds must be finite.
struct range {
    std::optional<double> gt = {};
    std::optional<double> gte = {};
    std::optional<double> lt = {};
    std::optional<double> lte = {};
    friend bool operator==(const range&, const range&) = default;
};

/// Missing, null or `[]` (or, if not `wanted`, anything else).
struct is_empty {
    bool wanted = true;
    friend bool operator==(const is_empty&, const is_empty&) = default;
};

/// Null or an array that holds a null (or, if not `wanted`, anything else, and a missing field too).
struct is_null {
    bool wanted = true;
    friend bool operator==(const is_null&, const is_null&) = default;
};

/// Tests of texts, letter for letter. Where the field has a text index, the first three compare its tokens instead.

/// Holds the text; the empty one is in every text.
struct match_text {
    std::string text;
    friend bool operator==(const match_text&, const match_text&) = default;
};
/// Holds one of the words, which blanks separate; no words match nothing.
struct match_text_any {
    std::string text;
    friend bool operator==(const match_text_any&, const match_text_any&) = default;
};
/// Holds the words side by side and in order.
struct match_phrase {
    std::string text;
    friend bool operator==(const match_phrase&, const match_phrase&) = default;
};
/// Begins with the text.
struct match_prefix {
    std::string prefix;
    friend bool operator==(const match_prefix&, const match_prefix&) = default;
};

/// A text that means a time (datetime.hpp) within all the bounds given. Bounds lie in the years 0000 to 9999.
struct datetime_range {
    std::optional<datetime> gt = {};
    std::optional<datetime> gte = {};
    std::optional<datetime> lt = {};
    std::optional<datetime> lte = {};
    friend bool operator==(const datetime_range&, const datetime_range&) = default;
};

/// How many values the field has: an array its elements, null and a missing field none, anything else one.
struct values_count {
    std::optional<std::uint64_t> gt = {};
    std::optional<std::uint64_t> gte = {};
    std::optional<std::uint64_t> lt = {};
    std::optional<std::uint64_t> lte = {};
    friend bool operator==(const values_count&, const values_count&) = default;
};

/// One of the tests above, or an area that a place `{"lon", "lat"}` lies in.
using field_test =
    std::variant<match_value, match_any, match_except, range, is_empty, is_null, match_text, match_text_any,
                 match_phrase, match_prefix, datetime_range, values_count, geo_radius, geo_bounding_box, geo_polygon>;

/// A test of the values at one path (payload/path.hpp: `a.b`, `a[].b`, `"quoted.key"`).
struct field_condition {
    std::string key;
    field_test test;
    friend bool operator==(const field_condition&, const field_condition&) = default;
};

/// The point's id is one of these; an empty list matches nothing.
struct has_id_condition {
    std::vector<point_id> ids;
    friend bool operator==(const has_id_condition&, const has_id_condition&) = default;
};

/// The point has a vector of that name; "" is the default one.
struct has_vector_condition {
    std::string name;
    friend bool operator==(const has_vector_condition&, const has_vector_condition&) = default;
};

/// The point is in one of `total` shares of all ids, by a hash: siphash24 of the id (8 bytes little-endian, or the
/// UUID's 16) modulo `total` is `index`. So `total` readers can take a share each.
struct slice_condition {
    std::uint64_t total = 1;  ///< at least 1
    std::uint64_t index = 0;  ///< less than `total`
    friend bool operator==(const slice_condition&, const slice_condition&) = default;
};

struct condition;
struct min_should;

/// Parts that must all hold. Empty lists are no constraint, so a default-constructed expression lets every point pass.
struct expression {
    std::vector<condition> must;       ///< all hold
    std::vector<condition> should;     ///< at least one holds
    std::vector<condition> must_not;   ///< none holds
    std::vector<min_should> at_least;  ///< each of them holds (JSON has at most one, the `min_should`)

    expression() noexcept;
    expression(condition only);  // NOLINT: implicit by design; the same as must = {only}
    expression(const expression&);
    expression(expression&&) noexcept;
    expression& operator=(const expression&);
    expression& operator=(expression&&) noexcept;
    ~expression();

    /// True when no constraint is there at all.
    [[nodiscard]] bool empty() const noexcept;
    friend bool operator==(const expression& a, const expression& b) noexcept { return equal(a, b); }

private:
    static bool equal(const expression& a, const expression& b) noexcept;
};

/// One and the same element of the array at `key` (`arr` or `arr[]`) passes the filter, whose paths begin at the
/// element. Elements that are no objects do not pass. What is asked of the point itself (has_id, has_vector, slice) is
/// false inside.
struct nested_condition {
    std::string key;
    expression filter;
    friend bool operator==(const nested_condition&, const nested_condition&) = default;
};

/// One condition, or again a whole expression. A new kind of condition is one more alternative, here or in `field_test`,
/// and one more case in validate, compiled, JSON and tests/support/naive_filter.hpp.
struct condition {
    std::variant<field_condition, has_id_condition, expression, has_vector_condition, slice_condition, nested_condition>
        content;
    friend bool operator==(const condition&, const condition&) = default;
};

/// At least `min_count` (>= 1) of the conditions hold; with fewer conditions than that, no point passes.
struct min_should {
    std::vector<condition> conditions;
    std::size_t min_count = 1;
    friend bool operator==(const min_should&, const min_should&) = default;
};

/// Checks what a compiler of filters relies on: paths parse, lists and nesting are within core/limits.hpp, bounds are
/// finite, places on the earth, rings closed, counts at least 1.
/// Errors: invalid_argument, with the place in the tree, which begins with `root`, e.g. `filter.must[1].key: ...`.
[[nodiscard]] result<void> validate(const expression& filter, std::string_view root = "filter");

// The bodies stand here because they need `condition` and `min_should` to be complete.
inline expression::expression() noexcept = default;
inline expression::expression(const expression&) = default;
inline expression::expression(expression&&) noexcept = default;
inline expression& expression::operator=(const expression&) = default;
inline expression& expression::operator=(expression&&) noexcept = default;
inline expression::~expression() = default;
inline expression::expression(condition only) { must.push_back(std::move(only)); }
inline bool expression::empty() const noexcept {
    return must.empty() && should.empty() && must_not.empty() && at_least.empty();
}
inline bool expression::equal(const expression& a, const expression& b) noexcept {
    return a.must == b.must && a.should == b.should && a.must_not == b.must_not && a.at_least == b.at_least;
}

}  // namespace vecstore::filter
