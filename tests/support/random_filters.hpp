/// Random payloads and filters from one seed, made so that conditions often hold: few keys, few values, and paths that
/// go through what payloads have. Faster than rapidcheck's, for many pairs.
#pragma once

#include <vecstore/filter/expression.hpp>
#include <vecstore/payload/value.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace random_filters {

using namespace vecstore;
using filter::condition;
using filter::expression;
using payload::document;
using payload::value;

class generator {
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool chance(std::uint64_t of, std::uint64_t in) { return below(in) < of; }

    document object(int depth) {
        document d;
        for (auto n = 1 + below(5); n > 0; --n) d.set(pick(keys()), any_value(depth));
        return d;
    }

    value any_value(int depth) {
        if (depth == 0 || chance(1, 2)) return scalar();
        if (chance(1, 3)) return place();
        if (chance(1, 2)) return object(depth - 1);
        value::array items;
        for (auto n = below(4); n > 0; --n) items.push_back(any_value(depth - 1));
        return items;
    }

    value scalar() {
        switch (below(6)) {
            case 0: return value();
            case 1: return chance(1, 2);
            case 2: return integer();
            case 3: return pick(std::vector<double>{0.0, 1.0, 2.0, -1.5, 2.5});
            case 4: return pick(dates());
            default: return pick(texts());
        }
    }

    expression tree(int depth) {
        expression e;
        e.must = conditions(depth);
        e.should = conditions(depth);
        e.must_not = conditions(depth);
        if (chance(1, 4)) e.at_least.push_back({conditions(depth), 1 + below(2)});
        return e;
    }

    condition any_condition(int depth) {
        const auto kind = below(depth > 0 ? 16 : 12);
        if (kind == 0) return {filter::has_id_condition{ids()}};
        if (kind == 1) return {filter::has_vector_condition{pick(std::vector<std::string>{"", "image", "none"})}};
        if (kind == 2) {
            const auto total = 1 + below(3);
            return {filter::slice_condition{total, below(total)}};
        }
        if (kind < 12) return {filter::field_condition{pick(paths()), test()}};
        if (kind < 14) return {tree(depth - 1)};
        return {filter::nested_condition{pick(arrays()), tree(depth - 1)}};
    }

    filter::field_test test() {
        switch (below(15)) {
            case 0: return filter::match_value{pick(texts())};
            case 1: return filter::match_value{integer()};
            case 2: return filter::match_value{chance(1, 2)};
            case 3: return filter::match_any{list()};
            case 4: return filter::match_except{list()};
            case 5: return bounds<filter::range>([&] { return static_cast<double>(integer()) + 0.5 * below(2); });
            case 6: return filter::is_empty{chance(3, 4)};
            case 7: return filter::is_null{chance(3, 4)};
            case 8: return filter::match_text{pick(texts())};
            case 9: return filter::match_text_any{pick(texts())};
            case 10: return filter::match_phrase{pick(texts())};
            case 11: return filter::match_prefix{pick(texts()).substr(0, below(3))};
            case 12:
                return bounds<filter::datetime_range>([&] {
                    const auto base = datetime::parse("2024-02-28T22:30:00Z").value().us();
                    return datetime::from_us(base + static_cast<std::int64_t>(below(6)) * 1'800'000'000);
                });
            case 13: return bounds<filter::values_count>([&] { return below(4); });
            default: return area();
        }
    }

    std::vector<std::string> vectors() {
        std::vector<std::string> names;
        if (chance(1, 2)) names.emplace_back();
        if (chance(1, 2)) names.emplace_back("image");
        return names;
    }

    /// Where filters look.
    static const std::vector<std::string>& paths() {
        static const std::vector<std::string> all = {"a",         "b",     "c",    "tags",  "a.b",
                                                     "a[]",       "a[].b", "b.c",  "b.c[]", "a[1]",
                                                     "tags[1].a", "c[][]", "nope", "a[0]",  "a.lon"};
        return all;
    }

private:
    template <class T>
    T pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }
    std::int64_t integer() { return static_cast<std::int64_t>(below(6)) - 2; }
    double degrees() { return static_cast<double>(below(9)) - 4; }
    /// Some beyond the antimeridian, some off the earth.
    value place() {
        document p{{"lon", degrees()}, {"lat", static_cast<std::int64_t>(degrees())}};
        if (chance(1, 4)) p.set("lon", chance(1, 2) ? 179.0 : -179.0);
        if (chance(1, 10)) p.erase("lat");
        return p;
    }
    geo_ring ring() {
        geo_ring corners;
        for (auto n = 3 + below(3); n > 0; --n) corners.push_back({degrees(), degrees()});
        corners.push_back(corners.front());
        return corners;
    }
    filter::field_test area() {
        switch (below(3)) {
            case 0: return geo_radius{{degrees(), degrees()}, 111'000.5 * static_cast<double>(below(6))};
            case 1:
                if (chance(1, 3)) return geo_bounding_box{{178, 4}, {-178, degrees()}};
                return geo_bounding_box{{degrees(), degrees()}, {degrees(), degrees()}};
            default: {
                geo_polygon polygon{ring()};
                if (chance(1, 3)) polygon.interiors.push_back(ring());
                return polygon;
            }
        }
    }
    template <class Bounds, class Make>
    Bounds bounds(const Make& make) {
        Bounds b;
        if (chance(1, 3)) b.gt = make();
        if (chance(1, 3)) b.gte = make();
        if (chance(1, 3)) b.lt = make();
        if (chance(1, 3)) b.lte = make();
        return b;
    }
    filter::value_list list() {
        if (chance(1, 2)) {
            std::vector<std::string> items;
            for (auto n = below(4); n > 0; --n) items.push_back(pick(texts()));
            return items;
        }
        std::vector<std::int64_t> items;
        for (auto n = below(4); n > 0; --n) items.push_back(integer());
        return items;
    }
    std::vector<point_id> ids() {
        std::vector<point_id> list;
        for (auto n = below(4); n > 0; --n) list.emplace_back(below(20));
        return list;
    }
    std::vector<condition> conditions(int depth) {
        std::vector<condition> all;
        for (auto n = below(3); n > 0; --n) all.push_back(any_condition(depth));
        return all;
    }

    static const std::vector<std::string>& keys() {
        static const std::vector<std::string> all = {"a", "b", "c", "tags"};
        return all;
    }
    static const std::vector<std::string>& arrays() {
        static const std::vector<std::string> all = {"a", "b", "c", "tags", "a[]", "a.b", "b[].a", "a[0]"};
        return all;
    }
    static const std::vector<std::string>& texts() {
        static const std::vector<std::string> all = {"", "x", "y x", "xy", "  ", "solar power", "power", "1"};
        return all;
    }
    static const std::vector<std::string>& dates() {
        static const std::vector<std::string> all = {"2024-02-29",
                                                     "2024-02-28T23:30:00Z",
                                                     "2024-02-29 00:30",
                                                     "2024-02-29T01:00:00.5+01:00",
                                                     "2024-02-30T00:00:00Z",
                                                     "2024-02-28T21:30:00-01:30",
                                                     "2024-02-29T00:00:00.000001"};
        return all;
    }

    std::mt19937_64 random_;
};

}  // namespace random_filters
