#include "support.hpp"

#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/evaluate.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <thread>

using namespace vecstore;

namespace {

struct row {
    const char* condition;  // one condition in Qdrant's JSON
    const char* payload;
    bool expected;
};

void check(std::initializer_list<row> rows) {
    for (const auto& [condition, content, expected] : rows) {
        INFO(condition << " on " << content);
        const std::string inner(condition);
        CHECK(passes(R"({"must":[)" + inner + "]}", content) == expected);
        CHECK(passes(R"({"should":[)" + inner + "]}", content) == expected);
        CHECK(passes(R"({"must_not":[)" + inner + "]}", content) != expected);
        CHECK(passes(R"({"min_should":{"conditions":[)" + inner + R"(],"min_count":1}})", content) == expected);
        CHECK(passes(R"({"must":[{"should":[)" + inner + "]}]}", content) == expected);
    }
}

}  // namespace

TEST_CASE("evaluate: match value compares types strictly", "[filter]") {
    check({
        {R"({"key":"a","match":{"value":1}})", R"({"a":1})", true},
        {R"({"key":"a","match":{"value":1}})", R"({"a":2})", false},
        {R"({"key":"a","match":{"value":1}})", R"({"a":1.0})", false},
        {R"({"key":"a","match":{"value":1}})", R"({"a":"1"})", false},
        {R"({"key":"a","match":{"value":1}})", R"({"a":true})", false},
        {R"({"key":"a","match":{"value":true}})", R"({"a":true})", true},
        {R"({"key":"a","match":{"value":true}})", R"({"a":false})", false},
        {R"({"key":"a","match":{"value":false}})", R"({"a":false})", true},
        {R"({"key":"a","match":{"value":false}})", R"({"a":null})", false},
        {R"({"key":"a","match":{"value":true}})", R"({"a":1})", false},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":"x"})", true},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":"X"})", false},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":"xy"})", false},
        {R"({"key":"a","match":{"value":""}})", R"({"a":""})", true},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":{"x":1}})", false},
    });
}

TEST_CASE("evaluate: one element of an array is enough, arrays in arrays are not looked into", "[filter]") {
    check({
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":["y","x"]})", true},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":[]})", false},
        {R"({"key":"a","match":{"value":"x"}})", R"({"a":[["x"]]})", false},
        {R"({"key":"a[]","match":{"value":"x"}})", R"({"a":[["x"]]})", true},
        {R"({"key":"a[]","match":{"value":"x"}})", R"({"a":["x"]})", true},
        {R"({"key":"a[1]","match":{"value":"x"}})", R"({"a":["x","y"]})", false},
        {R"({"key":"a[0]","match":{"value":"x"}})", R"({"a":["x","y"]})", true},
        {R"({"key":"a","range":{"gte":5}})", R"({"a":[1,9]})", true},
        {R"({"key":"a","range":{"gte":5,"lte":6}})", R"({"a":[1,9]})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":["x","y"]})", true},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":["x"]})", false},
    });
}

TEST_CASE("evaluate: paths step into objects, and into arrays only by brackets", "[filter]") {
    check({
        {R"({"key":"a.b","match":{"value":1}})", R"({"a":{"b":1}})", true},
        {R"({"key":"a.b","match":{"value":1}})", R"({"a.b":1})", false},
        {R"({"key":"\"a.b\"","match":{"value":1}})", R"({"a.b":1})", true},
        {R"({"key":"a.b","match":{"value":1}})", R"({"a":[{"b":1}]})", false},
        {R"({"key":"a[].b","match":{"value":1}})", R"({"a":[{"b":0},{"b":1}]})", true},
        {R"({"key":"a[].b","match":{"value":1}})", R"({"a":[{"b":[3,1]}]})", true},
        {R"({"key":"a[].b","match":{"value":1}})", R"({"a":{"b":1}})", false},
    });
}

TEST_CASE("evaluate: match any", "[filter]") {
    check({
        {R"({"key":"a","match":{"any":["x","y"]}})", R"({"a":"y"})", true},
        {R"({"key":"a","match":{"any":["x","y"]}})", R"({"a":"z"})", false},
        {R"({"key":"a","match":{"any":["x","y"]}})", R"({"a":["z","x"]})", true},
        {R"({"key":"a","match":{"any":[1,2]}})", R"({"a":2})", true},
        {R"({"key":"a","match":{"any":[1,2]}})", R"({"a":2.0})", false},
        {R"({"key":"a","match":{"any":[1,2]}})", R"({"a":"2"})", false},
        {R"({"key":"a","match":{"any":[1,2]}})", R"({})", false},
        {R"({"key":"a","match":{"any":[]}})", R"({"a":1})", false},
        {R"({"key":"a","match":{"any":[]}})", R"({})", false},
    });
}

TEST_CASE("evaluate: match except wants something present outside the list", "[filter]") {
    check({
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":"y"})", true},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":"x"})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":null})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":[]})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":[null]})", false},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":1})", true},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":true})", true},
        {R"({"key":"a","match":{"except":["x"]}})", R"({"a":{"b":1}})", true},
        {R"({"key":"a","match":{"except":[1]}})", R"({"a":"1"})", true},
        {R"({"key":"a","match":{"except":[1]}})", R"({"a":1})", false},
        {R"({"key":"a","match":{"except":[1]}})", R"({"a":1.0})", true},
        {R"({"key":"a","match":{"except":[]}})", R"({"a":"y"})", true},
        {R"({"key":"a","match":{"except":[]}})", R"({"a":null})", false},
        {R"({"key":"a","match":{"except":[]}})", R"({})", false},
    });
    CHECK_FALSE(passes(R"({"must_not":{"key":"a","match":{"any":["x"]}}})", R"({"a":["x","y"]})"));
    CHECK(passes(R"({"must_not":{"key":"a","match":{"any":["x"]}}})", R"({})"));
}

TEST_CASE("evaluate: ranges take integers and doubles", "[filter]") {
    check({
        {R"({"key":"a","range":{"gt":1}})", R"({"a":1})", false},
        {R"({"key":"a","range":{"gt":1}})", R"({"a":1.5})", true},
        {R"({"key":"a","range":{"gte":1}})", R"({"a":1})", true},
        {R"({"key":"a","range":{"lt":1}})", R"({"a":1})", false},
        {R"({"key":"a","range":{"lte":1}})", R"({"a":1.0})", true},
        {R"({"key":"a","range":{"gte":1,"lt":3}})", R"({"a":3})", false},
        {R"({"key":"a","range":{"gte":1,"lt":null}})", R"({"a":30})", true},
        {R"({"key":"a","range":{"gt":2,"lt":1}})", R"({"a":1.5})", false},
        {R"({"key":"a","range":{"gte":1}})", R"({"a":"1"})", false},
        {R"({"key":"a","range":{"gte":0}})", R"({"a":true})", false},
        {R"({"key":"a","range":{"gte":0}})", R"({"a":null})", false},
        {R"({"key":"a","range":{"gte":0}})", R"({})", false},
        {R"({"key":"a","range":{"gte":9007199254740992,"lte":9007199254740992}})", R"({"a":9007199254740993})", true},
    });
}

TEST_CASE("evaluate: is_empty is missing, null or an empty array", "[filter]") {
    check({
        {R"({"is_empty":{"key":"a"}})", R"({})", true},
        {R"({"is_empty":{"key":"a"}})", R"({"a":null})", true},
        {R"({"is_empty":{"key":"a"}})", R"({"a":[]})", true},
        {R"({"is_empty":{"key":"a"}})", R"({"a":[null]})", false},
        {R"({"is_empty":{"key":"a"}})", R"({"a":{}})", false},
        {R"({"is_empty":{"key":"a"}})", R"({"a":""})", false},
        {R"({"is_empty":{"key":"a"}})", R"({"a":0})", false},
        {R"({"key":"a","is_empty":true})", R"({"a":[]})", true},
        {R"({"key":"a","is_empty":false})", R"({"a":[]})", false},
        {R"({"key":"a","is_empty":false})", R"({"a":1})", true},
        {R"({"key":"a","is_empty":false})", R"({})", false},
        {R"({"is_empty":{"key":"a[].b"}})", R"({"a":[{"b":null},{"b":1}]})", false},
        {R"({"is_empty":{"key":"a[].b"}})", R"({"a":[{"b":null},{"c":1}]})", true},
    });
}

TEST_CASE("evaluate: is_null is null or an array with a null", "[filter]") {
    check({
        {R"({"is_null":{"key":"a"}})", R"({"a":null})", true},
        {R"({"is_null":{"key":"a"}})", R"({"a":[1,null]})", true},
        {R"({"is_null":{"key":"a"}})", R"({"a":[1]})", false},
        {R"({"is_null":{"key":"a"}})", R"({"a":[]})", false},
        {R"({"is_null":{"key":"a"}})", R"({})", false},
        {R"({"is_null":{"key":"a"}})", R"({"a":[[null]]})", false},
        {R"({"key":"a","is_null":true})", R"({"a":null})", true},
        {R"({"key":"a","is_null":false})", R"({"a":1})", true},
        {R"({"key":"a","is_null":false})", R"({})", true},
        {R"({"key":"a","is_null":false})", R"({"a":null})", false},
    });
}

TEST_CASE("evaluate: missing fields fail every test but is_empty, so must_not holds", "[filter]") {
    check({
        {R"({"key":"x","match":{"value":1}})", R"({"a":1})", false},
        {R"({"key":"x","match":{"any":["1"]}})", R"({"a":1})", false},
        {R"({"key":"x","match":{"except":["1"]}})", R"({"a":1})", false},
        {R"({"key":"x","range":{}})", R"({"a":1})", false},
        {R"({"key":"a.x","match":{"value":1}})", R"({"a":1})", false},
    });
}

TEST_CASE("evaluate: has_id knows numbers and UUIDs", "[filter]") {
    const auto filter = R"({"must":[{"has_id":[3,1,"01234567-89ab-cdef-0123-456789abcdef",18446744073709551615]}]})";
    CHECK(passes(filter, "{}", 1));
    CHECK(passes(filter, "{}", 3));
    CHECK(passes(filter, "{}", ~std::uint64_t{0}));
    CHECK_FALSE(passes(filter, "{}", 2));
    CHECK(passes(filter, "{}", uuid::parse("0123456789abcdef0123456789ABCDEF").value()));
    CHECK_FALSE(passes(R"({"must":[{"has_id":[]}]})", "{}"));
}

TEST_CASE("evaluate: no constraint lets everything pass", "[filter]") {
    for (const auto* filter : {"{}", "null", R"({"must":[]})", R"({"should":[]})", R"({"must_not":[]})",
                               R"({"must":null,"should":null,"must_not":null,"min_should":null})", R"({"must":[{}]})",
                               R"({"must":[{"should":[]}]})"}) {
        INFO(filter);
        CHECK(passes(filter, R"({"a":1})"));
    }
    CHECK_FALSE(passes(R"({"must_not":[{}]})", R"({"a":1})"));
    CHECK(filter::compiled().passes_all());
    CHECK(filter::compiled::compile({}).value().passes_all());
}

TEST_CASE("evaluate: the four parts must all hold", "[filter]") {
    const std::string a = R"({"key":"a","match":{"value":1}})", b = R"({"key":"b","match":{"value":1}})",
                      c = R"({"key":"c","match":{"value":1}})";
    const auto filter =
        R"({"must":[)" + a + R"(],"should":[)" + b + "," + c + R"(],"must_not":[{"key":"d","match":{"value":1}}]})";
    CHECK(passes(filter, R"({"a":1,"b":1})"));
    CHECK(passes(filter, R"({"a":1,"c":1,"d":2})"));
    CHECK_FALSE(passes(filter, R"({"a":1})"));
    CHECK_FALSE(passes(filter, R"({"b":1})"));
    CHECK_FALSE(passes(filter, R"({"a":1,"b":1,"d":1})"));
    const auto two = R"({"min_should":{"conditions":[)" + a + "," + b + "," + c + R"(],"min_count":2}})";
    CHECK(passes(two, R"({"a":1,"c":1})"));
    CHECK(passes(two, R"({"a":1,"b":1,"c":1})"));
    CHECK_FALSE(passes(two, R"({"c":1})"));
    CHECK_FALSE(passes(R"({"min_should":{"conditions":[)" + a + R"(],"min_count":2}})", R"({"a":1})"));
    CHECK_FALSE(passes(R"({"min_should":{"conditions":[],"min_count":1}})", R"({"a":1})"));
}

TEST_CASE("evaluate: what does not validate does not compile", "[filter]") {
    CHECK(filter::compiled::compile(field("a b") == 1).error().code == errc::invalid_argument);
}

TEST_CASE("evaluate: the planner sees required ids and whether payloads are read", "[filter]") {
    const auto compile = [](const filter::expression& e) { return filter::compiled::compile(e).value(); };
    const auto required = [&](const filter::expression& e) -> std::vector<point_id> {
        const auto ready = compile(e);
        const auto ids = ready.required_ids();
        return ids ? std::vector<point_id>(ids->begin(), ids->end()) : std::vector<point_id>{999};
    };
    const std::vector<point_id> none = {999};
    CHECK(required({}) == none);
    CHECK(required(field("a") == 1) == none);
    CHECK(required(!has_id({1})) == none);
    CHECK(required(has_id({1}) || field("a") == 1) == none);
    CHECK(required(has_id({3, 1, 3})) == std::vector<point_id>{1, 3});
    CHECK(required(has_id({1, 2, 3}) && field("a") == 1 && has_id({7, 2})) == std::vector<point_id>{2, 7});
    CHECK(required(has_id({})) == std::vector<point_id>{});
    CHECK(required(filter::parse_json(R"({"must":[{"must":[{"has_id":[5]}]}]})").value()) == std::vector<point_id>{5});
    CHECK(required(filter::parse_json(R"({"should":[{"has_id":[5]}]})").value()) == std::vector<point_id>{5});
    CHECK_FALSE(compile(has_id({1})).reads_payload());
    CHECK(compile(has_id({1}) && !(has_id({2}) || field("a") == 1)).reads_payload());
    CHECK_FALSE(compile({}).reads_payload());
}

TEST_CASE("evaluate: one compiled filter serves many threads", "[filter]") {
    const auto ready = filter::compiled::compile(field("a").any_of({1, 2, 3}) && field("b") == "x").value();
    const auto bytes = payload::encode({{"a", 2}, {"b", "x"}}).value();
    std::vector<std::thread> threads;
    std::vector<int> passed(4);
    for (auto& count : passed)
        threads.emplace_back([&count, ready, &bytes] {
            for (int i = 0; i < 1000; ++i) count += ready(i, payload::view::trusted(bytes));
        });
    for (auto& t : threads) t.join();
    for (const auto count : passed) CHECK(count == 1000);
}
