#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/view.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using payload::document;
using payload::kind;
using payload::value;
using payload::view;

namespace {
const document sample = {{"flag", true},
                         {"count", -7},
                         {"price", 9.5},
                         {"name", "lamp"},
                         {"none", nullptr},
                         {"list", value::array{1, value::array{2, 3}, "x"}},
                         {"inner", {{"a", {{"b", "deep"}}}}},
                         {"", "empty key"}};
}

TEST_CASE("view: every kind is read in place", "[payload]") {
    const auto bytes = payload::encode(sample).value();
    const auto root = view::open(bytes).value();
    CHECK(root.is_object());
    CHECK(root.size() == 8);
    CHECK(root.find("flag")->boolean());
    CHECK(root.find("count")->int64() == -7);
    CHECK(root.find("price")->float64() == 9.5);
    CHECK(root.find("name")->string() == "lamp");
    CHECK(root.find("none")->is_null());
    CHECK(root.find("")->string() == "empty key");
    CHECK(root.find("inner")->find("a")->find("b")->string() == "deep");
    CHECK_FALSE(root.find("nope").has_value());
    CHECK_FALSE(root.find("name")->find("x").has_value());
}

TEST_CASE("view: number takes integers and doubles", "[payload]") {
    const auto bytes = payload::encode(sample).value();
    const auto root = view::trusted(bytes);
    CHECK(root.find("count")->number() == -7.0);
    CHECK(root.find("price")->number() == 9.5);
    CHECK_FALSE(root.find("flag")->number().has_value());
    CHECK_FALSE(root.find("name")->number().has_value());
}

TEST_CASE("view: iteration gives members and elements in order", "[payload]") {
    const auto bytes = payload::encode(sample).value();
    const auto root = view::trusted(bytes);
    std::vector<std::string> keys;
    for (const auto& [key, content] : root.members()) {
        keys.emplace_back(key);
        CHECK(content.to_value() == sample[key]);
    }
    CHECK(keys == std::vector<std::string>{"flag", "count", "price", "name", "none", "list", "inner", ""});
    std::vector<kind> kinds;
    for (const auto element : root.find("list")->elements()) kinds.push_back(element.kind());
    CHECK(kinds == std::vector<kind>{kind::int64, kind::array, kind::string});
    CHECK(root.find("list")->size() == 3);
}

TEST_CASE("view: ranges over other kinds are empty", "[payload]") {
    const auto bytes = payload::encode(sample).value();
    const auto name = *view::trusted(bytes).find("name");
    CHECK(name.size() == 0);
    for ([[maybe_unused]] const auto& m : name.members()) FAIL("a string has no members");
    for ([[maybe_unused]] const auto e : name.elements()) FAIL("a string has no elements");
    CHECK(name.to_document().empty());
}

TEST_CASE("view: a default view and no bytes are the empty document", "[payload]") {
    for (const auto v : {view(), view::trusted({}), view::open({}).value()}) {
        CHECK(v.is_object());
        CHECK(v.size() == 0);
        CHECK_FALSE(v.find("a").has_value());
        CHECK(v.to_document().empty());
    }
}

TEST_CASE("view: to_document copies everything", "[payload]") {
    const auto bytes = payload::encode(sample).value();
    CHECK(view::trusted(bytes).to_document() == sample);
    CHECK(view::trusted(bytes).to_value() == value(sample));
}
