#include "graph_support.hpp"

#include <vecstore/index/hnsw/search_matching.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;

namespace {

struct matching_fixture {
    test::vectors data = test::random_vectors(2'000, 8, 1);
    test::vectors queries = test::random_vectors(20, 8, 2);
    test::frozen_part part{data, test::up_to(data.rows), 12};

    template <class Allow>
    double recall(std::size_t ef, const Allow& allow, std::span<const row_id> seeds) {
        const auto graph = part.graph();
        const auto rows = test::rows_of(data);
        double sum = 0;
        for (std::size_t q = 0; q < queries.rows; ++q) {
            const distance_computer computer(metric::euclid, queries[q].data(), data.dim);
            const index::exact_distances distances(rows, computer);
            const auto found = index::hnsw_search_matching(graph, distances, 10, ef, allow, seeds);
            REQUIRE(std::is_sorted(found.begin(), found.end()));
            for (const auto& n : found) REQUIRE(allow(n.row));
            sum += test::recall(found, index::flat_search(distances, rows.size(), 10, allow));
        }
        return sum / static_cast<double>(queries.rows);
    }
};

}  // namespace

TEST_CASE("hnsw matching: it finds the nearest of those that match, at any share", "[hnsw]") {
    matching_fixture fixture;
    for (const row_id every : {1u, 2u, 10u, 40u}) {
        const std::vector<row_id> seeds{0, every * 7, every * 20};
        CHECK(fixture.recall(
                  100, [&](row_id row) { return row % every == 0; }, seeds) > 0.9);
    }
}

TEST_CASE("hnsw matching: matches that lie together are reached from a seed among them", "[hnsw]") {
    matching_fixture fixture;
    std::vector<row_id> seeds;
    const auto allow = [&](row_id row) { return fixture.data[row][0] > 0.9f; };
    for (row_id row = 0; row < fixture.data.rows && seeds.size() < 4; ++row)
        if (allow(row)) seeds.push_back(row);
    CHECK(fixture.recall(100, allow, seeds) > 0.9);
}

TEST_CASE("hnsw matching: no row is returned twice or without a match", "[hnsw]") {
    matching_fixture fixture;
    const auto graph = fixture.part.graph();
    const auto rows = test::rows_of(fixture.data);
    const distance_computer computer(metric::euclid, fixture.queries[0].data(), fixture.data.dim);
    const index::exact_distances distances(rows, computer);
    CHECK(index::hnsw_search_matching(graph, distances, 10, 20, [](row_id) { return false; }, {}).empty());
    // Seeds beyond what is there, and more of them than fit.
    std::vector<row_id> seeds(1'000, 5);
    seeds[0] = 1'000'000;
    index::search_stats stats;
    const auto only = [](row_id row) { return row == 5; };
    const auto found = index::hnsw_search_matching(graph, distances, 10, 20, only, seeds, &stats);
    REQUIRE(found.size() == 1);
    CHECK(found[0].row == 5);
    CHECK(stats.hops > 0);
    CHECK(index::hnsw_search_matching(graph, distances, 0, 20, only, seeds).empty());
}
