// New rows beside an index, as users meet them: passed over by sketches, and found nearly as by an exact search.
#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/newest/sketches.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::sketches;

TEST_CASE("newest rows: beside an index are found as by an exact search", "[collection][one_thread]") {
    constexpr std::size_t dim = 64;
    for (const auto m : {vs::metric::euclid, vs::metric::cosine}) {
        memory_disk disk;
        auto db = disk.open().value();
        auto points = db.create_collection("c", one_vector(dim, m)).value();
        vs::random_source random(17);
        const auto add = [&](std::uint64_t first, std::uint64_t count) {
            std::vector<vs::point> some;
            for (auto id = first; id < first + count; ++id) some.push_back(make_point(id, random_vector(random, dim)));
            points.upsert(some).value();
        };
        add(0, 2'000);
        db.optimize().value();
        add(10'000, 6'000);
        db.checkpoint().value();  // a part that waits for its index
        add(20'000, 6'000);
        std::size_t fresh = 0, lost = 0;
        bool sketched = false;
        for (int i = 0; i < 100; ++i) {
            auto q = nearest_to(random_vector(random, dim));
            std::set<std::uint64_t> found;
            const auto answer = points.query(q).value();
            for (const auto& hit : answer) found.insert(hit.id.number());
            sketched |= answer.plan.expected_recall <= sketches::found_share && answer.plan.rows_scanned > 0;
            q.exact = true;
            const auto exact = points.query(q).value();
            CHECK(exact.plan.expected_recall == 1);
            for (const auto& hit : exact)
                if (hit.id.number() >= 10'000) {
                    ++fresh;
                    lost += !found.contains(hit.id.number());
                }
        }
        INFO(lost << " of " << fresh);
        CHECK(fresh > 500);
        CHECK(lost <= 2);
        CHECK(sketched);
    }
}

TEST_CASE("newest rows: sketched by searches beside a writer and checkpoints", "[collection]") {
    constexpr std::size_t dim = 64;
    memory_disk disk;
    auto db = disk.open().value();
    auto points = db.create_collection("c", one_vector(dim, vs::metric::euclid)).value();
    const auto vector_of_id = [](std::uint64_t id) {
        vs::random_source random(id);
        return random_vector(random, dim);
    };
    const auto add = [&](std::uint64_t first, std::uint64_t count) {
        std::vector<vs::point> some;
        for (auto id = first; id < first + count; ++id) some.push_back(make_point(id, vector_of_id(id)));
        points.upsert(some).value();
    };
    add(0, 4'000);
    db.optimize().value();
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> written{4'000};
    std::atomic<std::size_t> asked{0}, wrong{0};
    const auto read = [&](std::uint64_t seed) {
        vs::random_source random(seed);
        while (!done) {
            const auto count = written.load();
            if (count == 4'000) continue;
            const auto id = 4'000 + random.below(count - 4'000);
            const auto answer = points.query(nearest_to(vector_of_id(id))).value();
            ++asked;
            wrong += answer.size() != 10 || answer[0].id.number() != id;
        }
    };
    std::thread one(read, 1), two(read, 2);
    for (std::uint64_t i = 0; i < 40; ++i) {
        add(written, 200);
        written += 200;
        if (i % 16 == 15) db.checkpoint().value();
    }
    done = true;
    one.join();
    two.join();
    CHECK(wrong <= 2 + asked / 1'000);
}
