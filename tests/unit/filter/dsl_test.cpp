#include "support.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using filter::expression;
using filter::to_json;

TEST_CASE("dsl: comparisons become the conditions they look like", "[filter]") {
    CHECK(to_json(field("a") == "x") == R"({"must":[{"key":"a","match":{"value":"x"}}]})");
    CHECK(to_json(field("a") == std::string("x")) == to_json(field("a") == std::string_view("x")));
    CHECK(to_json(field("a") == 1) == R"({"must":[{"key":"a","match":{"value":1}}]})");
    CHECK(to_json(field("a") == true) == R"({"must":[{"key":"a","match":{"value":true}}]})");
    CHECK(to_json(field("a") == 1.5) == R"({"must":[{"key":"a","range":{"gte":1.5,"lte":1.5}}]})");
    CHECK(to_json(field("a") != 1) == R"({"must_not":[{"key":"a","match":{"value":1}}]})");
    CHECK(to_json(field("a") < 1) == R"({"must":[{"key":"a","range":{"lt":1.0}}]})");
    CHECK(to_json(field("a") <= 1u) == R"({"must":[{"key":"a","range":{"lte":1.0}}]})");
    CHECK(to_json(field("a") > 1.5f) == R"({"must":[{"key":"a","range":{"gt":1.5}}]})");
    CHECK(to_json(field("a") >= -1) == R"({"must":[{"key":"a","range":{"gte":-1.0}}]})");
    CHECK(to_json(field("a").between(1, 2)) == R"({"must":[{"key":"a","range":{"gte":1.0,"lte":2.0}}]})");
    CHECK(to_json(field("a") == ~std::uint64_t{0}) == to_json(field("a") == 18446744073709551615.0));
}

TEST_CASE("dsl: lists take braces and ranges of strings or integers", "[filter]") {
    CHECK(to_json(field("a").any_of({"x", "y"})) == R"({"must":[{"key":"a","match":{"any":["x","y"]}}]})");
    CHECK(to_json(field("a").any_of({1, 2})) == R"({"must":[{"key":"a","match":{"any":[1,2]}}]})");
    CHECK(field("a").any_of(std::vector<std::string>{"x", "y"}) == field("a").any_of({"x", "y"}));
    CHECK(field("a").any_of(std::vector<int>{1, 2}) == field("a").any_of({1, 2}));
    CHECK(to_json(field("a").none_of({"x"})) == R"({"must_not":[{"key":"a","match":{"any":["x"]}}]})");
    CHECK(to_json(field("a").none_of({1, 2})) == R"({"must_not":[{"key":"a","match":{"any":[1,2]}}]})");
    CHECK(to_json(field("a").except({"x"})) == R"({"must":[{"key":"a","match":{"except":["x"]}}]})");
    CHECK(to_json(field("a").is_empty() && field("b").is_null()) ==
          R"({"must":[{"key":"a","is_empty":true},{"key":"b","is_null":true}]})");
    CHECK(to_json(has_id({1, 2})) == R"({"must":[{"has_id":[1,2]}]})");
}

TEST_CASE("dsl: && and || chains are flat", "[filter]") {
    const auto all = field("a") == 1 && field("b") == 2 && field("c") == 3 && !(field("d") == 4);
    CHECK(all.must.size() == 3);
    CHECK(all.must_not.size() == 1);
    const auto any = field("a") == 1 || field("b") == 2 || (field("c") == 3 || field("d") == 4);
    CHECK(any.should.size() == 4);
    CHECK(any.must.empty());
    const auto both = (field("a") == 1 || field("b") == 2) && (field("c") == 3 || field("d") == 4) && field("e") == 5;
    CHECK(both.should.size() == 2);
    CHECK(both.must.size() == 2);
    const auto mixed = (field("a") == 1 && field("b") == 2) || field("c") == 3;
    CHECK(mixed.should.size() == 2);
}

TEST_CASE("dsl: negation undoes itself where it can", "[filter]") {
    CHECK((!!(field("a") == 1)) == (field("a") == 1));
    CHECK(to_json(!(field("a") == 1 || field("b") == 2)) ==
          R"({"must_not":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":2}}]})");
    const auto f = !(field("a") == 1 && field("b") == 2);
    CHECK(passes(f, R"({"a":1})"));
    CHECK_FALSE(passes(f, R"({"a":1,"b":2})"));
    const auto g = !(field("a") != 1 && field("b") != 2);
    CHECK(passes(g, R"({"a":1})"));
    CHECK_FALSE(passes(g, R"({"a":2})"));
}

TEST_CASE("dsl: an empty expression is neutral for &&, and swallows ||", "[filter]") {
    const expression none;
    const auto a = field("a") == 1;
    CHECK((none && a) == a);
    CHECK((a && none) == a);
    CHECK((none || a).empty());
    CHECK((a || none).empty());
    CHECK_FALSE(passes(!none, "{}"));
    CHECK(passes(!!none, "{}"));
}

TEST_CASE("dsl: every operator agrees with plain logic on all combinations", "[filter]") {
    const auto a = field("a") == 1, b = field("b") == 1, c = field("c") == 1;
    const expression shapes[] = {a, !a, a && b, a || b, !(a && b), !(a || b), (a || b) && (b || c)};
    const auto truth = [&](const expression& e, int bits) {
        const auto digit = [&](int i) { return std::to_string(bits >> i & 1); };
        return passes(e, R"({"a":)" + digit(0) + R"(,"b":)" + digit(1) + R"(,"c":)" + digit(2) + "}");
    };
    for (int bits = 0; bits < 8; ++bits)
        for (const auto& x : shapes)
            for (const auto& y : shapes) {
                CHECK(truth(x && y, bits) == (truth(x, bits) && truth(y, bits)));
                CHECK(truth(x || y, bits) == (truth(x, bits) || truth(y, bits)));
                CHECK(truth(!x, bits) == !truth(x, bits));
                CHECK(truth(!(x && !y) || c, bits) == (!(truth(x, bits) && !truth(y, bits)) || truth(c, bits)));
            }
}
