// Range search through the public functions.
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <limits>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t dim = 6, count = 2'500;

/// Points in a graph, in a part without one, and in a memtable; every third has k = 0.
struct fixture {
    vs::database db = vs::database::in_memory(quiet()).value();
    vs::collection docs;
    oracle points;

    explicit fixture(vs::metric m)
        : docs(db.create_collection("docs", one_vector(dim, m)).value()), points(one_vector(dim, m)) {
        vs::random_source random(3);
        const auto add = [&](std::uint64_t first, std::uint64_t end) {
            std::vector<vs::point> batch;
            for (auto id = first; id < end; ++id)
                batch.push_back(make_point(id, random_vector(random, dim), {{"k", id % 3}}));
            REQUIRE(docs.upsert(batch));
            points.upsert(batch);
        };
        add(0, count);
        REQUIRE(db.optimize());
        add(count, count + 100);
        REQUIRE(db.checkpoint());
        add(count + 100, count + 200);
    }
};

}  // namespace

TEST_CASE("range: all points within, by every metric, exactly or nearly", "[database]") {
    for (const auto m : {vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan}) {
        INFO(to_string(m));
        const fixture f(m);
        vs::random_source random(4);
        for (const std::size_t wanted : {1u, 20u, 400u}) {
            const auto nearest = random_vector(random, dim);
            for (const bool filtered : {false, true}) {
                twin_filter filter;
                if (filtered)
                    filter = {vs::field("k") == 0, [](const vs::point& p) { return p.payload["k"].int64_or(1) == 0; }};
                const auto scores = f.points.scores(0, nearest, filter);
                auto q = nearest_to(nearest, vs::query_limit_max, filter.expression);
                q.within = static_cast<float>((scores[wanted - 1] + scores[wanted]) / 2);
                for (const bool exact : {true, false}) {
                    q.exact = exact;
                    const auto hits = f.docs.query(q).value();
                    if (exact) CHECK(hits.size() == wanted);
                    CHECK(hits.size() <= wanted);
                    CHECK(hits.size() >= wanted * 95 / 100);
                    for (std::size_t i = 0; exact && i < hits.size(); ++i)
                        CHECK(static_cast<double>(hits[i].score) == Approx(scores[i]).margin(1e-4));
                    CHECK_FALSE(hits.plan.fell_back);
                }
            }
        }
    }
}

TEST_CASE("range: the bound itself is within, limit and offset cut the nearest", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    for (std::uint64_t i = 0; i < 50; ++i) REQUIRE(docs.upsert({make_point(i, {static_cast<float>(i)})}));
    auto q = nearest_to({0}, 100);
    q.within = 7.0f;
    CHECK(docs.query(q).value().size() == 8);
    q.limit = 3;
    q.offset = 2;
    const auto page = docs.query(q).value();
    REQUIRE(page.size() == 3);
    CHECK(page[0].id == vs::point_id(2));
    q.score_threshold = 4.0f;
    CHECK(docs.query(q).value().size() == 2);
    q.within = 0.0f;
    q.offset = 0;
    CHECK(docs.query(q).value().size() == 1);
}

TEST_CASE("range: a small range costs less than the whole, however high the limit", "[database]") {
    const fixture f(vs::metric::euclid);
    vs::random_source random(5);
    auto q = nearest_to(random_vector(random, dim), vs::query_limit_max);
    q.within = 0.3f;
    const auto plan = f.docs.query(q).value().plan;
    CHECK(plan.strategy == vs::search_strategy::plain_walk);
    CHECK(plan.distances < (count + 200) / 2);
}

TEST_CASE("range: bounds that make no sense are refused", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    auto cosine = db.create_collection("cosine", one_vector(1, vs::metric::cosine)).value();
    auto q = nearest_to({1});
    q.within = -1.0f;
    CHECK(code_of(docs.query(q)) == errc::invalid_argument);
    CHECK(cosine.query(q));
    q.within = std::numeric_limits<float>::infinity();
    CHECK(code_of(docs.query(q)) == errc::invalid_argument);
}
