#include <vecstore/index/hnsw/scratch.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;

TEST_CASE("visited_set: forgets at each start, also when its tags wrap", "[hnsw]") {
    visited_set visited;
    for (int walk = 0; walk < 1000; ++walk) {
        visited.start(100);
        REQUIRE(visited.visit(static_cast<row_id>(walk % 100)));
        REQUIRE_FALSE(visited.visit(static_cast<row_id>(walk % 100)));
        REQUIRE(visited.visit(static_cast<row_id>((walk + 1) % 100)));
    }
}

TEST_CASE("visited_set: a row beyond its room counts as seen", "[hnsw]") {
    visited_set visited;
    visited.start(100);
    CHECK_FALSE(visited.visit(1'000'000));
    visited.start(2'000'000);
    CHECK(visited.visit(1'000'000));
}

TEST_CASE("scratch_pool: lends to more threads than it keeps, each scratch to one at a time", "[hnsw]") {
    scratch_pool pool;
    std::atomic<bool> shared{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 24; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                const auto scratch = pool.borrow();
                scratch->kept[0] = static_cast<row_id>(t);
                std::this_thread::yield();
                if (scratch->kept[0] != static_cast<row_id>(t)) shared = true;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK_FALSE(shared);
    CHECK(pool.memory_bytes() > 0);
    CHECK(pool.memory_bytes() <= 16 * sizeof(search_scratch));
}
