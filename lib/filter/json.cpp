// Conditions and expressions in JSON; the tests of fields are in json_tests.cpp, the other direction in json_print.cpp.
#include "json_reading.hpp"

#include <vecstore/filter/json.hpp>

namespace vecstore::filter {
namespace {

using namespace detail;

result<expression> parse_expression(const value& json, const std::string& place, std::size_t depth);

result<point_id> parse_id(const value& json, const std::string& place) {
    if (const auto number = natural(json)) return point_id(*number);
    if (const auto* text = json.if_string())
        if (const auto id = uuid::parse(*text)) return point_id(*id);
    return bad(place, "value " + payload::to_json(json) +
                          " is not a valid point ID, valid values are either an unsigned integer or a UUID");
}

result<condition> parse_has_id(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (!list) return bad(place, "must be a list of point ids");
    has_id_condition parsed;
    parsed.ids.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(const auto id, parse_id((*list)[i], at(place, i)));
        parsed.ids.push_back(id);
    }
    return condition{std::move(parsed)};
}

result<condition> parse_field(const document& object, const std::string& place) {
    const auto* key = object["key"].if_string();
    if (!key) return bad(place + ".key", "must be a string");
    std::optional<field_test> test;
    for (const auto& [kind, content] : object) {
        if (kind == "key" || content.is_null()) continue;
        if (test) return bad(place, "more than one test of the field; give each a condition of its own");
        VECSTORE_TRY(test, parse_test(kind, content, place));
        if (!test) return bad(place, "unknown condition '" + kind + "'");
    }
    if (!test) return bad(place, "At least one field condition must be specified");
    return condition{field_condition{*key, *std::move(test)}};
}

/// `{"is_empty": {"key": "a"}}` and the same with is_null.
template <class Test>
result<condition> parse_absence(const value& json, const std::string& place) {
    const auto* object = json.if_object();
    const auto* key = object && object->size() == 1 ? (*object)["key"].if_string() : nullptr;
    if (!key) return bad(place, "must be an object with one string, `key`");
    return condition{field_condition{*key, Test{}}};
}

result<condition> parse_has_vector(const value& json, const std::string& place) {
    const auto* name = json.if_string();
    if (!name) return bad(place, "must be the name of a vector");
    return condition{has_vector_condition{*name}};
}

result<condition> parse_slice(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"total", "index"}));
    const auto total = natural((*object)["total"]), index = natural((*object)["index"]);
    if (!total) return bad(place + ".total", "must be an integer, 1 or larger");
    if (!index) return bad(place + ".index", "must be an integer, 0 or larger");
    return condition{slice_condition{*total, *index}};
}

result<condition> parse_nested(const value& json, const std::string& place, std::size_t depth) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"key", "filter"}));
    const auto* key = (*object)["key"].if_string();
    if (!key) return bad(place + ".key", "must be a string");
    const auto* inner = present(*object, "filter");
    if (!inner) return bad(place + ".filter", "is missing");
    VECSTORE_TRY(auto filter, parse_expression(*inner, place + ".filter", depth + 1));
    return condition{nested_condition{*key, std::move(filter)}};
}

result<condition> parse_condition(const value& json, const std::string& place, std::size_t depth) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "a condition must be an object");
    if (object->contains("key")) return parse_field(*object, place);
    for (const std::string_view kind : {"is_empty", "is_null", "has_id", "has_vector", "slice", "nested"}) {
        const auto* content = present(*object, kind);
        if (!content) continue;
        if (object->size() != 1) return bad(place, "nothing may stand beside " + std::string(kind));
        const auto here = place + "." + std::string(kind);
        if (kind == "is_empty") return parse_absence<is_empty>(*content, here);
        if (kind == "is_null") return parse_absence<is_null>(*content, here);
        if (kind == "has_id") return parse_has_id(*content, here);
        if (kind == "has_vector") return parse_has_vector(*content, here);
        if (kind == "slice") return parse_slice(*content, here);
        return parse_nested(*content, here, depth);
    }
    VECSTORE_TRY(auto inner, parse_expression(json, place, depth + 1));
    return condition{std::move(inner)};
}

/// A list of conditions, or one condition in place of a list.
result<std::vector<condition>> parse_conditions(const value& json, const std::string& place, std::size_t depth) {
    std::vector<condition> parsed;
    if (json.is_null()) return parsed;
    if (json.is_object()) {
        VECSTORE_TRY(auto only, parse_condition(json, place, depth));
        parsed.push_back(std::move(only));
        return parsed;
    }
    const auto* list = json.if_array();
    if (!list) return bad(place, "must be a list of conditions or one condition");
    if (list->size() > filter_conditions_max)
        return bad(place, "more than " + std::to_string(filter_conditions_max) + " conditions");
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto one, parse_condition((*list)[i], at(place, i), depth));
        parsed.push_back(std::move(one));
    }
    return parsed;
}

result<min_should> parse_min_should(const value& json, const std::string& place, std::size_t depth) {
    VECSTORE_TRY(const auto* const object, object_of(json, place, {"conditions", "min_count"}));
    if (!present(*object, "conditions")) return bad(place + ".conditions", "is missing");
    const auto* count = (*object)["min_count"].if_int64();
    if (!count || *count < 0) return bad(place + ".min_count", "must be an integer, 1 or larger");
    min_should parsed;
    parsed.min_count = static_cast<std::size_t>(*count);  // 0 is refused by validate, with the text of the dialect
    VECSTORE_TRY(parsed.conditions, parse_conditions((*object)["conditions"], place + ".conditions", depth));
    return parsed;
}

result<expression> parse_expression(const value& json, const std::string& place, std::size_t depth) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    if (depth > filter_depth_max) return bad(place, "nested deeper than " + std::to_string(filter_depth_max));
    expression parsed;
    for (const auto& [key, content] : *object) {
        const auto here = place + "." + key;
        if (key == "must") {
            VECSTORE_TRY(parsed.must, parse_conditions(content, here, depth));
        } else if (key == "should") {
            VECSTORE_TRY(parsed.should, parse_conditions(content, here, depth));
        } else if (key == "must_not") {
            VECSTORE_TRY(parsed.must_not, parse_conditions(content, here, depth));
        } else if (key == "min_should") {
            if (content.is_null()) continue;
            VECSTORE_TRY(auto quorum, parse_min_should(content, here, depth));
            parsed.at_least.push_back(std::move(quorum));
        } else {
            return bad(here, "unknown key");
        }
    }
    return parsed;
}

}  // namespace

result<expression> from_value(const payload::value& json, std::string_view root) {
    if (json.is_null()) return expression();
    VECSTORE_TRY(auto parsed, parse_expression(json, std::string(root), 1));
    VECSTORE_CHECK(validate(parsed, root));
    return parsed;
}

result<expression> parse_json(std::string_view text) {
    // Each level of filters is an object and a list, or the two objects of a nested one beside them; a condition adds its
    // object, its test and, at most, the five levels of a polygon.
    payload::json_options options;
    options.depth_max = 4 * filter_depth_max + 8;
    options.wide_integers_as_text = true;
    VECSTORE_TRY(const auto json, payload::parse_json(text, options));
    return from_value(json);
}

}  // namespace vecstore::filter
