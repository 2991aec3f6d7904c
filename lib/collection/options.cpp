#include "payload/utf8.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/query.hpp>

namespace vecstore {

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

result<void> validate(const collection_options& options) {
    const auto& vectors = options.vectors;
    const auto out_of_range = [](const std::string& where, std::size_t value, std::size_t low, std::size_t high) {
        return invalid_argument(where + " = " + std::to_string(value) + " is not in " + std::to_string(low) + " to " +
                                std::to_string(high));
    };
    if (vectors.size() > vectors_per_point_max)
        return out_of_range("number of vectors", vectors.size(), 0, vectors_per_point_max);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        const auto& v = vectors[i];
        const auto where = "vectors[" + std::to_string(i) + "]";
        VECSTORE_CHECK(validate_name(where + ".name", v.name, true));
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
        for (std::size_t j = 0; j < i; ++j)
            if (vectors[j].name == v.name) return invalid_argument(where + ".name \"" + v.name + "\" is given twice");
    }
    return {};
}

std::string_view to_string(search_strategy strategy) noexcept {
    switch (strategy) {
        case search_strategy::exact_scan: return "exact scan";
        case search_strategy::plain_walk: return "plain walk";
        case search_strategy::filtered_walk: return "filtered walk";
    }
    return "unknown";
}

}  // namespace vecstore
