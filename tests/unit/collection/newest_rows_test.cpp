// New rows as users meet them: scanned by codes in memtables and in parts without an index, and found as by a scan of originals.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

constexpr std::size_t dim = 24;
constexpr std::uint64_t points_count = 3'000;

/// Coordinates are small integers, so that every kernel computes the same distance and many are equal.
std::vector<float> vector_at(std::uint64_t id) {
    vs::random_source random(1'000 + id);
    std::vector<float> vector(dim);
    for (auto& x : vector) x = static_cast<float>(random.below(15)) - 7;
    return vector;
}
const std::vector<float>& kept_vector_at(std::uint64_t id) {
    static const auto all = [] {
        std::vector<std::vector<float>> vectors;
        for (std::uint64_t i = 0; i < points_count; ++i) vectors.push_back(vector_at(i));
        return vectors;
    }();
    return all[id];
}
bool living(std::uint64_t id) { return id % 4 != 1; }

struct store {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection points;

    explicit store(vs::metric m, vs::element_type type = vs::element_type::f32) : points(make(db, m, type)) {
        std::vector<vs::point> all;
        std::vector<vs::point_id> dead;
        for (std::uint64_t id = 0; id < points_count; ++id) {
            all.push_back(make_point(id, vector_at(id), {{"third", id % 3 == 0}}));
            if (!living(id)) dead.emplace_back(id);
        }
        points.upsert(all).value();
        points.erase(dead).value();
    }
    static vs::collection make(vs::database& db, vs::metric m, vs::element_type type) {
        auto options = one_vector(dim, m);
        options.vectors[0].type = type;
        return db.create_collection("c", options).value();
    }
    void reopen() {
        db.close().value();
        db = disk.open().value();
        points = db.open_collection("c").value();
    }
};

/// Euclid or dot, which are exact here.
std::vector<std::uint64_t> nearest(vs::metric m, const std::vector<float>& query, std::size_t limit,
                                   std::uint64_t step) {
    std::vector<std::pair<float, std::uint64_t>> all;
    for (std::uint64_t id = 0; id < points_count; id += step) {
        if (!living(id)) continue;
        const auto& vector = kept_vector_at(id);
        float distance = 0;
        for (std::size_t d = 0; d < dim; ++d)
            distance += m == vs::metric::dot ? -query[d] * vector[d] : (query[d] - vector[d]) * (query[d] - vector[d]);
        all.emplace_back(distance, id);
    }
    std::sort(all.begin(), all.end());
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < std::min(limit, all.size()); ++i) ids.push_back(all[i].second);
    return ids;
}
std::vector<std::uint64_t> ids_of(const vs::query_result& answer) {
    std::vector<std::uint64_t> ids;
    for (const auto& hit : answer) ids.push_back(hit.id.number());
    return ids;
}
void check_answers(const store& s, vs::metric m, bool coded) {
    for (std::uint64_t i = 0; i < 20; ++i) {
        const auto query = vector_at(i % 2 == 0 ? i : 100'000 + i);
        for (const std::size_t limit : {1u, 10u, 700u}) {
            auto q = nearest_to(query, limit);
            auto answer = s.points.query(q).value();
            CHECK(ids_of(answer) == nearest(m, query, limit, 1));
            CHECK((answer.plan.rescored > 0) == coded);
            if (coded && limit <= 10) CHECK(answer.plan.rescored < points_count / 2);
            q.exact = true;
            CHECK(ids_of(s.points.query(q).value()) == nearest(m, query, limit, 1));
            q.filter = vs::field("third") == true;
            CHECK(ids_of(s.points.query(q).value()) == nearest(m, query, limit, 3));
        }
    }
}

}  // namespace

TEST_CASE("newest rows: found as by a scan of originals, ties included, in memtables and in parts",
          "[collection][one_thread]") {
    for (const auto m : {vs::metric::euclid, vs::metric::dot})
        for (const auto type : {vs::element_type::f32, vs::element_type::f16, vs::element_type::bf16}) {
            store s(m, type);
            check_answers(s, m, true);
            s.db.checkpoint().value();  // the dead are not written: codes are made anew
            check_answers(s, m, true);
            s.reopen();  // codes are gone; the part is scanned by originals until it has its index
            check_answers(s, m, false);
        }
}

TEST_CASE("newest rows: a part takes over the codes of the memtable it was written from", "[collection][one_thread]") {
    store s(vs::metric::euclid);
    s.db.checkpoint().value();
    const auto waiting = s.points.info().value();
    CHECK(waiting.rows_indexed == 0);
    CHECK(waiting.index_bytes >= points_count * 3 / 4 * dim);
    CHECK(waiting.memtable_bytes == 0);
    s.db.optimize().value();
    CHECK(s.points.query(nearest_to(vector_at(0))).value().plan.rows_scanned == 0);
}

TEST_CASE("newest rows: a radius bounds the scan by codes", "[collection]") {
    store s(vs::metric::euclid);
    const auto query = vector_at(8);
    for (const float radius : {0.0f, 300.0f, 500.0f, 1e9f}) {
        auto q = nearest_to(query, points_count);
        q.within = radius;
        std::vector<std::uint64_t> wanted;
        for (const auto id : nearest(vs::metric::euclid, query, points_count, 1)) {
            const auto vector = vector_at(id);
            float square = 0;
            for (std::size_t d = 0; d < dim; ++d) square += (query[d] - vector[d]) * (query[d] - vector[d]);
            if (square <= radius || std::sqrt(square) <= radius) wanted.push_back(id);
        }
        const auto found = ids_of(s.points.query(q).value());
        // Whatever the unit of the radius: a beginning of the order by distance, and all of it when the radius is large.
        REQUIRE(found.size() <= wanted.size());
        CHECK(std::equal(found.begin(), found.end(), wanted.begin()));
        if (radius == 1e9f) CHECK(found.size() == points_count * 3 / 4);
        if (radius == 0) CHECK(found == std::vector<std::uint64_t>{8});
    }
}

TEST_CASE("newest rows: two readers beside a writer and checkpoints", "[collection]") {
    store s(vs::metric::euclid);
    std::atomic<bool> done{false};
    std::atomic<std::size_t> wrong{0};
    const auto read = [&](std::uint64_t seed) {
        while (!done) {
            const auto id = 4 * (seed++ % 500);
            const auto answer = s.points.query(nearest_to(vector_at(id))).value();
            wrong += answer.size() != 10 || answer[0].id.number() != id;
            for (std::size_t i = 1; i < answer.size(); ++i) wrong += answer[i].score < answer[i - 1].score;
        }
    };
    std::thread one(read, 1), two(read, 2);
    for (std::uint64_t i = 0; i < 60; ++i) {
        std::vector<vs::point> some;
        for (std::uint64_t j = 0; j < 50; ++j)
            some.push_back(make_point(10'000 + 50 * i + j, vector_at(10'000 + 50 * i + j)));
        s.points.upsert(some).value();
        if (i % 20 == 10) s.db.checkpoint().value();
    }
    done = true;
    one.join();
    two.join();
    CHECK(wrong == 0);
}
