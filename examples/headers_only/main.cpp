// Nearest neighbours without a store: the headers alone, in place of hnswlib. No library is linked, no maximum
// declared.
// In your own build: target_link_libraries(app PRIVATE vecstore::headers), compiled for your machine (-march=native).
#include <vecstore/core/random.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/index/sealed_hnsw.hpp>

#include <cstdio>
#include <thread>
#include <vector>

namespace vs = vecstore;

int main() {
    constexpr std::size_t dim = 64, rows = 20'000;
    vs::random_source random(1);
    std::vector<std::vector<float>> vectors(rows, std::vector<float>(dim));
    for (auto& v : vectors)
        for (auto& x : v) x = static_cast<float>(random.unit()) - 0.5f;

    // Any number of threads may insert and search at once; it grows as it must.
    vs::index::hnsw<> graph({.dim = dim, .metric = vs::metric::euclid, .m = 16, .ef_construct = 100});
    std::vector<std::size_t> vector_of(rows);  // rows are numbered in the order in which they arrive
    const auto insert = [&](std::size_t first, std::size_t last) {
        for (auto i = first; i < last; ++i) vector_of[graph.insert(vectors[i]).value()] = i;
    };
    std::thread other(insert, 0, rows / 2);
    insert(rows / 2, rows);
    other.join();

    // The nearest to a vector that is in there, without itself: a predicate decides which rows may be returned.
    const auto& query = vectors[42];
    const auto others = [&](vs::row_id row) { return vector_of[row] != 42; };
    for (const auto& n : graph.search(query, 3, 64, others).value())
        std::printf("vector %5zu at distance %.3f\n", vector_of[n.row],
                    static_cast<double>(vs::to_score(vs::metric::euclid, n.distance)));

    // Removed rows are not returned any more.
    const auto nearest = graph.search(query, 1).value().front();
    graph.remove(nearest.row).value();
    std::printf("%zu of %zu rows left\n", graph.size(), rows);

    // Vectors that are all there and do not change: the sealed form walks codes of a byte a number instead, which is several
    // times faster, and compares the best by their originals, which stay where they are.
    std::vector<float> matrix;
    for (const auto& v : vectors) matrix.insert(matrix.end(), v.begin(), v.end());
    const vs::index::contiguous_rows originals(matrix.data(), dim, dim, rows);
    const auto sealed =
        vs::index::sealed_hnsw::build({.metric = vs::metric::euclid, .build = {.ef_construct = 100}}, originals)
            .value();
    std::printf("sealed: vector 42 is nearest to itself: row %u, %zu bytes a row beside the originals\n",
                sealed.search(query, 1, 64).value().front().row, sealed.memory_bytes() / rows);
}
