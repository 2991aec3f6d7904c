#include "support.hpp"

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using quantization::code_type;
using quantization::scalar_codec;

namespace {

constexpr std::size_t rows_count = test::fewer(3000, 1200);

/// Rows with their codes, and the graph built over either.
struct fixture {
    std::size_t dim = 24;
    test::vectors data = test::random_vectors(rows_count, dim, 91), queries = test::random_vectors(60, dim, 92);
    metric m;
    contiguous_rows rows{data.values.data(), dim, dim, rows_count};
    std::vector<row_id> all = std::vector<row_id>(rows_count);

    explicit fixture(metric by) : m(by) {
        if (m == metric::cosine)
            for (auto* set : {&data, &queries})
                for (std::size_t i = 0; i < set->rows; ++i) REQUIRE(normalize({set->values.data() + i * dim, dim}));
        std::iota(all.begin(), all.end(), row_id{0});
    }
    [[nodiscard]] scalar_codec codec(code_type type) const {
        return scalar_codec::train(type, m, dim, rows.size(), [&](std::size_t row, std::span<float> values) {
            std::copy_n(data.values.data() + row * dim, dim, values.begin());
        });
    }
    [[nodiscard]] aligned_buffer<std::byte> codes(const scalar_codec& codec) const {
        aligned_buffer<std::byte> bytes(rows.size() * codec.code_bytes());
        for (row_id row = 0; row < rows.size(); ++row)
            codec.encode(data.values.data() + row * dim, bytes.data() + row * codec.code_bytes());
        return bytes;
    }
    [[nodiscard]] frozen_graph_bytes built_over_codes(unsigned threads = 1) const {
        const auto u8 = codec(code_type::u8);
        const auto bytes = codes(u8);
        graph g(12);
        link_rows(g, code_space(u8, bytes.data()), all, {.ef_construct = 80, .threads = threads}).value();
        return freeze(g, rows.size());
    }
    /// Mean share of the 10 nearest that a walk over codes of `type` finds.
    [[nodiscard]] double recall(const frozen_graph_bytes& built, code_type type, std::size_t rescored) const {
        const auto graph = frozen_graph::open(built.header, built.level0, built.upper, rows.size()).value();
        const auto by = codec(type);
        const auto bytes = codes(by);
        quantization::code_query prepared;
        double sum = 0;
        for (std::size_t q = 0; q < queries.rows; ++q) {
            by.prepare(queries[q].data(), prepared);
            const distance_computer computer(m, queries[q].data(), dim);
            const exact_distances exact(rows, computer);
            search_stats stats;
            const auto found = hnsw_search_rescored(graph, quantization::code_distances(by, bytes.data(), prepared),
                                                    exact, 10, 120, rescored, allow_all{}, &stats);
            REQUIRE(found.size() == 10);
            REQUIRE(std::is_sorted(found.begin(), found.end()));
            for (const auto& n : found) REQUIRE(n.distance == Approx(exact(n.row)).margin(1e-5));
            REQUIRE(stats.rescored == std::max<std::size_t>(rescored, 10));
            sum += test::recall(found, flat_search(exact, rows.size(), 10, allow_all{}));
        }
        return sum / static_cast<double>(queries.rows);
    }
};

}  // namespace

TEST_CASE("hnsw build: a graph over codes serves walks over codes, re-scored by originals",
          "[hnsw][build][one_thread]") {
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan}) {
        const fixture f(m);
        const auto built = f.built_over_codes();
        INFO(to_string(m));
        CHECK(f.recall(built, code_type::u8, 30) > 0.97);
        CHECK(f.recall(built, code_type::u4, 60) > 0.95);
    }
}

TEST_CASE("hnsw build: re-scoring too few of a coarse walk costs recall, which more gives back", "[hnsw][build]") {
    const fixture f(metric::euclid);
    const auto built = f.built_over_codes();
    CHECK(f.recall(built, code_type::u4, 10) < f.recall(built, code_type::u4, 80));
}

TEST_CASE("hnsw build: one thread gives the same graph each time; several give one with every row", "[hnsw][build]") {
    const fixture f(metric::cosine);
    const auto a = f.built_over_codes(), b = f.built_over_codes();
    CHECK((a.header == b.header && a.level0 == b.level0 && a.upper == b.upper));
    CHECK(f.recall(f.built_over_codes(3), code_type::u8, 30) > 0.97);
}

TEST_CASE("hnsw build: progress is told, and false ends it with a graph that is whole", "[hnsw][build]") {
    const fixture f(metric::euclid);
    graph g(8);
    std::size_t last = 0;
    build_options options{.ef_construct = 40};
    options.keep_going = [&](std::size_t done, std::size_t of) {
        CHECK(of == rows_count);
        CHECK(done > last);
        last = done;
        return done < 1000;
    };
    const exact_space space(f.rows, f.m);
    CHECK(link_rows(g, space, f.all, options).error().code == errc::cancelled);
    CHECK(g.linked_count() >= 1000);
    CHECK(g.linked_count() < 1200);
    // It can be finished.
    std::vector<row_id> rest(f.all.begin() + static_cast<std::ptrdiff_t>(g.linked_count()), f.all.end());
    REQUIRE(link_rows(g, space, rest, {.ef_construct = 40}));
    CHECK(g.linked_count() == rows_count);
    CHECK(f.recall(freeze(g, rows_count), code_type::u8, 30) > 0.9);
}
