/// The rules of filters read naively, over plain values: what every engine that answers filters is held against.
/// It shares no code with the compiled filter but the hash of `slice`.
#pragma once

#include <vecstore/core/siphash.hpp>
#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/value.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <numbers>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace naive {

using namespace vecstore;
using payload::document;
using payload::value;

/// A point that filters are asked about; without an id, an element of a payload.
struct subject {
    const document& payload;
    const point_id* id = nullptr;
    const std::vector<std::string>* vectors = nullptr;
};

/// Values at a path, taken apart by hand.
inline std::vector<value> reach(std::vector<value> from, std::string_view rest) {
    while (!rest.empty()) {
        std::vector<value> next;
        if (rest.starts_with("[")) {
            const auto inside = rest.substr(1, rest.find(']') - 1);
            rest.remove_prefix(inside.size() + 2);
            for (const auto& v : from) {
                const auto* items = v.if_array();
                if (!items) continue;
                if (inside.empty()) next.insert(next.end(), items->begin(), items->end());
                const auto index = inside.empty() ? items->size() : std::stoul(std::string(inside));
                if (index < items->size()) next.push_back((*items)[index]);
            }
        } else {
            if (rest.front() == '.') rest.remove_prefix(1);
            const bool quoted = rest.front() == '"';
            if (quoted) rest.remove_prefix(1);
            const auto key = rest.substr(0, rest.find_first_of(quoted ? "\"" : ".["));
            rest.remove_prefix(key.size() + quoted);
            for (const auto& v : from)
                if (const auto* object = v.if_object())
                    if (const auto* found = object->find(key)) next.push_back(*found);
        }
        from = std::move(next);
    }
    return from;
}

template <class Bounds, class T>
bool within(const Bounds& b, const T& n) {
    return !(b.gt && n <= T(*b.gt)) && !(b.gte && n < T(*b.gte)) && !(b.lt && n >= T(*b.lt)) &&
           !(b.lte && n > T(*b.lte));
}

/// Microseconds, by the C library's calendar; `ok` false when the text has none of the forms.
inline std::int64_t micros_of(const std::string& text, bool& ok) {
    std::tm parts{};
    char fraction[8] = "000000";
    char sign = '+';
    int hours = 0, minutes = 0;
    ok = false;
    int used = 0;
    const auto date = std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &used);
    if (date != 3 || used != 10) return 0;
    std::string_view rest = std::string_view(text).substr(10);
    if (!rest.empty()) {
        if (rest.front() != 'T' && rest.front() != 't' && rest.front() != ' ') return 0;
        rest.remove_prefix(std::max<std::size_t>(1, std::min(rest.find_first_not_of(' '), rest.size())));
        if (std::sscanf(rest.data(), "%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &used) != 2 || used != 5) return 0;
        rest.remove_prefix(5);
        if (rest.starts_with(":")) {
            if (std::sscanf(rest.data(), ":%2d%n", &parts.tm_sec, &used) != 1 || used != 3) return 0;
            rest.remove_prefix(3);
            if (rest.starts_with(".")) {
                rest.remove_prefix(1);
                const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
                if (digits == 0) return 0;
                for (std::size_t i = 0; i < std::min<std::size_t>(digits, 6); ++i) fraction[i] = rest[i];
                rest.remove_prefix(digits);
            }
        }
        const bool blank = rest.starts_with(" ");
        while (rest.starts_with(" ")) rest.remove_prefix(1);
        if (rest.empty() && blank) return 0;
        if (rest == "Z" || rest == "z") rest = {};
        if (!rest.empty()) {
            sign = rest.front();
            if (sign != '+' && sign != '-') return 0;
            std::string digits(rest.substr(1));
            std::erase(digits, ':');
            if (digits.find_first_not_of("0123456789") != std::string::npos) return 0;
            if (digits.size() == 2) digits += "00";
            if (digits.size() != 4 || rest.size() == 4) return 0;
            hours = std::stoi(digits.substr(0, 2));
            minutes = std::stoi(digits.substr(2));
        }
    }
    if (parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60 || hours > 23 || minutes > 59) return 0;
    const auto day = parts.tm_mday, month = parts.tm_mon;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    auto seconds = static_cast<std::int64_t>(timegm(&parts));
    // A date that does not exist is another one afterwards.
    std::tm only_date{};
    only_date.tm_year = parts.tm_year, only_date.tm_mon = month - 1, only_date.tm_mday = day;
    timegm(&only_date);
    if (only_date.tm_mday != day || only_date.tm_mon != month - 1) return 0;
    seconds -= (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    ok = true;
    return seconds * 1'000'000 + std::stoi(fraction);
}

/// Metres along the great circle, from the chord between the two places.
inline double distance_m(const geo_point& a, const geo_point& b) {
    const auto on_sphere = [](const geo_point& p) {
        const long double lon = p.lon * std::numbers::pi_v<long double> / 180,
                          lat = p.lat * std::numbers::pi_v<long double> / 180;
        return std::array{std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)};
    };
    const auto u = on_sphere(a), v = on_sphere(b);
    long double chord = 0;
    for (std::size_t i = 0; i < 3; ++i) chord += (u[i] - v[i]) * (u[i] - v[i]);
    return static_cast<double>(2 * 6'371'008.8L * std::asin(std::min<long double>(1, std::sqrt(chord) / 2)));
}

/// -1 outside, 0 on the ring, 1 inside: by how often the ring winds around the place.
inline int side(const geo_ring& ring, const geo_point& p) {
    int winding = 0;
    for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
        const auto &a = ring[i], &b = ring[i + 1];
        const long double cross =
            (static_cast<long double>(b.lon) - a.lon) * (static_cast<long double>(p.lat) - a.lat) -
            (static_cast<long double>(b.lat) - a.lat) * (static_cast<long double>(p.lon) - a.lon);
        const long double dot = (static_cast<long double>(a.lon) - p.lon) * (static_cast<long double>(b.lon) - p.lon) +
                                (static_cast<long double>(a.lat) - p.lat) * (static_cast<long double>(b.lat) - p.lat);
        if (cross == 0 && dot <= 0) return 0;
        if (a.lat <= p.lat && b.lat > p.lat && cross > 0) ++winding;
        if (a.lat > p.lat && b.lat <= p.lat && cross < 0) --winding;
    }
    return winding % 2 != 0 ? 1 : -1;
}

inline bool listed(const filter::value_list& list, const value& v) {
    const auto equals = [&](const auto& item) { return value(item) == v; };
    return std::visit([&](const auto& items) { return std::any_of(items.begin(), items.end(), equals); }, list);
}

inline bool in_text(const value& v, const std::string& part) {
    const auto* text = v.if_string();
    return text != nullptr && text->find(part) != std::string::npos;
}

/// Whether the value is a place, and which.
inline bool is_place(const value& v, geo_point& p) {
    const auto* object = v.if_object();
    if (!object) return false;
    const auto &lon = (*object)["lon"], &lat = (*object)["lat"];
    if (!(lon.is_int64() || lon.is_double()) || !(lat.is_int64() || lat.is_double())) return false;
    p = {lon.double_or(0), lat.double_or(0)};
    return true;
}

// One value, no array (or an array in an array, which nothing but `except` matches).
inline bool holds(const filter::match_value& t, const value& v) {
    return std::visit([&](const auto& wanted) { return value(wanted) == v; }, t.value);
}
inline bool holds(const filter::match_any& t, const value& v) { return listed(t.values, v); }
inline bool holds(const filter::match_except& t, const value& v) { return !v.is_null() && !listed(t.values, v); }
inline bool holds(const filter::range& t, const value& v) {
    return (v.is_int64() || v.is_double()) && within(t, v.double_or(0));
}
inline bool holds(const filter::match_text& t, const value& v) { return in_text(v, t.text); }
inline bool holds(const filter::match_phrase& t, const value& v) { return in_text(v, t.text); }
inline bool holds(const filter::match_text_any& t, const value& v) {
    std::istringstream words(t.text);
    for (std::string word; words >> word;)
        if (in_text(v, word)) return true;
    return false;
}
inline bool holds(const filter::match_prefix& t, const value& v) {
    const auto* text = v.if_string();
    return text != nullptr && text->compare(0, t.prefix.size(), t.prefix) == 0;
}
inline bool holds(const filter::datetime_range& t, const value& v) {
    bool ok = false;
    const auto us = v.if_string() ? micros_of(*v.if_string(), ok) : 0;
    return ok && within(t, datetime::from_us(us));
}
inline bool holds(const geo_radius& t, const value& v) {
    geo_point p;
    return is_place(v, p) && distance_m(t.center, p) < t.radius_m;
}
inline bool holds(const geo_bounding_box& t, const value& v) {
    geo_point p;
    if (!is_place(v, p) || !(p.lat > t.bottom_right.lat) || !(p.lat < t.top_left.lat)) return false;
    const bool right_of_west = p.lon > t.top_left.lon, left_of_east = p.lon < t.bottom_right.lon;
    return t.top_left.lon > t.bottom_right.lon ? right_of_west || left_of_east : right_of_west && left_of_east;
}
inline bool holds(const geo_polygon& t, const value& v) {
    geo_point p;
    if (!is_place(v, p) || side(t.exterior, p) != 1) return false;
    return std::all_of(t.interiors.begin(), t.interiors.end(), [&](const auto& hole) { return side(hole, p) == -1; });
}

// What the path has reached, as a whole.
template <class Test>
bool any_holds(const std::vector<value>& reached, const Test& test) {
    std::vector<value> flat;
    for (const auto& v : reached)
        if (const auto* items = v.if_array())
            flat.insert(flat.end(), items->begin(), items->end());
        else
            flat.push_back(v);
    return std::any_of(flat.begin(), flat.end(), [&](const value& v) { return holds(test, v); });
}
inline bool any_holds(const std::vector<value>& reached, const filter::is_empty& test) {
    const bool empty = std::all_of(reached.begin(), reached.end(),
                                   [](const value& v) { return v.is_null() || v == value(value::array{}); });
    return test.wanted ? empty : !empty;
}
inline bool any_holds(const std::vector<value>& reached, const filter::is_null& test) {
    bool null = false;
    for (const auto& v : reached) {
        null |= v.is_null();
        if (const auto* items = v.if_array()) null |= std::count(items->begin(), items->end(), value()) > 0;
    }
    return test.wanted ? null : !null;
}
inline bool any_holds(const std::vector<value>& reached, const filter::values_count& test) {
    if (reached.empty()) return within(test, std::uint64_t{0});
    return std::any_of(reached.begin(), reached.end(), [&](const value& v) {
        return within(test, v.if_array() ? std::uint64_t{v.if_array()->size()} : std::uint64_t{!v.is_null()});
    });
}

bool passes(const filter::expression& e, const subject& s);

inline bool passes(const filter::condition& c, const subject& s) {
    if (const auto* inner = std::get_if<filter::expression>(&c.content)) return passes(*inner, s);
    if (const auto* ids = std::get_if<filter::has_id_condition>(&c.content))
        return s.id != nullptr && std::count(ids->ids.begin(), ids->ids.end(), *s.id) > 0;
    if (const auto* vector = std::get_if<filter::has_vector_condition>(&c.content))
        return s.vectors != nullptr && std::count(s.vectors->begin(), s.vectors->end(), vector->name) > 0;
    if (const auto* slice = std::get_if<filter::slice_condition>(&c.content)) {
        if (s.id == nullptr) return false;
        byte_writer bytes;
        if (!s.id->is_uuid()) bytes.put(s.id->number());
        const auto uuid = s.id->is_uuid() ? s.id->uuid() : vecstore::uuid{};
        if (s.id->is_uuid()) bytes.put_bytes(std::as_bytes(std::span(uuid.bytes)));
        return siphash24(bytes.bytes()) % slice->total == slice->index;
    }
    if (const auto* nested = std::get_if<filter::nested_condition>(&c.content)) {
        const auto key = nested->key.ends_with("[]") ? nested->key : nested->key + "[]";
        for (const auto& element : reach({value(s.payload)}, key))
            if (const auto* object = element.if_object())
                if (passes(nested->filter, subject{*object})) return true;
        return false;
    }
    const auto& f = std::get<filter::field_condition>(c.content);
    const auto reached = reach({value(s.payload)}, f.key);
    return std::visit([&](const auto& test) { return any_holds(reached, test); }, f.test);
}

inline bool passes(const filter::expression& e, const subject& s) {
    const auto count = [&](const std::vector<filter::condition>& list) {
        std::size_t n = 0;
        for (const auto& c : list) n += passes(c, s);
        return n;
    };
    bool all = count(e.must) == e.must.size() && count(e.must_not) == 0;
    if (!e.should.empty()) all = all && count(e.should) > 0;
    for (const auto& q : e.at_least) all = all && count(q.conditions) >= q.min_count;
    return all;
}

}  // namespace naive
