#include "graph_support.hpp"

#include <vecstore/index/hnsw/thaw.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace vecstore;
using test::mean_recall, test::rows_of, test::rows_space, test::up_to;
using part = test::frozen_part;

TEST_CASE("thaw: parts merged into the largest's graph are searched as well as a graph built afresh",
          "[hnsw][thaw][one_thread]") {
    constexpr std::size_t dim = 12, m = 8;
    for (const bool clustered : {false, true}) {
        const auto all = clustered ? test::clustered_vectors(5000, dim, 30, 1, 2) : test::random_vectors(5000, dim, 1);
        const auto queries = clustered ? test::clustered_vectors(80, dim, 30, 1, 3) : test::random_vectors(80, dim, 3);
        // Every fifth row is in a small part; of the others, every fourth dies.
        std::vector<row_id> large, others, new_row_of;
        test::vectors data{{}, 0, dim};
        for (row_id row = 0; row < all.rows; ++row) {
            if (row % 5 != 0) {
                large.push_back(row);
                new_row_of.push_back(row % 4 == 1 ? row_none : static_cast<row_id>(data.rows));
                if (row % 4 == 1) continue;
            } else {
                others.push_back(static_cast<row_id>(data.rows));
            }
            data.values.insert(data.values.end(), all[row].begin(), all[row].end());
            ++data.rows;
        }
        const part old(all, large, m);
        const auto rows = rows_of(data);
        const rows_space space(rows, metric::euclid);
        index::graph merged(m), fresh(m);
        index::thaw(old.graph(), new_row_of, merged, space, 60).value();
        CHECK(index::unreachable_count(merged) == 0);
        CHECK(merged.linked_count() == data.rows - others.size());
        index::link_rows(merged, space, others, {.ef_construct = 60}).value();
        CHECK(merged.linked_count() == data.rows);
        CHECK(index::unreachable_count(merged) == 0);
        index::link_rows(fresh, space, up_to(data.rows), {.ef_construct = 60}).value();
        // Clusters far from each other are found or missed whole, 0.0125 for each query.
        const double tolerance = clustered ? 0.04 : 0.01;
        INFO("clustered " << clustered);
        for (const std::size_t ef : {40, 100})
            CHECK(mean_recall(merged, data, queries, ef) >= mean_recall(fresh, data, queries, ef) - tolerance);
        // The merged graph can be frozen like any other.
        const auto bytes = index::freeze(merged, static_cast<row_id>(data.rows));
        CHECK(index::frozen_graph::open(bytes.header, bytes.level0, bytes.upper, static_cast<row_id>(data.rows)));
    }
}

TEST_CASE("thaw: the same graph when nothing is dropped, and none when all is", "[hnsw][thaw]") {
    const auto data = test::random_vectors(800, 6, 5);
    const part old(data, up_to(800), 6);
    const auto rows = rows_of(data);
    const rows_space space(rows, metric::euclid);
    index::graph same(6), none(6);
    index::thaw(old.graph(), up_to(800), same, space, 40).value();
    CHECK(index::unreachable_count(same) == 0);
    std::size_t changed = 0;
    row_id now[index::list_max];
    for (row_id row = 0; row < 800; ++row) {
        std::vector<row_id> before;
        old.graph().for_each_neighbor(row, 0, [&](row_id id) { before.push_back(id); });
        const auto count = same.neighbors(row, 0, now);
        changed += !std::equal(before.begin(), before.end(), now, now + count);
    }
    CHECK(changed < 80);  // by links that the tree needs both ways

    index::thaw(old.graph(), std::vector<row_id>(800, row_none), none, space, 40).value();
    CHECK(none.entry().row == row_none);
    CHECK(none.linked_count() == 0);
    index::link_rows(none, space, up_to(800), {.ef_construct = 40}).value();
    CHECK(index::unreachable_count(none) == 0);
}

TEST_CASE("thaw: few survivors far apart stay reachable", "[hnsw][thaw]") {
    const auto data = test::clustered_vectors(2000, 6, 40, 8, 9);
    const part old(data, up_to(2000), 4);
    test::vectors left{{}, 0, 6};
    std::vector<row_id> new_row_of(2000, row_none);
    for (row_id row = 0; row < 2000; row += 50) {
        new_row_of[row] = static_cast<row_id>(left.rows++);
        left.values.insert(left.values.end(), data[row].begin(), data[row].end());
    }
    const auto rows = rows_of(left);
    index::graph graph(4);
    index::thaw(old.graph(), new_row_of, graph, rows_space(rows, metric::euclid), 40).value();
    CHECK(graph.linked_count() == left.rows);
    CHECK(index::unreachable_count(graph) == 0);
}

TEST_CASE("thaw: can be cancelled", "[hnsw][thaw]") {
    const auto data = test::random_vectors(500, 6, 5);
    const part old(data, up_to(500), 6);
    const auto rows = rows_of(data);
    index::graph graph(6);
    const auto stop = [](std::size_t done, std::size_t all) { return done * 2 < all; };
    CHECK(index::thaw(old.graph(), up_to(500), graph, rows_space(rows, metric::euclid), 40, stop).error().code ==
          errc::cancelled);
}

TEST_CASE("thaw: one thread makes the same graph each time", "[hnsw][thaw]") {
    const auto data = test::clustered_vectors(900, 6, 20, 4, 5);
    const part old(data, up_to(900), 5);
    auto new_row_of = up_to(900);
    for (row_id row = 0; row < 900; row += 7) new_row_of[row] = row_none;
    const auto rows = rows_of(data);
    index::graph a(5), b(5);
    for (auto* g : {&a, &b}) index::thaw(old.graph(), new_row_of, *g, rows_space(rows, metric::euclid), 40).value();
    CHECK(test::same_graph(a, b, 900));
}
