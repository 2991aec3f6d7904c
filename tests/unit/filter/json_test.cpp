#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/json.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using filter::expression;
using filter::parse_json;
using filter::to_json;

namespace {
std::string complaint(std::string_view text, errc code = errc::invalid_argument) {
    const auto parsed = parse_json(text);
    INFO(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == code);
    return parsed.error().message;
}
}  // namespace

TEST_CASE("filter json: the shapes of the dialect give the expressions of the DSL", "[filter]") {
    const auto same = [](std::string_view text, const expression& e) {
        INFO(text);
        CHECK(parse_json(text).value() == e);
    };
    same("null", {});
    same("{}", {});
    same(R"({"must":{"key":"a","match":{"value":"x"}}})", field("a") == "x");
    same(R"({"must":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":true}}]})",
         field("a") == 1 && field("b") == true);
    same(R"({"must":[{"key":"a","match":{"any":["x"]}}]})", field("a").any_of({"x"}));
    same(R"({"must":[{"key":"a","match":{"except":[1,2]}}]})", field("a").except({1, 2}));
    same(R"({"must":[{"key":"a","range":{"gte":1,"lte":2.0,"gt":null}}]})", field("a").between(1, 2));
    same(R"({"must":[{"key":"a","range":{"lt":18446744073709551615}}]})", field("a") < 18446744073709551615.0);
    same(R"({"must":[{"is_empty":{"key":"a"}},{"key":"b","is_null":true}]})",
         field("a").is_empty() && field("b").is_null());
    same(R"({"must":[{"has_id":[1,"0123456789abcdef0123456789abcdef"]}]})",
         has_id({1, uuid::parse("0123456789abcdef0123456789abcdef").value()}));
    same(R"({"must":[{"key":"a","match":{"any":null,"value":1}}]})", field("a") == 1);
    same(R"({"must":[{"key":"a","match":null,"range":{"lt":1}}]})", field("a") < 1);
    same(R"({"should":[{"must":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":2}}]},
             {"key":"c","match":{"value":3}}]})",
         (field("a") == 1 && field("b") == 2) || field("c") == 3);
}

TEST_CASE("filter json: errors name the offending place", "[filter]") {
    CHECK(complaint(R"({"must":[{},{"key":"a","match":{"value":1.5}}]})") ==
          "filter.must[1].match.value: must be a string, an integer or a boolean");
    CHECK(complaint(R"({"mist":[]})") == "filter.mist: unknown key");
    CHECK(complaint(R"({"must":[{"must":[],"x":1}]})") == "filter.must[0].x: unknown key");
    CHECK(complaint(R"({"must":[{"key":"a","magic":1}]})") == "filter.must[0]: unknown condition 'magic'");
    CHECK(complaint(R"({"must":[{"key":"a","match":{"fuzzy":"x"}}]})") ==
          "filter.must[0].match: unknown kind of match 'fuzzy'");
    CHECK(complaint(R"({"must":[{"key":"a","match":{"any":["x",1]}}]})") ==
          "filter.must[0].match.any[1]: must be a string");
    CHECK(complaint(R"({"must":[{"key":"a","match":{"any":[1,"x"]}}]})") ==
          "filter.must[0].match.any[1]: must be an integer, as the first is");
    CHECK(complaint(R"({"must":[{"key":"a","match":{}}]})") ==
          "filter.must[0].match: must have exactly one member: value, any or except");
    CHECK(complaint(R"({"must":[{"key":"a"}]})") == "filter.must[0]: At least one field condition must be specified");
    CHECK(complaint(R"({"must":[{"key":1,"is_null":true}]})") == "filter.must[0].key: must be a string");
    CHECK(complaint(R"({"must":[{"key":"a b","is_null":true}]})").find("filter.must[0].key: path 'a b'") == 0);
    CHECK(complaint(R"({"must":[{"key":"a","is_null":1}]})") == "filter.must[0].is_null: must be a boolean");
    CHECK(complaint(R"({"must":[{"is_null":"a"}]})") ==
          "filter.must[0].is_null: must be an object with one string, `key`");
    CHECK(complaint(R"({"must":[{"is_null":{"key":"a"},"x":1}]})") ==
          "filter.must[0]: nothing may stand beside is_null");
    CHECK(complaint(R"({"must":[{"key":"a","range":{"from":1}}]})") == "filter.must[0].range.from: unknown bound");
    CHECK(complaint(R"({"must":[{"key":"a","range":{"lt":true}}]})") == "filter.must[0].range.lt: must be a number");
    CHECK(complaint(R"({"must":[{"key":"a","range":{"lt":1},"match":{"value":1}}]})")
              .find("filter.must[0]: more than one") == 0);
    CHECK(complaint(R"({"must":5})") == "filter.must: must be a list of conditions or one condition");
    CHECK(complaint(R"({"must":[5]})") == "filter.must[0]: a condition must be an object");
    CHECK(complaint("[]") == "filter: must be an object");
    CHECK(complaint("{").find("JSON, byte 1: ") == 0);
    for (const auto* id : {"-1", "1.5", "\"1\"", "\"x\"", "null"})
        CHECK(complaint(std::string(R"({"must":[{"has_id":[7,)") + id + "]}]}")
                  .find("filter.must[0].has_id[1]: value ") == 0);
    CHECK(complaint(R"({"must":[{"has_id":3}]})") == "filter.must[0].has_id: must be a list of point ids");
}

TEST_CASE("filter json: min_should needs its count", "[filter]") {
    CHECK(complaint(R"({"min_should":{"conditions":[]}})") ==
          "filter.min_should.min_count: must be an integer, 1 or larger");
    CHECK(complaint(R"({"min_should":{"conditions":[],"min_count":0}})") ==
          "filter.min_should.min_count: value 0 invalid, must be 1 or larger");
    CHECK(complaint(R"({"min_should":{"min_count":1}})") == "filter.min_should.conditions: is missing");
    CHECK(complaint(R"({"min_should":{"conditions":[],"min_count":1,"x":1}})") == "filter.min_should.x: unknown key");
    CHECK(complaint(R"({"min_should":[]})") == "filter.min_should: must be an object");
}

TEST_CASE("filter json: what the dialect has and we have not is unsupported, not unknown", "[filter]") {
    for (const auto* one :
         {R"({"key":"a","match":{"text":"x"}})", R"({"key":"a","geo_radius":{}})",
          R"({"key":"a","values_count":{"gt":1}})", R"({"nested":{"key":"a","filter":{}}})", R"({"has_vector":"x"})",
          R"({"slice":{"total":2,"index":1}})", R"({"key":"a","range":{"gt":"2024-01-01"}})"})
        CHECK(complaint(std::string(R"({"must":[)") + one + "]}", errc::unsupported).find("filter.must[0]") == 0);
}

TEST_CASE("filter json: nesting is bounded, and the whole bound is usable", "[filter]") {
    const auto nested = [](std::size_t depth) {
        std::string text = R"({"must":[{"key":"a","match":{"any":[1]}}]})";
        for (std::size_t i = 1; i < depth; ++i) text = R"({"must":[)" + text + "]}";
        return text;
    };
    CHECK(parse_json(nested(32)).has_value());
    CHECK(complaint(nested(33)).find("nested deeper than 32") != std::string::npos);
    CHECK_FALSE(parse_json(nested(1000)).has_value());
}

TEST_CASE("filter json: to_json is read back as the same expression", "[filter]") {
    expression e = (field("a") == 1 || field("b").any_of({"x", "y"})) && field("c") != "z" && field("d") < 1.5 &&
                   has_id({1, ~std::uint64_t{0}, uuid{}}) && !field("e").is_null() && field("f").except({1});
    e.at_least.push_back({{(field("g") == true).must[0], (field("h") == 1).must[0]}, 2});
    CHECK(parse_json(to_json(e)).value() == e);
    CHECK(to_json({}) == "{}");
    e.at_least.push_back({{(field("i") == 1).must[0]}, 1});
    const auto again = parse_json(to_json(e)).value();
    CHECK(again.at_least.size() == 1);
    CHECK(again.must.size() == e.must.size() + 1);
}
