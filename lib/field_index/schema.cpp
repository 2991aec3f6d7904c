#include "text_schema.hpp"

#include <array>
#include <string>
#include <utility>

namespace vecstore {
namespace {

struct kind_name {
    field_kind kind;
    std::string_view name;
};
constexpr std::array kind_names{
    kind_name{field_kind::keyword, "keyword"},   kind_name{field_kind::integer, "integer"},
    kind_name{field_kind::floating, "float"},    kind_name{field_kind::boolean, "bool"},
    kind_name{field_kind::datetime, "datetime"}, kind_name{field_kind::uuid, "uuid"},
    kind_name{field_kind::geo, "geo"},           kind_name{field_kind::text, "text"},
};

/// An option that is true or false, and the kinds that have it.
struct flag {
    std::string_view name;
    bool field_schema::*member;
    bool (*fits)(field_kind) noexcept;
};
bool any_kind(field_kind) noexcept { return true; }
bool is_integer(field_kind kind) noexcept { return kind == field_kind::integer; }
bool has_order(field_kind kind) noexcept {
    return is_integer(kind) || kind == field_kind::floating || kind == field_kind::datetime;
}
bool is_keyword(field_kind kind) noexcept { return kind == field_kind::keyword; }
bool is_text(field_kind kind) noexcept { return kind == field_kind::text; }
bool is_name(field_kind kind) noexcept { return is_keyword(kind) || kind == field_kind::uuid; }

constexpr std::array flags{
    flag{"lookup", &field_schema::lookup, is_integer},
    flag{"range", &field_schema::range, is_integer},
    flag{"prefix", &field_schema::prefix, is_keyword},
    flag{"is_tenant", &field_schema::is_tenant, is_name},
    flag{"is_principal", &field_schema::is_principal, has_order},
    flag{"on_disk", &field_schema::on_disk, any_kind},
    flag{"enable_hnsw", &field_schema::enable_hnsw, any_kind},
    flag{"phrase_matching", &field_schema::phrase_matching, is_text},
};

result<void> set_option(field_schema& schema, std::string_view name, const payload::value& given) {
    for (const auto& option : flags) {
        if (option.name != name) continue;
        if (!option.fits(schema.kind))
            return invalid_argument(std::string(name) + ": a " + std::string(to_string(schema.kind)) +
                                    " index has no such option");
        const auto* wanted = given.if_bool();
        if (wanted == nullptr) return invalid_argument(std::string(name) + ": must be true or false");
        schema.*option.member = *wanted;
        return {};
    }
    return invalid_argument(std::string(name.substr(0, 64)) + ": no option of a payload index");
}

}  // namespace

std::string_view to_string(field_kind kind) noexcept {
    for (const auto& known : kind_names)
        if (known.kind == kind) return known.name;
    return "unknown";
}

result<field_kind> parse_field_kind(std::string_view name) {
    for (const auto& known : kind_names)
        if (known.name == name) return known.kind;
    std::string all;
    for (const auto& known : kind_names) all += (all.empty() ? "" : ", ") + std::string(known.name);
    return invalid_argument("kind of payload index \"" + std::string(name.substr(0, 64)) + "\" is none of " + all);
}

payload::value to_value(const field_schema& schema) {
    payload::document document{{"type", to_string(schema.kind)}};
    const field_schema usual{.kind = schema.kind};
    for (const auto& option : flags)
        if (schema.*option.member != usual.*option.member)
            document.set(std::string(option.name), schema.*option.member);
    if (is_text(schema.kind)) write_analyzer(schema.analyzer, document);
    return document;
}

result<field_schema> parse_field_schema(const payload::value& value) {
    field_schema schema;
    if (const auto* name = value.if_string()) {
        VECSTORE_TRY(schema.kind, parse_field_kind(*name));
        return schema;
    }
    const auto* document = value.if_object();
    if (document == nullptr) return invalid_argument("a payload index is described by a string or an object");
    const auto* type = (*document)["type"].if_string();
    if (type == nullptr) return invalid_argument("type: missing, or no string");
    VECSTORE_TRY(schema.kind, parse_field_kind(*type));
    for (const auto& [name, given] : *document) {
        if (name == "type" || name == "memory" || given.is_null()) continue;
        VECSTORE_TRY(const bool of_analyzer, read_analyzer_option(schema, name, given));
        if (!of_analyzer) VECSTORE_CHECK(set_option(schema, name, given));
    }
    if (is_text(schema.kind)) VECSTORE_CHECK(text::validate(schema.analyzer));
    if (!schema.lookup && !schema.range) return invalid_argument("lookup, range: one of them must be true");
    return schema;
}

}  // namespace vecstore
