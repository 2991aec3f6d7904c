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
          "filter.must[0].match: must have exactly one member: value, any, except, text, text_any, phrase or prefix");
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

TEST_CASE("filter json: errors of texts, times, counts and areas name the place", "[filter]") {
    const auto of_field = [](const std::string& test) { return complaint(R"({"must":[{"key":"a",)" + test + "}]}"); };
    CHECK(of_field(R"("match":{"text":1})") == "filter.must[0].match.text: must be a string");
    CHECK(of_field(R"("match":{"prefix":["a"]})") == "filter.must[0].match.prefix: must be a string");
    CHECK(of_field(R"("range":{"gt":"tomorrow"})") ==
          "filter.must[0].range.gt: 'tomorrow' does not match accepted datetime format (RFC3339). "
          "Example: 2014-01-01T00:00:00Z");
    CHECK(of_field(R"("range":{"gt":"2024-01-01","lt":5})") ==
          "filter.must[0].range.lt: must be a datetime, as another bound is");
    CHECK(of_field(R"("range":{"gt":"0000-01-01T00:00:00+01:00"})") ==
          "filter.must[0].range: a bound is not in the years 0000 to 9999");
    CHECK(of_field(R"("values_count":{"gt":-1})") == "filter.must[0].values_count.gt: must be an integer, 0 or larger");
    CHECK(of_field(R"("values_count":{"from":1})") == "filter.must[0].values_count.from: unknown bound");
    CHECK(of_field(R"("geo_radius":{"radius":1})") == "filter.must[0].geo_radius.center: must be an object");
    CHECK(of_field(R"("geo_radius":{"center":{"lon":1,"lat":"2"},"radius":1})") ==
          "filter.must[0].geo_radius.center.lat: must be a number");
    CHECK(of_field(R"("geo_radius":{"center":{"lon":181,"lat":0},"radius":1})") ==
          "filter.must[0].geo_radius.center.lon: must be from -180 to 180");
    CHECK(of_field(R"("geo_radius":{"center":{"lon":0,"lat":0},"radius":-1})") ==
          "filter.must[0].geo_radius.radius: must be finite and not negative");
    CHECK(of_field(R"("geo_bounding_box":{"top_left":{"lon":0,"lat":0}})") ==
          "filter.must[0].geo_bounding_box.bottom_right: must be an object");
    CHECK(of_field(R"("geo_bounding_box":{"bottom_left":{}})") ==
          "filter.must[0].geo_bounding_box.bottom_left: unknown key");
    CHECK(of_field(R"("geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0}]}})") ==
          "filter.must[0].geo_polygon.exterior.points: 1 points, a ring has at least 4");
    const std::string open = R"({"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":1}]})";
    const std::string closed =
        R"({"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]})";
    CHECK(of_field(R"("geo_polygon":{"exterior":)" + open + "}") ==
          "filter.must[0].geo_polygon.exterior.points: the last point must be the first again");
    CHECK(of_field(R"("geo_polygon":{"exterior":)" + closed + R"(,"interiors":[)" + closed + "," + open + "]}") ==
          "filter.must[0].geo_polygon.interiors[1].points: the last point must be the first again");
    CHECK(of_field(R"("geo_polygon":{"exterior":)" + closed + R"(,"interiors":{}})") ==
          "filter.must[0].geo_polygon.interiors: must be a list of rings");
}

TEST_CASE("filter json: errors of what is asked of points and elements name the place", "[filter]") {
    const auto of = [](const std::string& one) { return complaint(R"({"must":[)" + one + "]}"); };
    CHECK(of(R"({"has_vector":1})") == "filter.must[0].has_vector: must be the name of a vector");
    CHECK(of(R"({"slice":{"total":2,"index":2}})") ==
          "filter.must[0].slice.index: value 2 invalid, must be less than total");
    CHECK(of(R"({"slice":{"total":0,"index":0}})") ==
          "filter.must[0].slice.total: value 0 invalid, must be 1 or larger");
    CHECK(of(R"({"slice":{"index":0}})") == "filter.must[0].slice.total: must be an integer, 1 or larger");
    CHECK(of(R"({"nested":{"key":"a"}})") == "filter.must[0].nested.filter: is missing");
    CHECK(of(R"({"nested":{"filter":{}}})") == "filter.must[0].nested.key: must be a string");
    CHECK(of(R"({"nested":{"key":"a","filter":{"must":[{"key":"","is_null":true}]}}})") ==
          "filter.must[0].nested.filter.must[0].key: must not be empty");
    CHECK(of(R"({"nested":{"key":"a[","filter":{}}})").find("filter.must[0].nested.key: path 'a['") == 0);
    CHECK(filter::from_value(payload::value{5}, "prefetch[0].filter").error().message ==
          "prefetch[0].filter: must be an object");
}

TEST_CASE("filter json: parts that are null are absent", "[filter]") {
    CHECK(parse_json(R"({"must":[{"key":"a","range":{"gte":"2024-01-01","lt":null}}]})").value() ==
          (field("a") >= datetime::parse("2024-01-01").value()));
    CHECK(parse_json(R"({"must":[{"key":"a","values_count":{"gte":2,"lt":null}}]})").value() ==
          (field("a").size() >= 2));
    const auto polygon = parse_json(
        R"({"must":[{"key":"a","geo_polygon":{"interiors":null,"exterior":{"points":[{"lon":0,"lat":0},
        {"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]}}}]})");
    CHECK(polygon.value() == field("a").within(geo_polygon{{{0, 0}, {1, 0}, {1, 1}, {0, 0}}}));
}

TEST_CASE("filter json: nesting is bounded, and the whole bound is usable", "[filter]") {
    const auto nested = [](std::size_t depth) {
        std::string text = R"({"must":[{"key":"a","match":{"any":[1]}}]})";
        for (std::size_t i = 1; i < depth; ++i) text = R"({"must":[)" + text + "]}";
        return text;
    };
    CHECK(parse_json(nested(32)).has_value());
    std::string elements = R"({"must":[{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},
        {"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]}}}]})";
    for (std::size_t i = 1; i < 32; ++i) elements = R"({"must":[{"nested":{"key":"a","filter":)" + elements + "}}]}";
    CHECK(parse_json(elements).has_value());
    CHECK(complaint(R"({"must":[{"nested":{"key":"a","filter":)" + elements + "}}]}").find("nested deeper than 32") !=
          std::string::npos);
    CHECK(complaint(nested(33)).find("nested deeper than 32") != std::string::npos);
    CHECK_FALSE(parse_json(nested(1000)).has_value());
}

TEST_CASE("filter json: to_json is read back as the same expression", "[filter]") {
    expression e = (field("a") == 1 || field("b").any_of({"x", "y"})) && field("c") != "z" && field("d") < 1.5 &&
                   has_id({1, ~std::uint64_t{0}, uuid{}}) && slice(~std::uint64_t{0}, 5) && !field("e").is_null() &&
                   field("f").except({1});
    e.at_least.push_back({{(field("g") == true).must[0], (field("h") == 1).must[0]}, 2});
    CHECK(parse_json(to_json(e)).value() == e);
    CHECK(to_json({}) == "{}");
    e.at_least.push_back({{(field("i") == 1).must[0]}, 1});
    const auto again = parse_json(to_json(e)).value();
    CHECK(again.at_least.size() == 1);
    CHECK(again.must.size() == e.must.size() + 1);
}
