/// Every kind of condition that Qdrant's filters have, spelled in C++ and in JSON, with what it says to payloads. The rows
/// follow section 4 of the dialect's description: the table of conditions, then its rules one by one.
#pragma once

#include <vecstore/filter/dsl.hpp>

#include <string>
#include <vector>

namespace filter_cases {

using namespace vecstore;

struct answer {
    const char* payload;
    bool expected;
    point_id id = 1;
    std::vector<std::string> vectors = {};
};

struct row {
    const char* rule;
    filter::expression spelled;
    const char* json;
    std::vector<answer> answers;
};

inline filter::expression test_of(std::string key, filter::field_test test) {
    return filter::condition{filter::field_condition{std::move(key), std::move(test)}};
}

inline std::vector<row> matches() {
    return {
        {"match value: strings",
         field("a") == "x",
         R"({"must":[{"key":"a","match":{"value":"x"}}]})",
         {{R"({"a":"x"})", true}, {R"({"a":"X"})", false}, {R"({"a":"xy"})", false}, {R"({})", false}}},
        {"match value: types are strict",
         field("a") == 1,
         R"({"must":[{"key":"a","match":{"value":1}}]})",
         {{R"({"a":1})", true}, {R"({"a":1.0})", false}, {R"({"a":"1"})", false}, {R"({"a":true})", false}}},
        {"match value: booleans",
         field("a") == true,
         R"({"must":[{"key":"a","match":{"value":true}}]})",
         {{R"({"a":true})", true}, {R"({"a":false})", false}, {R"({"a":1})", false}}},
        {"match any",
         field("a").any_of({"x", "y"}),
         R"({"must":[{"key":"a","match":{"any":["x","y"]}}]})",
         {{R"({"a":"y"})", true}, {R"({"a":["z","x"]})", true}, {R"({"a":"z"})", false}, {R"({})", false}}},
        {"match any of integers",
         field("a").any_of({1, 2}),
         R"({"must":[{"key":"a","match":{"any":[1,2]}}]})",
         {{R"({"a":2})", true}, {R"({"a":2.0})", false}, {R"({"a":"2"})", false}}},
        {"any: [] matches nothing",
         field("a").any_of(std::vector<std::string>{}),
         R"({"must":[{"key":"a","match":{"any":[]}}]})",
         {{R"({"a":"x"})", false}, {R"({})", false}}},
        {"match except: one element outside is enough",
         field("a").except({"x"}),
         R"({"must":[{"key":"a","match":{"except":["x"]}}]})",
         {{R"({"a":"y"})", true}, {R"({"a":"x"})", false}, {R"({"a":["x","y"]})", true}, {R"({"a":["x"]})", false}}},
        {"except: null never, other types always",
         field("a").except({1}),
         R"({"must":[{"key":"a","match":{"except":[1]}}]})",
         {{R"({"a":null})", false},
          {R"({"a":[null]})", false},
          {R"({"a":true})", true},
          {R"({"a":{}})", true},
          {R"({"a":"1"})", true},
          {R"({"a":1.0})", true},
          {R"({"a":1})", false},
          {R"({})", false}}},
        {"except: [] matches any non-null present value",
         field("a").except(std::vector<std::string>{}),
         R"({"must":[{"key":"a","match":{"except":[]}}]})",
         {{R"({"a":"y"})", true}, {R"({"a":null})", false}, {R"({"a":[]})", false}, {R"({})", false}}},
        {"must_not match differs from except",
         field("a").none_of({"x"}),
         R"({"must_not":[{"key":"a","match":{"any":["x"]}}]})",
         {{R"({"a":["x","y"]})", false}, {R"({"a":"y"})", true}, {R"({})", true}, {R"({"a":null})", true}}},
        {"text: a substring, letter for letter",
         field("a").text("solar p"),
         R"({"must":[{"key":"a","match":{"text":"solar p"}}]})",
         {{R"({"a":"on solar power"})", true},
          {R"({"a":"Solar power"})", false},
          {R"({"a":"solar  power"})", false},
          {R"({"a":["no","solar pv"]})", true},
          {R"({"a":1})", false},
          {R"({})", false}}},
        {"text: the empty one is in every text",
         field("a").text(""),
         R"({"must":[{"key":"a","match":{"text":""}}]})",
         {{R"({"a":""})", true}, {R"({"a":"x"})", true}, {R"({"a":1})", false}, {R"({"a":[]})", false}}},
        {"text_any: one of the words",
         field("a").text_any("wind solar"),
         R"({"must":[{"key":"a","match":{"text_any":"wind solar"}}]})",
         {{R"({"a":"on solar power"})", true}, {R"({"a":"winding"})", true}, {R"({"a":"Wind"})", false}}},
        {"text_any: no words match nothing",
         field("a").text_any(" \t"),
         R"({"must":[{"key":"a","match":{"text_any":" \t"}}]})",
         {{R"({"a":" "})", false}, {R"({"a":"x"})", false}}},
        {"phrase: a substring",
         field("a").phrase("solar power"),
         R"({"must":[{"key":"a","match":{"phrase":"solar power"}}]})",
         {{R"({"a":"on solar power"})", true},
          {R"({"a":"power solar"})", false},
          {R"({"a":["solar","power"]})", false}}},
        {"prefix",
         field("a").prefix("ab"),
         R"({"must":[{"key":"a","match":{"prefix":"ab"}}]})",
         {{R"({"a":"abc"})", true},
          {R"({"a":"ab"})", true},
          {R"({"a":"cab"})", false},
          {R"({"a":["x","ab"]})", true},
          {R"({"a":1})", false}}},
    };
}

inline std::vector<row> ranges() {
    const auto time = [](const char* text) { return datetime::parse(text).value(); };
    return {
        {"range: integers and floats",
         field("a") >= 1 && field("a") < 2.5,
         R"({"must":[{"key":"a","range":{"gte":1.0}},{"key":"a","range":{"lt":2.5}}]})",
         {{R"({"a":1})", true},
          {R"({"a":1.0})", true},
          {R"({"a":2.5})", false},
          {R"({"a":"1"})", false},
          {R"({"a":true})", false},
          {R"({"a":null})", false},
          {R"({})", false}}},
        {"range: one element is enough, within all bounds",
         field("a").between(5, 6),
         R"({"must":[{"key":"a","range":{"gte":5.0,"lte":6.0}}]})",
         {{R"({"a":[1,5]})", true}, {R"({"a":[1,9]})", false}, {R"({"a":[[5]]})", false}}},
        {"range: integers are compared as f64",
         field("a").between(9007199254740992, 9007199254740992),
         R"({"must":[{"key":"a","range":{"gte":9007199254740992.0,"lte":9007199254740992.0}}]})",
         {{R"({"a":9007199254740993})", true}, {R"({"a":9007199254740994})", false}}},
        {"range of datetimes",
         field("a") >= time("2024-02-29T00:00:00Z"),
         R"({"must":[{"key":"a","range":{"gte":"2024-02-29T00:00:00Z"}}]})",
         {{R"({"a":"2024-02-29T00:00:00Z"})", true},
          {R"({"a":"2024-02-29"})", true},
          {R"({"a":"2024-02-28 23:59:59.999999"})", false},
          {R"({"a":"2024-02-29 00:00"})", true},
          {R"({"a":"2024-02-29T00:30:00+01:00"})", false},
          {R"({"a":"2024-02-28T23:30:00-01:00"})", true},
          {R"({"a":"2024-02-30"})", false},
          {R"({"a":"today"})", false},
          {R"({"a":1709164800})", false},
          {R"({"a":["today","2025-01-01"]})", true},
          {R"({})", false}}},
        {"range of datetimes: strict bounds, to the microsecond",
         field("a") > time("2024-01-01") && field("a") < time("2024-01-01T00:00:00.000002Z"),
         R"({"must":[{"key":"a","range":{"gt":"2024-01-01T00:00:00Z"}},)"
         R"({"key":"a","range":{"lt":"2024-01-01T00:00:00.000002Z"}}]})",
         {{R"({"a":"2024-01-01T00:00:00.000001Z"})", true},
          {R"({"a":"2024-01-01"})", false},
          {R"({"a":"2024-01-01T00:00:00.000002Z"})", false}}},
        {"values_count: not a test of each element",
         field("a").size() >= 2,
         R"({"must":[{"key":"a","values_count":{"gte":2}}]})",
         {{R"({"a":[1,2]})", true}, {R"({"a":[[1,2,3]]})", false}, {R"({"a":"xy"})", false}, {R"({"a":null})", false}}},
        {"values_count: null and missing count 0, scalars and objects 1",
         field("a").size() == 1,
         R"({"must":[{"key":"a","values_count":{"gte":1,"lte":1}}]})",
         {{R"({"a":0})", true},
          {R"({"a":{}})", true},
          {R"({"a":[null]})", true},
          {R"({"a":null})", false},
          {R"({})", false},
          {R"({"a":[]})", false}}},
        {"values_count of a missing field",
         field("a").size() < 1,
         R"({"must":[{"key":"a","values_count":{"lt":1}}]})",
         {{R"({})", true}, {R"({"a":null})", true}, {R"({"a":[]})", true}, {R"({"a":0})", false}}},
    };
}

inline std::vector<row> areas() {
    const geo_ring square = {{0, 0}, {10, 0}, {10, 10}, {0, 10}, {0, 0}};
    const geo_ring hole = {{4, 4}, {6, 4}, {6, 6}, {4, 6}, {4, 4}};
    return {
        {"geo_radius: haversine metres",
         field("a").within(geo_radius{{13.4, 52.52}, 3000.0}),
         R"({"must":[{"key":"a","geo_radius":{"center":{"lon":13.4,"lat":52.52},"radius":3000.0}}]})",
         {{R"({"a":{"lon":13.4,"lat":52.52}})", true},
          {R"({"a":{"lon":13.43,"lat":52.52}})", true},
          {R"({"a":{"lon":13.45,"lat":52.52}})", false},
          {R"({"a":[{"lon":0,"lat":0},{"lon":13.4,"lat":52.53}]})", true},
          {R"({"a":{"lon":13.4}})", false},
          {R"({"a":{"lon":"13.4","lat":52.52}})", false},
          {R"({"a":[13.4,52.52]})", false},
          {R"({})", false}}},
        {"geo_radius: over the antimeridian",
         field("a").within(geo_radius{{179.9, 0.0}, 30000.0}),
         R"({"must":[{"key":"a","geo_radius":{"center":{"lon":179.9,"lat":0.0},"radius":30000.0}}]})",
         {{R"({"a":{"lon":-179.9,"lat":0}})", true}, {R"({"a":{"lon":-179.8,"lat":0}})", false}}},
        {"geo_bounding_box: strict inequality",
         field("a").within(geo_bounding_box{{1, 5}, {3, 2}}),
         R"({"must":[{"key":"a","geo_bounding_box":{"top_left":{"lon":1.0,"lat":5.0},)"
         R"("bottom_right":{"lon":3.0,"lat":2.0}}}]})",
         {{R"({"a":{"lon":2,"lat":3}})", true},
          {R"({"a":{"lon":1,"lat":3}})", false},
          {R"({"a":{"lon":2,"lat":5}})", false},
          {R"({"a":{"lon":4,"lat":3}})", false}}},
        {"geo_bounding_box: over the antimeridian",
         field("a").within(geo_bounding_box{{170, 5}, {-170, -5}}),
         R"({"must":[{"key":"a","geo_bounding_box":{"top_left":{"lon":170.0,"lat":5.0},)"
         R"("bottom_right":{"lon":-170.0,"lat":-5.0}}}]})",
         {{R"({"a":{"lon":175,"lat":0}})", true},
          {R"({"a":{"lon":-175,"lat":0}})", true},
          {R"({"a":{"lon":170,"lat":0}})", false},
          {R"({"a":{"lon":0,"lat":0}})", false}}},
        {"geo_polygon",
         field("a").within(geo_polygon{square}),
         R"({"must":[{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0.0,"lat":0.0},{"lon":10.0,"lat":0.0},)"
         R"({"lon":10.0,"lat":10.0},{"lon":0.0,"lat":10.0},{"lon":0.0,"lat":0.0}]}}}]})",
         {{R"({"a":{"lon":5,"lat":5}})", true},
          {R"({"a":{"lon":11,"lat":5}})", false},
          {R"({"a":{"lon":10,"lat":5}})", false},
          {R"({"a":{"lon":0,"lat":0}})", false}}},
        {"geo_polygon with a hole",
         field("a").within(geo_polygon{square, {hole}}),
         R"({"must":[{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0.0,"lat":0.0},{"lon":10.0,"lat":0.0},)"
         R"({"lon":10.0,"lat":10.0},{"lon":0.0,"lat":10.0},{"lon":0.0,"lat":0.0}]},"interiors":[{"points":[)"
         R"({"lon":4.0,"lat":4.0},{"lon":6.0,"lat":4.0},{"lon":6.0,"lat":6.0},{"lon":4.0,"lat":6.0},)"
         R"({"lon":4.0,"lat":4.0}]}]}}]})",
         {{R"({"a":{"lon":5,"lat":5}})", false},
          {R"({"a":{"lon":4,"lat":5}})", false},
          {R"({"a":{"lon":2,"lat":5}})", true}}},
    };
}

inline std::vector<row> absences() {
    return {
        {"is_empty: missing, null or []",
         field("a").is_empty(),
         R"({"must":[{"key":"a","is_empty":true}]})",
         {{R"({})", true},
          {R"({"a":null})", true},
          {R"({"a":[]})", true},
          {R"({"a":[null]})", false},
          {R"({"a":{}})", false},
          {R"({"a":""})", false},
          {R"({"a":0})", false}}},
        {"is_empty: false",
         test_of("a", filter::is_empty{false}),
         R"({"must":[{"key":"a","is_empty":false}]})",
         {{R"({})", false}, {R"({"a":[]})", false}, {R"({"a":1})", true}}},
        {"is_null: null or an array containing a null",
         field("a").is_null(),
         R"({"must":[{"key":"a","is_null":true}]})",
         {{R"({"a":null})", true}, {R"({"a":[1,null]})", true}, {R"({"a":[]})", false}, {R"({})", false}}},
        {"is_null: false holds for a missing field",
         test_of("a", filter::is_null{false}),
         R"({"must":[{"key":"a","is_null":false}]})",
         {{R"({})", true}, {R"({"a":1})", true}, {R"({"a":null})", false}, {R"({"a":[null]})", false}}},
        {"missing fields: tests are false, so must_not is true",
         !(field("a") == 1 || field("a") < 5),
         R"({"must_not":[{"key":"a","match":{"value":1}},{"key":"a","range":{"lt":5.0}}]})",
         {{R"({})", true}, {R"({"b":1})", true}, {R"({"a":2})", false}, {R"({"a":9})", true}}},
    };
}

inline std::vector<row> of_points() {
    const auto uuid = vecstore::uuid::parse("550e8400-e29b-41d4-a716-446655440000").value();
    return {
        {"has_id",
         has_id({1, 3, uuid}),
         R"({"must":[{"has_id":[1,3,"550e8400-e29b-41d4-a716-446655440000"]}]})",
         {{"{}", true, 1}, {"{}", false, 2}, {"{}", true, uuid}}},
        {"has_id of an empty list", has_id({}), R"({"must":[{"has_id":[]}]})", {{"{}", false, 1}}},
        {"has_vector",
         has_vector("image"),
         R"({"must":[{"has_vector":"image"}]})",
         {{"{}", true, 1, {"", "image"}}, {"{}", false, 1, {""}}, {"{}", false, 1}}},
        {"has_vector: the default one",
         has_vector(""),
         R"({"must":[{"has_vector":""}]})",
         {{"{}", true, 1, {"", "image"}}, {"{}", false, 1, {"image"}}}},
        // The hash's values are those of the reference implementation's algorithm, computed apart.
        {"slice",
         slice(4, 2),
         R"({"must":[{"slice":{"total":4,"index":2}}]})",
         {{"{}", true, 1}, {"{}", false, 2}, {"{}", true, 3}, {"{}", false, uuid}}},
        {"slice: one holds all",
         slice(1, 0),
         R"({"must":[{"slice":{"total":1,"index":0}}]})",
         {{"{}", true, 1}, {"{}", true, uuid}}},
        {"nested: one and the same element",
         nested("a", field("b") == 1 && field("c") == 2),
         R"({"must":[{"nested":{"key":"a","filter":)"
         R"({"must":[{"key":"b","match":{"value":1}},{"key":"c","match":{"value":2}}]}}}]})",
         {{R"({"a":[{"b":1,"c":2}]})", true},
          {R"({"a":[{"b":1},{"c":2}]})", false},
          {R"({"a":{"b":1,"c":2}})", false},
          {R"({"a":[5,{"b":1,"c":2}]})", true},
          {R"({"a":[[{"b":1,"c":2}]]})", false},
          {R"({})", false}}},
        {"nested: a[] is a",
         nested("a[]", !(field("b") == 1)),
         R"({"must":[{"nested":{"key":"a[]","filter":{"must_not":[{"key":"b","match":{"value":1}}]}}}]})",
         {{R"({"a":[{"b":1},{"b":2}]})", true}, {R"({"a":[{"b":1}]})", false}, {R"({"a":[]})", false}}},
        {"nested: the point's own are false inside",
         nested("a", has_id({1}) || has_vector("") || slice(1, 0)),
         R"({"must":[{"nested":{"key":"a","filter":)"
         R"({"should":[{"has_id":[1]},{"has_vector":""},{"slice":{"total":1,"index":0}}]}}}]})",
         {{R"({"a":[{}]})", false, 1, {""}}}},
        {"nested in nested",
         nested("a", nested("b", field("c") == 1)),
         R"({"must":[{"nested":{"key":"a","filter":{"must":[{"nested":{"key":"b","filter":)"
         R"({"must":[{"key":"c","match":{"value":1}}]}}}]}}}]})",
         {{R"({"a":[{"b":[{"c":1}]}]})", true}, {R"({"a":[{"b":[{"c":2}]}]})", false}}},
    };
}

inline std::vector<row> combinations() {
    const auto a = field("a") == 1, b = field("b") == 1, c = field("c") == 1;
    return {
        {"no constraint", {}, R"({})", {{"{}", true}, {R"({"a":1})", true}}},
        {"must: all",
         a && b,
         R"({"must":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]})",
         {{R"({"a":1,"b":1})", true}, {R"({"a":1})", false}}},
        {"should: one",
         a || b,
         R"({"should":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]})",
         {{R"({"b":1})", true}, {R"({"c":1})", false}}},
        {"must_not: none",
         !(a || b),
         R"({"must_not":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}}]})",
         {{R"({"b":1})", false}, {R"({"c":1})", true}}},
        {"min_should: at least min_count",
         at_least(2, {a, b, c}),
         R"({"min_should":{"conditions":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":1}},)"
         R"({"key":"c","match":{"value":1}}],"min_count":2}})",
         {{R"({"a":1,"c":1})", true}, {R"({"a":1,"b":1,"c":1})", true}, {R"({"c":1})", false}}},
        {"min_should: more than there are",
         at_least(2, {a}),
         R"({"min_should":{"conditions":[{"key":"a","match":{"value":1}}],"min_count":2}})",
         {{R"({"a":1})", false}}},
        {"all four parts",
         a && (b || c) && !(field("d") == 1) && at_least(1, {field("e") == 1}),
         R"({"must":[{"key":"a","match":{"value":1}}],"should":[{"key":"b","match":{"value":1}},)"
         R"({"key":"c","match":{"value":1}}],"must_not":[{"key":"d","match":{"value":1}}],)"
         R"("min_should":{"conditions":[{"key":"e","match":{"value":1}}],"min_count":1}})",
         {{R"({"a":1,"c":1,"e":1})", true}, {R"({"a":1,"c":1,"d":1,"e":1})", false}, {R"({"a":1,"e":1})", false}}},
        {"paths: objects",
         field("a.b") == 1,
         R"({"must":[{"key":"a.b","match":{"value":1}}]})",
         {{R"({"a":{"b":1}})", true}, {R"({"a.b":1})", false}, {R"({"a":[{"b":1}]})", false}}},
        {"paths: arrays",
         field("a[].b") == 1,
         R"({"must":[{"key":"a[].b","match":{"value":1}}]})",
         {{R"({"a":[{"b":0},{"b":1}]})", true}, {R"({"a":[{"b":[3,1]}]})", true}, {R"({"a":{"b":1}})", false}}},
        {"paths: one element",
         field("a[1]") == 1,
         R"({"must":[{"key":"a[1]","match":{"value":1}}]})",
         {{R"({"a":[0,1]})", true}, {R"({"a":[1,0]})", false}}},
        {"paths: quoted keys",
         field("\"a.b\"") == 1,
         R"({"must":[{"key":"\"a.b\"","match":{"value":1}}]})",
         {{R"({"a.b":1})", true}, {R"({"a":{"b":1}})", false}}},
        {"arrays within arrays are not flattened",
         field("a") == 1,
         R"({"must":[{"key":"a","match":{"value":1}}]})",
         {{R"({"a":[[1]]})", false}, {R"({"a":[0,1]})", true}, {R"({"a":[]})", false}}},
    };
}

inline std::vector<row> all() {
    std::vector<row> rows;
    for (auto part : {matches(), ranges(), areas(), absences(), of_points(), combinations()})
        for (auto& one : part) rows.push_back(std::move(one));
    return rows;
}

}  // namespace filter_cases
