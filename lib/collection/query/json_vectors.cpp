// What is searched by, where it is not one dense vector: sparse vectors, texts, several vectors.
#include "json_reading.hpp"

#include <vecstore/core/limits.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace vecstore::detail {
namespace {

result<std::uint32_t> sparse_index_of(const value& json, const std::string& place) {
    const auto* number = json.if_int64();
    if (number == nullptr || !std::in_range<std::uint32_t>(*number)) return bad(place, "must be an integer of 32 bits");
    return static_cast<std::uint32_t>(*number);
}

/// A number that an f32 can hold.
result<float> float_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const double number, number_of(json, place));
    if (std::abs(number) > static_cast<double>(std::numeric_limits<float>::max()))
        return bad(place, "is beyond the range of f32");
    return static_cast<float>(number);
}

template <class T, class Read>
result<std::vector<T>> list_of(const document& object, std::string_view key, const std::string& place,
                               const Read& how) {
    const auto here = member(place, key);
    const auto* list = object[key].if_array();
    if (list == nullptr) return bad(here, "must be a list of numbers");
    if (list->size() > sparse_values_max)
        return bad(here, "more than " + std::to_string(sparse_values_max) + " numbers");
    std::vector<T> items;
    items.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto item, how((*list)[i], at(here, i)));
        items.push_back(item);
    }
    return items;
}

result<sparse_value> numbers_of(const document& object, const std::string& place) {
    sparse_value parsed;
    VECSTORE_TRY(parsed.indices, list_of<std::uint32_t>(object, "indices", place, sparse_index_of));
    VECSTORE_TRY(parsed.values, list_of<float>(object, "values", place, float_of));
    if (parsed.indices.size() != parsed.values.size())
        return bad(member(place, "values"), "must be the same length as indices");
    if (parsed.indices.empty()) return bad(place, "an empty vector");
    auto sorted = parsed.indices;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
        return bad(member(place, "indices"), "must be unique");
    return parsed;
}

result<sparse_value> text_vector_of(const document& object, const std::string& place) {
    VECSTORE_TRY(auto text, text_of(object["text"], member(place, "text")));
    if (present(object, "model") == nullptr) return bad(member(place, "model"), "is missing");
    VECSTORE_TRY(const auto model, text_of(object["model"], member(place, "model")));
    if (model != "bm25" && model != "qdrant/bm25")
        return error{errc::unsupported, member(place, "model") + ": there is no " + model + " here, only bm25"};
    if (text.empty()) return bad(member(place, "text"), "must not be empty");
    return bm25(std::move(text));
}

}  // namespace

bool is_sparse(const value& json) noexcept {
    const auto* object = json.if_object();
    return object != nullptr && (object->contains("indices") || object->contains("text"));
}

result<sparse_value> sparse_of(const value& json, const std::string& place) {
    VECSTORE_TRY(const auto* const object, object_of(json, place));
    return object->contains("text") ? text_vector_of(*object, place) : numbers_of(*object, place);
}

bool is_multi(const value& json) noexcept {
    const auto* list = json.if_array();
    return list != nullptr && !list->empty() && list->front().is_array();
}

result<std::vector<std::vector<float>>> multi_of(const value& json, const std::string& place) {
    const auto* list = json.if_array();
    if (list == nullptr) return bad(place, "must be a list of vectors");
    if (list->size() > multi_vectors_max)
        return bad(place, "more than " + std::to_string(multi_vectors_max) + " vectors");
    std::vector<std::vector<float>> vectors;
    vectors.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        VECSTORE_TRY(auto vector, vector_of((*list)[i], at(place, i)));
        if (!vectors.empty() && vector.size() != vectors.front().size())
            return bad(at(place, i), std::to_string(vector.size()) + " numbers, but the first has " +
                                         std::to_string(vectors.front().size()));
        vectors.push_back(std::move(vector));
    }
    return vectors;
}

}  // namespace vecstore::detail
