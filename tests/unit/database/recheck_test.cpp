// Indexes that are measured with the queries that come: what is asked for is what they find.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

constexpr std::size_t dim = 24, free_numbers = 8, rows = 5'000, asked_queries = 400;

/// The first few numbers decide the others, up to noise of the size `off`. So rows with little of it lie near a
/// surface, and queries with more lie off it.
std::vector<float> vector_near(vs::random_source& random, float off) {
    std::vector<float> v(dim);
    for (std::size_t i = 0; i < dim; ++i) {
        const auto noise = static_cast<float>(2 * random.unit() - 1);
        v[i] = i < free_numbers ? noise : 0.5f * v[i % free_numbers] * v[i * 3 % free_numbers] + off * noise;
    }
    return v;
}

vs::collection filled(vs::database& db, float off, vs::index_kind kind, std::size_t count = rows) {
    auto options = one_vector(dim);
    options.vectors[0].index = kind;
    auto points = db.create_collection("c", options).value();
    vs::random_source random(1);
    std::vector<vs::point> batch;
    for (std::uint64_t id = 0; id < count; ++id) batch.push_back(make_point(id, vector_near(random, off)));
    REQUIRE(points.upsert(batch));
    REQUIRE(db.optimize());
    return points;
}

struct outcome {
    double recall = 0;
    double distances = 0;  ///< for a query
    double promised = 0;
    std::size_t parts_by_queries = 0;  ///< of the last plan
};

/// Asks queries drawn with `seed`.
outcome ask(const vs::collection& points, std::uint64_t seed, float off, double recall, std::size_t limit = 10) {
    vs::random_source random(seed);
    outcome all;
    for (std::size_t i = 0; i < asked_queries; ++i) {
        auto q = nearest_to(vector_near(random, off), limit);
        q.recall = recall;
        const auto found = points.query(q).value();
        q.exact = true;
        std::set<vs::point_id> right;
        for (const auto& hit : points.query(q).value()) right.insert(hit.id);
        for (const auto& hit : found)
            all.recall += static_cast<double>(right.count(hit.id)) / static_cast<double>(limit * asked_queries);
        all.distances += static_cast<double>(found.plan.distances) / asked_queries;
        all.promised += found.plan.expected_recall / asked_queries;
        all.parts_by_queries = found.plan.parts_by_queries;
    }
    return all;
}

}  // namespace

TEST_CASE("recheck: queries that are harder than rows get what they ask for once some have come",
          "[database][one_thread]") {
    for (const auto kind : {vs::index_kind::hnsw, vs::index_kind::ivf}) {
        INFO(to_string(kind));
        auto db = vs::database::in_memory(quiet()).value();
        const auto points = filled(db, 0.3f, kind);
        const auto before = ask(points, 2, 1, 0.9);
        CHECK(before.recall < 0.87);
        CHECK(before.promised > 0.89);
        CHECK(before.parts_by_queries == 0);
        CHECK(points.info().value().rows_measured_by_queries == 0);
        REQUIRE(db.optimize());
        const auto info = points.info().value();
        CHECK(info.sampled_queries == asked_queries);
        CHECK(info.sample_bytes >= asked_queries * dim * sizeof(float));
        CHECK(info.rows_measured_by_queries == rows);
        for (const double recall : {0.9, 0.95}) {
            const auto after = ask(points, 3, 1, recall);
            CHECK(after.recall >= recall - 0.02);
            CHECK(after.recall <= recall + 0.03);
            CHECK(after.promised >= recall - 0.001);
            CHECK(after.parts_by_queries == 1);
        }
        // Another k, for which nothing was measured: by the same ratio.
        CHECK(ask(points, 4, 1, 0.9, 100).recall >= 0.87);
    }
}

TEST_CASE("recheck: queries that are easier than rows become cheaper", "[database][one_thread]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto points = filled(db, 0.5f, vs::index_kind::hnsw);
    const auto before = ask(points, 2, 0, 0.95);
    REQUIRE(db.optimize());
    const auto after = ask(points, 3, 0, 0.95);
    CHECK(before.recall > 0.96);
    CHECK(after.recall >= 0.93);
    CHECK(after.recall <= 0.97);
    CHECK(after.distances < 0.9 * before.distances);
}

TEST_CASE("recheck: a part that is written anew is measured with the queries that came before",
          "[database][one_thread]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto points = filled(db, 0.3f, vs::index_kind::hnsw);
    (void)ask(points, 2, 1, 0.9);
    std::vector<vs::point_id> dead;
    for (std::uint64_t id = 0; id < rows; id += 5) dead.emplace_back(id);
    REQUIRE(points.erase(dead));
    // The part is written anew, and the new one measured at once.
    REQUIRE(db.optimize());
    CHECK(points.info().value().rows_measured_by_queries == rows - dead.size());
    const auto after = ask(points, 3, 1, 0.9);
    CHECK(after.recall >= 0.88);
    CHECK(after.recall <= 0.94);
}

TEST_CASE("recheck: too few queries, filters, ranges and exact searches change nothing", "[database][one_thread]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto points = filled(db, 0.3f, vs::index_kind::hnsw);
    vs::random_source random(5);
    for (std::size_t i = 0; i < 300; ++i) {
        auto q = nearest_to(vector_near(random, 1));
        q.exact = i % 2 == 0;
        if (i % 2 == 1) q.within = 1.0f;
        REQUIRE(points.query(q));
        REQUIRE(points.query(nearest_to(vector_near(random, 1), 10, vs::has_id({1, 2, 3}))));
    }
    CHECK(points.info().value().sampled_queries == 0);
    for (std::size_t i = 0; i < 255; ++i) REQUIRE(points.query(nearest_to(vector_near(random, 1))));
    REQUIRE(db.optimize());
    CHECK(points.info().value().sampled_queries == 255);
    CHECK(points.info().value().rows_measured_by_queries == 0);
    REQUIRE(points.query(nearest_to(vector_near(random, 1))));
    REQUIRE(db.optimize());
    CHECK(points.info().value().rows_measured_by_queries == rows);
}

TEST_CASE("recheck: binary vectors, too, and each named vector by its own queries", "[database][one_thread]") {
    auto bits = vector_of(64, vs::metric::hamming, "bits");
    bits.type = vs::element_type::binary;
    auto db = vs::database::in_memory(quiet()).value();
    auto points = db.create_collection("c", {{vector_of(4), bits}}).value();
    vs::random_source random(1);
    const auto drawn = [&] {
        auto v = random_vector(random, 64);
        for (auto& x : v) x = x > 0 ? 1.0f : 0.0f;
        return v;
    };
    std::vector<vs::point> batch;
    for (std::uint64_t id = 0; id < 2'500; ++id) {
        batch.push_back(make_point(id, random_vector(random, 4)));
        batch.back().vectors = {{"bits", drawn()}};
    }
    REQUIRE(points.upsert(batch));
    REQUIRE(db.optimize());
    auto q = nearest_to(drawn());
    q.using_vector = "bits";
    for (std::size_t i = 0; i < 300; ++i) {
        q.nearest = drawn();
        REQUIRE(points.query(q));
    }
    REQUIRE(db.optimize());
    CHECK(points.info().value().sampled_queries == 300);
    CHECK(points.info().value().sample_bytes < 300 * 64);
    CHECK(points.query(q).value().plan.parts_by_queries == 1);
    CHECK(points.query(q).value().plan.expected_recall >= 0.949);
    CHECK(points.query(nearest_to(random_vector(random, 4))).value().plan.parts_by_queries == 0);
}

TEST_CASE("recheck: nothing is kept of queries when that is switched off, nor when only reading",
          "[database][one_thread]") {
    const memory_disk disk;
    auto options = quiet();
    options.sample_queries = false;
    {
        auto db = disk.open(options).value();
        const auto points = filled(db, 0.3f, vs::index_kind::hnsw);
        (void)ask(points, 2, 1, 0.9);
        CHECK(points.info().value().sampled_queries == 0);
        CHECK(points.info().value().sample_bytes == 0);
        REQUIRE(db.optimize());
        CHECK(points.info().value().rows_measured_by_queries == 0);
        REQUIRE(db.close());
    }
    options.sample_queries = true;
    {
        auto db = disk.open(options).value();
        const auto points = db.open_collection("c").value();
        (void)ask(points, 2, 1, 0.9);
        CHECK(points.info().value().sampled_queries == asked_queries);
        REQUIRE(db.optimize());
        CHECK(points.info().value().rows_measured_by_queries == rows);
        REQUIRE(db.close());
    }
    // What was measured is in memory alone.
    options.read_only = true;
    auto db = disk.open(options).value();
    const auto points = db.open_collection("c").value();
    (void)ask(points, 2, 1, 0.9);
    CHECK(points.info().value().sampled_queries == 0);
    CHECK(points.info().value().rows_measured_by_queries == 0);
}

TEST_CASE("recheck: optimize can be cancelled while it measures", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    const auto points = filled(db, 0.3f, vs::index_kind::hnsw);
    (void)ask(points, 2, 1, 0.9);
    CHECK(code_of(db.optimize([](const vs::progress& p) { return p.task.find("measuring") == std::string::npos; })) ==
          vs::errc::cancelled);
    CHECK(points.info().value().rows_measured_by_queries == 0);
    REQUIRE(db.optimize());
    CHECK(points.info().value().rows_measured_by_queries == rows);
}

TEST_CASE("recheck: searches and writes go on while indexes are measured", "[database][threads]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto points = filled(db, 0.3f, vs::index_kind::hnsw, 2'200);  // few, for the thread sanitizer
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (std::uint64_t seed = 10; seed < 12; ++seed)
        threads.emplace_back([&, seed] {
            vs::random_source random(seed);
            while (!stop) (void)points.query(nearest_to(vector_near(random, 1))).value();
        });
    threads.emplace_back([&] {
        vs::random_source random(20);
        for (std::uint64_t id = rows; !stop; ++id) {
            (void)points.upsert(std::vector{make_point(id, vector_near(random, 0.3f))}).value();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    });
    while (points.info().value().sampled_queries < 300) std::this_thread::yield();
    for (int round = 0; round < 2; ++round) REQUIRE(db.optimize());
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(points.info().value().rows_measured_by_queries > 0);
    CHECK(points.query(nearest_to(std::vector<float>(dim, 0.1f))).value().plan.parts_by_queries > 0);
}
