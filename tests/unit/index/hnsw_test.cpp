#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

using namespace vecstore;
using index::hnsw;

namespace {

/// Rows that a walk on level 0 from the entry can reach.
template <class Index>
std::size_t reachable(const Index& h) {
    const auto& graph = h.graph();
    std::vector<bool> seen(graph.row_bound());
    std::vector<row_id> open{graph.entry().row};
    seen[open[0]] = true;
    std::size_t count = 0;
    row_id ids[index::list_max];
    while (!open.empty()) {
        const auto row = open.back();
        open.pop_back();
        ++count;
        const auto listed = graph.neighbors(row, 0, ids);
        for (std::size_t i = 0; i < listed; ++i)
            if (!seen[ids[i]]) {
                seen[ids[i]] = true;
                open.push_back(ids[i]);
            }
    }
    return count;
}

void insert_all(hnsw<>& h, const test::vectors& data) {
    for (std::size_t i = 0; i < data.rows; ++i) REQUIRE(h.insert(data[i]).value() == i);
}

double mean_recall(const hnsw<>& h, const test::vectors& data, const test::vectors& queries, std::size_t ef) {
    index::flat exact(data.dim, h.options().metric);
    for (std::size_t i = 0; i < data.rows; ++i) (void)exact.insert(data[i]).value();
    double sum = 0;
    for (std::size_t q = 0; q < queries.rows; ++q)
        sum += test::recall(h.search(queries[q], 10, ef).value(), exact.search(queries[q], 10).value());
    return sum / static_cast<double>(queries.rows);
}

}  // namespace

TEST_CASE("hnsw: recall is high on random vectors, for each metric", "[hnsw][one_thread]") {
    const auto data = test::random_vectors(4000, 20, 1), queries = test::random_vectors(50, 20, 2);
    for (const auto m : {metric::cosine, metric::euclid, metric::manhattan}) {
        hnsw<> h({.dim = 20, .metric = m, .ef_construct = 100});
        insert_all(h, data);
        CHECK(mean_recall(h, data, queries, 100) > 0.97);
        CHECK(mean_recall(h, data, queries, 400) > 0.995);
    }
}

TEST_CASE("hnsw: recall is high on tight clusters far apart", "[hnsw]") {
    const auto data = test::clustered_vectors(4000, 16, 40, 3, 4);
    const auto queries = test::clustered_vectors(50, 16, 40, 3, 5);
    hnsw<> h({.dim = 16, .metric = metric::euclid, .ef_construct = 100});
    insert_all(h, data);
    CHECK(mean_recall(h, data, queries, 200) > 0.9);
    CHECK(reachable(h) == data.rows);
}

TEST_CASE("hnsw: every row is reachable from the entry, on random, clustered and equal vectors", "[hnsw][one_thread]") {
    for (const std::size_t m : {2, 4, 16}) {
        for (const auto& data : {test::random_vectors(2500, 6, 9), test::clustered_vectors(2500, 6, 200, 1, 2),
                                 test::vectors{std::vector<float>(2500 * 6, 1.0f), 2500, 6}}) {
            hnsw<> h({.dim = 6, .metric = metric::euclid, .m = m, .ef_construct = 40});
            insert_all(h, data);
            INFO("m " << m);
            CHECK(reachable(h) == data.rows);
        }
    }
}

TEST_CASE("hnsw: a stored vector finds itself", "[hnsw]") {
    const auto data = test::random_vectors(1000, 12, 11);
    hnsw<> h({.dim = 12});
    insert_all(h, data);
    for (row_id i = 0; i < data.rows; i += 13) {
        const auto found = h.search(data[i], 1).value();
        REQUIRE(found.size() == 1);
        CHECK(found[0].row == i);
        CHECK(found[0].distance == Approx(0).margin(1e-5));
    }
}

TEST_CASE("hnsw: deleted rows are never returned, and those left are still found", "[hnsw][one_thread]") {
    const auto data = test::random_vectors(3000, 16, 21), queries = test::random_vectors(30, 16, 22);
    hnsw<> h({.dim = 16, .ef_construct = 100});
    index::flat exact(16, metric::cosine);
    insert_all(h, data);
    for (std::size_t i = 0; i < data.rows; ++i) (void)exact.insert(data[i]).value();
    for (row_id i = 0; i < data.rows; ++i)
        if (i % 10 != 0) REQUIRE((h.remove(i) && exact.remove(i)));
    CHECK(h.size() == 300);
    CHECK(h.contains(0));
    CHECK_FALSE(h.contains(1));
    CHECK_FALSE(h.contains(3000));
    CHECK(h.remove(1).error().code == errc::not_found);
    CHECK(h.remove(3000).error().code == errc::not_found);
    double sum = 0;
    for (std::size_t q = 0; q < queries.rows; ++q) {
        const auto found = h.search(queries[q], 10, 100).value();
        REQUIRE(found.size() == 10);
        for (const auto& n : found) REQUIRE(n.row % 10 == 0);
        sum += test::recall(found, exact.search(queries[q], 10).value());
    }
    CHECK(sum / 30 > 0.97);
}

TEST_CASE("hnsw: a filter's rows are the only ones returned, however few, and all are found by a wide walk",
          "[hnsw][one_thread]") {
    const auto data = test::random_vectors(2000, 16, 31), queries = test::random_vectors(20, 16, 32);
    hnsw<> h({.dim = 16, .ef_construct = 100});
    insert_all(h, data);
    for (const row_id step : {2u, 20u, 500u}) {
        const auto allow = [&](row_id row) { return row % step == 0; };
        for (std::size_t q = 0; q < queries.rows; ++q) {
            const auto found = h.search(queries[q], 10, 64, allow).value();
            CHECK(found.size() == std::min<std::size_t>(10, 2000 / step));
            for (const auto& n : found) REQUIRE(allow(n.row));
            CHECK(std::is_sorted(found.begin(), found.end()));
        }
    }
    CHECK(h.search(queries[0], 10, 64, [](row_id) { return false; }).value().empty());
}

TEST_CASE("hnsw: one thread, same order and seed give the same graph; another seed another", "[hnsw][one_thread]") {
    const auto data = test::random_vectors(1500, 10, 41);
    const auto frozen = [&](std::uint64_t seed) {
        hnsw<> h({.dim = 10, .seed = seed});
        insert_all(h, data);
        return index::freeze(h);
    };
    const auto a = frozen(1), b = frozen(1), c = frozen(2);
    CHECK((a.header == b.header && a.level0 == b.level0 && a.upper == b.upper));
    CHECK(a.upper != c.upper);
}

TEST_CASE("hnsw: links over rows that lie in someone else's memory, in any order", "[hnsw]") {
    const auto data = test::random_vectors(1000, 14, 51);
    const index::contiguous_rows rows{data.values.data(), 14, 14, 1000};
    hnsw<index::contiguous_rows> h({.metric = metric::euclid}, rows);
    for (row_id i = 0; i < 1000; ++i) h.link((i * 617) % 1000);
    CHECK(h.size() == 1000);
    CHECK(reachable(h) == 1000);
    for (row_id i = 0; i < 1000; i += 37) CHECK(h.search(data[i], 1).value()[0].row == i);
}

TEST_CASE("hnsw: rows not linked yet are not found", "[hnsw]") {
    const auto data = test::random_vectors(100, 4, 52);
    hnsw<index::contiguous_rows> h({.metric = metric::euclid}, {data.values.data(), 4, 4, 100});
    CHECK(h.search(data[0], 5).value().empty());
    h.link(99);
    CHECK(h.search(data[0], 5).value().size() == 1);
    CHECK(h.contains(99));
    CHECK_FALSE(h.contains(5));
    CHECK(h.remove(5).error().code == errc::not_found);
}

TEST_CASE("hnsw: bad input is an invalid argument and changes nothing", "[hnsw]") {
    hnsw<> h({.dim = 3});
    const std::vector<float> bad[] = {{1, 2}, {0, 0, 0}, {1, std::numeric_limits<float>::quiet_NaN(), 0}};
    for (const auto& v : bad) {
        CHECK(h.insert(v).error().code == errc::invalid_argument);
        CHECK(h.search(v, 1).error().code == errc::invalid_argument);
    }
    const std::vector<float> good{1, 2, 3};
    CHECK(h.size() == 0);
    CHECK(h.search(good, 5).value().empty());
    CHECK(h.search(good, ef_max + 1).error().code == errc::invalid_argument);
    CHECK(h.search(good, 1, ef_max + 1).error().code == errc::invalid_argument);
    CHECK(h.insert(good).value() == 0);
    CHECK(h.search(good, 0).value().empty());
    CHECK(hnsw<>({.dim = 0}).insert(good).error().code == errc::invalid_argument);
    CHECK(hnsw<>({.dim = dim_max + 1}).insert(good).error().code == errc::invalid_argument);
}

TEST_CASE("hnsw: vectors whose distances overflow are kept and found", "[hnsw]") {
    auto data = test::random_vectors(400, 6, 55);
    for (std::size_t i = 0; i < data.values.size(); ++i)
        if (i % 7 != 0) data.values[i] *= 3e38f;
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan}) {
        hnsw<> h({.dim = 6, .metric = m, .m = 4, .ef_construct = 20});
        insert_all(h, data);
        CHECK(reachable(h) == data.rows);
        for (row_id i = 0; i < 400; i += 7) {
            const auto found = h.search(data[i], 20, 100).value();
            CHECK(found.size() == 20);
            CHECK(std::is_sorted(found.begin(), found.end()));
            for (const auto& n : found) CHECK(n.distance <= distance_computer::distance_max);
        }
    }
}

TEST_CASE("hnsw: options outside their range are brought to its ends", "[hnsw]") {
    const hnsw<> small({.dim = 3, .m = 0, .ef_construct = 0}), large({.dim = 3, .m = 100'000, .ef_construct = 1});
    CHECK(small.options().m == 2);
    CHECK(small.options().ef_construct == 2);
    CHECK(large.options().m == index::m_max);
    CHECK(large.options().ef_construct == index::m_max);
}

TEST_CASE("hnsw: stats count what a search did", "[hnsw]") {
    const auto data = test::random_vectors(1000, 8, 61);
    hnsw<> h({.dim = 8});
    insert_all(h, data);
    index::search_stats stats;
    (void)h.search(data[0], 10, 50, &stats).value();
    CHECK(stats.distances >= 50);
    CHECK(stats.distances <= 1000);
    CHECK(stats.hops > 0);
    CHECK(h.memory_bytes() > 1000 * (8 * sizeof(float) + 32 * sizeof(row_id)));
}
