#include <vecstore/field_index/schema.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;

namespace {

result<field_schema> parse(std::string_view json) { return parse_field_schema(payload::parse_json(json).value()); }

}  // namespace

TEST_CASE("field schema: a name, or an object with options", "[field_index]") {
    CHECK(parse("\"keyword\"").value() == field_schema{});
    CHECK(parse("\"float\"").value() == field_schema{.kind = field_kind::floating});
    const auto integer = parse(R"({"type":"integer","lookup":false,"is_principal":true,"on_disk":null})").value();
    CHECK(integer == field_schema{.kind = field_kind::integer, .lookup = false, .is_principal = true});
    CHECK(parse(R"({"type":"keyword","prefix":true,"memory":"cold"})").value().prefix);
}

TEST_CASE("field schema: what is written is read again", "[field_index]") {
    for (const char* json :
         {"\"keyword\"", "\"integer\"", "\"float\"", "\"bool\"", R"({"type":"integer","range":false,"on_disk":true})",
          R"({"type":"keyword","is_tenant":true,"enable_hnsw":false})"}) {
        const auto schema = parse(json).value();
        CHECK(parse_field_schema(to_value(schema)).value() == schema);
    }
}

TEST_CASE("field schema: errors name the member", "[field_index]") {
    const auto message = [](std::string_view json) { return parse(json).error().message; };
    CHECK(message("\"words\"").find("\"words\" is none of keyword, integer") != std::string::npos);
    CHECK(message("3") == "a payload index is described by a string or an object");
    CHECK(message("{}") == "type: missing, or no string");
    CHECK(message(R"({"type":"bool","lookup":true})") == "lookup: a bool index has no such option");
    CHECK(message(R"({"type":"integer","lookup":1})") == "lookup: must be true or false");
    CHECK(message(R"({"type":"integer","size":1})") == "size: no option of a payload index");
    CHECK(message(R"({"type":"integer","lookup":false,"range":false})") == "lookup, range: one of them must be true");
}
