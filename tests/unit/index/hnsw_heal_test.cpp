#include "support.hpp"

#include <vecstore/index/hnsw.hpp>
#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/index/hnsw/heal.hpp>

#include <catch2/catch.hpp>

#include <numeric>
#include <vector>

using namespace vecstore;

namespace {

struct built_graph {
    explicit built_graph(const test::vectors& data, std::size_t m)
        : rows(data.values.data(), data.dim, data.dim, static_cast<row_id>(data.rows)),
          space(rows, metric::euclid),
          graph(m) {
        std::vector<row_id> all(data.rows);
        std::iota(all.begin(), all.end(), row_id{0});
        index::link_rows(graph, space, all, {.ef_construct = 40}).value();
    }
    std::size_t heal() { return index::graph_healer(graph, space, 40).heal(); }

    index::contiguous_rows rows;
    index::exact_space<index::contiguous_rows> space;
    index::graph graph;
};

}  // namespace

TEST_CASE("heal: a sound graph needs none, and its lists stay as they are", "[hnsw][heal]") {
    built_graph b(test::random_vectors(1000, 8, 1), 8);
    CHECK(index::unreachable_count(b.graph) == 0);
    CHECK(b.heal() == 0);
    CHECK(index::unreachable_count(b.graph) == 0);
    CHECK(index::unreachable_count(index::graph(4)) == 0);
    index::graph empty(4);
    CHECK(index::graph_healer(empty, b.space, 40).heal() == 0);
}

TEST_CASE("heal: what damage has put out of reach is linked again", "[hnsw][heal]") {
    const auto data = test::random_vectors(1500, 8, 2);
    for (const std::size_t damaged : {1, 50, 1499, 1500}) {
        built_graph b(data, 6);
        // Lists of the first rows are emptied, and nobody names these rows any more.
        row_id ids[index::list_max];
        for (row_id row = 0; row < data.rows; ++row) {
            auto* end = ids + b.graph.neighbors(row, 0, ids);
            end = row < damaged ? ids : std::remove_if(ids, end, [&](row_id id) { return id < damaged; });
            b.graph.write_list(row, 0, {ids, end});
        }
        INFO("damaged " << damaged);
        const auto lost = index::unreachable_count(b.graph);
        CHECK(lost + 1 >= damaged);
        CHECK(b.heal() + 1 >= damaged);
        CHECK(index::unreachable_count(b.graph) == 0);
        CHECK(b.heal() == 0);
        std::size_t found_itself = 0;
        for (row_id row = 0; row < data.rows; ++row) {
            const distance_computer computer(metric::euclid, data[row].data(), data.dim);
            const auto found = index::hnsw_search(b.graph, index::exact_distances(b.rows, computer), 1, 100);
            found_itself += found.size() == 1 && found[0].row == row;
        }
        CHECK(found_itself >= data.rows * 98 / 100);
    }
}

TEST_CASE("heal: equal vectors fill their parents, and are in reach all the same", "[hnsw][heal]") {
    built_graph b({std::vector<float>(1000 * 4, 2.0f), 1000, 4}, 2);
    for (row_id row = 0; row < 1000; row += 3) b.graph.write_list(row, 0, {});
    CHECK(index::unreachable_count(b.graph) > 0);
    (void)b.heal();
    CHECK(index::unreachable_count(b.graph) == 0);
}
