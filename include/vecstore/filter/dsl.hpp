/// Filters written in C++:
/// `field("price") < 10 && field("tags").any_of({"a", "b"}) && !field("sold").is_null()`.
/// Every operator gives a `filter::expression`; chains of && and || are flat lists, not deep trees.
/// Thread safety: plain values.
#pragma once

#include <vecstore/filter/expression.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vecstore::filter {

/// What a field may be compared with: numbers, booleans, and whatever converts to std::string_view.
template <class T>
concept number = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;
template <class T>
concept operand = number<T> || std::same_as<T, bool> || std::convertible_to<const T&, std::string_view>;
/// What holds the values of a list, e.g. std::vector<std::string> or std::span<const int>.
template <class T>
concept value_range = requires(const T& r) {
    r.begin() != r.end();
    *r.begin();
};

namespace detail {

inline void append(std::vector<condition>& to, std::vector<condition>&& from) {
    if (to.empty())
        to = std::move(from);
    else
        for (auto& c : from) to.push_back(std::move(c));
}

/// The expression as one condition; a lone one is not wrapped.
inline condition as_condition(expression&& e) {
    if (e.must.size() == 1 && e.should.empty() && e.must_not.empty() && e.at_least.empty())
        return std::move(e.must.front());
    return condition{std::move(e)};
}

/// The conditions one of which must hold for `e` to hold.
inline std::vector<condition> alternatives(expression&& e) {
    if (!e.should.empty() && e.must.empty() && e.must_not.empty() && e.at_least.empty()) return std::move(e.should);
    std::vector<condition> one;
    one.push_back(as_condition(std::move(e)));
    return one;
}

}  // namespace detail

/// Both hold. An empty expression is neutral.
[[nodiscard]] inline expression operator&&(expression a, expression b) {
    detail::append(a.must, std::move(b.must));
    detail::append(a.must_not, std::move(b.must_not));
    for (auto& m : b.at_least) a.at_least.push_back(std::move(m));
    if (a.should.empty()) {
        a.should = std::move(b.should);
    } else if (!b.should.empty()) {
        // One `should` list is one disjunction; a second disjunction must be a condition of its own.
        expression other;
        other.should = std::move(b.should);
        a.must.push_back(condition{std::move(other)});
    }
    return a;
}

/// At least one holds. An empty expression holds always, so with one the result is empty too.
[[nodiscard]] inline expression operator||(expression a, expression b) {
    if (a.empty() || b.empty()) return {};
    expression either;
    either.should = detail::alternatives(std::move(a));
    detail::append(either.should, detail::alternatives(std::move(b)));
    return either;
}

/// Does not hold. The negation of an empty expression lets no point pass.
[[nodiscard]] inline expression operator!(expression e) {
    expression negated;
    if (e.must.empty() && e.should.empty() && e.at_least.empty() && e.must_not.size() == 1)
        negated.must = std::move(e.must_not);
    else
        negated.must_not = detail::alternatives(std::move(e));
    return negated;
}

}  // namespace vecstore::filter

namespace vecstore {

class field_size;

/// Names a payload field, by path: `field("lang")`, `field("geo.city")`, `field("items[].price")`.
/// The path is checked when the filter is used, not here.
class field {
public:
    explicit field(std::string path) : path_(std::move(path)) {}

    /// Equality with a string, boolean or integer is strict about types: 1 matches 1 but not 1.0. A floating-point
    /// operand asks for a number that is equal as a double, integers included.
    template <filter::operand T>
    [[nodiscard]] filter::expression operator==(const T& other) const {
        if constexpr (std::same_as<T, bool>) {
            return with(filter::match_value{other});
        } else if constexpr (std::integral<T>) {
            if (std::in_range<std::int64_t>(other)) return with(filter::match_value{static_cast<std::int64_t>(other)});
            return *this == static_cast<double>(other);  // payloads hold such numbers as doubles
        } else if constexpr (std::floating_point<T>) {
            return between(static_cast<double>(other), static_cast<double>(other));
        } else {
            return with(filter::match_value{std::string(std::string_view(other))});
        }
    }
    /// `must_not` of the equality: also holds when the field is missing.
    template <filter::operand T>
    [[nodiscard]] filter::expression operator!=(const T& other) const {
        return !(*this == other);
    }

    /// Ranges hold for numbers only, integers compared as doubles.
    template <filter::number T>
    [[nodiscard]] filter::expression operator<(T bound) const {
        return with(filter::range{.lt = static_cast<double>(bound)});
    }
    template <filter::number T>
    [[nodiscard]] filter::expression operator<=(T bound) const {
        return with(filter::range{.lte = static_cast<double>(bound)});
    }
    template <filter::number T>
    [[nodiscard]] filter::expression operator>(T bound) const {
        return with(filter::range{.gt = static_cast<double>(bound)});
    }
    template <filter::number T>
    [[nodiscard]] filter::expression operator>=(T bound) const {
        return with(filter::range{.gte = static_cast<double>(bound)});
    }
    /// low <= number <= high.
    [[nodiscard]] filter::expression between(double low, double high) const {
        return with(filter::range{.gte = low, .lte = high});
    }

    /// Ranges of time hold for texts that mean one (datetime.hpp): `field("seen") >= datetime::parse("2024-01-31").value()`,
    /// `field("seen") < std::chrono::system_clock::now()`.
    [[nodiscard]] filter::expression operator<(datetime bound) const {
        return with(filter::datetime_range{.lt = bound});
    }
    [[nodiscard]] filter::expression operator<=(datetime bound) const {
        return with(filter::datetime_range{.lte = bound});
    }
    [[nodiscard]] filter::expression operator>(datetime bound) const {
        return with(filter::datetime_range{.gt = bound});
    }
    [[nodiscard]] filter::expression operator>=(datetime bound) const {
        return with(filter::datetime_range{.gte = bound});
    }
    /// first <= time <= last.
    [[nodiscard]] filter::expression between(datetime first, datetime last) const {
        return with(filter::datetime_range{.gte = first, .lte = last});
    }

    /// A place in the area: `field("loc").within(geo_radius{.center = {13.4, 52.5}, .radius_m = 1'000})`.
    [[nodiscard]] filter::expression within(const geo_radius& area) const { return with(area); }
    [[nodiscard]] filter::expression within(const geo_bounding_box& area) const { return with(area); }
    [[nodiscard]] filter::expression within(geo_polygon area) const { return with(std::move(area)); }

    /// A text that holds this one, one of these words, or these words side by side; see match_text and those behind it.
    [[nodiscard]] filter::expression text(std::string wanted) const {
        return with(filter::match_text{std::move(wanted)});
    }
    [[nodiscard]] filter::expression text_any(std::string words) const {
        return with(filter::match_text_any{std::move(words)});
    }
    [[nodiscard]] filter::expression phrase(std::string words) const {
        return with(filter::match_phrase{std::move(words)});
    }
    /// A text that begins so.
    [[nodiscard]] filter::expression prefix(std::string beginning) const {
        return with(filter::match_prefix{std::move(beginning)});
    }

    /// How many values the field has: `field("tags").size() >= 2`.
    [[nodiscard]] field_size size() const;

    /// Some value is in the list. Takes `{"a", "b"}`, `{1, 2}`, or a range of strings or of integers.
    [[nodiscard]] filter::expression any_of(std::initializer_list<std::string_view> list) const {
        return with(filter::match_any{strings(list)});
    }
    [[nodiscard]] filter::expression any_of(std::initializer_list<std::int64_t> list) const {
        return with(filter::match_any{integers(list)});
    }
    template <filter::value_range Range>
    [[nodiscard]] filter::expression any_of(const Range& list) const {
        return with(filter::match_any{values(list)});
    }
    /// No value is in the list: the negation of any_of, so it also holds when the field is missing.
    template <class T>
    [[nodiscard]] filter::expression none_of(std::initializer_list<T> list) const {
        return !any_of(std::vector<T>(list));
    }
    template <filter::value_range Range>
    [[nodiscard]] filter::expression none_of(const Range& list) const {
        return !any_of(list);
    }
    /// The field is present with at least one value that is not null and not in the list (see match_except).
    template <class T>
    [[nodiscard]] filter::expression except(std::initializer_list<T> list) const {
        return except(std::vector<T>(list));
    }
    template <filter::value_range Range>
    [[nodiscard]] filter::expression except(const Range& list) const {
        return with(filter::match_except{values(list)});
    }

    /// Missing, null or `[]`.
    [[nodiscard]] filter::expression is_empty() const { return with(filter::is_empty{}); }
    /// Null, or an array that holds a null; a missing field is not null.
    [[nodiscard]] filter::expression is_null() const { return with(filter::is_null{}); }

private:
    template <class Test>
    [[nodiscard]] filter::expression with(Test test) const {
        return filter::condition{filter::field_condition{path_, std::move(test)}};
    }
    template <class Range>
    [[nodiscard]] static std::vector<std::string> strings(const Range& list) {
        return {list.begin(), list.end()};
    }
    template <class Range>
    [[nodiscard]] static std::vector<std::int64_t> integers(const Range& list) {
        return {list.begin(), list.end()};
    }
    template <class Range>
    [[nodiscard]] static filter::value_list values(const Range& list) {
        if constexpr (std::integral<std::remove_cvref_t<decltype(*list.begin())>>)
            return integers(list);
        else
            return strings(list);
    }

    std::string path_;
};

/// The number of values of a field, to be compared with integers.
class field_size {
public:
    template <std::integral T>
    [[nodiscard]] filter::expression operator==(T count) const {
        return std::cmp_less(count, 0) ? none() : with({.gte = natural(count), .lte = natural(count)});
    }
    template <std::integral T>
    [[nodiscard]] filter::expression operator!=(T count) const {
        return !(*this == count);
    }
    template <std::integral T>
    [[nodiscard]] filter::expression operator<(T count) const {
        return std::cmp_less(count, 0) ? none() : with({.lt = natural(count)});
    }
    template <std::integral T>
    [[nodiscard]] filter::expression operator<=(T count) const {
        return std::cmp_less(count, 0) ? none() : with({.lte = natural(count)});
    }
    template <std::integral T>
    [[nodiscard]] filter::expression operator>(T count) const {
        return std::cmp_less(count, 0) ? with({.gte = 0}) : with({.gt = natural(count)});
    }
    template <std::integral T>
    [[nodiscard]] filter::expression operator>=(T count) const {
        return with({.gte = std::cmp_less(count, 0) ? 0 : natural(count)});
    }

private:
    friend class field;
    explicit field_size(std::string path) : path_(std::move(path)) {}
    template <class T>
    [[nodiscard]] static std::uint64_t natural(T count) noexcept {
        return static_cast<std::uint64_t>(count);
    }
    [[nodiscard]] filter::expression with(filter::values_count bounds) const {
        return filter::condition{filter::field_condition{path_, bounds}};
    }
    [[nodiscard]] filter::expression none() const { return with({.lt = 0}); }

    std::string path_;
};

inline field_size field::size() const { return field_size(path_); }

/// The point's id is one of the list; an empty list lets no point pass.
[[nodiscard]] inline filter::expression has_id(std::vector<point_id> ids) {
    return filter::condition{filter::has_id_condition{std::move(ids)}};
}

/// The point has a vector of that name; "" is the default one.
[[nodiscard]] inline filter::expression has_vector(std::string name) {
    return filter::condition{filter::has_vector_condition{std::move(name)}};
}

/// One element of the array at `key` passes the filter, whose paths begin there:
/// `nested("offers", field("price") < 10 && field("stock") > 0)`.
[[nodiscard]] inline filter::expression nested(std::string key, filter::expression filter) {
    return filter::condition{filter::nested_condition{std::move(key), std::move(filter)}};
}

/// Share `index` of `total` shares of all points, by a hash of the ids.
[[nodiscard]] inline filter::expression slice(std::uint64_t total, std::uint64_t index) {
    return filter::condition{filter::slice_condition{total, index}};
}

/// At least `min_count` (>= 1) of these hold.
[[nodiscard]] inline filter::expression at_least(std::size_t min_count, std::vector<filter::expression> of) {
    filter::min_should quorum;
    quorum.min_count = min_count;
    for (auto& e : of) quorum.conditions.push_back(filter::detail::as_condition(std::move(e)));
    filter::expression whole;
    whole.at_least.push_back(std::move(quorum));
    return whole;
}

}  // namespace vecstore
