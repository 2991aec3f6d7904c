// What a caller can get wrong: each case gives its code, a message that names the culprit, and changes nothing.
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <limits>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

struct fixture {
    vs::database db = vs::database::in_memory(quiet()).value();
    vs::collection_options options{{vector_of(2, vs::metric::cosine), vector_of(2, vs::metric::euclid, "text")}};
    vs::collection docs = db.create_collection("docs", options).value();
    oracle wanted{options};

    fixture() {
        const std::vector<vs::point> points{make_point(1, {1, 2}, {{"a", 1}})};
        wanted.upsert(points);
        (void)docs.upsert(points).value();
    }
};

template <class T>
void refused(const vs::result<T>& outcome, errc code, const std::string& mentions) {
    REQUIRE(code_of(outcome) == code);
    INFO(outcome.error().what());
    CHECK(outcome.error().message.find(mentions) != std::string::npos);
}

vs::payload::value nested(std::size_t depth) {
    vs::payload::value v = 1;
    for (std::size_t i = 0; i < depth; ++i) v = vs::payload::value(vs::payload::value::array{v});
    return v;
}

}  // namespace

TEST_CASE("bad input: points, alone and in the middle of a batch", "[database]") {
    fixture f;
    auto twice = make_point(2, {1, 2});
    twice.vectors.push_back({"text", {1, 2}});
    twice.vectors.push_back({"text", {1, 2}});
    auto default_twice = make_point(2, {1, 2});
    default_twice.vectors.push_back({"", {1, 2}});
    auto unknown = make_point(2, {});
    unknown.vectors.push_back({"none", {1, 2}});
    auto empty = make_point(2, {});
    empty.vectors.push_back({"text", {}});
    auto zero_allowed = make_point(2, {});
    zero_allowed.vectors.push_back({"text", {0, 0}});
    const struct {
        vs::point point;
        const char* mentions;
    } rows[] = {
        {make_point(2, {1, 2, 3}), "expected dimension 2, got 3"},
        {make_point(2, {1}), "expected dimension 2, got 1"},
        {empty, "expected dimension 2, got 0"},
        {make_point(2, {1, not_a_number}), "element 1 is not finite"},
        {make_point(2, {infinity, 1}), "element 0 is not finite"},
        {make_point(2, {-infinity, 1}), "element 0 is not finite"},
        {make_point(2, {0, 0}), "zero vector"},
        {unknown, "\"none\""},
        {twice, ""},
        {default_twice, "given twice"},
        {make_point(2, {1, 2}, {{"deep", nested(vs::payload_depth_max + 1)}}), "deep"},
        {make_point(2, {1, 2}, {{"x", std::numeric_limits<double>::quiet_NaN()}}), "x"},
        {make_point(2, {1, 2}, {{"x", std::numeric_limits<double>::infinity()}}), "x"},
        {make_point(2, {1, 2}, {{"x", "\xFF\xFE"}}), "x"},
        {make_point(2, {1, 2}, {{"x", std::string(vs::payload_bytes_max + 1, 'x')}}), ""},
    };
    for (const auto& row : rows) {
        refused(f.docs.upsert({row.point}), errc::invalid_argument, row.mentions);
        refused(f.docs.upsert({row.point}), errc::invalid_argument, "points[0] (id 2)");
        refused(f.docs.upsert({make_point(1, {3, 3}), row.point, make_point(3, {1, 1})}), errc::invalid_argument,
                "points[1] (id 2)");
        REQUIRE(difference(f.docs, f.wanted) == "");
    }
    CHECK(f.docs.upsert({zero_allowed}));  // euclid has no trouble with it
    CHECK(f.docs.upsert({make_point(2, {1, 2}, {{"deep", nested(vs::payload_depth_max - 1)}})}));
}

TEST_CASE("bad input: a write above the size limits", "[database]") {
    fixture f;
    std::vector<vs::point> points;
    for (int i = 0; i < 9; ++i)
        points.push_back(make_point(i, {1, 2}, {{"x", std::string(vs::payload_bytes_max - 100, 'x')}}));
    refused(f.docs.upsert(points), errc::invalid_argument, "limit");
    REQUIRE(difference(f.docs, f.wanted) == "");
}

TEST_CASE("bad input: payload edits and selectors", "[database]") {
    fixture f;
    refused(f.docs.set_payload({1}, {{"deep", nested(vs::payload_depth_max + 1)}}), errc::invalid_argument, "deep");
    refused(f.docs.overwrite_payload({1}, {{"x", std::numeric_limits<double>::quiet_NaN()}}), errc::invalid_argument,
            "x");
    refused(f.docs.erase_payload({1}, {"a", "b["}), errc::invalid_argument, "b[");
    refused(f.docs.erase(vs::field("a[") == 1), errc::invalid_argument, "a[");
    refused(f.docs.clear_payload(vs::field("") == 1), errc::invalid_argument, "");
    refused(f.docs.set_payload(vs::field("x") < std::numeric_limits<double>::infinity(), {}), errc::invalid_argument,
            "");
    refused(f.docs.count(vs::field("x") > std::numeric_limits<double>::quiet_NaN()), errc::invalid_argument, "");
    REQUIRE(difference(f.docs, f.wanted) == "");
}

TEST_CASE("bad input: queries", "[database]") {
    fixture f;
    const auto ask = [&](auto change) {
        auto q = nearest_to({1, 2});
        change(q);
        return f.docs.query(q);
    };
    CHECK(ask([](auto&) {}));
    const auto invalid = errc::invalid_argument;
    refused(ask([](auto& q) { q.nearest = {1}; }), invalid, "expected dimension 2, got 1");
    refused(ask([](auto& q) { q.nearest = {}; }), invalid, "expected dimension 2, got 0");
    refused(ask([](auto& q) { q.nearest = {1, not_a_number}; }), invalid, "element 1");
    refused(ask([](auto& q) { q.nearest = {0, 0}; }), invalid, "zero vector");
    refused(ask([](auto& q) { q.using_vector = "none"; }), errc::not_found, "\"none\"");
    refused(ask([](auto& q) { q.with_vectors = {"none"}; }), errc::not_found, "\"none\"");
    refused(ask([](auto& q) { q.limit = 0; }), invalid, "limit");
    refused(ask([](auto& q) { q.limit = vs::query_limit_max + 1; }), invalid, "limit");
    refused(ask([](auto& q) { q.offset = vs::query_limit_max; }), invalid, "limit");
    refused(ask([](auto& q) { q.offset = ~std::size_t{0}; }), invalid, "limit");
    CHECK(ask([](auto& q) { q.offset = vs::query_limit_max - 10; }));
    refused(ask([](auto& q) { q.recall = 0; }), invalid, "recall");
    refused(ask([](auto& q) { q.recall = -0.5; }), invalid, "recall");
    refused(ask([](auto& q) { q.recall = 1.01; }), invalid, "recall");
    refused(ask([](auto& q) { q.recall = std::numeric_limits<double>::quiet_NaN(); }), invalid, "recall");
    refused(ask([](auto& q) { q.ef = 0; }), invalid, "ef");
    refused(ask([](auto& q) { q.ef = vs::ef_max + 1; }), invalid, "ef");
    refused(ask([](auto& q) { q.score_threshold = not_a_number; }), invalid, "score_threshold");
    refused(ask([](auto& q) { q.filter = vs::field("a..b") == 1; }), invalid, "");
    refused(f.docs.query_batch(std::vector<vs::query>(vs::batch_queries_max + 1)), invalid, "batch");

    vs::scroll page;
    page.limit = 0;
    refused(f.docs.scroll(page), invalid, "limit");
    page.limit = vs::query_limit_max + 1;
    refused(f.docs.scroll(page), invalid, "limit");
    page.limit = 1;
    page.with_vectors = {"none"};
    refused(f.docs.scroll(page), errc::not_found, "\"none\"");
}

TEST_CASE("bad input: names and options of collections", "[database]") {
    fixture f;
    const auto invalid = errc::invalid_argument;
    const auto named = [&](const std::string& name) { return f.db.create_collection(name, {}); };
    refused(named("docs"), errc::already_exists, "docs");
    refused(named(""), invalid, "empty");
    refused(named(std::string(256, 'x')), invalid, "256");
    CHECK(named(std::string(255, 'x')));
    CHECK(named("\xC3\xA4"));
    for (const std::string name : {"a/b", "a\\b", "a:b", "a*", "a\n", "a\x7F", "\"", "<", "?"})
        refused(named(name), invalid, "forbidden");
    refused(named(std::string("a\0b", 3)), invalid, "forbidden");
    refused(named("\xFF"), invalid, "UTF-8");  // names are kept in documents, which are UTF-8
    CHECK(f.db.list_collections().value().size() == 3);

    const auto made_of = [&](auto change) {
        auto v = vector_of(2);
        change(v);
        return f.db.create_collection("fresh", {{v}});
    };
    refused(made_of([](auto& v) { v.dim = 0; }), invalid, "dim");
    refused(made_of([](auto& v) { v.dim = vs::dim_max + 1; }), invalid, "dim");
    refused(made_of([](auto& v) { v.m = 1; }), invalid, "m = 1");
    refused(made_of([](auto& v) { v.m = 129; }), invalid, "m = 129");
    refused(made_of([](auto& v) { v.ef_construct = 7; }), invalid, "ef_construct");
    refused(made_of([](auto& v) { v.ef_construct = 4'097; }), invalid, "ef_construct");
    refused(made_of([](auto& v) { v.metric = static_cast<vs::metric>(0); }), invalid, "metric");
    refused(made_of([](auto& v) { v.metric = static_cast<vs::metric>(5); }), invalid, "metric");
    refused(made_of([](auto& v) { v.name = std::string(256, 'x'); }), invalid, "name");
    refused(made_of([](auto& v) { v.name = "a/b"; }), invalid, "name");
    refused(made_of([](auto& v) { v.name = "\xC3"; }), invalid, "UTF-8");
    refused(f.db.create_collection("fresh", {{vector_of(2), vector_of(3)}}), invalid, "twice");
    vs::collection_options many;
    for (std::size_t i = 0; i <= vs::vectors_per_point_max; ++i)
        many.vectors.push_back(vector_of(1, vs::metric::dot, std::to_string(i)));
    refused(f.db.create_collection("fresh", many), invalid, "vectors");
    many.vectors.pop_back();
    auto full = f.db.create_collection("fresh", many).value();
    auto p = make_point(1, {});
    for (const auto& v : many.vectors) p.vectors.push_back({v.name, {1}});
    REQUIRE(full.upsert({p}));
    CHECK(full.get(1, true, true).value().vectors == p.vectors);
    CHECK(f.db.drop_collection("fresh"));
}

TEST_CASE("bad input: values at the edge of float are kept and answered in some order", "[database]") {
    constexpr float large = std::numeric_limits<float>::max();
    for (const auto metric : {vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan}) {
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", one_vector(2, metric)).value();
        REQUIRE(docs.upsert({make_point(1, {large, large}), make_point(2, {large, -large}),
                             make_point(3, {-large, large}), make_point(4, {1e-38f, 0}), make_point(5, {1, 1})}));
        CHECK(docs.query(nearest_to({large, -large})).value().size() == 5);
        CHECK(docs.query(nearest_to({1, 1})).value().size() == 5);
    }
}
