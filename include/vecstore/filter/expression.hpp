/// Filters as a tree of plain values: which points may be returned.
/// Mostly written with the operators of dsl.hpp or parsed from JSON (json.hpp); evaluated after `compiled::compile`.
/// A condition on a field holds if any value reached by its path satisfies it; arrays are looked into, one level deep.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/point_id.hpp>
#include <vecstore/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
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

/// A test of the values at one path (payload/path.hpp: `a.b`, `a[].b`, `"quoted.key"`).
struct field_condition {
    std::string key;
    std::variant<match_value, match_any, match_except, range, is_empty, is_null> test;
    friend bool operator==(const field_condition&, const field_condition&) = default;
};

/// The point's id is one of these; an empty list matches nothing.
struct has_id_condition {
    std::vector<point_id> ids;
    friend bool operator==(const has_id_condition&, const has_id_condition&) = default;
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

/// One condition, or again a whole expression. A new kind of condition is one more alternative, here or in
/// `field_condition::test`, and one more case in validate, compiled and JSON.
struct condition {
    std::variant<field_condition, has_id_condition, expression> content;
    friend bool operator==(const condition&, const condition&) = default;
};

/// At least `min_count` (>= 1) of the conditions hold; with fewer conditions than that, no point passes.
struct min_should {
    std::vector<condition> conditions;
    std::size_t min_count = 1;
    friend bool operator==(const min_should&, const min_should&) = default;
};

/// Checks what a compiler of filters relies on: paths parse, lists and nesting are within core/limits.hpp, bounds are
/// finite, counts are at least 1.
/// Errors: invalid_argument, with the place in the tree, e.g. `filter.must[1].key: ...`.
[[nodiscard]] result<void> validate(const expression& filter);

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
