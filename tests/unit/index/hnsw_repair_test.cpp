#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace vecstore;
using index::hnsw;

namespace {

/// Rows that no live row may name: dead ones that a sweep has freed.
std::size_t names_of_free_rows(const index::graph& graph) {
    std::size_t count = 0;
    row_id ids[index::list_max];
    for (row_id row = 0; row < graph.row_bound(); ++row) {
        if (!graph.linked(row)) continue;
        for (unsigned level = 0; level <= graph.node_of(row).level; ++level) {
            const auto listed = graph.neighbors(row, level, ids);
            count += static_cast<std::size_t>(
                std::count_if(ids, ids + listed, [&](row_id id) { return !graph.linked(id); }));
        }
    }
    return count;
}

/// Every live row but one has a live parent, tied both ways.
void check_tree(const index::graph& graph) {
    std::size_t roots = 0, untied = 0;
    const auto names = [&](row_id row, row_id other) {
        bool found = false;
        graph.for_each_neighbor(row, 0, [&](row_id id) { found = found || id == other; });
        return found;
    };
    for (row_id row = 0; row < graph.row_bound(); ++row) {
        if (!graph.live(row)) continue;
        const auto parent = graph.node_of(row).parent;
        if (parent == row_none)
            ++roots;
        else if (!graph.live(parent) || !names(row, parent) || !names(parent, row))
            ++untied;
    }
    CHECK(roots == 1);
    CHECK(untied == 0);
}

}  // namespace

TEST_CASE("repair: after each removal all live rows are reachable, in any order of removals, down to the last",
          "[hnsw][repair]") {
    for (const std::size_t m : {2, 4, 16}) {
        for (const auto& data : {test::random_vectors(300, 6, 9), test::clustered_vectors(300, 6, 20, 1, 2),
                                 test::vectors{std::vector<float>(300 * 6, 1.0f), 300, 6}}) {
            for (const row_id step : {1u, 7u, 299u}) {
                hnsw<> h({.dim = 6, .metric = metric::euclid, .m = m, .ef_construct = 30});
                for (std::size_t i = 0; i < data.rows; ++i) (void)h.insert(data[i]).value();
                INFO("m " << m << " step " << step);
                for (row_id i = 0; i < 300; ++i) {
                    REQUIRE(h.remove(static_cast<row_id>(i * step % 300)));
                    if (i % 50 != 0 || i == 299) continue;
                    REQUIRE(h.health().unreachable_rows == 0);
                    check_tree(h.graph());
                    REQUIRE(names_of_free_rows(h.graph()) == 0);
                }
                CHECK(h.size() == 0);
                CHECK(h.search(data[0], 5).value().empty());
                const auto row = h.insert(data[3]).value();
                CHECK(h.search(data[3], 5).value().at(0).row == row);
                CHECK(h.health().unreachable_rows == 0);
            }
        }
    }
}

TEST_CASE("repair: dead rows leave the graph, at the latest when it is healed", "[hnsw][repair]") {
    const auto data = test::random_vectors(3000, 12, 3);
    hnsw<> h({.dim = 12, .m = 8, .ef_construct = 40});
    for (std::size_t i = 0; i < data.rows; ++i) (void)h.insert(data[i]).value();
    for (row_id i = 0; i < 1500; ++i) {
        REQUIRE(h.remove(2 * i));
        REQUIRE(h.graph().dead_count() * 8 <= h.size() + 8 * (index::sweep_rows_min + 1));
    }
    CHECK(h.heal() == 0);
    CHECK(h.health().dead_rows == 0);
    CHECK(h.health().live_rows == 1500);
    CHECK(names_of_free_rows(h.graph()) == 0);
    CHECK_FALSE(h.contains(0));
    CHECK(h.remove(0).error().code == errc::not_found);
    check_tree(h.graph());
}

TEST_CASE("repair: a cluster that is removed whole does not hide what is behind it", "[hnsw][repair]") {
    const auto near = test::clustered_vectors(1500, 8, 1, 5, 6), far = test::clustered_vectors(50, 8, 1, 7, 8);
    hnsw<> h({.dim = 8, .metric = metric::euclid, .m = 6, .ef_construct = 40});
    for (std::size_t i = 0; i < 50; ++i) (void)h.insert(far[i]).value();
    for (std::size_t i = 0; i < near.rows; ++i) (void)h.insert(near[i]).value();
    for (row_id row = 50; row < 1550; ++row) {
        REQUIRE(h.remove(row));
        if (row % 100 == 0) REQUIRE(h.search(near[row - 50], 10, 20).value().size() == 10);
    }
    CHECK(h.search(near[0], 50, 50).value().size() == 50);
    const auto row = h.insert(near[0]).value();
    CHECK(h.search(near[0], 1).value().at(0).row == row);
    CHECK(h.health().unreachable_rows == 0);
}

TEST_CASE("repair: rows replaced ten times over are found as in a fresh graph, at the same cost", "[hnsw][repair]") {
    constexpr std::size_t rows = test::fewer(2000, 600), dim = 16;
    for (const bool clustered : {false, true}) {
        const auto data =
            clustered ? test::clustered_vectors(3 * rows, dim, 60, 3, 4) : test::random_vectors(3 * rows, dim, 1);
        const auto queries =
            clustered ? test::clustered_vectors(100, dim, 60, 3, 5) : test::random_vectors(100, dim, 2);
        const index::hnsw_options options{
            .dim = dim, .metric = metric::euclid, .ef_construct = 100, .reuse_rows = true};
        hnsw<> h(options), fresh(options);
        std::vector<std::size_t> vector_of;  // by row of h
        const auto insert = [&](std::size_t i) {
            const auto row = h.insert(data[i]).value();
            vector_of.resize(std::max<std::size_t>(vector_of.size(), row + 1));
            vector_of[row] = i;
        };
        for (std::size_t i = 0; i < rows; ++i) insert(i);
        for (std::size_t i = rows; i < 3 * rows; ++i) {  // a tenth survives each ten rounds of a fifth
            const auto victim = static_cast<row_id>(mix64(i) % vector_of.size());
            if (h.contains(victim)) REQUIRE(h.remove(victim));
            insert(i);
            if (h.size() > rows)
                for (row_id row = static_cast<row_id>(mix64(i + 1) % vector_of.size());;
                     row = (row + 1) % static_cast<row_id>(vector_of.size()))
                    if (h.remove(row)) break;
        }
        CHECK(h.rows().size() < rows * 5 / 4);
        CHECK(h.health().unreachable_rows == 0);
        index::flat exact(dim, metric::euclid);
        std::vector<row_id> row_of;  // of h, by row of the others
        for (row_id row = 0; row < vector_of.size(); ++row) {
            if (!h.contains(row)) continue;
            row_of.push_back(row);
            (void)fresh.insert(data[vector_of[row]]).value();
            (void)exact.insert(data[vector_of[row]]).value();
        }
        REQUIRE(row_of.size() == rows);
        for (const std::size_t ef : {30, 100}) {
            index::search_stats churned_cost, fresh_cost;
            double churned_recall = 0, fresh_recall = 0;
            for (std::size_t q = 0; q < queries.rows; ++q) {
                const auto right = exact.search(queries[q], 10).value();
                fresh_recall += test::recall(fresh.search(queries[q], 10, ef, &fresh_cost).value(), right);
                auto mapped = right;
                for (auto& n : mapped) n.row = row_of[n.row];
                churned_recall += test::recall(h.search(queries[q], 10, ef, &churned_cost).value(), mapped);
            }
            INFO("clustered " << clustered << " ef " << ef);
            CHECK(churned_recall >= fresh_recall - 0.01 * static_cast<double>(queries.rows));
            CHECK(static_cast<double>(churned_cost.distances) <= 1.1 * static_cast<double>(fresh_cost.distances));
        }
    }
}
