// The questions of the query language, one by one: expected scores are worked out by hand.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

namespace vs = vecstore;
using namespace vecstore::test;
using vectors = std::vector<std::vector<float>>;

namespace {

struct expected_hit {
    std::uint64_t id;
    double score;
};

/// Points 1 to n with these vectors, and their numbers as field "n".
vs::collection filled(vs::database& db, const std::string& name, vs::metric metric, const vectors& list) {
    auto docs = db.create_collection(name, one_vector(list.front().size(), metric)).value();
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < list.size(); ++i) points.push_back(make_point(i + 1, list[i], {{"n", i + 1}}));
    (void)docs.upsert(points).value();
    return docs;
}

/// Hits with equal scores may stand in any order.
void check(const vs::collection& docs, const vs::query& q, std::vector<expected_hit> wanted) {
    const auto found = docs.query(q);
    if (!found) FAIL(found.error().what());
    REQUIRE(found->size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CAPTURE(i, (*found)[i].id.number(), (*found)[i].score, wanted[i].id, wanted[i].score);
        CHECK(static_cast<double>((*found)[i].score) == Approx(wanted[i].score).margin(1e-6));
        const bool there = std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) {
            return w.id == (*found)[i].id.number() && std::abs(w.score - wanted[i].score) < 1e-9;
        });
        CHECK(there);
    }
}

vs::query of(vs::question ask, std::size_t limit = 10) {
    vs::query q;
    q.ask = std::move(ask);
    q.limit = limit;
    return q;
}
vs::query of(std::vector<vs::query> prefetch, vs::question ask, std::size_t limit = 10) {
    auto q = of(std::move(ask), limit);
    q.prefetch = std::move(prefetch);
    return q;
}

/// sig of the documentation.
double sig(double x) { return 0.5 * (x / (1 + std::abs(x)) + 1); }

const vectors five = {{1, 0}, {0, 1}, {1, 1}, {2, 0}, {-1, 0}};

}  // namespace

TEST_CASE("query language: nearest to a point leaves the point itself out", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    check(dot, of(vs::nearest_to_point{1}), {{4, 2}, {3, 1}, {2, 0}, {5, -1}});
    check(dot, of(vs::nearest_to_point{1}, 2), {{4, 2}, {3, 1}});
    const auto euclid = filled(db, "euclid", vs::metric::euclid, five);
    check(euclid, of(vs::nearest_to_point{1}), {{3, 1}, {4, 1}, {2, std::sqrt(2)}, {5, 2}});
    auto filtered = of(vs::nearest_to_point{1});
    filtered.filter = vs::field("n") <= 2;
    check(euclid, filtered, {{2, std::sqrt(2)}});
    auto far = of(vs::nearest_to_point{1}, 1);
    far.offset = 2;
    check(euclid, far, {{2, std::sqrt(2)}});
    CHECK(code_of(euclid.query(of(vs::nearest_to_point{9}))) == vs::errc::not_found);
    CHECK(euclid.query(of(vs::nearest_to_point{9})).error().message == "nearest_to_point: no point with id 9");
}

TEST_CASE("query language: recommend by the average of vectors", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    check(dot, of(vs::recommend{.positive = {1}, .negative = {2}}), {{4, 4}, {3, 1}, {5, -2}});
    check(dot, of(vs::recommend{.positive = {1, 2}}), {{3, 1}, {4, 1}, {5, -0.5}});
    check(dot, of(vs::recommend{.positive = {std::vector<float>{0, 2}}}, 3), {{2, 2}, {3, 2}, {1, 0}});
    check(dot, of(vs::recommend{.positive = {1}, .negative = {std::vector<float>{0, 1}}}, 2), {{4, 4}, {3, 1}});
    CHECK(code_of(dot.query(of(vs::recommend{.negative = {1}}))) == vs::errc::invalid_argument);
    CHECK(dot.query(of(vs::recommend{.positive = {1, 8}})).error().message ==
          "recommend.positive[1]: no point with id 8");
    CHECK(dot.query(of(vs::recommend{.positive = {std::vector<float>{1}}})).error().message ==
          "recommend.positive[0]: expected dimension 2, got 1");
    const auto cosine = filled(db, "cosine", vs::metric::cosine, five);
    // (1, 1) is stored as (0.71, 0.71), so the average with (1, 0) points to (1.71, 0.71).
    const double x = 1 + std::sqrt(0.5), y = std::sqrt(0.5), length = std::sqrt(x * x + y * y);
    check(cosine, of(vs::recommend{.positive = {1, 3}}), {{4, x / length}, {2, y / length}, {5, -x / length}});
    CHECK(cosine.query(of(vs::recommend{.positive = {1, 5}})).error().code == vs::errc::invalid_argument);
}

TEST_CASE("query language: recommend by best_score and sum_scores", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    const auto best = vs::recommend_strategy::best_score, sum = vs::recommend_strategy::sum_scores;
    check(dot, of(vs::recommend{{1}, {2}, best}), {{4, sig(2)}, {5, -0.5}, {3, -0.75}});
    check(dot, of(vs::recommend{{}, {2}, best}), {{1, -0.5}, {4, -0.5}, {5, -0.5}, {3, -0.75}});
    check(dot, of(vs::recommend{{1, 2}, {}, best}), {{4, sig(2)}, {3, 0.75}, {5, 0.5}});
    check(dot, of(vs::recommend{{1, 3}, {2}, sum}), {{4, 4}, {5, -2}});
    check(dot, of(vs::recommend{{}, {3}, sum}, 3), {{5, 1}, {1, -1}, {2, -1}});
    const auto euclid = filled(db, "euclid", vs::metric::euclid, five);
    // sim is minus the squared distance, and scores are larger for better.
    // Point 3: both at 1, so the negative wins; 4: 1 and 5; 5: 4 and 2.
    check(euclid, of(vs::recommend{{1}, {2}, best}), {{4, sig(-1)}, {5, -sig(-2)}, {3, -sig(-1)}});
    check(euclid, of(vs::recommend{{1}, {2}, sum}), {{4, 4}, {3, 0}, {5, -2}});
    auto strict = of(vs::recommend{{1, 3}, {2}, sum});
    strict.score_threshold = -2.0f;
    check(dot, strict, {{4, 4}});
    CHECK(code_of(dot.query(of(vs::recommend{{}, {}, best}))) == vs::errc::invalid_argument);
    CHECK(code_of(dot.query(of(vs::recommend{{}, {}, sum}))) == vs::errc::invalid_argument);
}

TEST_CASE("query language: discover and context", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    check(dot, of(vs::discover{1, {{3, 2}}}), {{4, 1 + sig(2)}, {5, -1 + sig(-1)}});
    check(dot, of(vs::discover{std::vector<float>{0, 1}, {{1, 5}, {4, 5}}}), {{3, 2 + sig(1)}, {2, sig(1)}});
    check(dot, of(vs::discover{1, {}}, 1), {{4, sig(2)}});
    const double margin = std::pow(2.0, -23);
    // (1, 1) is as near to the one as to the other: just the margin is missing.
    check(dot, of(vs::context{{{1, 2}}}), {{4, 0}, {3, -margin}, {5, -(1 + margin) / (2 + margin)}});
    check(dot, of(vs::context{{{1, 2}, {std::vector<float>{0, 3}, std::vector<float>{1, 0}}}}),
          {{3, -margin}, {5, -0.5}, {4, -2.0 / 3}});
    const auto euclid = filled(db, "euclid", vs::metric::euclid, five);
    // sim is minus the squared distance: of (2, 0) to (1, 1) -2, to (0, 1) -5.
    check(euclid, of(vs::discover{1, {{3, 2}}}), {{4, 1 + sig(-1)}, {5, -1 + sig(-4)}});
    check(euclid, of(vs::context{{{2, 3}}}), {{5, 0}, {1, -0.5}, {4, -0.75}});
    CHECK(code_of(dot.query(of(vs::context{}))) == vs::errc::invalid_argument);
    CHECK(dot.query(of(vs::discover{1, {{3, 7}}})).error().message ==
          "discover.context[0].negative: no point with id 7");
}

TEST_CASE("query language: rrf and dbsf make one list of several", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    auto first = nearest_to({2, 1}, 3);                       // 4: 4, 3: 3, 1: 2
    auto second = nearest_to({0, 1}, 2, vs::has_id({3, 5}));  // 3: 1, 5: 0
    check(dot, of({first, second}, vs::rrf{}), {{3, 1.0 / 3 + 1.0 / 2}, {4, 0.5}, {5, 1.0 / 3}, {1, 0.25}});
    check(dot, of({first, second}, vs::rrf{.k = 60}, 2), {{3, 1.0 / 61 + 1.0 / 60}, {4, 1.0 / 60}});
    check(dot, of({first, second}, vs::rrf{.k = 2, .weights = {1, 3}}),
          {{3, 1.0 / 3 + 1 / (1.0 / 3 + 1)}, {5, 1 / (2.0 / 3 + 1)}, {4, 0.5}, {1, 0.25}});
    check(dot, of({first, second}, vs::rrf{.k = 2, .weights = {1, 0}}), {{4, 0.5}, {3, 1.0 / 3}, {1, 0.25}});
    // First: mean 3, deviation 1, so s / 6. Second: mean 0.5, deviation 0.71, which leaves (s - 0.5) / 4.24 + 0.5.
    const double half = 0.5 / (6 * std::sqrt(0.5));
    check(dot, of({first, second}, vs::dbsf{}), {{3, 0.5 + 0.5 + half}, {4, 4.0 / 6}, {5, 0.5 - half}, {1, 2.0 / 6}});
    const auto explained = dot.query(of({first, second}, vs::rrf{}, 2)).value();
    using scores = std::vector<std::optional<float>>;
    CHECK(explained[0].prefetch_scores == scores{3, 1});
    CHECK(explained[1].prefetch_scores == scores{4, std::nullopt});
    // One point, or equal scores: 0.5.
    auto one = nearest_to({1, 0}, 1);
    auto equal = nearest_to({1, 0}, 5, vs::has_id({1, 3}));
    check(dot, of({one, equal}, vs::dbsf{}), {{1, 0.5}, {3, 0.5}, {4, 0.5}});
    // Smaller scores are better: they are negated.
    const auto euclid = filled(db, "euclid", vs::metric::euclid, {{0}, {1}, {2}});
    check(euclid, of({nearest_to({0}, 3)}, vs::dbsf{}), {{1, 4.0 / 6}, {2, 3.0 / 6}, {3, 2.0 / 6}});
    for (auto refused :
         {of({}, vs::rrf{}), of({}, vs::dbsf{}), of({first}, vs::rrf{.k = 0}),
          of({first}, vs::rrf{.k = 2, .weights = {1, 2}}), of({first}, vs::rrf{.k = 2, .weights = {-1}})})
        CHECK(code_of(dot.query(refused)) == vs::errc::invalid_argument);
}

TEST_CASE("query language: a query with prefetches sees their points alone", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    vs::query q = nearest_to({0, 1}, 10);
    q.prefetch = {nearest_to({1, 0}, 1), nearest_to({-1, 0}, 1)};
    check(dot, q, {{4, 0}, {5, 0}});
    q.prefetch = {nearest_to({0, 1}, 2)};
    q.prefetch[0].prefetch = {nearest_to({1, 0}, 3)};  // 1, 3 and 4
    check(dot, q, {{3, 1}, {1, 0}});
    q.filter = vs::field("n") <= 3;  // holds below, too: of 1, 2 and 3 the nearest
    check(dot, q, {{2, 1}, {3, 1}});
    q.score_threshold = 1.0f;
    check(dot, q, {});
    q.score_threshold.reset();
    q.offset = 1;
    CHECK(dot.query(q).value().size() == 1);
    // Examples are no hits of the query that has them, and may be found by prefetches.
    check(dot, of({nearest_to({1, 0}, 5)}, vs::nearest_to_point{4}, 2), {{1, 2}, {3, 2}});
    check(dot, of({nearest_to({1, 0}, 3)}, vs::recommend{{3}, {2}, vs::recommend_strategy::sum_scores}),
          {{4, 2}, {1, 1}});
    // A prefetch without an offset of its own; depth and number are bounded.
    vs::query deep = nearest_to({0, 1}, 1);
    for (int i = 0; i < 33; ++i) {
        auto above = nearest_to({0, 1}, 1);
        above.prefetch = {deep};
        deep = above;
    }
    CHECK(code_of(dot.query(deep)) == vs::errc::invalid_argument);
    CHECK(dot.query(deep.prefetch[0]).value().size() == 1);
    vs::query nothing;
    nothing.prefetch = {nearest_to({1, 0})};
    CHECK(dot.query(nothing).error().message.starts_with("A query is needed to merge the prefetches."));
    q = of({of({nearest_to({1, 0}), nearest_to({1, 0, 0})}, vs::rrf{})}, vs::rrf{});
    CHECK(dot.query(q).error().message == "prefetch[0].prefetch[1]: nearest: expected dimension 2, got 3");
    q.prefetch[0].prefetch[1] = nearest_to({1, 0}, 0);
    CHECK(dot.query(q).error().message == "prefetch[0].prefetch[1]: limit = 0, it must be at least 1");
}

TEST_CASE("query language: mmr takes what is near and unlike what was taken", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    // 1 and 2 are almost the same; 3 is less near, and different.
    const auto dot = filled(db, "dot", vs::metric::dot, {{1, 0}, {0.99f, 0}, {0.6f, 0.8f}, {0, 1}});
    vs::query q = nearest_to({1, 0}, 3);
    q.mmr = vs::mmr{};
    // 2: 0.5 * 0.99 - 0.5 * 0.99 = 0; 3: 0.5 * 0.6 - 0.5 * 0.6 = 0; 4 is no candidate.
    q.mmr->diversity = 0.6f;  // 2: 0.4 * 0.99 - 0.6 * 0.99 = -0.198; 3: 0.4 * 0.6 - 0.6 * 0.6 = -0.12
    check(dot, q, {{1, 1}, {3, 0.6}, {2, 0.99}});
    q.mmr->diversity = 0;
    check(dot, q, {{1, 1}, {2, 0.99}, {3, 0.6}});
    q.mmr->diversity = 1;
    q.mmr->candidates_limit = 4;  // 4 has nothing in common with 1; of the others 3 is less like 1 and 4 than 2 is
    check(dot, q, {{1, 1}, {4, 0}, {3, 0.6}});
    q.mmr->candidates_limit = 2;
    check(dot, q, {{1, 1}, {2, 0.99}});
    q = of(vs::nearest_to_point{1}, 2);
    q.mmr = vs::mmr{.diversity = 1, .candidates_limit = 3};
    check(dot, q, {{2, 0.99}, {4, 0}});
    q.mmr->diversity = 1.5f;
    CHECK(code_of(dot.query(q)) == vs::errc::invalid_argument);
    q = of(vs::random_sample{});
    q.mmr = vs::mmr{};
    CHECK(code_of(dot.query(q)) == vs::errc::invalid_argument);
}

TEST_CASE("query language: examples are looked up in another collection", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    auto options = one_vector(3);
    options.vectors.push_back(vector_of(2, vs::metric::euclid, "small"));
    auto other = db.create_collection("other", options).value();
    auto p = make_point(2, {1, 2, 3});
    p.vectors.push_back({"small", {1, 0}});
    (void)other.upsert({p, make_point(3, {1, 2, 3})}).value();
    auto q = of(vs::nearest_to_point{2});
    q.lookup_from = vs::lookup_from{"other", "small"};
    check(dot, q, {{4, 2}, {1, 1}, {3, 1}, {2, 0}, {5, -1}});  // point 2 of this collection is no example
    q.lookup_from->vector.reset();
    CHECK(dot.query(q).error().message == "lookup_from.vector: has dimension 3, expected 2");
    q.lookup_from->vector = "large";
    CHECK(code_of(dot.query(q)) == vs::errc::invalid_argument);
    q.lookup_from = vs::lookup_from{"nowhere", {}};
    CHECK(code_of(dot.query(q)) == vs::errc::not_found);
    q = of(vs::recommend{.positive = {3}});
    q.lookup_from = vs::lookup_from{"other", "small"};
    CHECK(dot.query(q).error().message == "recommend.positive[0]: point 3 has no vector \"small\"");
    q.lookup_from = vs::lookup_from{"dot", {}};  // the collection itself: examples are left out
    check(dot, q, {{4, 2}, {1, 1}, {2, 1}, {5, -1}});
}

TEST_CASE("query language: in the order of a field", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    using vs::payload::value;
    (void)docs
        .upsert({make_point(1, {0}, {{"n", 5}, {"t", "2024-01-02"}}), make_point(2, {1}, {{"n", 2.5}}),
                 make_point(3, {2}, {{"n", value::array{7, 1, "x"}}, {"t", "2024-01-01T00:00:01Z"}}),
                 make_point(4, {3}, {{"n", "none"}}), make_point(5, {4}, {{"n", 5}}), make_point(6, {5})})
        .value();
    const auto ids_of = [&](const vs::query& q) {
        std::vector<std::uint64_t> ids;
        const auto found = docs.query(q).value();
        for (const auto& h : found) {
            CHECK(h.score == 1);
            CHECK(h.order_value.has_value());
            ids.push_back(h.id.number());
        }
        return ids;
    };
    using list = std::vector<std::uint64_t>;
    CHECK(ids_of(of(vs::order_by{.key = "n"})) == list{3, 2, 1, 5, 3});
    CHECK(ids_of(of(vs::order_by{.key = "n", .direction = vs::sort_direction::descending})) == list{3, 5, 1, 2, 3});
    CHECK(ids_of(of(vs::order_by{.key = "n", .start_from = std::int64_t{5}})) == list{1, 5, 3});
    CHECK(ids_of(of(vs::order_by{"n", vs::sort_direction::descending, 2.5})) == list{2, 3});
    auto page = of(vs::order_by{.key = "n"}, 2);
    page.offset = 1;
    page.filter = vs::field("n") > 2;
    CHECK(ids_of(page) == list{2, 1});  // point 3 has a 1 beside the 7 that matches
    CHECK(ids_of(of({nearest_to({0}, 2)}, vs::order_by{.key = "n"})) == list{2, 1});
    const auto moments = docs.query(of(vs::order_by{.key = "t"})).value();
    REQUIRE(moments.size() == 2);
    CHECK(moments[0].id == vs::point_id(3));
    CHECK(std::get<std::int64_t>(*moments[0].order_value) == 1'704'067'201'000'000);
    CHECK(ids_of(of(vs::order_by{.key = "t", .start_from = vs::datetime::parse("2024-01-01T12:00:00Z").value()})) ==
          list{1});
    auto refused = of(vs::order_by{.key = "n"});
    refused.score_threshold = 1.0f;
    CHECK(docs.query(refused).error().message == "Can't use score_threshold with an order_by query.");
    CHECK(code_of(docs.query(of(vs::order_by{.key = "a b"}))) == vs::errc::invalid_argument);
    CHECK(code_of(docs.query(of(vs::order_by{.key = "n", .start_from = std::nan("")}))) == vs::errc::invalid_argument);
}

TEST_CASE("query language: integers beyond 2^53 are ordered exactly, beside doubles too", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    const std::int64_t big = std::int64_t{1} << 60;
    (void)docs
        .upsert({make_point(1, {0}, {{"n", big + 1}}), make_point(2, {0}, {{"n", big}}),
                 make_point(3, {0}, {{"n", static_cast<double>(big)}}), make_point(4, {0}, {{"n", 1e300}}),
                 make_point(5, {0}, {{"n", -1e300}}), make_point(6, {0}, {{"n", big - 1}})})
        .value();
    std::vector<std::uint64_t> ids;
    const auto found = docs.query(of(vs::order_by{.key = "n"})).value();
    for (const auto& h : found) ids.push_back(h.id.number());
    CHECK(ids == std::vector<std::uint64_t>{5, 6, 2, 3, 1, 4});
}

TEST_CASE("query language: at random, and all by id", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    (void)docs.upsert(numbered_points(1, 50)).value();
    (void)docs.erase(vs::field("n") > 40).value();
    std::vector<int> drawn(60);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto found = docs.query(of(vs::random_sample{seed}, 10)).value();
        REQUIRE(found.size() == 10);
        std::vector<std::uint64_t> ids;
        for (const auto& h : found) ids.push_back(h.id.number());
        for (const auto id : ids) ++drawn[id];
        std::sort(ids.begin(), ids.end());
        CHECK(std::unique(ids.begin(), ids.end()) == ids.end());
    }
    for (std::size_t id = 1; id <= 40; ++id) CHECK((drawn[id] > 15 && drawn[id] < 100));  // 50 expected
    CHECK(drawn[41] == 0);
    const auto once = docs.query(of(vs::random_sample{7}, 5)).value(),
               again = docs.query(of(vs::random_sample{7}, 5)).value();
    for (std::size_t i = 0; i < 5; ++i) CHECK(once[i].id == again[i].id);
    auto few = of(vs::random_sample{}, 10);
    few.filter = vs::field("n") <= 3;
    CHECK(docs.query(few).value().size() == 3);
    check(docs, of(vs::all_points{}, 3), {{1, 1}, {2, 1}, {3, 1}});
    auto page = of(vs::all_points{}, 2);
    page.offset = 2;
    page.filter = vs::field("n") >= 10;
    check(docs, page, {{12, 1}, {13, 1}});
    page.score_threshold = 0.0f;
    CHECK(docs.query(page).error().message.starts_with("A query is needed to use the score_threshold."));
}

TEST_CASE("query language: a batch takes any mix of queries", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto dot = filled(db, "dot", vs::metric::dot, five);
    std::vector<vs::query> queries{nearest_to({1, 0}, 1), of(vs::nearest_to_point{1}, 1), of(vs::all_points{}, 2)};
    const auto answers = dot.query_batch(queries).value();
    REQUIRE(answers.size() == 3);
    CHECK(answers[0][0].id == vs::point_id(4));
    CHECK(answers[1][0].id == vs::point_id(4));
    CHECK(answers[2].size() == 2);
    queries[1].ask = vs::nearest_to_point{9};
    CHECK(dot.query_batch(queries).error().message == "queries[1]: nearest_to_point: no point with id 9");
}
