// Tests of fields in JSON: match, ranges, counts, areas.
#include "json_reading.hpp"

namespace vecstore::filter::detail {
namespace {

result<value_list> parse_list(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (!list) return bad(place, "must be a list of strings or of integers");
    if (list->empty()) return value_list();
    const bool integers = list->front().is_int64();
    std::vector<std::string> strings;
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto& item = (*list)[i];
        if (integers ? !item.is_int64() : !item.is_string())
            return bad(at(place, i), integers ? "must be an integer, as the first is" : "must be a string");
        if (integers)
            numbers.push_back(*item.if_int64());
        else
            strings.push_back(*item.if_string());
    }
    if (integers) return value_list(std::move(numbers));
    return value_list(std::move(strings));
}

result<field_test> parse_match(const value& json, const std::string& place) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    const auto given = [](const payload::member& m) { return !m.value.is_null(); };
    if (std::count_if(object->begin(), object->end(), given) != 1)
        return bad(place, "must have exactly one member: value, any, except, text, text_any, phrase or prefix");
    const auto& [key, content] = *std::find_if(object->begin(), object->end(), given);
    const auto here = place + "." + key;
    const auto* text = content.if_string();
    if (key == "value") {
        if (const auto* flag = content.if_bool()) return field_test(match_value{*flag});
        if (const auto* integer = content.if_int64()) return field_test(match_value{*integer});
        if (text) return field_test(match_value{*text});
        return bad(here, "must be a string, an integer or a boolean");
    }
    if (key == "any" || key == "except") {
        VECSTORE_TRY(auto list, parse_list(content, here));
        if (key == "any") return field_test(match_any{std::move(list)});
        return field_test(match_except{std::move(list)});
    }
    if (!is_one_of(key, {"text", "text_any", "phrase", "prefix"}))
        return bad(place, "unknown kind of match '" + key + "'");
    if (!text) return bad(here, "must be a string");
    if (key == "text") return field_test(match_text{*text});
    if (key == "text_any") return field_test(match_text_any{*text});
    if (key == "phrase") return field_test(match_phrase{*text});
    return field_test(match_prefix{*text});
}

result<double> parse_number(const value& json, const std::string& place) {
    if (json.is_int64() || json.is_double()) return json.double_or(0);
    if (const auto wide = wide_integer(json)) return static_cast<double>(*wide);
    return bad(place, "must be a number");
}

result<datetime> parse_datetime(const value& json, const std::string& place) {
    const auto* text = json.if_string();
    if (!text) return bad(place, "must be a datetime, as another bound is");
    auto time = datetime::parse(*text);
    if (time) return time;
    return bad(place, time.error().message);
}

result<std::uint64_t> parse_count(const value& json, const std::string& place) {
    if (const auto count = natural(json)) return *count;
    return bad(place, "must be an integer, 0 or larger");
}

/// Calls `bound(json, place)` for each bound that is given.
template <class Bounds, class Parse>
result<field_test> parse_bounds(const document& object, const std::string& place, const Parse& bound) {
    Bounds parsed;
    for (const auto& [key, content] : object) {
        if (content.is_null()) continue;
        VECSTORE_TRY(const auto value, bound(content, place + "." + key));
        (key == "gt" ? parsed.gt : key == "gte" ? parsed.gte : key == "lt" ? parsed.lt : parsed.lte) = value;
    }
    return field_test(std::move(parsed));
}

/// Checks the names of bounds.
result<const document*> bounds_of(const value& json, const std::string& place) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    for (const auto& m : *object)
        if (!is_one_of(m.key, {"gt", "gte", "lt", "lte"})) return bad(place + "." + m.key, "unknown bound");
    return object;
}

/// Of numbers, or of datetimes when there is one.
result<field_test> parse_range(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, bounds_of(json, place));
    const bool datetimes = std::any_of(object->begin(), object->end(), [](const payload::member& m) {
        return m.value.is_string() && !wide_integer(m.value);
    });
    if (datetimes) return parse_bounds<datetime_range>(*object, place, parse_datetime);
    return parse_bounds<range>(*object, place, parse_number);
}

result<field_test> parse_values_count(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, bounds_of(json, place));
    return parse_bounds<values_count>(*object, place, parse_count);
}

result<geo_point> parse_place(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"lon", "lat"}));
    geo_point parsed;
    VECSTORE_TRY(parsed.lon, parse_number((*object)["lon"], place + ".lon"));
    VECSTORE_TRY(parsed.lat, parse_number((*object)["lat"], place + ".lat"));
    return parsed;
}

result<field_test> parse_radius(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"center", "radius"}));
    geo_radius parsed;
    VECSTORE_TRY(parsed.center, parse_place((*object)["center"], place + ".center"));
    VECSTORE_TRY(parsed.radius_m, parse_number((*object)["radius"], place + ".radius"));
    return field_test(parsed);
}

result<field_test> parse_box(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"top_left", "bottom_right"}));
    geo_bounding_box parsed;
    VECSTORE_TRY(parsed.top_left, parse_place((*object)["top_left"], place + ".top_left"));
    VECSTORE_TRY(parsed.bottom_right, parse_place((*object)["bottom_right"], place + ".bottom_right"));
    return field_test(parsed);
}

result<geo_ring> parse_ring(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"points"}));
    const auto* list = (*object)["points"].if_array();
    if (!list) return bad(place + ".points", "must be a list of places");
    geo_ring parsed;
    parsed.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(const auto corner, parse_place((*list)[i], at(place + ".points", i)));
        parsed.push_back(corner);
    }
    return parsed;
}

result<field_test> parse_polygon(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"exterior", "interiors"}));
    geo_polygon parsed;
    VECSTORE_TRY(parsed.exterior, parse_ring((*object)["exterior"], place + ".exterior"));
    const auto* interiors = present(*object, "interiors");
    if (!interiors) return field_test(std::move(parsed));
    const auto* list = interiors->if_array();
    if (!list) return bad(place + ".interiors", "must be a list of rings");
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto ring, parse_ring((*list)[i], at(place + ".interiors", i)));
        parsed.interiors.push_back(std::move(ring));
    }
    return field_test(std::move(parsed));
}

template <class Test>
result<field_test> parse_flag(const value& json, const std::string& place) {
    const auto* wanted = json.if_bool();
    if (!wanted) return bad(place, "must be a boolean");
    return field_test(Test{*wanted});
}

}  // namespace

result<std::optional<field_test>> parse_test(std::string_view kind, const value& json, const std::string& place) {
    constexpr std::pair<std::string_view, result<field_test> (*)(const value&, const std::string&)> parsers[] = {
        {"match", parse_match},
        {"range", parse_range},
        {"is_empty", parse_flag<is_empty>},
        {"is_null", parse_flag<is_null>},
        {"values_count", parse_values_count},
        {"geo_radius", parse_radius},
        {"geo_bounding_box", parse_box},
        {"geo_polygon", parse_polygon},
    };
    for (const auto& [name, parse] : parsers)
        if (name == kind) {
            VECSTORE_TRY(auto test, parse(json, place + "." + std::string(kind)));
            return std::optional(std::move(test));
        }
    return std::optional<field_test>();
}

}  // namespace vecstore::filter::detail
