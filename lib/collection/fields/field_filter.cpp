#include "field_filter.hpp"

#include <algorithm>

namespace vecstore::detail {

bool has_text_rules(const view& state) noexcept {
    return std::any_of(state.fields->begin(), state.fields->end(), [](const auto& field) {
        return field->schema().kind == field_kind::text || field->schema().kind == field_kind::uuid;
    });
}

result<filter::compiled> compile_filter(const view& state, const filter::expression& filter) {
    if (!has_text_rules(state)) return filter::compiled::compile(filter);
    return filter::compiled::compile(filter, [&](const std::string& path, const filter::field_test& test) {
        const auto* const field = find_field(*state.fields, path);
        return field != nullptr ? field->rule_for(test) : nullptr;
    });
}

}  // namespace vecstore::detail
