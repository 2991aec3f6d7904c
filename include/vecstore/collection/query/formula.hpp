/// Scores computed from scores, payloads and conditions: what the hits of prefetches are ranked by.
/// `score() + 0.5 * when(field("tag") == "news") + exp_decay(datetime_field("date"), {.target = now, .scale = 86'400})`
///
/// Numbers are f64 and the result is rounded to f32; larger is better. From left to right: behind a factor of zero, or a
/// dividend of zero, nothing is looked at, and the result is zero.
/// Thread safety: plain values.
#pragma once

#include <vecstore/filter/datetime.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/filter/geo.hpp>
#include <vecstore/payload/value.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vecstore {

namespace scoring {

enum class operation : std::uint8_t {
    constant,
    score,           ///< of the point in the prefetch `index`; where it has none, the default "$score[index]", else 0
    field,           ///< the number at a path of the payload
    condition,       ///< 1 when the point matches, else 0
    geo_distance,    ///< metres from `origin` to the place at a path
    datetime,        ///< a constant, in seconds since 1970
    datetime_field,  ///< the datetime at a path, in seconds since 1970
    sum,
    product,
    negation,
    absolute,
    square_root,
    exponential,
    natural_logarithm,
    decimal_logarithm,
    power,
    quotient,
    linear_decay,
    exponential_decay,
    gaussian_decay,
};

/// A tree; made by the functions below.
struct expression {
    operation what = operation::constant;
    double number = 0;                      ///< constant, datetime
    std::size_t index = 0;                  ///< score
    std::string path = {};                  ///< field, geo_distance, datetime_field
    geo_point origin = {};                  ///< geo_distance
    filter::expression matches = {};        ///< condition
    std::vector<expression> operands = {};  ///< left, right; base, exponent; x, target
    std::optional<double> by_zero = {};     ///< quotient: the result when the divisor is 0; absent: an error
    double scale = 1, midpoint = 0.5;       ///< decays

    expression() = default;
    /// A constant.
    template <class T>
        requires(std::integral<T> || std::floating_point<T>)
    expression(T constant) : number(static_cast<double>(constant)) {}  // NOLINT: implicit by design
    /// The value at this path, as `field_value`.
    expression(const char* field_path) : what(operation::field), path(field_path) {}  // NOLINT: implicit by design
    expression(operation o, std::vector<expression> of) : what(o), operands(std::move(of)) {}

    friend bool operator==(const expression&, const expression&) = default;
};

/// How a point scored in a prefetch, the first if none is named.
[[nodiscard]] inline expression score(std::size_t prefetch = 0) {
    expression e;
    e.what = operation::score;
    e.index = prefetch;
    return e;
}
/// The number at a path of the payload. Arrays with one value stand for it. Without a number, or the formula's default for
/// the path, the query fails.
[[nodiscard]] inline expression field_value(std::string path) {
    expression e;
    e.what = operation::field;
    e.path = std::move(path);
    return e;
}
/// 1 when the point matches, else 0.
[[nodiscard]] inline expression when(filter::expression matches) {
    expression e;
    e.what = operation::condition;
    e.matches = std::move(matches);
    return e;
}
/// Metres over the earth to the place at `path`.
[[nodiscard]] inline expression geo_distance(const geo_point& origin, std::string path) {
    auto e = field_value(std::move(path));
    e.what = operation::geo_distance;
    e.origin = origin;
    return e;
}
/// Seconds since 1970.
[[nodiscard]] inline expression seconds(const datetime& time) {
    expression e(static_cast<double>(time.us()) / 1e6);
    e.what = operation::datetime;
    return e;
}
/// The datetime at `path`, in seconds since 1970.
[[nodiscard]] inline expression datetime_field(std::string path) {
    auto e = field_value(std::move(path));
    e.what = operation::datetime_field;
    return e;
}

[[nodiscard]] inline expression sum(std::vector<expression> terms) { return {operation::sum, std::move(terms)}; }
[[nodiscard]] inline expression product(std::vector<expression> factors) {
    return {operation::product, std::move(factors)};
}
[[nodiscard]] inline expression operator-(expression e) { return {operation::negation, {std::move(e)}}; }
[[nodiscard]] inline expression operator+(expression a, expression b) { return sum({std::move(a), std::move(b)}); }
[[nodiscard]] inline expression operator-(expression a, expression b) { return std::move(a) + -std::move(b); }
[[nodiscard]] inline expression operator*(expression a, expression b) { return product({std::move(a), std::move(b)}); }
[[nodiscard]] inline expression operator/(expression a, expression b) {
    return {operation::quotient, {std::move(a), std::move(b)}};
}
/// `left / right`, and `by_zero` when `right` is 0.
[[nodiscard]] inline expression divide(expression left, expression right, double by_zero) {
    auto e = std::move(left) / std::move(right);
    e.by_zero = by_zero;
    return e;
}
[[nodiscard]] inline expression abs(expression e) { return {operation::absolute, {std::move(e)}}; }
[[nodiscard]] inline expression sqrt(expression e) { return {operation::square_root, {std::move(e)}}; }
[[nodiscard]] inline expression exp(expression e) { return {operation::exponential, {std::move(e)}}; }
[[nodiscard]] inline expression ln(expression e) { return {operation::natural_logarithm, {std::move(e)}}; }
[[nodiscard]] inline expression log10(expression e) { return {operation::decimal_logarithm, {std::move(e)}}; }
[[nodiscard]] inline expression pow(expression base, expression exponent) {
    return {operation::power, {std::move(base), std::move(exponent)}};
}

/// From 1 at the target to `midpoint` at the distance `scale` from it.
struct decay {
    expression target = 0;
    double scale = 1;       ///< above 0
    double midpoint = 0.5;  ///< in (0, 1); of the linear decay in [0, 1]
};
/// max(0, 1 - (1 - midpoint) * d / scale), d = |x - target|.
[[nodiscard]] inline expression lin_decay(expression x, decay how = {}) {
    expression e{operation::linear_decay, {std::move(x), std::move(how.target)}};
    e.scale = how.scale;
    e.midpoint = how.midpoint;
    return e;
}
/// midpoint ^ (d / scale).
[[nodiscard]] inline expression exp_decay(expression x, decay how = {}) {
    auto e = lin_decay(std::move(x), std::move(how));
    e.what = operation::exponential_decay;
    return e;
}
/// midpoint ^ ((d / scale) ^ 2).
[[nodiscard]] inline expression gauss_decay(expression x, decay how = {}) {
    auto e = lin_decay(std::move(x), std::move(how));
    e.what = operation::gaussian_decay;
    return e;
}

}  // namespace scoring

/// Scores the points of the prefetches anew.
/// Errors: invalid_argument when for one of them a value is missing or of another kind, or a result is not finite.
struct formula {
    scoring::expression expression = {};
    /// What values that are missing are taken to be, by their path; scores by "$score" or "$score[1]".
    payload::document defaults = {};

    friend bool operator==(const formula&, const formula&) = default;
};

}  // namespace vecstore
