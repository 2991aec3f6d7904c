#include "support.hpp"

#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace vecstore;
using index::hnsw;

TEST_CASE("hnsw: threads insert, remove and search at once; nothing is lost and nothing wrong is returned",
          "[hnsw][threads]") {
    constexpr std::size_t inserters = 3, per_thread = 700, dim = 12;
    const auto data = test::random_vectors(inserters * per_thread, dim, 71);
    hnsw<> h({.dim = dim, .metric = metric::euclid, .m = 8, .ef_construct = 40});
    std::vector<row_id> row_of(data.rows);
    std::atomic<bool> done{false}, wrong{false};
    std::vector<std::thread> searchers, writers;
    for (std::size_t s = 0; s < 2; ++s)
        searchers.emplace_back([&, s] {
            for (std::size_t i = s; !done; ++i) {
                const auto found = h.search(data[i % data.rows], 10, 30).value();
                const auto even = h.search(data[i % data.rows], 5, 30, [](row_id row) { return row % 2 == 0; }).value();
                if (!std::is_sorted(found.begin(), found.end())) wrong = true;
                for (const auto& n : found) wrong = wrong || n.row >= h.rows().size();
                for (const auto& n : even) wrong = wrong || n.row % 2 != 0;
            }
        });
    for (std::size_t t = 0; t < inserters; ++t)
        writers.emplace_back([&, t] {
            for (std::size_t i = t * per_thread; i < (t + 1) * per_thread; ++i) {
                row_of[i] = h.insert(data[i]).value();
                if (i % 5 == 0 && !h.remove(row_of[i])) wrong = true;
                if (i % 5 == 1 && h.search(data[i], 1, 60).value().at(0).distance > 1e-6f) wrong = true;
            }
        });
    for (auto& thread : writers) thread.join();
    done = true;
    for (auto& thread : searchers) thread.join();

    CHECK_FALSE(wrong);
    CHECK(h.size() == data.rows * 4 / 5);
    CHECK(h.health().unreachable_rows == 0);
    std::size_t found_itself = 0;
    for (std::size_t i = 0; i < data.rows; ++i) {
        const auto found = h.search(data[i], 1, 100).value();
        REQUIRE(found.size() == 1);
        found_itself += found[0].row == row_of[i];
        REQUIRE(h.contains(row_of[i]) == (i % 5 != 0));
    }
    CHECK(found_itself >= data.rows * 4 / 5 * 99 / 100);
}

TEST_CASE("hnsw: threads replace rows whose numbers and memory are used again, while others search",
          "[hnsw][threads]") {
    constexpr std::size_t writers = 3, per_writer = 200, dim = 8, rounds = 5;
    const auto data = test::random_vectors(writers * per_writer * (rounds + 1), dim, 73);
    hnsw<> h({.dim = dim, .metric = metric::euclid, .m = 6, .ef_construct = 30, .reuse_rows = true});
    std::vector<row_id> row_of(writers * per_writer);
    for (std::size_t i = 0; i < row_of.size(); ++i) row_of[i] = h.insert(data[i]).value();
    std::atomic<bool> done{false}, wrong{false};
    std::vector<std::thread> searchers, threads;
    for (std::size_t s = 0; s < 2; ++s)
        searchers.emplace_back([&, s] {
            for (std::size_t i = s; !done; ++i) {
                const auto found = h.search(data[i % data.rows], 10, 30).value();
                if (found.size() != 10 || !std::is_sorted(found.begin(), found.end())) wrong = true;
            }
        });
    for (std::size_t t = 0; t < writers; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t round = 1; round <= rounds; ++round)
                for (std::size_t i = t * per_writer; i < (t + 1) * per_writer; ++i) {
                    const auto& vector = data[round * row_of.size() + i];
                    if (!h.remove(row_of[i])) wrong = true;
                    row_of[i] = h.insert(vector).value();
                    if (h.search(vector, 1, 60).value().at(0).distance > 1e-6f) wrong = true;
                    if (i % 97 == 0 && h.heal() != 0) wrong = true;
                }
        });
    for (auto& thread : threads) thread.join();
    done = true;
    for (auto& thread : searchers) thread.join();
    CHECK_FALSE(wrong);
    CHECK(h.size() == row_of.size());
    CHECK(h.rows().size() < data.rows / 2);
    CHECK(h.health().unreachable_rows == 0);
}

TEST_CASE("hnsw: many threads link equal vectors and all stay reachable", "[hnsw][threads]") {
    const std::vector<float> data(2000 * 4, 0.5f);
    hnsw<index::contiguous_rows> h({.metric = metric::euclid, .m = 3, .ef_construct = 20}, {data.data(), 4, 4, 2000});
    std::atomic<row_id> next{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (auto row = next.fetch_add(1); row < 2000; row = next.fetch_add(1)) h.link(row);
        });
    for (auto& thread : threads) thread.join();
    CHECK(h.size() == 2000);
    CHECK(h.health().unreachable_rows == 0);
}
