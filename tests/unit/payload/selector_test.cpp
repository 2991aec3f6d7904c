#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/selector.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using payload::selector;

namespace {
const std::string sample = R"({"a":1,"b":{"c":2,"d":[{"e":3,"f":4},{"e":5},6]},"g":[1,2,3]})";

std::string applied(const selector& s, const std::string& json = sample) {
    const auto bytes = payload::encode(payload::parse_document(json).value()).value();
    return payload::to_json(s.apply(payload::view::trusted(bytes)));
}
struct options {
    selector with_payload = true;
};
}  // namespace

TEST_CASE("selector: true, false and the default", "[payload]") {
    CHECK(applied(options{}.with_payload) == sample);
    CHECK(applied(options{.with_payload = false}.with_payload) == "{}");
    CHECK(applied(selector()) == sample);
    CHECK_FALSE(selector(false).reads_payload());
    CHECK(selector(true).selected() == selector::mode::all);
}

TEST_CASE("selector: include keeps the paths and what leads to them", "[payload]") {
    CHECK(applied(selector::include({"a"}).value()) == R"({"a":1})");
    CHECK(applied(selector::include({"b.c", "g"}).value()) == R"({"b":{"c":2},"g":[1,2,3]})");
    CHECK(applied(selector::include({"b.d[].e"}).value()) == R"({"b":{"d":[{"e":3},{"e":5}]}})");
    CHECK(applied(selector::include({"g[1]"}).value()) == R"({"g":[2]})");
    CHECK(applied(selector::include({"b", "b.c"}).value()) == R"({"b":{"c":2,"d":[{"e":3,"f":4},{"e":5},6]}})");
    CHECK(applied(selector::include({"b.x"}).value()) == R"({"b":{}})");
    CHECK(applied(selector::include({"a.x", "g.x", "x"}).value()) == "{}");
    CHECK(applied(selector::include({}).value()) == "{}");
}

TEST_CASE("selector: exclude drops the paths", "[payload]") {
    CHECK(applied(selector::exclude({"b", "g"}).value()) == R"({"a":1})");
    CHECK(applied(selector::exclude({"b.d[].e"}).value()) == R"({"a":1,"b":{"c":2,"d":[{"f":4},{},6]},"g":[1,2,3]})");
    CHECK(applied(selector::exclude({"g[]", "b"}).value()) == R"({"a":1,"g":[]})");
    CHECK(applied(selector::exclude({"b.d.e", "a.x", "x"}).value()) == sample);
    CHECK(applied(selector::exclude({}).value()) == sample);
}

TEST_CASE("selector: paths that do not parse are refused", "[payload]") {
    CHECK(selector::include({"a", "b c"}).error().code == errc::invalid_argument);
    CHECK(selector::exclude({""}).error().code == errc::invalid_argument);
}
