// Each row of the table of queries of Qdrant's API, in JSON and in C++: both give the hits that are worked out by hand.
#include "support/store.hpp"

#include <vecstore/collection/query_json.hpp>
#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

struct expected_hit {
    std::uint64_t id;
    double score;
};
struct row {
    std::string name;
    std::string json;
    vs::query written;
    std::vector<expected_hit> hits;  ///< equal scores in any order
};

/// "dot" has five points and, as "other", the same under euclid; "places" is what lookups and fields are tested with.
struct fixture {
    vs::database db = vs::database::in_memory(quiet()).value();
    vs::collection docs;
    fixture() : docs(make(db)) {
        auto lookup = db.create_collection("lookup", one_vector(2)).value();
        (void)lookup.upsert({make_point(2, {1, 0})}).value();
    }
    static vs::collection make(vs::database& db) {
        vs::collection_options options;
        options.vectors = {vector_of(2, vs::metric::dot), vector_of(2, vs::metric::euclid, "euclid"),
                           vector_of(2, vs::metric::manhattan, "manhattan"),
                           vector_of(2, vs::metric::cosine, "cosine")};
        auto docs = db.create_collection("docs", options).value();
        const std::vector<std::vector<float>> vectors = {{1, 0}, {0, 1}, {1, 1}, {2, 0}, {-1, 0}};
        const std::vector<vs::payload::document> payloads = {
            {{"n", 1}, {"loc", {{"lon", 0}, {"lat", 0}}}, {"date", "2024-01-01"}, {"tag", "a"}},
            {{"n", 2}, {"loc", {{"lon", 0}, {"lat", 1}}}, {"date", "2024-01-02"}, {"tag", "b"}},
            {{"n", 3}, {"loc", {{"lon", 0}, {"lat", 2}}}, {"date", "2024-01-03"}},
            {{"n", 4}, {"loc", {{"lon", 0}, {"lat", 3}}}, {"date", "2024-01-04"}},
            {{"n", 5}, {"loc", {{"lon", 0}, {"lat", 4}}}, {"date", "2024-01-05"}}};
        std::vector<vs::point> points;
        for (std::size_t i = 0; i < vectors.size(); ++i) {
            auto p = make_point(i + 1, vectors[i], payloads[i]);
            for (const auto* name : {"euclid", "manhattan", "cosine"}) p.vectors.push_back({name, vectors[i]});
            points.push_back(std::move(p));
        }
        (void)docs.upsert(points).value();
        return docs;
    }
};

void check(const vs::collection& docs, const vs::query& q, const std::vector<expected_hit>& wanted) {
    const auto found = docs.query(q);
    if (!found) FAIL(found.error().what());
    REQUIRE(found->size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CAPTURE(i, (*found)[i].id.number(), (*found)[i].score, wanted[i].id, wanted[i].score);
        CHECK(static_cast<double>((*found)[i].score) == Approx(wanted[i].score).margin(1e-6));
        bool there = false;
        for (const auto& w : wanted)
            there |= w.id == (*found)[i].id.number() && std::abs(w.score - wanted[i].score) < 1e-9;
        CHECK(there);
    }
}

double sig(double x) { return 0.5 * (x / (1 + std::abs(x)) + 1); }

vs::query of(vs::question ask, std::string using_vector = "") {
    vs::query q;
    q.ask = std::move(ask);
    q.using_vector = std::move(using_vector);
    return q;
}
vs::query over(std::vector<vs::query> prefetch, vs::question ask) {
    auto q = of(std::move(ask));
    q.prefetch = std::move(prefetch);
    return q;
}
vs::query near(std::vector<float> vector, std::size_t limit = 10, std::string using_vector = "") {
    auto q = nearest_to(std::move(vector), limit);
    q.using_vector = std::move(using_vector);
    return q;
}

using vs::recommend_strategy;
using namespace vecstore::scoring;

std::vector<row> nearest_rows() {
    auto mmr = near({1, 0}, 2);
    mmr.mmr = vs::mmr{.diversity = 1, .candidates_limit = 5};
    auto mmr_default = near({1, 0}, 2);
    mmr_default.mmr = vs::mmr{};
    auto looked_up = of(vs::nearest_to_point{2});
    looked_up.lookup_from = vs::lookup_from{"lookup", ""};
    auto looked_up_average = of(vs::recommend{.positive = {2}}, "euclid");
    looked_up_average.lookup_from = vs::lookup_from{"lookup", ""};
    auto threshold = near({1, 0});
    threshold.score_threshold = 1.0f;
    auto below = near({1, 0}, 10, "euclid");
    below.score_threshold = 1.0f;
    auto page = near({2, 1}, 2);
    page.offset = 1;
    auto filtered = near({1, 0});
    filtered.filter = vs::field("n") < 3;
    return {
        {"absent",
         R"({"limit": 2})",
         [] {
             auto q = of(vs::all_points{});
             q.limit = 2;
             return q;
         }(),
         {{1, 1}, {2, 1}}},
        {"absent, offset",
         R"({"query": null, "offset": 4})",
         [] {
             auto q = of(vs::all_points{});
             q.offset = 4;
             return q;
         }(),
         {{5, 1}}},
        {"nearest to a vector", R"({"query": [2, 1], "limit": 2})", near({2, 1}, 2), {{4, 4}, {3, 3}}},
        {"nearest, named", R"({"query": {"nearest": [2.0, 1.0]}, "limit": 2})", near({2, 1}, 2), {{4, 4}, {3, 3}}},
        {"nearest to a point", R"({"query": 1})", of(vs::nearest_to_point{1}), {{4, 2}, {3, 1}, {2, 0}, {5, -1}}},
        {"nearest to a point, named",
         R"({"query": {"nearest": 1}, "using": "euclid"})",
         of(vs::nearest_to_point{1}, "euclid"),
         {{3, 1}, {4, 1}, {2, std::sqrt(2)}, {5, 2}}},
        {"euclid is rooted, ascending",
         R"({"query": [0, 0], "using": "euclid", "limit": 4})",
         near({0, 0}, 4, "euclid"),
         {{1, 1}, {2, 1}, {5, 1}, {3, std::sqrt(2)}}},
        {"manhattan",
         R"({"query": [0, 0], "using": "manhattan"})",
         near({0, 0}, 10, "manhattan"),
         {{1, 1}, {2, 1}, {5, 1}, {3, 2}, {4, 2}}},
        {"cosine",
         R"({"query": [3, 0], "using": "cosine"})",
         near({3, 0}, 10, "cosine"),
         {{1, 1}, {4, 1}, {3, std::sqrt(0.5)}, {2, 0}, {5, -1}}},
        {"mmr",
         R"({"query": {"nearest": [1, 0], "mmr": {"diversity": 1, "candidates_limit": 5}}, "limit": 2})",
         mmr,
         {{4, 2}, {5, -1}}},
        {"mmr, default",
         R"({"query": {"nearest": [1, 0], "mmr": {"diversity": null}}, "limit": 2})",
         mmr_default,
         {{4, 2}, {1, 1}}},
        {"lookup_from",
         R"({"query": 2, "lookup_from": {"collection": "lookup"}})",
         looked_up,
         {{4, 2}, {1, 1}, {3, 1}, {2, 0}, {5, -1}}},
        {"lookup_from, vector",
         R"({"query": {"recommend": {"positive": [2]}}, "using": "euclid",
                                    "lookup_from": {"collection": "lookup", "vector": ""}})",
         looked_up_average,
         {{1, 0}, {3, 1}, {4, 1}, {2, std::sqrt(2)}, {5, 2}}},
        {"score_threshold is strict", R"({"query": [1, 0], "score_threshold": 1})", threshold, {{4, 2}}},
        {"score_threshold follows the metric",
         R"({"query": [1, 0], "using": "euclid", "score_threshold": 1})",
         below,
         {{1, 0}}},
        {"offset", R"({"query": [2, 1], "limit": 2, "offset": 1})", page, {{3, 3}, {1, 2}}},
        {"filter",
         R"({"query": [1, 0], "filter": {"must": {"key": "n", "range": {"lt": 3}}}})",
         filtered,
         {{1, 1}, {2, 0}}},
    };
}

std::vector<row> example_rows() {
    const auto best = recommend_strategy::best_score, sum = recommend_strategy::sum_scores;
    const double margin = std::pow(2.0, -23);
    return {
        {"recommend",
         R"({"query": {"recommend": {"positive": [1], "negative": [2]}}})",
         of(vs::recommend{.positive = {1}, .negative = {2}}),
         {{4, 4}, {3, 1}, {5, -2}}},
        {"recommend, positives alone",
         R"({"query": {"recommend": {"positive": [1, [0, 1]], "strategy": "average_vector"}}})",
         of(vs::recommend{.positive = {1, std::vector<float>{0, 1}}}),
         {{3, 1}, {4, 1}, {2, 0.5}, {5, -0.5}}},
        {"best_score",
         R"({"query": {"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}}})",
         of(vs::recommend{{1}, {2}, best}),
         {{4, sig(2)}, {5, -0.5}, {3, -0.75}}},
        {"best_score, negatives alone",
         R"({"query": {"recommend": {"negative": [2], "strategy": "best_score"}}})",
         of(vs::recommend{{}, {2}, best}),
         {{1, -0.5}, {4, -0.5}, {5, -0.5}, {3, -0.75}}},
        {"best_score, euclid",
         R"({"query": {"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}}, "using": "euclid"})",
         of(vs::recommend{{1}, {2}, best}, "euclid"),
         {{4, sig(-1)}, {5, -sig(-2)}, {3, -sig(-1)}}},
        {"best_score, manhattan",
         R"({"query": {"recommend": {"positive": [1], "strategy": "best_score"}}, "using": "manhattan"})",
         of(vs::recommend{{1}, {}, best}, "manhattan"),
         {{3, sig(-1)}, {4, sig(-1)}, {2, sig(-2)}, {5, sig(-2)}}},
        {"sum_scores",
         R"({"query": {"recommend": {"positive": [1, 3], "negative": [2], "strategy": "sum_scores"}}})",
         of(vs::recommend{{1, 3}, {2}, sum}),
         {{4, 4}, {5, -2}}},
        {"discover",
         R"({"query": {"discover": {"target": 1, "context": [{"positive": 3, "negative": 2}]}}})",
         of(vs::discover{1, {{3, 2}}}),
         {{4, 1 + sig(2)}, {5, -1 + sig(-1)}}},
        {"discover, one pair in place of a list",
         R"({"query": {"discover": {"target": [1, 0], "context": {"positive": 3, "negative": [0, 1]}}}})",
         of(vs::discover{std::vector<float>{1, 0}, {{3, std::vector<float>{0, 1}}}}),
         {{4, 1 + sig(2)}, {1, 1 + sig(1)}, {2, sig(0)}, {5, -1 + sig(-1)}}},
        {"discover without context",
         R"({"query": {"discover": {"target": 1}}, "using": "euclid"})",
         of(vs::discover{1, {}}, "euclid"),
         {{3, sig(-1)}, {4, sig(-1)}, {2, sig(-2)}, {5, sig(-4)}}},
        {"context",
         R"({"query": {"context": [{"positive": 1, "negative": 2}]}})",
         of(vs::context{{{1, 2}}}),
         {{4, 0}, {3, -margin}, {5, -(1 + margin) / (2 + margin)}}},
        {"context, one pair in place of a list",
         R"({"query": {"context": {"positive": 2, "negative": 3}}, "using": "euclid"})",
         of(vs::context{{{2, 3}}}, "euclid"),
         {{5, 0}, {1, -0.5}, {4, -0.75}}},
        {"order_by",
         R"({"query": {"order_by": "n"}})",
         of(vs::order_by{.key = "n"}),
         {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}},
        {"order_by, start",
         R"({"query": {"order_by": {"key": "date", "direction": "desc", "start_from": "2024-01-02T12:00:00Z"}}})",
         of(vs::order_by{"date", vs::sort_direction::descending, vs::datetime::parse("2024-01-02T12:00:00Z").value()}),
         {{2, 1}, {1, 1}}},
        {"sample",
         R"({"query": {"sample": "random"}})",
         of(vs::random_sample{}),
         {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}},
    };
}

std::vector<row> prefetch_rows() {
    const auto first = near({2, 1}, 3);  // 4: 4, 3: 3, 1: 2
    const auto second = nearest_to({0, 1}, 2, vs::has_id({3, 5}));
    const std::string lists = R"("prefetch": [{"query": [2, 1], "limit": 3},
                                              {"query": [0, 1], "limit": 2, "filter": {"must": [{"has_id": [3, 5]}]}}])";
    const double half = 0.5 / (6 * std::sqrt(0.5));
    auto nested = near({0, 1});
    nested.prefetch = {near({0, 1}, 2)};
    nested.prefetch[0].prefetch = {near({1, 0}, 3)};
    auto filtered = near({0, 1});
    filtered.prefetch = {near({1, 0}, 1)};
    filtered.filter = vs::field("tag") == "b";
    auto offset = over({first, second}, vs::rrf{});
    offset.offset = 1;
    offset.limit = 2;
    const auto rescored = [&](expression e, vs::payload::document defaults = {}) {
        return over({first, second}, vs::formula{std::move(e), std::move(defaults)});
    };
    return {
        {"fusion rrf",
         "{" + lists + R"(, "query": {"fusion": "rrf"}})",
         over({first, second}, vs::rrf{}),
         {{3, 1.0 / 3 + 1.0 / 2}, {4, 0.5}, {5, 1.0 / 3}, {1, 0.25}}},
        {"rrf, k and weights",
         "{" + lists + R"(, "query": {"rrf": {"k": 60, "weights": [1, 2.5]}}})",
         over({first, second}, vs::rrf{60, {1, 2.5}}),
         {{3, 1.0 / 61 + 1 / (1 / 2.5 + 59)}, {5, 1 / (2 / 2.5 + 59)}, {4, 1.0 / 60}, {1, 1.0 / 62}}},
        {"rrf, offset",
         "{" + lists + R"(, "query": {"rrf": {}}, "offset": 1, "limit": 2})",
         offset,
         {{4, 0.5}, {5, 1.0 / 3}}},
        {"fusion dbsf",
         "{" + lists + R"(, "query": {"fusion": "dbsf"}})",
         over({first, second}, vs::dbsf{}),
         {{3, 1 + half}, {4, 4.0 / 6}, {5, 0.5 - half}, {1, 2.0 / 6}}},
        {"prefetches are rescored",
         R"({"prefetch": {"prefetch": {"query": [1, 0], "limit": 3}, "query": [0, 1], "limit": 2}, "query": [0, 1]})",
         nested,
         {{3, 1}, {1, 0}}},
        {"filters hold for prefetches",
         R"({"prefetch": [{"query": [1, 0], "limit": 1}], "query": [0, 1],
                                            "filter": {"must": [{"key": "tag", "match": {"value": "b"}}]}})",
         filtered,
         {{2, 1}}},
        {"formula, a constant",
         "{" + lists + R"(, "query": {"formula": 2.5}, "limit": 10})",
         rescored(2.5),
         {{1, 2.5}, {3, 2.5}, {4, 2.5}, {5, 2.5}}},
        {"formula, scores",
         "{" + lists +
             R"(, "query": {"formula": {"sum": ["$score", {"mult": [10, "$score[1]"]}]}, "defaults": {"$score": 0.5}}})",
         rescored(sum({score(), product({10, score(1)})}), {{"$score", 0.5}}),
         {{3, 13}, {4, 4}, {1, 2}, {5, 0.5}}},
        {"formula, fields and conditions",
         "{" + lists + R"(, "query": {"formula": {"sum": [{"neg": "n"},
            {"mult": [100, {"key": "tag", "match": {"value": "a"}}]}, {"must_not": {"key": "n", "match": {"value": 3}}}]}}})",
         rescored(
             sum({-field_value("n"), product({100, when(vs::field("tag") == "a")}), when(!(vs::field("n") == 3))})),
         {{1, 100}, {3, -3}, {4, -3}, {5, -4}}},
        {"formula, functions",
         "{" + lists + R"(, "query": {"formula": {"sum": [{"abs": {"neg": "n"}}, {"sqrt": 4}, {"exp": 0}, {"ln": 1},
            {"log10": 100}, {"pow": {"base": "n", "exponent": 2}}, {"div": {"left": "n", "right": 0, "by_zero_default": 0.25}}]}}})",
         rescored(sum({abs(-field_value("n")), sqrt(expression(4)), exp(expression(0)), ln(1), log10(expression(100)),
                       pow("n", 2), divide("n", 0, 0.25)})),
         {{5, 35.25}, {4, 25.25}, {3, 17.25}, {1, 7.25}}},
        {"formula, decays",
         "{" + lists + R"(, "query": {"formula": {"sum": [{"exp_decay": {"x": "n"}},
            {"gauss_decay": {"x": "n", "target": 1, "scale": 2}}, {"lin_decay": {"x": "n", "target": 1, "scale": 4, "midpoint": 0}}]}}})",
         rescored(sum({exp_decay("n"), gauss_decay("n", {.target = 1, .scale = 2}),
                       lin_decay("n", {.target = 1, .scale = 4, .midpoint = 0})})),
         {{1, 0.5 + 1 + 1}, {3, 0.125 + 0.5 + 0.5}, {4, 0.0625 + std::pow(0.5, 2.25) + 0.25}, {5, 0.03125 + 0.0625}}},
        {"formula, datetimes",
         "{" + lists + R"(, "query": {"formula": {"exp_decay": {"x": {"datetime_key": "date"},
            "target": {"datetime": "2024-01-05T00:00:00Z"}, "scale": 86400}}}})",
         rescored(exp_decay(datetime_field("date"),
                            {.target = seconds(vs::datetime::parse("2024-01-05T00:00:00Z").value()), .scale = 86'400})),
         {{5, 1}, {4, 0.5}, {3, 0.25}, {1, 0.0625}}},
        {"formula, places",
         "{" + lists +
             R"(, "query": {"formula": {"exp_decay": {"x": {"geo_distance": {"origin": {"lon": 0, "lat": 4}, "to": "loc"}},
            "scale": 111195.0797}}}})",
         rescored(exp_decay(geo_distance({0, 4}, "loc"), {.scale = 111'195.0797})),
         {{5, 1}, {4, 0.5}, {3, 0.25}, {1, 0.0625}}},
        {"formula, defaults of fields",
         "{" + lists + R"(, "query": {"formula": "missing", "defaults": {"missing": 7}}})",
         rescored("missing", {{"missing", 7}}),
         {{1, 7}, {3, 7}, {4, 7}, {5, 7}}},
    };
}

}  // namespace

TEST_CASE("query conformance: each kind of query, in JSON and in C++", "[conformance]") {
    const fixture f;
    for (const auto& rows : {nearest_rows(), example_rows(), prefetch_rows()})
        for (const auto& [name, json, written, hits] : rows) {
            INFO(name);
            const auto parsed = vs::parse_query(json);
            if (!parsed) FAIL(parsed.error().what());
            check(f.docs, *parsed, hits);
            check(f.docs, written, hits);
        }
}

TEST_CASE("query conformance: the answer does not depend on where the points lie", "[conformance]") {
    fixture f;
    (void)f.db.checkpoint().value();
    auto p = make_point(6, {9, 9}, {{"n", 6}});
    (void)f.docs.upsert({p}).value();
    (void)f.docs.erase({vs::point_id(6)}).value();
    for (const auto& rows : {nearest_rows(), example_rows(), prefetch_rows()})
        for (const auto& [name, json, written, hits] : rows) {
            INFO(name);
            check(f.docs, written, hits);
        }
}
