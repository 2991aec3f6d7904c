#include "json_reading.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/json.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace vecstore::detail {
namespace {

/// Integers beyond the int64 range arrive as the text of their digits.
std::optional<std::uint64_t> wide_integer(const value& json) {
    const auto text = json.string_or({});
    std::uint64_t number = 0;
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != end || std::in_range<std::int64_t>(number)) return {};
    return number;
}

}  // namespace

error bad(const std::string& place, std::string_view reason) {
    return invalid_argument(place.empty() ? std::string(reason) : place + ": " + std::string(reason));
}
std::string at(const std::string& place, std::size_t index) { return place + "[" + std::to_string(index) + "]"; }
std::string member(const std::string& place, std::string_view key) {
    return place.empty() ? std::string(key) : place + "." + std::string(key);
}
error below(const std::string& place, error e) {
    if (!place.empty()) e.message = place + "." + e.message;
    return e;
}

const value* present(const document& object, std::string_view key) noexcept {
    const auto* found = object.find(key);
    return found != nullptr && !found->is_null() ? found : nullptr;
}

result<const document*> object_of(const value& json, const std::string& place) {
    if (const auto* object = json.if_object()) return object;
    return bad(place, "must be an object");
}

result<std::string> text_of(const value& json, const std::string& place) {
    if (const auto* text = json.if_string()) return *text;
    return bad(place, "must be a string");
}

result<double> number_of(const value& json, const std::string& place) {
    if (json.is_int64() || json.is_double()) return json.double_or(0);
    if (const auto wide = wide_integer(json)) return static_cast<double>(*wide);
    return bad(place, "must be a number");
}

result<std::size_t> count_of(const value& json, const std::string& place, std::size_t least) {
    const auto* number = json.if_int64();
    if (number == nullptr || *number < 0)
        return bad(place, "must be an integer, " + std::to_string(least) + " or larger");
    const auto count = static_cast<std::size_t>(*number);
    if (count < least)
        return bad(place,
                   "value " + std::to_string(count) + " invalid, must be " + std::to_string(least) + " or larger");
    return count;
}

result<bool> flag_of(const value& json, const std::string& place) {
    if (const auto* flag = json.if_bool()) return *flag;
    return bad(place, "must be a boolean");
}

result<point_id> id_of(const value& json, const std::string& place) {
    if (const auto* number = json.if_int64(); number != nullptr && *number >= 0) return point_id(*number);
    if (const auto wide = wide_integer(json)) return point_id(*wide);
    if (const auto* text = json.if_string())
        if (const auto id = uuid::parse(*text)) return point_id(*id);
    return bad(place, "value " + payload::to_json(json) +
                          " is not a valid point ID, valid values are either an unsigned integer or a UUID");
}

result<std::vector<float>> vector_of(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of numbers");
    if (list->empty()) return bad(place, "an empty vector");
    if (list->size() > dim_max) return bad(place, "more than " + std::to_string(dim_max) + " numbers");
    std::vector<float> vector;
    vector.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        if ((*list)[i].is_array())
            return error{errc::unsupported, place + ": vectors of several vectors are not supported"};
        VECSTORE_TRY(const double number, number_of((*list)[i], at(place, i)));
        if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max()))
            return bad(at(place, i), "is beyond the range of f32");
        vector.push_back(static_cast<float>(number));
    }
    return vector;
}

result<example> example_of(const value& json, const std::string& place) {
    if (json.is_array()) {
        VECSTORE_TRY(auto vector, vector_of(json, place));
        return example(std::move(vector));
    }
    if (const auto* object = json.if_object()) {
        for (const auto* key : {"text", "image", "object"})
            if (object->contains(key))
                return error{errc::unsupported,
                             place + "." + key + ": there is no model here that makes a vector of it"};
        if (object->contains("indices"))
            return error{errc::unsupported, place + ": sparse vectors are not supported here"};
        return bad(place, "must be a vector or a point id");
    }
    VECSTORE_TRY(const auto id, id_of(json, place));
    return example(id);
}

result<order_by> order_by_of(const value& json, const std::string& place) {
    order_by parsed;
    if (const auto* key = json.if_string()) {
        parsed.key = *key;
        return parsed;
    }
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    if (!present(*object, "key")) return bad(member(place, "key"), "is missing");
    VECSTORE_CHECK(read(*object, "key", place, parsed.key, text_of));
    std::string direction = "asc";
    VECSTORE_CHECK(read(*object, "direction", place, direction, text_of));
    if (direction != "asc" && direction != "desc") return bad(member(place, "direction"), "must be asc or desc");
    parsed.direction = direction == "asc" ? sort_direction::ascending : sort_direction::descending;
    const auto* start = present(*object, "start_from");
    if (start == nullptr) return parsed;
    if (const auto* integer = start->if_int64()) {
        parsed.start_from = *integer;
    } else if (start->is_double() || wide_integer(*start)) {
        VECSTORE_TRY(parsed.start_from, number_of(*start, member(place, "start_from")));
    } else if (const auto* text = start->if_string()) {
        const auto moment = datetime::parse(*text);
        if (!moment) return bad(member(place, "start_from"), moment.error().message);
        parsed.start_from = *moment;
    } else {
        return bad(member(place, "start_from"), "must be a number or a datetime");
    }
    return parsed;
}

}  // namespace vecstore::detail
