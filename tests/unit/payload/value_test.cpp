#include <vecstore/payload/value.hpp>

#include <catch2/catch.hpp>

#include <limits>

using vecstore::payload::document;
using vecstore::payload::kind;
using vecstore::payload::value;

TEST_CASE("value: braces read like JSON", "[payload]") {
    const document d = {
        {"lang", "en"},    {"year", 2024}, {"tags", value::array{"a", "b"}}, {"geo", {{"lat", 1.5}}}, {"sold", false},
        {"gone", nullptr}, {"blank", {}}};
    CHECK(d.size() == 7);
    CHECK(d["lang"] == "en");
    CHECK(d["year"] == 2024);
    CHECK(d["tags"][1] == "b");
    CHECK(d["geo"]["lat"] == 1.5);
    CHECK(d["geo"].is_object());
    CHECK(d["sold"].is_bool());
    CHECK(d["gone"].is_null());
    CHECK(d["blank"].is_null());
    CHECK(d.contains("gone"));
}

TEST_CASE("value: an array of one array, spelt so that every compiler nests it", "[payload]") {
    const value v = value::array{value(value::array{1, 2})};
    CHECK(v.if_array()->size() == 1);
    CHECK(v[0][1] == 2);
}

TEST_CASE("value: each constructor gives the kind one expects", "[payload]") {
    CHECK(value().kind() == kind::null);
    CHECK(value(true).kind() == kind::boolean);
    CHECK(value(1u).kind() == kind::int64);
    CHECK(value(std::int8_t{-3}).int64_or(0) == -3);
    CHECK(value(1.0f).kind() == kind::float64);
    CHECK(value("x").kind() == kind::string);
    CHECK(value(std::string("x")) == value(std::string_view("x")));
    CHECK(value(value::array{}).kind() == kind::array);
    CHECK(value(document{}).kind() == kind::object);
    CHECK(value(std::numeric_limits<std::uint64_t>::max()) == value(18446744073709551616.0));
    CHECK(value(std::uint64_t{9223372036854775807u}).is_int64());
}

TEST_CASE("value: types are not mixed up by ==", "[payload]") {
    CHECK_FALSE(value(1) == value(1.0));
    CHECK_FALSE(value(1) == value("1"));
    CHECK_FALSE(value(1) == value(true));
    CHECK(value(0.0) == value(-0.0));
}

TEST_CASE("value: what is missing reads as null", "[payload]") {
    const value v = {{"a", value::array{1}}};
    CHECK(v["b"].is_null());
    CHECK(v["b"]["c"][3].is_null());
    CHECK(v["a"][0] == 1);
    CHECK(v["a"][1].is_null());
    CHECK(v["a"][-1].is_null());
    CHECK(v["a"]["key"].is_null());
}

TEST_CASE("value: the _or readers take their own kind only, double_or also integers", "[payload]") {
    CHECK(value(2).double_or(0) == 2.0);
    CHECK(value(2.5).int64_or(7) == 7);
    CHECK(value("x").string_or("y") == "x");
    CHECK(value(1).string_or("y") == "y");
    CHECK(value(1).bool_or(true));
    CHECK_FALSE(value(false).bool_or(true));
}

TEST_CASE("document: set replaces in place, erase closes the gap, order is kept", "[payload]") {
    document d = {{"a", 1}, {"b", 2}, {"c", 3}};
    d.set("b", "two");
    d.set("d", 4);
    CHECK(d.erase("a"));
    CHECK_FALSE(d.erase("a"));
    std::string keys;
    for (const auto& [key, content] : d) keys += key;
    CHECK(keys == "bcd");
    CHECK(d["b"] == "two");
    CHECK(d.find("x") == nullptr);
    d.clear();
    CHECK(d.empty());
}

TEST_CASE("document: of equal keys the last wins; order does not matter for ==", "[payload]") {
    CHECK(document{{"a", 1}, {"a", 2}} == document{{"a", 2}});
    CHECK(document{{"a", 1}, {"b", 2}} == document{{"b", 2}, {"a", 1}});
    CHECK_FALSE(document{{"a", 1}, {"b", 2}} == document{{"a", 1}, {"c", 2}});
    CHECK_FALSE(document{{"a", 1}} == document{});
}

TEST_CASE("value: copies are independent and moves leave the source usable", "[payload]") {
    value a = {{"x", {{"y", 1}}}};
    value b = a;
    b.if_object()->set("x", 2);
    CHECK(a["x"]["y"] == 1);
    a = std::move(b);
    CHECK(a["x"] == 2);
    b = 3;
    CHECK(b == 3);
}
