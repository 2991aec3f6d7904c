#include <vecstore/collection/options.hpp>
#include <vecstore/collection/query.hpp>

#include <payload/utf8.hpp>

#include <algorithm>
#include <array>

namespace vecstore {
namespace {

// By value.
constexpr std::array<std::string_view, 4> index_names = {"automatic", "hnsw", "ivf", "flat"};
constexpr std::array<std::string_view, 4> quantization_names = {"automatic", "none", "int8", "int4"};

template <class Kind>
std::string_view name_of(const std::array<std::string_view, 4>& names, Kind kind) noexcept {
    const auto value = static_cast<std::size_t>(kind);
    return value < names.size() ? names[value] : "unknown";
}
template <class Kind>
result<Kind> parse(const std::array<std::string_view, 4>& names, std::string_view name, const char* what) {
    for (std::size_t value = 0; value < names.size(); ++value)
        if (names[value] == name) return static_cast<Kind>(value);
    return invalid_argument("unknown " + std::string(what) + " \"" + std::string(name) + "\"");
}

result<void> validate_index(const std::string& where, const vector_options& v) {
    if (static_cast<std::size_t>(v.index) >= index_names.size())
        return invalid_argument(where + ".index = " + std::to_string(static_cast<int>(v.index)) + " is unknown");
    if (static_cast<std::size_t>(v.quantization) >= quantization_names.size())
        return invalid_argument(where + ".quantization = " + std::to_string(static_cast<int>(v.quantization)) +
                                " is unknown");
    if (v.index == index_kind::ivf && v.metric == metric::hamming)
        return invalid_argument(where + ".index = ivf does not go with metric hamming: bits have no centroids");
    if (v.multi && v.metric == metric::hamming)
        return invalid_argument(where + ".multi does not go with metric hamming");
    if (v.multi && v.index != index_kind::automatic && v.index != index_kind::flat)
        return invalid_argument(where + ".index = " + std::string(to_string(v.index)) +
                                " does not go with multi, which has no index");
    if (v.type == element_type::binary && v.quantization != quantization_kind::automatic &&
        v.quantization != quantization_kind::none)
        return invalid_argument(where + ".quantization = " + std::string(to_string(v.quantization)) +
                                " does not go with type binary, which is shorter than any code");
    return {};
}

result<void> validate_sparse(const collection_options& options) {
    for (std::size_t i = 0; i < options.sparse_vectors.size(); ++i) {
        const auto& v = options.sparse_vectors[i];
        const auto where = "sparse_vectors[" + std::to_string(i) + "]";
        VECSTORE_CHECK(validate_name(where + ".name", v.name, false));
        if (to_string(v.modifier) == "unknown")
            return invalid_argument(where + ".modifier = " + std::to_string(static_cast<int>(v.modifier)) +
                                    " is unknown");
        if (v.bm25)
            // What another build can do is no mistake: here its texts are refused when they come.
            if (auto valid = text::validate(*v.bm25); !valid && valid.error().code != errc::unsupported) {
                auto e = std::move(valid).error();
                e.message = where + ".bm25." + e.message;
                return e;
            }
        const auto same_name = [&](const auto& other) { return other.name == v.name; };
        if (std::any_of(options.vectors.begin(), options.vectors.end(), same_name))
            return invalid_argument(where + ".name \"" + v.name + "\" is that of a dense vector, too");
        const auto before = options.sparse_vectors.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::any_of(options.sparse_vectors.begin(), before, same_name))
            return invalid_argument(where + ".name \"" + v.name + "\" is given twice");
    }
    return {};
}

}  // namespace

result<void> validate_name(std::string_view what, std::string_view name, bool empty_allowed) {
    if (name.empty() && !empty_allowed) return invalid_argument(std::string(what) + " is empty");
    if (name.size() > name_bytes_max)
        return invalid_argument(std::string(what) + " has " + std::to_string(name.size()) + " bytes, the limit is " +
                                std::to_string(name_bytes_max));
    if (!payload::detail::is_utf8(name)) return invalid_argument(std::string(what) + " is not UTF-8");
    constexpr std::string_view forbidden = "<>:\"/\\|?*";
    for (const char c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || forbidden.find(c) != std::string_view::npos)
            return invalid_argument(std::string(what) + " \"" + std::string(name) +
                                    "\" contains a forbidden character (code " +
                                    std::to_string(static_cast<unsigned char>(c)) + ")");
    return {};
}

std::string_view to_string(sparse_modifier modifier) noexcept {
    switch (modifier) {
        case sparse_modifier::none: return "none";
        case sparse_modifier::idf: return "idf";
    }
    return "unknown";
}
result<sparse_modifier> parse_sparse_modifier(std::string_view name) {
    for (const auto modifier : {sparse_modifier::none, sparse_modifier::idf})
        if (name == to_string(modifier)) return modifier;
    return invalid_argument("unknown modifier \"" + std::string(name) + "\"; there are none and idf");
}

std::string_view to_string(index_kind kind) noexcept { return name_of(index_names, kind); }
std::string_view to_string(quantization_kind kind) noexcept { return name_of(quantization_names, kind); }
result<index_kind> parse_index_kind(std::string_view name) {
    return parse<index_kind>(index_names, name, "kind of index");
}
result<quantization_kind> parse_quantization_kind(std::string_view name) {
    return parse<quantization_kind>(quantization_names, name, "quantization");
}

result<void> validate(const collection_options& options) {
    constexpr std::uint64_t expire_after_ms_max = std::uint64_t{1} << 50;  // so that adding it to a clock is safe
    if (options.expire_after_ms > expire_after_ms_max)
        return invalid_argument("expire_after_ms = " + std::to_string(options.expire_after_ms) + " is above " +
                                std::to_string(expire_after_ms_max));
    const auto& vectors = options.vectors;
    const auto out_of_range = [](const std::string& where, std::size_t value, std::size_t low, std::size_t high) {
        return invalid_argument(where + " = " + std::to_string(value) + " is not in " + std::to_string(low) + " to " +
                                std::to_string(high));
    };
    if (const auto count = vectors.size() + options.sparse_vectors.size(); count > vectors_per_point_max)
        return out_of_range("number of vectors", count, 0, vectors_per_point_max);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        const auto& v = vectors[i];
        const auto where = "vectors[" + std::to_string(i) + "]";
        VECSTORE_CHECK(validate_name(where + ".name", v.name, true));
        if (v.model.size() > name_bytes_max)
            return invalid_argument(where + ".model has " + std::to_string(v.model.size()) + " bytes, the limit is " +
                                    std::to_string(name_bytes_max));
        if (!payload::detail::is_utf8(v.model)) return invalid_argument(where + ".model is not UTF-8");
        if (v.dim < 1 || v.dim > dim_max) return out_of_range(where + ".dim", v.dim, 1, dim_max);
        if (v.m < 2 || v.m > 128) return out_of_range(where + ".m", v.m, 2, 128);
        if (v.ef_construct < 8 || v.ef_construct > 4096)
            return out_of_range(where + ".ef_construct", v.ef_construct, 8, 4096);
        if (!known(v.metric))
            return invalid_argument(where + ".metric = " + std::to_string(static_cast<int>(v.metric)) + " is unknown");
        if (!known(v.type))
            return invalid_argument(where + ".type = " + std::to_string(static_cast<int>(v.type)) + " is unknown");
        if (!fits(v.metric, v.type))
            return invalid_argument(where + ": metric " + std::string(to_string(v.metric)) + " does not go with type " +
                                    std::string(to_string(v.type)) + "; hamming and binary go together only");
        VECSTORE_CHECK(validate_index(where, v));
        for (std::size_t j = 0; j < i; ++j)
            if (vectors[j].name == v.name) return invalid_argument(where + ".name \"" + v.name + "\" is given twice");
    }
    return validate_sparse(options);
}

std::string_view to_string(search_strategy strategy) noexcept {
    switch (strategy) {
        case search_strategy::exact_scan: return "exact scan";
        case search_strategy::code_scan: return "scan of codes";
        case search_strategy::plain_walk: return "plain walk";
        case search_strategy::filtered_walk: return "filtered walk";
    }
    return "unknown";
}

}  // namespace vecstore
