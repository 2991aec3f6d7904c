#include "support.hpp"

#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;
using namespace vecstore::index;

namespace {

struct fixture {
    test::vectors data = test::random_vectors(1200, 10, 81);
    hnsw<> h{{.dim = 10, .metric = metric::euclid, .m = 6, .ef_construct = 60}};
    frozen_graph_bytes bytes;

    fixture() {
        for (std::size_t i = 0; i < data.rows; ++i) (void)h.insert(data[i]).value();
        bytes = freeze(h);
    }
    [[nodiscard]] result<frozen_graph> open(const frozen_graph_bytes& b) const {
        return frozen_graph::open(b.header, b.level0, b.upper, h.rows().size());
    }
    /// Walks the graph as a query would; only memory safety is of interest.
    void walk(const frozen_graph& graph) const {
        for (std::size_t q = 0; q < 3; ++q) {
            const distance_computer distance(metric::euclid, data[q].data(), 10);
            (void)hnsw_search(graph, exact_distances(h.rows(), distance), 10, 50);
        }
    }
};

}  // namespace

TEST_CASE("frozen_graph: gives the results of the graph it was made from", "[hnsw][frozen]") {
    const fixture f;
    const auto graph = f.open(f.bytes).value();
    CHECK(graph.entry().row == f.h.graph().entry().row);
    const auto queries = test::random_vectors(50, 10, 82);
    for (std::size_t q = 0; q < queries.rows; ++q) {
        const distance_computer distance(metric::euclid, queries[q].data(), 10);
        search_stats ours, frozen;
        CHECK(f.h.search(queries[q], 10, 80, &ours).value() ==
              hnsw_search(graph, exact_distances(f.h.rows(), distance), 10, 80, allow_all{}, &frozen));
        CHECK(ours.distances == frozen.distances);
        const auto even = [](row_id row) { return row % 2 == 0; };
        CHECK(f.h.search(queries[q], 10, 80, even).value() ==
              hnsw_search(graph, exact_distances(f.h.rows(), distance), 10, 80, even));
    }
}

TEST_CASE("frozen_graph: blocks need no alignment", "[hnsw][frozen]") {
    const fixture f;
    const auto shift = [](const byte_vector& from) {
        byte_vector to(1);
        to.insert(to.end(), from.begin(), from.end());
        return to;
    };
    const auto header = shift(f.bytes.header), level0 = shift(f.bytes.level0), upper = shift(f.bytes.upper);
    const auto rest = [](const byte_vector& v) { return byte_span(v).subspan(1); };
    const auto graph = frozen_graph::open(rest(header), rest(level0), rest(upper), 1200).value();
    const distance_computer distance(metric::euclid, f.data[7].data(), 10);
    CHECK(hnsw_search(graph, exact_distances(f.h.rows(), distance), 1, 50).at(0).row == 7);
}

TEST_CASE("frozen_graph: an empty graph, and one with rows that were never linked", "[hnsw][frozen]") {
    const auto data = test::random_vectors(10, 4, 83);
    const contiguous_rows rows{data.values.data(), 4, 4, 10};
    hnsw<contiguous_rows> h({.metric = metric::euclid}, rows);
    const distance_computer distance(metric::euclid, data[3].data(), 4);
    const auto check = [&](std::size_t found) {
        const auto bytes = freeze(h);
        const auto graph = frozen_graph::open(bytes.header, bytes.level0, bytes.upper, 10).value();
        CHECK(hnsw_search(graph, exact_distances(rows, distance), 10, 10).size() == found);
    };
    check(0);
    h.link(3);
    h.link(8);
    check(2);
}

TEST_CASE("frozen_graph: the header's bytes are as the table says", "[hnsw][frozen]") {
    const fixture f;
    REQUIRE(f.bytes.header.size() == frozen_graph_header_bytes);
    const auto word = [&](std::size_t at) { return load_le<std::uint32_t>(f.bytes.header.data() + at); };
    CHECK(as_text(byte_span(f.bytes.header).first(4)) == "VSHG");
    CHECK(word(4) == 1);
    CHECK(word(8) == 1200);
    CHECK(word(12) == 6);
    CHECK(word(32) == f.bytes.level0.size());
    CHECK(word(40) == f.bytes.upper.size());
}

TEST_CASE("frozen_graph: every truncation is a corruption", "[hnsw][frozen]") {
    const fixture f;
    for (const auto block : {&frozen_graph_bytes::header, &frozen_graph_bytes::level0, &frozen_graph_bytes::upper}) {
        const auto size = (f.bytes.*block).size();
        for (std::size_t keep = 0; keep < size; keep += 1 + keep / 7) {
            auto cut = f.bytes;
            (cut.*block).resize(keep);
            const auto opened = f.open(cut);
            REQUIRE(!opened);
            REQUIRE(opened.error().code == errc::corruption);
        }
    }
    CHECK(!frozen_graph::open(f.bytes.header, f.bytes.level0, f.bytes.upper, 1199));
}

TEST_CASE("frozen_graph: any flipped byte gives a corruption or a graph that can be walked", "[hnsw][frozen]") {
    const fixture f;
    random_source random(84);
    std::size_t refused = 0;
    for (const auto block : {&frozen_graph_bytes::header, &frozen_graph_bytes::level0, &frozen_graph_bytes::upper}) {
        for (int i = 0; i < 400; ++i) {
            auto damaged = f.bytes;
            auto& bytes = damaged.*block;
            for (auto flips = 1 + random.below(3); flips-- > 0;)
                bytes[random.below(bytes.size())] ^= static_cast<std::byte>(1 + random.below(255));
            const auto opened = f.open(damaged);
            if (opened) {
                f.walk(*opened);
            } else {
                ++refused;
                REQUIRE(opened.error().code == errc::corruption);
            }
        }
    }
    CHECK(refused > 500);
}
