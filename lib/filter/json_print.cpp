// Filters as JSON.
#include "overloaded.hpp"

#include <vecstore/filter/json.hpp>
#include <vecstore/payload/json.hpp>

#include <utility>

namespace vecstore::filter {
namespace {

using payload::document;
using payload::value;

value to_value(const std::vector<condition>& list);

/// Beyond 63 bits as a string of digits, which the parser takes for a number.
value to_value(std::uint64_t number) {
    if (std::in_range<std::int64_t>(number)) return static_cast<std::int64_t>(number);
    return std::to_string(number);
}
value to_value(double number) { return number; }
value to_value(const datetime& time) { return to_string(time); }

value to_value(const point_id& id) { return id.is_uuid() ? value(to_string(id)) : to_value(id.number()); }

value to_value(const value_list& list) {
    return std::visit([](const auto& items) { return value(value::array(items.begin(), items.end())); }, list);
}

value to_value(const geo_point& p) { return {{"lon", p.lon}, {"lat", p.lat}}; }

value to_value(const geo_ring& ring) {
    value::array points;
    for (const auto& p : ring) points.push_back(to_value(p));
    return document{{"points", std::move(points)}};
}

template <class Bounds>
value bounds_to_value(const Bounds& bounds) {
    document out;
    if (bounds.gt) out.append("gt", to_value(*bounds.gt));
    if (bounds.gte) out.append("gte", to_value(*bounds.gte));
    if (bounds.lt) out.append("lt", to_value(*bounds.lt));
    if (bounds.lte) out.append("lte", to_value(*bounds.lte));
    return out;
}

struct test_printer {
    document& out;
    void operator()(const match_value& test) const {
        match("value", std::visit([](const auto& wanted) { return value(wanted); }, test.value));
    }
    void operator()(const match_any& test) const { match("any", to_value(test.values)); }
    void operator()(const match_except& test) const { match("except", to_value(test.values)); }
    void operator()(const match_text& test) const { match("text", test.text); }
    void operator()(const match_text_any& test) const { match("text_any", test.text); }
    void operator()(const match_phrase& test) const { match("phrase", test.text); }
    void operator()(const match_prefix& test) const { match("prefix", test.prefix); }
    void operator()(const range& test) const { out.append("range", bounds_to_value(test)); }
    void operator()(const datetime_range& test) const { out.append("range", bounds_to_value(test)); }
    void operator()(const values_count& test) const { out.append("values_count", bounds_to_value(test)); }
    void operator()(const is_empty& test) const { out.append("is_empty", test.wanted); }
    void operator()(const is_null& test) const { out.append("is_null", test.wanted); }
    void operator()(const geo_radius& test) const {
        out.append("geo_radius", document{{"center", to_value(test.center)}, {"radius", test.radius_m}});
    }
    void operator()(const geo_bounding_box& test) const {
        out.append("geo_bounding_box",
                   document{{"top_left", to_value(test.top_left)}, {"bottom_right", to_value(test.bottom_right)}});
    }
    void operator()(const geo_polygon& test) const {
        document area{{"exterior", to_value(test.exterior)}};
        value::array interiors;
        for (const auto& ring : test.interiors) interiors.push_back(to_value(ring));
        if (!interiors.empty()) area.append("interiors", std::move(interiors));
        out.append("geo_polygon", std::move(area));
    }

private:
    void match(const char* kind, value content) const { out.append("match", document{{kind, std::move(content)}}); }
};

value to_value(const condition& one) {
    return std::visit(
        overloaded{
            [](const expression& inner) { return filter::to_value(inner); },
            [](const has_id_condition& ids) {
                value::array list;
                for (const auto& id : ids.ids) list.push_back(to_value(id));
                return value(document{{"has_id", std::move(list)}});
            },
            [](const has_vector_condition& vector) {
                return value(document{{"has_vector", vector.name}});
            },
            [](const slice_condition& slice) {
                return value(
                    document{{"slice", document{{"total", to_value(slice.total)}, {"index", to_value(slice.index)}}}});
            },
            [](const nested_condition& nested) {
                return value(
                    document{{"nested", document{{"key", nested.key}, {"filter", filter::to_value(nested.filter)}}}});
            },
            [](const field_condition& f) {
                document out{{"key", f.key}};
                std::visit(test_printer{out}, f.test);
                return value(std::move(out));
            },
        },
        one.content);
}

value to_value(const std::vector<condition>& list) {
    value::array items;
    items.reserve(list.size());
    for (const auto& one : list) items.push_back(to_value(one));
    return items;
}

value to_value(const min_should& quorum) {
    return {{"conditions", to_value(quorum.conditions)}, {"min_count", quorum.min_count}};
}

}  // namespace

payload::value to_value(const expression& filter) {
    document out;
    value::array must = filter.must.empty() ? value::array() : *to_value(filter.must).if_array();
    for (std::size_t i = 1; i < filter.at_least.size(); ++i)
        must.push_back(document{{"min_should", to_value(filter.at_least[i])}});
    if (!must.empty()) out.append("must", std::move(must));
    if (!filter.should.empty()) out.append("should", to_value(filter.should));
    if (!filter.must_not.empty()) out.append("must_not", to_value(filter.must_not));
    if (!filter.at_least.empty()) out.append("min_should", to_value(filter.at_least.front()));
    return out;
}

std::string to_json(const expression& filter) { return payload::to_json(to_value(filter)); }

}  // namespace vecstore::filter
