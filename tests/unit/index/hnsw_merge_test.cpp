#include "graph_support.hpp"

#include <vecstore/index/hnsw/merge.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using namespace vecstore;
using test::mean_recall, test::rows_of, test::rows_space, test::up_to;

namespace {

/// Rows of a large part that stay, and rows that come to them.
struct two_parts {
    template <class IsOld>
    two_parts(const test::vectors& data, const IsOld& is_old) {
        for (row_id row = 0; row < data.rows; ++row) (is_old(row) ? before : added).push_back(row);
    }
    std::vector<row_id> before, added;
};

/// `clustered_vectors`, the group of each row known: it is the row's number modulo `clusters`.
test::vectors groups_in_turn(std::size_t rows, std::size_t dim, std::size_t clusters, std::uint64_t seed) {
    const auto centers = test::random_vectors(clusters, dim, 1);
    auto v = test::random_vectors(rows, dim, seed);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t d = 0; d < dim; ++d) v[i][d] = centers[i % clusters][d] * 10 + v[i][d] * 0.05f;
    return v;
}

constexpr std::size_t m = 8;
const index::build_options how{.ef_construct = 60};

}  // namespace

TEST_CASE("merge: rows that come are found as in a graph built afresh, spread and in groups",
          "[hnsw][merge][one_thread]") {
    constexpr std::size_t rows = 3'000, dim = 12, clusters = 50;
    const auto spread = test::random_vectors(rows, dim, 1), grouped = groups_in_turn(rows, dim, clusters, 2);
    const auto any_queries = test::random_vectors(100, dim, 3), group_queries = groups_in_turn(100, dim, clusters, 4);
    struct example {
        const char* name;
        const test::vectors &data, &queries;
        bool (*is_old)(row_id row);
    };
    const example examples[] = {
        {"spread", spread, any_queries, [](row_id row) { return row % 10 < 7; }},
        {"grouped", grouped, group_queries, [](row_id row) { return row % 11 < 7; }},
    };
    for (const auto& [name, data, queries, is_old] : examples) {
        const two_parts parts(data, is_old);
        const test::frozen_part old(data, parts.before, m);
        const auto stored = rows_of(data);
        const rows_space space(stored, metric::euclid);
        index::graph merged(m), fresh(m);
        CHECK(index::merge_rows(old.graph(), parts.before, parts.added, merged, space, how).value());
        index::link_rows(fresh, space, up_to(rows), how).value();
        INFO(name);
        CHECK(merged.linked_count() == rows);
        CHECK(index::unreachable_count(merged) == 0);
        CHECK(index::finds_added(merged, space, parts.before, parts.added));
        // A group that is missed costs 0.02.
        CHECK(mean_recall(merged, data, queries, 100) >= mean_recall(fresh, data, queries, 100) - 0.02);
    }
}

TEST_CASE("merge: is declined when rows come in groups of their own, even if that is a part of them", "[hnsw][merge]") {
    constexpr std::size_t rows = 2'000, clusters = 50;
    const auto data = groups_in_turn(rows, 12, clusters, 2);
    const auto stored = rows_of(data);
    const rows_space space(stored, metric::euclid);
    for (const bool all : {true, false}) {
        const two_parts parts(
            data, [&](row_id row) { return row % clusters < (all ? 35 : 42) && (all || row / clusters % 4 != 0); });
        const test::frozen_part old(data, parts.before, m);
        index::graph merged(m);
        CHECK_FALSE(index::merge_rows(old.graph(), parts.before, parts.added, merged, space, how).value());
        CHECK(index::lies_apart(merged, space, parts.before, parts.added));
        CHECK_FALSE(index::lies_apart(merged, space, parts.before, parts.before));
        CHECK_FALSE(index::lies_apart(merged, space, parts.before, {}));
    }
}

TEST_CASE("merge: rows that walks do not find are noticed", "[hnsw][merge]") {
    const auto data = groups_in_turn(2'000, 8, 40, 2);
    const two_parts parts(data, [](row_id row) { return row % 40 < 28; });
    const auto stored = rows_of(data);
    const rows_space space(stored, metric::euclid);
    index::graph graph(m);
    index::link_rows(graph, space, parts.before, how).value();
    CHECK(index::share_found(graph, space, parts.before, 200, 48) > 0.95);
    CHECK(index::share_found(graph, space, parts.added, 200, 48) == 0);
    CHECK(index::share_found(graph, space, std::vector<row_id>(), 200, 48) == 1);
    CHECK_FALSE(index::finds_added(graph, space, parts.before, parts.added));
    CHECK(index::finds_added(graph, space, parts.before, {}));
}

TEST_CASE("merge: one thread makes the same graph each time, several one that is whole", "[hnsw][merge]") {
    const auto data = test::random_vectors(900, 6, 5);
    const two_parts parts(data, [](row_id row) { return row % 3 != 0; });
    const test::frozen_part old(data, parts.before, m);
    const auto stored = rows_of(data);
    const rows_space space(stored, metric::euclid);
    index::graph a(m), b(m), c(m);
    for (auto* g : {&a, &b}) index::merge_rows(old.graph(), parts.before, parts.added, *g, space, how).value();
    CHECK(test::same_graph(a, b, 900));
    auto threads = how;
    threads.threads = 3;
    index::merge_rows(old.graph(), parts.before, parts.added, c, space, threads).value();
    CHECK(c.linked_count() == 900);
    CHECK(index::unreachable_count(c) == 0);
}

TEST_CASE("merge: tells how far it is, and can be cancelled at any time", "[hnsw][merge]") {
    const auto data = test::random_vectors(900, 6, 5);
    const two_parts parts(data, [](row_id row) { return row % 3 != 0; });
    const test::frozen_part old(data, parts.before, m);
    const auto stored = rows_of(data);
    const rows_space space(stored, metric::euclid);
    std::size_t calls = 0, last = 0;
    auto watched = how;
    watched.keep_going = [&](std::size_t done, std::size_t all) {
        CHECK(done >= last);
        CHECK(done <= all);
        CHECK(all == 900);
        last = done;
        ++calls;
        return true;
    };
    {
        index::graph graph(m);
        index::merge_rows(old.graph(), parts.before, parts.added, graph, space, watched).value();
        CHECK(last == 900);
    }
    for (std::size_t stop_at = 1; stop_at <= calls; stop_at += 3) {
        std::size_t count = 0;
        watched.keep_going = [&](std::size_t, std::size_t) { return ++count < stop_at; };
        index::graph graph(m);
        CHECK(index::merge_rows(old.graph(), parts.before, parts.added, graph, space, watched).error().code ==
              errc::cancelled);
    }
}
