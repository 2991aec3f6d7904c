// The expression of a formula, out of JSON.
#include "json_reading.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/filter/json.hpp>

#include <algorithm>
#include <charconv>
#include <span>

namespace vecstore::detail {
namespace {

using scoring::expression;
using scoring::operation;

/// `$score` or `$score[1]`.
result<expression> variable(const std::string& text, const std::string& place) {
    if (!text.starts_with('$')) return scoring::field_value(text);
    constexpr std::string_view score = "$score";
    std::string_view rest = text;
    if (!rest.starts_with(score)) return bad(place, "unknown variable '" + text + "'");
    rest.remove_prefix(score.size());
    if (rest.empty()) return scoring::score();
    std::size_t index = 0;
    const auto* end = rest.data() + rest.size() - 1;
    if (rest.size() < 3 || rest.front() != '[' || *end != ']' ||
        std::from_chars(rest.data() + 1, end, index).ptr != end || index >= prefetches_max)
        return bad(place, "unknown variable '" + text + "'");
    return scoring::score(index);
}

result<std::vector<expression>> list_of(const value& json, const std::string& place, std::size_t depth) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list");
    if (list->size() > formula_nodes_max)
        return bad(place, "more than " + std::to_string(formula_nodes_max) + " terms");
    std::vector<expression> terms;
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto term, expression_of((*list)[i], at(place, i), depth + 1));
        terms.push_back(std::move(term));
    }
    return terms;
}

result<expression> operand(const document& object, std::string_view key, const std::string& place, std::size_t depth) {
    const auto* found = present(object, key);
    if (found == nullptr) return bad(member(place, key), "is missing");
    return expression_of(*found, member(place, key), depth + 1);
}

result<expression> two_of(operation what, const value& json, const std::string& place, const char* first,
                          const char* second, std::size_t depth) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    VECSTORE_TRY(auto left, operand(*object, first, place, depth));
    VECSTORE_TRY(auto right, operand(*object, second, place, depth));
    expression made(what, {std::move(left), std::move(right)});
    if (what != operation::quotient) return made;
    VECSTORE_CHECK(read(*object, "by_zero_default", place, made.by_zero, number_of));
    return made;
}

result<expression> decay_of(operation what, const value& json, const std::string& place, std::size_t depth) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    VECSTORE_TRY(auto x, operand(*object, "x", place, depth));
    expression made(what, {std::move(x)});
    if (present(*object, "target") != nullptr) {
        VECSTORE_TRY(auto target, operand(*object, "target", place, depth));
        made.operands.push_back(std::move(target));
    }
    VECSTORE_CHECK(read(*object, "scale", place, made.scale, number_of));
    VECSTORE_CHECK(read(*object, "midpoint", place, made.midpoint, number_of));
    return made;
}

result<expression> geo_distance_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    std::string path;
    geo_point origin;
    if (!present(*object, "to")) return bad(member(place, "to"), "is missing");
    VECSTORE_CHECK(read(*object, "to", place, path, text_of));
    const auto* from = present(*object, "origin");
    if (from == nullptr) return bad(member(place, "origin"), "is missing");
    VECSTORE_TRY(const auto* const point, object_of(*from, member(place, "origin")));
    for (const auto* key : {"lon", "lat"}) {
        if (!present(*point, key)) return bad(member(member(place, "origin"), key), "is missing");
        VECSTORE_CHECK(read(*point, key, member(place, "origin"), key[1] == 'o' ? origin.lon : origin.lat, number_of));
    }
    return scoring::geo_distance(origin, std::move(path));
}

result<expression> seconds_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto text, text_of(json, place));
    const auto moment = datetime::parse(text);
    if (!moment) return bad(place, moment.error().message);
    return scoring::seconds(*moment);
}

struct named_operation {
    std::string_view name;
    operation what;
};
constexpr named_operation of_one[] = {
    {"neg", operation::negation},    {"abs", operation::absolute},         {"sqrt", operation::square_root},
    {"exp", operation::exponential}, {"ln", operation::natural_logarithm}, {"log10", operation::decimal_logarithm},
};
constexpr named_operation of_decay[] = {
    {"lin_decay", operation::linear_decay},
    {"exp_decay", operation::exponential_decay},
    {"gauss_decay", operation::gaussian_decay},
};
std::optional<operation> find(std::span<const named_operation> list, std::string_view name) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto& o) { return o.name == name; });
    return found != list.end() ? std::optional(found->what) : std::nullopt;
}

/// An object with one member, whose key is the operation; anything else is a condition.
result<expression> operation_of(const value& json, const std::string& place, std::size_t depth) {
    const auto& object = *json.if_object();
    if (object.size() == 1) {
        const auto& [key, content] = *object.begin();
        const auto here = member(place, key);
        if (key == "sum" || key == "mult") {
            VECSTORE_TRY(auto terms, list_of(content, here, depth));
            return key == "sum" ? scoring::sum(std::move(terms)) : scoring::product(std::move(terms));
        }
        if (const auto what = find(of_one, key)) {
            VECSTORE_TRY(auto of, expression_of(content, here, depth + 1));
            return expression(*what, {std::move(of)});
        }
        if (const auto what = find(of_decay, key)) return decay_of(*what, content, here, depth);
        if (key == "pow") return two_of(operation::power, content, here, "base", "exponent", depth);
        if (key == "div") return two_of(operation::quotient, content, here, "left", "right", depth);
        if (key == "geo_distance") return geo_distance_of(content, here);
        if (key == "datetime") return seconds_of(content, here);
        if (key == "datetime_key") {
            VECSTORE_TRY(auto path, text_of(content, here));
            return scoring::datetime_field(std::move(path));
        }
    }
    if (object.empty()) return bad(place, "an expression must not be empty");
    const bool whole = object.contains("must") || object.contains("should") || object.contains("must_not") ||
                       object.contains("min_should");
    auto condition = filter::from_value(whole ? json : value(document{{"must", json}}));
    if (!condition) return below(place, std::move(condition).error());
    return scoring::when(*std::move(condition));
}

}  // namespace

result<scoring::expression> expression_of(const value& json, const std::string& place, std::size_t depth) {
    if (depth > formula_depth_max) return bad(place, "nested deeper than " + std::to_string(formula_depth_max));
    if (const auto* text = json.if_string()) {
        if (auto number = number_of(json, place)) return expression(*number);
        return variable(*text, place);
    }
    if (json.is_object()) return operation_of(json, place, depth);
    VECSTORE_TRY(const double number, number_of(json, place));
    return expression(number);
}

}  // namespace vecstore::detail
