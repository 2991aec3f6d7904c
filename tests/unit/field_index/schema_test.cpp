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

TEST_CASE("field schema: an index of texts has the options of an analyzer", "[field_index]") {
    const auto schema =
        parse(R"({"type":"text","tokenizer":"prefix","min_token_len":2,"max_token_len":9,"lowercase":false,)"
              R"("ascii_folding":true,"phrase_matching":true,"stopwords":"english",)"
              R"("stemmer":{"type":"snowball","language":"english"},"on_disk":true,"memory":"cold"})")
            .value();
    field_schema wanted{.kind = field_kind::text, .on_disk = true};
    wanted.phrase_matching = true;
    wanted.analyzer = {.tokenizer = text::tokenizer_kind::prefix,
                       .lowercase = false,
                       .ascii_folding = true,
                       .min_token_len = 2,
                       .max_token_len = 9,
                       .stop_word_languages = {"english"},
                       .stemmer = "english"};
    CHECK(schema == wanted);
    CHECK(parse_field_schema(to_value(schema)).value() == schema);
    for (const char* json : {"\"text\"", R"({"type":"text","stopwords":{"languages":["german"],"custom":["x","y"]}})",
                             R"({"type":"text","tokenizer":"multilingual","unspaced":"singles"})",
                             R"({"type":"text","stemmer":{"type":"none"},"tokenizer":null})"}) {
        const auto parsed = parse(json).value();
        CHECK(parse_field_schema(to_value(parsed)).value() == parsed);
    }
    const auto message = [](std::string_view json) { return parse(json).error().message; };
    CHECK(message(R"({"type":"keyword","lowercase":true})") == "lowercase: a keyword index has no such option");
    CHECK(message(R"({"type":"text","tokenizer":"words"})").starts_with("tokenizer: unknown tokenizer \"words\""));
    CHECK(message(R"({"type":"text","min_token_len":-1})") == "min_token_len: must be an integer, 0 or larger");
    CHECK(message(R"({"type":"text","lowercase":1})") == "lowercase: must be true or false");
    CHECK(message(R"({"type":"text","stopwords":5})") == "stopwords: must be a language or an object");
    CHECK(message(R"({"type":"text","stopwords":{"custom":[1]}})") == "stopwords.custom: must be a list of texts");
    CHECK(message(R"({"type":"text","stopwords":{"words":[]}})") == "stopwords.words: no option of stop words");
    CHECK(message(R"({"type":"text","stopwords":"klingon"})").find("klingon") != std::string::npos);
    CHECK(message(R"({"type":"text","stemmer":{"type":"porter"}})") ==
          "stemmer.type: must be \"snowball\" or \"none\"");
    CHECK(message(R"({"type":"text","stemmer":{"type":"snowball"}})") == "stemmer.language: must be a language");
    CHECK(message(R"({"type":"text","unspaced":"pairs"})") == "unspaced: must be \"bigrams\" or \"singles\"");
    CHECK(message(R"({"type":"text","range":true})") == "range: a text index has no such option");
}
