#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/index/range.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;
using namespace vecstore::index;

namespace {

constexpr std::size_t dim = 8, rows_count = 3'000;

/// In order of rows, as distances computed in another order of additions may change places.
std::vector<row_id> rows_of(const std::vector<neighbor>& found) {
    std::vector<row_id> rows;
    for (const auto& n : found) rows.push_back(n.row);
    std::sort(rows.begin(), rows.end());
    return rows;
}

struct fixture {
    test::vectors data = test::random_vectors(rows_count, dim, 7);
    contiguous_rows rows{data.values.data(), dim, dim, static_cast<row_id>(rows_count)};
    hnsw<contiguous_rows> graph{{.metric = metric::euclid}, rows};
    fixture() {
        for (row_id row = 0; row < rows.size(); ++row) graph.link(row);
    }
    /// All within, by the definition.
    [[nodiscard]] std::vector<neighbor> truth(const distance_computer& distance, float radius) const {
        std::vector<neighbor> all;
        for (row_id row = 0; row < rows.size(); ++row)
            if (const auto d = distance(rows.at(row)); d <= radius) all.push_back({d, row});
        std::sort(all.begin(), all.end());
        return all;
    }
    /// A radius between the n-th nearest row and the next, so that the order of additions does not matter.
    [[nodiscard]] float radius_for(const distance_computer& distance, std::size_t n) const {
        const auto nearest = flat_search(exact_distances(rows, distance), rows.size(), n + 1, allow_all{});
        return nearest.size() > n ? (nearest[n - 1].distance + nearest[n].distance) / 2 : nearest.back().distance + 1;
    }
};

}  // namespace

TEST_CASE("range: a flat search gives all within and none beyond", "[range]") {
    const fixture f;
    const auto queries = test::random_vectors(5, dim, 8);
    for (std::size_t q = 0; q < queries.rows; ++q) {
        const distance_computer distance(metric::euclid, queries[q].data(), dim);
        const exact_distances distances(f.rows, distance);
        for (const std::size_t n : {1, 10, 500, 3'000}) {
            const auto radius = f.radius_for(distance, n);
            const auto found = flat_range_search(distances, f.rows.size(), radius, rows_count);
            const auto truth = f.truth(distance, radius);
            REQUIRE(found.size() == truth.size());
            CHECK(found.size() == n);
            CHECK(rows_of(found) == rows_of(truth));
        }
        CHECK(flat_range_search(distances, f.rows.size(), -1.0f, 10).empty());
        CHECK(flat_range_search(distances, f.rows.size(), 1e9f, 0).empty());
        const auto even = [](row_id row) { return row % 2 == 0; };
        const auto radius = f.radius_for(distance, 100);
        for (const auto& n : flat_range_search(distances, f.rows.size(), radius, 20, even)) CHECK(n.row % 2 == 0);
    }
}

TEST_CASE("range: a graph walk finds nearly all within, few or many, and computes few beyond", "[range]") {
    const fixture f;
    const auto queries = test::random_vectors(20, dim, 9);
    for (const std::size_t n : {1, 10, 100, 1'000}) {
        std::size_t found_count = 0, truth_count = 0;
        search_stats stats;
        for (std::size_t q = 0; q < queries.rows; ++q) {
            const distance_computer distance(metric::euclid, queries[q].data(), dim);
            const auto radius = f.radius_for(distance, n);
            const auto found = range_search(f.graph.graph(), exact_distances(f.rows, distance), radius, rows_count, 50,
                                            allow_all{}, &stats);
            for (std::size_t i = 0; i < found.size(); ++i) {
                REQUIRE(found[i].distance <= radius);
                if (i > 0) REQUIRE(found[i - 1] < found[i]);
            }
            found_count += found.size();
            truth_count += n;
        }
        INFO(n << " within");
        CHECK(found_count >= truth_count * 98 / 100);
        if (n <= 100) CHECK(stats.distances < queries.rows * rows_count / 2);
    }
}

TEST_CASE("range: the limit keeps the nearest, and ends the walk early", "[range]") {
    const fixture f;
    const auto queries = test::random_vectors(20, dim, 10);
    search_stats limited, all;
    for (std::size_t q = 0; q < queries.rows; ++q) {
        const distance_computer distance(metric::euclid, queries[q].data(), dim);
        const exact_distances distances(f.rows, distance);
        const auto truth = flat_search(distances, f.rows.size(), 5, allow_all{});
        const auto found = range_search(f.graph.graph(), distances, 1e9f, 5, 100, allow_all{}, &limited);
        CHECK(rows_of(found) == rows_of(truth));
        (void)range_search(f.graph.graph(), distances, 1e9f, rows_count, 100, allow_all{}, &all);
    }
    CHECK(all.distances >= queries.rows * rows_count);
    CHECK(limited.distances < all.distances / 2);
}

TEST_CASE("range: rows that may not be returned are walked through", "[range]") {
    const fixture f;
    const distance_computer distance(metric::euclid, f.data[17].data(), dim);
    const auto radius = f.radius_for(distance, 200);
    const auto allow = [](row_id row) { return row % 10 == 0; };
    const auto found = range_search(f.graph.graph(), exact_distances(f.rows, distance), radius, rows_count, 50, allow);
    const auto truth = flat_range_search(exact_distances(f.rows, distance), f.rows.size(), radius, rows_count, allow);
    CHECK(found.size() >= truth.size() * 95 / 100);
    for (const auto& n : found) CHECK(n.row % 10 == 0);
}

TEST_CASE("range: an empty graph, nothing within, and a limit of zero give nothing", "[range]") {
    const fixture f;
    const distance_computer distance(metric::euclid, f.data[0].data(), dim);
    const exact_distances distances(f.rows, distance);
    const hnsw<contiguous_rows> empty({.metric = metric::euclid}, f.rows);
    CHECK(range_search(empty.graph(), distances, 1.0f, 10, 10).empty());
    CHECK(range_search(f.graph.graph(), distances, -1.0f, 10, 10).empty());
    CHECK(range_search(f.graph.graph(), distances, 1.0f, 0, 10).empty());
    CHECK(range_search(f.graph.graph(), distances, 0.0f, 10, 10).size() == 1);
}

TEST_CASE("range: a row at exactly the radius is within", "[range]") {
    std::vector<float> line(100);
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<float>(i);
    const contiguous_rows rows(line.data(), 1, 1, 100);
    hnsw<contiguous_rows> graph({.metric = metric::manhattan}, rows);
    for (row_id row = 0; row < rows.size(); ++row) graph.link(row);
    const float query = 50;
    const distance_computer distance(metric::manhattan, &query, 1);
    const exact_distances distances(rows, distance);
    CHECK(flat_range_search(distances, rows.size(), 10.0f, 100).size() == 21);
    CHECK(range_search(graph.graph(), distances, 10.0f, 100, 10).size() == 21);
    CHECK(range_search(graph.graph(), distances, 9.5f, 100, 10).size() == 19);
}
