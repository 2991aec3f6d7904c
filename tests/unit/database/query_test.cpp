// Queries through the public functions.
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <cmath>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr vs::metric metrics[] = {vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan};

std::vector<std::uint64_t> numbers(const vs::query_result& result) {
    std::vector<std::uint64_t> ids;
    for (const auto& h : result) ids.push_back(h.id.number());
    return ids;
}

}  // namespace

TEST_CASE("query: each metric's scores and order", "[database]") {
    for (const auto metric : metrics) {
        INFO(to_string(metric));
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", one_vector(2, metric)).value();
        REQUIRE(
            docs.upsert({make_point(1, {1, 0}), make_point(2, {3, 3}), make_point(3, {0, 2}), make_point(4, {-1, 0})}));
        const auto result = docs.query(nearest_to({2, 0})).value();
        REQUIRE(result.size() == 4);
        std::vector<double> scores;
        for (const auto& h : result) scores.push_back(static_cast<double>(h.score));
        const auto near = [&](std::vector<double> expected) {
            REQUIRE(scores.size() == expected.size());
            for (std::size_t i = 0; i < scores.size(); ++i) CHECK(scores[i] == Approx(expected[i]).margin(1e-5));
        };
        switch (metric) {
            case vs::metric::cosine:
                CHECK(numbers(result) == std::vector<std::uint64_t>{1, 2, 3, 4});
                near({1, std::sqrt(0.5), 0, -1});
                break;
            case vs::metric::dot:
                CHECK(numbers(result) == std::vector<std::uint64_t>{2, 1, 3, 4});
                near({6, 2, 0, -2});
                break;
            case vs::metric::euclid:
                CHECK(numbers(result) == std::vector<std::uint64_t>{1, 3, 4, 2});
                near({1, std::sqrt(8.0), 3, std::sqrt(10.0)});
                break;
            case vs::metric::manhattan:
                CHECK(numbers(result) == std::vector<std::uint64_t>{1, 4, 2, 3});
                near({1, 3, 4, 4});
                break;
            case vs::metric::hamming: FAIL("not among the metrics above"); break;
        }
    }
}

TEST_CASE("query: equal scores are ordered by age, and limit and offset cut the same order", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    for (int i = 9; i >= 0; --i) {
        REQUIRE(docs.upsert({make_point(i, {static_cast<float>(i / 2)})}));
        if (i == 5) REQUIRE(db.checkpoint());
    }
    const auto all = numbers(docs.query(nearest_to({0}, 10)).value());
    CHECK(all == std::vector<std::uint64_t>{1, 0, 3, 2, 5, 4, 7, 6, 9, 8});
    for (std::size_t offset = 0; offset < 12; ++offset) {
        auto q = nearest_to({0}, 3);
        q.offset = offset;
        const auto page = numbers(docs.query(q).value());
        const auto first = std::min<std::size_t>(offset, all.size()),
                   last = std::min<std::size_t>(offset + 3, all.size());
        CHECK(page == std::vector<std::uint64_t>(all.begin() + static_cast<std::ptrdiff_t>(first),
                                                 all.begin() + static_cast<std::ptrdiff_t>(last)));
    }
}

TEST_CASE("query: score_threshold keeps the better ones only", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    for (const auto metric : metrics) {
        auto docs = db.create_collection(std::string(to_string(metric)), one_vector(1, metric)).value();
        std::vector<vs::point> points;
        for (int i = 1; i <= 5; ++i) points.push_back(make_point(i, {static_cast<float>(i)}));
        REQUIRE(docs.upsert(points));
        auto q = nearest_to({1});
        q.score_threshold = 3.0f;
        const auto found = numbers(docs.query(q).value());
        if (metric == vs::metric::dot) CHECK(found == std::vector<std::uint64_t>{5, 4});
        if (metric == vs::metric::euclid || metric == vs::metric::manhattan)
            CHECK(found == std::vector<std::uint64_t>{1, 2, 3});
        if (metric == vs::metric::cosine) {
            CHECK(found.empty());
            q.score_threshold = -3.0f;
            CHECK(docs.query(q).value().size() == 5);
        }
    }
}

TEST_CASE("query: filters, payload and vectors are selected", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", {{vector_of(1), vector_of(2, vs::metric::dot, "text")}}).value();
    std::vector<vs::point> points;
    for (int i = 0; i < 40; ++i) {
        points.push_back(make_point(i, {static_cast<float>(i)}, {{"n", i}, {"geo", {{"lat", 1.5}, {"lon", 2.5}}}}));
        if (i % 4 == 0) points.back().vectors.push_back({"text", {static_cast<float>(i), 1}});
    }
    REQUIRE(docs.upsert(points));
    auto q = nearest_to({0}, 3, vs::field("n") >= 10);
    auto found = docs.query(q).value();
    CHECK(numbers(found) == std::vector<std::uint64_t>{10, 11, 12});
    CHECK(found[0].payload == points[10].payload);
    CHECK(found[0].vector.empty());
    CHECK(found[0].vectors.empty());
    CHECK(found[0].version > 0);

    q.with_payload = vs::payload::selector::include({"geo.lat"}).value();
    q.with_vectors = {""};
    found = docs.query(q).value();
    CHECK(found[0].payload == vs::payload::document{{"geo", {{"lat", 1.5}}}});
    CHECK(found[0].vector == std::vector<float>{10});
    CHECK(found[2].vectors.empty());

    q.with_payload = vs::payload::selector::exclude({"geo"}).value();
    q.with_vectors = {"text"};
    found = docs.query(q).value();
    CHECK(found[0].payload == vs::payload::document{{"n", 10}});
    CHECK(found[0].vectors.empty());
    CHECK(found[2].vectors == std::vector<vs::named_vector>{{"text", {12, 1}}});
    q.with_payload = false;
    q.with_vectors = true;
    found = docs.query(q).value();
    CHECK(found[2].payload.empty());
    CHECK(found[2].vector == std::vector<float>{12});
    CHECK(found[2].vectors.size() == 1);

    // Points that lack the vector are not found through it.
    auto by_text = nearest_to({1, 0}, 100);
    by_text.using_vector = "text";
    CHECK(docs.query(by_text).value().size() == 10);
    by_text.filter = vs::field("n") < 10;
    CHECK(numbers(docs.query(by_text).value()) == std::vector<std::uint64_t>{8, 4, 0});
}

TEST_CASE("query: an empty collection answers with nothing", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    CHECK(docs.query(nearest_to({1, 2})).value().empty());
    CHECK(docs.query(nearest_to({1, 2}, 10, vs::field("n") == 1)).value().empty());
    REQUIRE(db.optimize());
    CHECK(docs.query(nearest_to({1, 2})).value().empty());
    CHECK(docs.scroll({}).value().records.empty());
}

TEST_CASE("query: a batch sees one state and fails as a whole", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(1)).value();
    REQUIRE(docs.upsert({make_point(1, {1}), make_point(2, {2})}));
    std::vector<vs::query> queries{nearest_to({0}, 1), nearest_to({5}, 1), nearest_to({0}, 5)};
    const auto answers = docs.query_batch(queries).value();
    REQUIRE(answers.size() == 3);
    CHECK(numbers(answers[0]) == std::vector<std::uint64_t>{1});
    CHECK(numbers(answers[1]) == std::vector<std::uint64_t>{2});
    CHECK(answers[2].size() == 2);
    CHECK(docs.query_batch({}).value().empty());
    queries[1].limit = 0;
    const auto refused = docs.query_batch(queries);
    REQUIRE(code_of(refused) == errc::invalid_argument);
    CHECK(refused.error().message.find("queries[1]") != std::string::npos);
}

TEST_CASE("query: graphs, parts without graph and memory give one answer; ef, recall and exact choose the effort",
          "[database]") {
    vs::random_source random(11);
    for (const auto metric : metrics) {
        INFO(to_string(metric));
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", one_vector(8, metric)).value();
        oracle wanted(one_vector(8, metric));
        const auto write = [&](std::uint64_t first, std::size_t count) {
            std::vector<vs::point> points;
            for (std::size_t i = 0; i < count; ++i)
                points.push_back(make_point(first + i, random_vector(random, 8), {{"n", random.below(1'000)}}));
            wanted.upsert(points);
            REQUIRE(docs.upsert(points));
        };
        write(0, 2'500);
        REQUIRE(db.optimize());
        write(2'400, 300);  // kills some rows of the graph
        REQUIRE(db.checkpoint());
        write(2'690, 100);
        REQUIRE(docs.info().value().rows_indexed == 2'500);
        for (int round = 0; round < 5; ++round) {
            const auto nearest = random_vector(random, 8);
            REQUIRE(difference(docs, wanted, 0, nearest, 10, {}) == "");
            const auto truth = wanted.scores(0, nearest, {});
            auto q = nearest_to(nearest);
            q.recall = 1;
            CHECK(docs.query(q).value().plan.strategy == vs::search_strategy::exact_scan);
            q.recall = 0.95;
            const auto by_recall = docs.query(q).value();
            CHECK(by_recall.size() == 10);
            CHECK(by_recall.plan.strategy == vs::search_strategy::plain_walk);
            q.ef = 2'000;
            const auto by_ef = docs.query(q).value();
            CHECK(by_ef.plan.ef == 2'000);
            CHECK(by_ef.plan.distances > by_recall.plan.distances);
            for (std::size_t i = 0; i < 10; ++i)  // so wide a walk finds all
                CHECK(static_cast<double>(by_ef[i].score) == Approx(truth[i]).margin(score_tolerance));
        }
    }
}

TEST_CASE("query: limit is a contract at any selectivity, over graphs with dead rows", "[database]") {
    vs::random_source random(5);
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(8, vs::metric::cosine)).value();
    std::vector<vs::point> points;
    constexpr std::uint64_t count = 6'000;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto vector = random_vector(random, 8);
        vector[0] += static_cast<float>(i % 10);  // so that the filter below is correlated with place
        points.push_back(make_point(i, vector, {{"n", vs::mix64(i) % 10'000}, {"group", i % 10}}));
    }
    REQUIRE(docs.upsert(points));
    REQUIRE(db.optimize());
    for (const bool many_dead : {false, true}) {
        if (many_dead) REQUIRE(docs.erase(vs::field("group") < 9));
        for (const std::int64_t share : {10'000, 5'000, 2'000, 1'000, 500, 200, 100, 50, 10, 0}) {
            for (const std::size_t limit : {1u, 10u, 100u, 3'000u}) {
                const auto filter = vs::field("n") < share;
                const auto matches = docs.count(filter).value();
                auto q = nearest_to(random_vector(random, 8), limit, filter);
                q.with_payload = true;
                const auto found = docs.query(q).value();
                INFO("share " << share << ", limit " << limit << ", " << to_string(found.plan.strategy));
                REQUIRE(found.size() == std::min(limit, matches));
                for (const auto& h : found) REQUIRE(h.payload["n"].int64_or(10'000) < share);
            }
        }
        for (const std::size_t limit : {10u, 500u, 6'000u}) {
            const auto found = docs.query(nearest_to(random_vector(random, 8), limit)).value();
            REQUIRE(found.size() == std::min(limit, docs.count().value()));
        }
        // A filter that agrees with place: the walk starts far away.
        const auto corner = docs.query(nearest_to({-9, 0, 0, 0, 0, 0, 0, 0}, 50, vs::field("group") == 9)).value();
        CHECK(corner.size() == 50);
    }
}
