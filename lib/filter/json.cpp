#include <vecstore/filter/json.hpp>
#include <vecstore/payload/json.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace vecstore::filter {
namespace {

using payload::document;
using payload::value;

error bad(const std::string& place, std::string_view reason) {
    return invalid_argument(place + ": " + std::string(reason));
}

std::string at(const std::string& place, std::size_t index) { return place + "[" + std::to_string(index) + "]"; }

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), key) != list.end();
}

/// A null is the same as no member.
const value* present(const document& object, std::string_view key) {
    const auto* found = object.find(key);
    return found && !found->is_null() ? found : nullptr;
}

bool is_unsupported(std::string_view key) {
    return is_one_of(key, {"geo_radius", "geo_bounding_box", "geo_polygon", "values_count", "nested", "has_vector",
                           "slice", "text", "text_any", "phrase", "prefix"});
}

/// What to answer to a key that is not understood here.
error stranger(const std::string& place, std::string_view key, std::string_view what) {
    if (!is_unsupported(key)) return bad(place, "unknown " + std::string(what) + " '" + std::string(key) + "'");
    return {errc::unsupported, place + "." + std::string(key) + ": this condition is not supported yet"};
}

/// Point ids use all 64 bits, payload integers 63: larger ids are written as a string of digits (to_value does, and
/// payload::parse_json can). Smaller numbers in quotes are no ids.
std::optional<std::uint64_t> wide_integer(const value& json) {
    const auto text = json.string_or({});
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    if (std::in_range<std::int64_t>(number)) return std::nullopt;
    return number;
}

result<point_id> parse_id(const value& json, const std::string& place) {
    if (const auto* number = json.if_int64(); number && *number >= 0) return point_id(*number);
    if (const auto wide = wide_integer(json)) return point_id(*wide);
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

using field_test = decltype(field_condition::test);

result<field_test> parse_match(const value& json, const std::string& place) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    const auto given = [](const payload::member& m) { return !m.value.is_null(); };
    if (std::count_if(object->begin(), object->end(), given) != 1)
        return bad(place, "must have exactly one member: value, any or except");
    const auto& [key, content] = *std::find_if(object->begin(), object->end(), given);
    const auto here = place + "." + key;
    if (key == "value") {
        if (const auto* flag = content.if_bool()) return field_test(match_value{*flag});
        if (const auto* integer = content.if_int64()) return field_test(match_value{*integer});
        if (const auto* text = content.if_string()) return field_test(match_value{*text});
        return bad(here, "must be a string, an integer or a boolean");
    }
    if (key == "any" || key == "except") {
        VECSTORE_TRY(auto list, parse_list(content, here));
        if (key == "any") return field_test(match_any{std::move(list)});
        return field_test(match_except{std::move(list)});
    }
    return stranger(place, key, "kind of match");
}

result<field_test> parse_range(const value& json, const std::string& place) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    range parsed;
    for (const auto& [key, content] : *object) {
        const auto here = place + "." + key;
        if (!is_one_of(key, {"gt", "gte", "lt", "lte"})) return bad(here, "unknown bound");
        if (content.is_null()) continue;
        std::optional<double> number;
        if (content.is_int64() || content.is_double()) number = content.double_or(0);
        if (const auto wide = wide_integer(content)) number = static_cast<double>(*wide);
        if (!number && content.is_string())
            return error{errc::unsupported, here + ": ranges of datetimes are not supported yet"};
        if (!number) return bad(here, "must be a number");
        (key == "gt" ? parsed.gt : key == "gte" ? parsed.gte : key == "lt" ? parsed.lt : parsed.lte) = number;
    }
    return field_test(parsed);
}

result<field_test> parse_test(std::string_view kind, const value& json, const std::string& place) {
    const auto here = place + "." + std::string(kind);
    if (kind == "match") return parse_match(json, here);
    if (kind == "range") return parse_range(json, here);
    if (kind != "is_empty" && kind != "is_null") return stranger(place, kind, "condition");
    const auto* wanted = json.if_bool();
    if (!wanted) return bad(here, "must be a boolean");
    if (kind == "is_empty") return field_test(is_empty{*wanted});
    return field_test(is_null{*wanted});
}

result<condition> parse_field(const document& object, const std::string& place) {
    const auto* key = object["key"].if_string();
    if (!key) return bad(place + ".key", "must be a string");
    std::optional<field_test> test;
    for (const auto& [kind, content] : object) {
        if (kind == "key" || content.is_null()) continue;
        if (test) return bad(place, "more than one test of the field; give each a condition of its own");
        VECSTORE_TRY(test, parse_test(kind, content, place));
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

result<expression> parse_expression(const value& json, const std::string& place, std::size_t depth);

result<condition> parse_condition(const value& json, const std::string& place, std::size_t depth) {
    const auto* object = json.if_object();
    if (!object) return bad(place, "a condition must be an object");
    if (object->contains("key")) return parse_field(*object, place);
    for (const auto* kind : {"is_empty", "is_null", "has_id"}) {
        const auto* content = present(*object, kind);
        if (!content) continue;
        if (object->size() != 1) return bad(place, "nothing may stand beside " + std::string(kind));
        const auto here = place + "." + kind;
        if (kind == std::string_view("is_empty")) return parse_absence<is_empty>(*content, here);
        if (kind == std::string_view("is_null")) return parse_absence<is_null>(*content, here);
        return parse_has_id(*content, here);
    }
    for (const auto& m : *object)
        if (is_unsupported(m.key)) return stranger(place, m.key, "condition");
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
    const auto* object = json.if_object();
    if (!object) return bad(place, "must be an object");
    for (const auto& m : *object)
        if (!is_one_of(m.key, {"conditions", "min_count"})) return bad(place + "." + m.key, "unknown key");
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

value to_value(const std::vector<condition>& list);

value to_value(const point_id& id) {
    if (id.is_uuid() || !std::in_range<std::int64_t>(id.number())) return to_string(id);
    return id.number();
}

value to_value(const value_list& list) {
    return std::visit([](const auto& items) { return value(value::array(items.begin(), items.end())); }, list);
}

struct test_printer {
    document& out;
    void operator()(const match_value& test) const {
        auto content = std::visit([](const auto& wanted) { return value(wanted); }, test.value);
        out.append("match", {{"value", std::move(content)}});
    }
    void operator()(const match_any& test) const { out.append("match", {{"any", to_value(test.values)}}); }
    void operator()(const match_except& test) const { out.append("match", {{"except", to_value(test.values)}}); }
    void operator()(const range& test) const {
        document bounds;
        if (test.gt) bounds.append("gt", *test.gt);
        if (test.gte) bounds.append("gte", *test.gte);
        if (test.lt) bounds.append("lt", *test.lt);
        if (test.lte) bounds.append("lte", *test.lte);
        out.append("range", std::move(bounds));
    }
    void operator()(const is_empty& test) const { out.append("is_empty", test.wanted); }
    void operator()(const is_null& test) const { out.append("is_null", test.wanted); }
};

value to_value(const condition& one) {
    if (const auto* inner = std::get_if<expression>(&one.content)) return to_value(*inner);
    document out;
    if (const auto* ids = std::get_if<has_id_condition>(&one.content)) {
        value::array list;
        for (const auto& id : ids->ids) list.push_back(to_value(id));
        out.append("has_id", std::move(list));
    } else {
        const auto& f = std::get<field_condition>(one.content);
        out.append("key", f.key);
        std::visit(test_printer{out}, f.test);
    }
    return out;
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

result<expression> from_value(const payload::value& json) {
    if (json.is_null()) return expression();
    VECSTORE_TRY(auto parsed, parse_expression(json, "filter", 1));
    VECSTORE_CHECK(validate(parsed));
    return parsed;
}

result<expression> parse_json(std::string_view text) {
    // Each level of filters is an object and a list; a condition adds its object, its test and the test's list.
    payload::json_options options;
    options.depth_max = 3 * filter_depth_max + 4;
    options.wide_integers_as_text = true;
    VECSTORE_TRY(const auto json, payload::parse_json(text, options));
    return from_value(json);
}

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
