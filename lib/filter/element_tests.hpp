/// Tests of one value that is no array, or of one element of an array, with their constants in place.
/// Thread safety: immutable.
#pragma once

#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/filter/value_of.hpp>
#include <vecstore/payload/view.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>

namespace vecstore::filter::detail {

/// Ascending, without repeats.
template <class T>
class sorted_list {
public:
    explicit sorted_list(std::vector<T> values) : values_(std::move(values)) {
        std::sort(values_.begin(), values_.end());
        values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    }
    template <class Key>
    [[nodiscard]] bool contains(const Key& key) const noexcept {
        return std::binary_search(values_.begin(), values_.end(), key, std::less<>());
    }
    [[nodiscard]] const std::vector<T>& values() const noexcept { return values_; }

private:
    std::vector<T> values_;
};

[[nodiscard]] inline bool is_string(payload::view v) noexcept { return v.kind() == payload::kind::string; }

/// Whether a value is within the bounds of a range or of values_count.
template <class Bounds, class T>
[[nodiscard]] bool is_within(const Bounds& bounds, const T& value) noexcept {
    return (!bounds.gt || value > *bounds.gt) && (!bounds.gte || value >= *bounds.gte) &&
           (!bounds.lt || value < *bounds.lt) && (!bounds.lte || value <= *bounds.lte);
}

struct is_flag {
    bool wanted;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::boolean && v.boolean() == wanted;
    }
};
struct is_integer {
    std::int64_t wanted;
    bool operator()(payload::view v) const noexcept { return v.kind() == payload::kind::int64 && v.int64() == wanted; }
};
struct is_text {
    std::string wanted;
    bool operator()(payload::view v) const noexcept { return is_string(v) && v.string() == wanted; }
};
struct in_integers {
    sorted_list<std::int64_t> list;
    bool operator()(payload::view v) const noexcept {
        return v.kind() == payload::kind::int64 && list.contains(v.int64());
    }
};
struct in_texts {
    sorted_list<std::string> list;
    bool operator()(payload::view v) const noexcept { return is_string(v) && list.contains(v.string()); }
};
template <class In>
struct outside {
    In in;
    bool operator()(payload::view v) const noexcept { return !v.is_null() && !in(v); }
};
struct in_range {
    range bounds;
    bool operator()(payload::view v) const noexcept {
        const auto number = v.number();
        return number && is_within(bounds, *number);
    }
};
struct in_datetime_range {
    datetime_range bounds;
    bool operator()(payload::view v) const noexcept {
        const auto us = datetime_us_of(v);
        return us && is_within(bounds, datetime::from_us(*us));
    }
};
/// One of these is somewhere in the text.
struct holds_text {
    std::vector<std::string> wanted;
    bool operator()(payload::view v) const noexcept {
        return is_string(v) && std::any_of(wanted.begin(), wanted.end(), [&](const std::string& each) {
                   return v.string().find(each) != std::string_view::npos;
               });
    }
};
struct begins_with {
    std::string wanted;
    bool operator()(payload::view v) const noexcept { return is_string(v) && v.string().starts_with(wanted); }
};
/// What a rule says of texts; `inverted`: of all that is not null, what it does not hold for.
struct by_rule {
    std::shared_ptr<const text_rule> rule;
    bool inverted = false;
    bool operator()(payload::view v) const noexcept {
        if (inverted) return !v.is_null() && !(is_string(v) && rule->holds(v.string()));
        return is_string(v) && rule->holds(v.string());
    }
};
template <class Area>
struct in_area {
    Area area;
    bool operator()(payload::view v) const noexcept {
        const auto place = geo_point_of(v);
        return place && contains(area, *place);
    }
};

using element_test = std::variant<is_flag, is_integer, is_text, in_integers, in_texts, outside<in_integers>,
                                  outside<in_texts>, in_range, in_datetime_range, holds_text, begins_with,
                                  in_area<geo_radius>, in_area<geo_bounding_box>, in_area<geo_polygon>, by_rule>;

/// The words of a text; whatever Unicode calls white space separates them.
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

}  // namespace vecstore::filter::detail
