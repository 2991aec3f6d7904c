#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;
using namespace vecstore::index;

namespace {

struct combination {
    metric m;
    element_type type;
};
constexpr combination combinations[] = {
    {metric::cosine, element_type::f16},     {metric::euclid, element_type::bf16},
    {metric::cosine, element_type::int8},    {metric::dot, element_type::int8},
    {metric::manhattan, element_type::int8}, {metric::hamming, element_type::binary}};

/// Vectors that the type holds.
test::vectors vectors_for(element_type type, std::size_t rows, std::size_t dim, std::uint64_t seed) {
    auto data = test::random_vectors(rows, dim, seed);
    for (auto& x : data.values) {
        if (type == element_type::int8) x = std::round(std::clamp(40 * x, -127.0f, 127.0f));
        if (type == element_type::binary) x = x > 0 ? 1.0f : 0.0f;
    }
    return data;
}

}  // namespace

TEST_CASE("hnsw: finds what an exact search finds, for rows of every type", "[hnsw]") {
    constexpr std::size_t dim = 24, k = 10;
    for (const auto& [m, type] : combinations) {
        INFO(to_string(m) << " " << to_string(type));
        const auto data = vectors_for(type, 2'000, dim, 3), queries = vectors_for(type, 50, dim, 4);
        flat exact(dim, m, type);
        hnsw<> graph({.dim = dim, .metric = m, .ef_construct = test::fewer(200, 60), .type = type});
        for (std::size_t i = 0; i < data.rows; ++i) {
            REQUIRE(exact.insert(data[i]).value() == i);
            REQUIRE(graph.insert(data[i]).value() == i);
        }
        std::size_t found = 0;
        for (std::size_t q = 0; q < queries.rows; ++q) {
            const auto truth = exact.search(queries[q], k).value();
            const auto near = graph.search(queries[q], k, 150).value();
            for (const auto& n : near) found += n.distance <= truth.back().distance;
        }
        CHECK(found >= queries.rows * k * 9 / 10);
        CHECK(exact.memory_bytes() < 2'000 * dim * sizeof(float));
    }
}

TEST_CASE("flat: a type that does not go with the metric is refused at the first insert", "[flat]") {
    flat wrong(3, metric::euclid, element_type::binary);
    const float vector[] = {0, 1, 1};
    CHECK_FALSE(wrong.insert(vector));
    CHECK_FALSE(wrong.search(vector, 1));
}
