#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/path.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using payload::path;

namespace {

/// The values reached, as JSON, joined by blanks.
std::string reached(std::string_view json, std::string_view where) {
    const auto bytes = payload::encode(payload::parse_document(json).value()).value();
    std::string all;
    path::parse(where).value().any_of(payload::view::trusted(bytes), [&](payload::view v) {
        all += (all.empty() ? "" : " ") + payload::to_json(v);
        return false;
    });
    return all;
}

std::string after_set(std::string_view json, std::string_view where, std::string_view content) {
    auto d = payload::parse_document(json).value();
    payload::set(d, path::parse(where).value(), payload::parse_document(content).value());
    return payload::to_json(d);
}

std::string after_erase(std::string_view json, std::string_view where) {
    auto d = payload::parse_document(json).value();
    const auto before = d;
    const bool changed = payload::erase(d, path::parse(where).value());
    CHECK(changed == !(d == before));
    return payload::to_json(d);
}

}  // namespace

TEST_CASE("path: good texts parse and print back", "[payload]") {
    for (const std::string text : {"key", "a.b", "a[0].b", "a[].b", "\"quoted.key\"", "a.\"b c\".d", "a-b_1", "a[][0]",
                                   "0", "\"\"", "a.\"[]\"", "caf\xc3\xa9"}) {
        INFO(text);
        const auto parsed = path::parse(text);
        REQUIRE(parsed);
        CHECK(payload::to_string(*parsed) == text);
    }
    CHECK(path::parse("\"plain\"").value() == path::parse("plain").value());
}

TEST_CASE("path: bad texts are refused with the place", "[payload]") {
    for (const std::string_view text : {"", ".", "a.", ".a", "a..b", "a b", "a[", "a[x]", "a[-1]", "a[1", "a]", "[0]",
                                        "[]", "\"a", "a\"b\"", "a[0]b", "a$", "a[99999999999999999999]", "a.[0]"}) {
        INFO(text);
        const auto parsed = path::parse(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == errc::invalid_argument);
    }
    CHECK(path::parse("a.b c").error().message.find("path 'a.b c', byte 3: ") == 0);
    std::string endless = "a";
    for (int i = 0; i < 100; ++i) endless += "[]";
    CHECK_FALSE(path::parse(endless).has_value());
}

TEST_CASE("path: keys do not step into arrays, brackets do", "[payload]") {
    const auto json = R"({"a":[{"b":1},{"b":[2,3]},{"c":4},5],"o":{"b":6},"q.k":7,"n":[[1,2],[3]]})";
    CHECK(reached(json, "a.b") == "");
    CHECK(reached(json, "a[].b") == "1 [2,3]");
    CHECK(reached(json, "a[].b[]") == "2 3");
    CHECK(reached(json, "a[1].b") == "[2,3]");
    CHECK(reached(json, "a[9].b") == "");
    CHECK(reached(json, "a") == R"([{"b":1},{"b":[2,3]},{"c":4},5])");
    CHECK(reached(json, "o.b") == "6");
    CHECK(reached(json, "o[]") == "");
    CHECK(reached(json, "\"q.k\"") == "7");
    CHECK(reached(json, "q.k") == "");
    CHECK(reached(json, "n[]") == "[1,2] [3]");
    CHECK(reached(json, "n[][0]") == "1 3");
    CHECK(reached(json, "n[][]") == "1 2 3");
}

TEST_CASE("path: a visitor can stop the walk", "[payload]") {
    const auto bytes = payload::encode(payload::parse_document(R"({"a":[1,2,3]})").value()).value();
    int visits = 0;
    CHECK(path::parse("a[]").value().any_of(payload::view::trusted(bytes), [&](payload::view v) {
        ++visits;
        return v.int64() == 2;
    }));
    CHECK(visits == 2);
}

TEST_CASE("path: set merges keys into the object found there", "[payload]") {
    CHECK(after_set(R"({"a":{"x":1,"y":{"z":1}}})", "a", R"({"y":{"w":2},"v":null})") ==
          R"({"a":{"x":1,"y":{"w":2},"v":null}})");
    CHECK(after_set("{}", "a.b", R"({"c":1})") == R"({"a":{"b":{"c":1}}})");
    CHECK(after_set(R"({"a":5})", "a", R"({"c":1})") == R"({"a":{"c":1}})");
    CHECK(after_set(R"({"a":5})", "a.b", R"({"c":1})") == R"({"a":{"b":{"c":1}}})");
    CHECK(after_set(R"({"a":[1]})", "a.b", R"({"c":1})") == R"({"a":{"b":{"c":1}}})");
}

TEST_CASE("path: set applies to array elements that exist, and makes none", "[payload]") {
    CHECK(after_set(R"({"a":[1,{"x":2}]})", "a[]", R"({"c":1})") == R"({"a":[{"c":1},{"x":2,"c":1}]})");
    CHECK(after_set(R"({"a":[1,{"x":2}]})", "a[1]", R"({"c":1})") == R"({"a":[1,{"x":2,"c":1}]})");
    CHECK(after_set(R"({"a":[{}]})", "a[0].b", R"({"c":1})") == R"({"a":[{"b":{"c":1}}]})");
    CHECK(after_set(R"({"a":[1]})", "a[7]", R"({"c":1})") == R"({"a":[1]})");
    CHECK(after_set(R"({"a":5})", "a[]", R"({"c":1})") == R"({"a":5})");
    CHECK(after_set("{}", "a.b[0].c", R"({"c":1})") == "{}");
    CHECK(after_set(R"({"a":5})", "a.b[]", R"({"c":1})") == R"({"a":5})");
}

TEST_CASE("path: erase removes members, empties arrays, ignores single elements", "[payload]") {
    CHECK(after_erase(R"({"a":1,"b":2})", "a") == R"({"b":2})");
    CHECK(after_erase(R"({"a":{"b":1,"c":2}})", "a.b") == R"({"a":{"c":2}})");
    CHECK(after_erase(R"({"a":[1,2]})", "a[0]") == R"({"a":[1,2]})");
    CHECK(after_erase(R"({"a":[1,2]})", "a[]") == R"({"a":[]})");
    CHECK(after_erase(R"({"a":[]})", "a[]") == R"({"a":[]})");
    CHECK(after_erase(R"({"a":[{"b":1,"c":2},3]})", "a[].b") == R"({"a":[{"c":2},3]})");
    CHECK(after_erase(R"({"a":[{"b":1},{"b":2}]})", "a[1].b") == R"({"a":[{"b":1},{}]})");
    CHECK(after_erase(R"({"a":[{"b":1}]})", "a.b") == R"({"a":[{"b":1}]})");
    CHECK(after_erase(R"({"a":1})", "x.y[].z") == R"({"a":1})");
}
