#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

using namespace vecstore;
using payload::document;
using payload::parse_document;
using payload::parse_json;
using payload::to_json;
using payload::value;

TEST_CASE("json: the kinds of number stay apart", "[payload]") {
    CHECK(parse_json("1").value() == value(1));
    CHECK(parse_json("1.0").value() == value(1.0));
    CHECK(parse_json("1e2").value() == value(100.0));
    CHECK(parse_json("-9223372036854775808").value() == value(std::numeric_limits<std::int64_t>::min()));
    CHECK(parse_json("9223372036854775807").value() == value(std::numeric_limits<std::int64_t>::max()));
    CHECK(parse_json("18446744073709551615").value() == value(18446744073709551615.0));
    CHECK(parse_json("123456789012345678901234567890").value() == value(123456789012345678901234567890.0));
    CHECK(to_json(value(1.0)) == "1.0");
    CHECK(to_json(value(1)) == "1");
    CHECK(to_json(value(1e22)) == "1e+22");
    CHECK(to_json(value(-0.0)) == "-0.0");
    CHECK(to_json(value(0.1)) == "0.1");
}

TEST_CASE("json: doubles are read to the nearest and printed so that they read back", "[payload]") {
    for (const std::string_view text : {"0.1", "2.2250738585072011e-308", "8.98846567431158e+307", "5e-324",
                                        "1.7976931348623157e+308", "123456.78901234567", "9007199254740993.0",
                                        "0.30000000000000004", "6929495644600919.5", "3.7455744005952583e+15"}) {
        const auto read = parse_json(text).value();
        INFO(text);
        CHECK(*read.if_double() == std::strtod(std::string(text).c_str(), nullptr));
        CHECK(parse_json(to_json(read)).value() == read);
    }
    CHECK(parse_json("1e-400").value() == value(0.0));
    CHECK(std::signbit(*parse_json("-1e-400").value().if_double()));
}

TEST_CASE("json: wide integers can be kept as text", "[payload]") {
    CHECK(parse_json("[18446744073709551615,1]", {.wide_integers_as_text = true}).value() ==
          value(value::array{"18446744073709551615", 1}));
}

TEST_CASE("json: errors name byte and reason", "[payload]") {
    for (const std::string_view bad : {"", "{", "[1,]", "{\"a\":1,}", "nul", "01", "1 2", "\"\xff\"", "'a'", "[1] x",
                                       "\"a\nb\"", "\"\\x\"", "1e400", "-1e999", "NaN", "// c\n1", "\"\\ud800\""}) {
        INFO(bad);
        const auto read = parse_json(bad);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::invalid_argument);
        CHECK(read.error().message.find("JSON, byte ") == 0);
    }
    CHECK(parse_json("[1, x]").error().message.find("JSON, byte 4: ") == 0);
    CHECK(parse_json("1 2").error().message.find("JSON, byte 2: ") == 0);
    CHECK(parse_document("[]").error().message == "JSON, byte 0: the text must be an object");
}

TEST_CASE("json: nesting is bounded as in the codec", "[payload]") {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(parse_json(nested(payload_depth_max)).has_value());
    CHECK_FALSE(parse_json(nested(payload_depth_max + 1)).has_value());
    CHECK_FALSE(parse_json(std::string(1'000'000, '[')).has_value());
}

TEST_CASE("json: of equal keys the last wins", "[payload]") {
    CHECK(to_json(parse_json(R"({"a":1,"b":2,"a":3})").value()) == R"({"b":2,"a":3})");
    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i % 50) + "\":" + std::to_string(i) + ",";
    many.back() = '}';
    const auto read = parse_document(many).value();
    CHECK(read.size() == 50);
    CHECK(read["k7"] == 57);
}

TEST_CASE("json: strings are escaped and unescaped", "[payload]") {
    const value v = std::string("\"\\/\b\f\n\r\t\x01\x1f\0z", 12) + "\xc3\xa9\xf0\x9f\x98\x80";
    CHECK(to_json(v) == "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\\u0000z\xc3\xa9\xf0\x9f\x98\x80\"");
    CHECK(parse_json(to_json(v)).value() == v);
    CHECK(parse_json("\"\\u00e9\\ud83d\\ude00\"").value() == value("\xc3\xa9\xf0\x9f\x98\x80"));
}

TEST_CASE("json: values and views print the same", "[payload]") {
    const auto text = R"({"a":[1,2.5,null,true,false,"x",{}],"b":{"c":[],"d":-1}})";
    const auto d = parse_document(text).value();
    CHECK(to_json(d) == text);
    const auto bytes = payload::encode(d).value();
    CHECK(to_json(payload::view::trusted(bytes)) == text);
}

TEST_CASE("json: numbers that are not finite print as null", "[payload]") {
    CHECK(to_json(value(std::numeric_limits<double>::infinity())) == "null");
}
