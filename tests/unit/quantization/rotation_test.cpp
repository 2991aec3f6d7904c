#include <vecstore/core/random.hpp>
#include <vecstore/quantization/rotation.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

TEST_CASE("rotation: lengths and inner products stay, in any dimension", "[rotation]") {
    random_source random(1);
    for (const std::size_t dim : {1u, 2u, 3u, 4u, 7u, 64u, 100u, 128u, 129u, 384u, 1000u}) {
        INFO("dim " << dim);
        const rotation r(dim, 7);
        CHECK(r.dim() == dim);
        std::vector<float> a(dim), b(dim);
        for (auto& x : a) x = static_cast<float>(random.unit() - 0.5);
        for (auto& x : b) x = static_cast<float>(random.unit() - 0.5);
        const auto product = [&](const std::vector<float>& x, const std::vector<float>& y) {
            double sum = 0;
            for (std::size_t d = 0; d < dim; ++d) sum += static_cast<double>(x[d]) * static_cast<double>(y[d]);
            return sum;
        };
        const auto length = product(a, a), along = product(a, b);
        r.apply(a.data());
        r.apply(b.data());
        CHECK(product(a, a) == Approx(length).epsilon(1e-4));
        CHECK(product(a, b) == Approx(along).epsilon(1e-4).margin(1e-5 * static_cast<double>(dim)));
    }
}

TEST_CASE("rotation: one dimension is spread over all", "[rotation]") {
    for (const std::size_t dim : {64u, 100u, 384u})
        for (std::size_t d = 0; d < dim; ++d) {
            std::vector<float> x(dim);
            x[d] = 1;
            rotation(dim, 3).apply(x.data());
            double fourth = 0;  // 1 / dim when all are equal, 3 / dim for normal values, 1 before
            for (const float v : x) fourth += std::pow(static_cast<double>(v), 4);
            INFO("dim " << dim << ", unit " << d);
            REQUIRE(fourth < 9.0 / static_cast<double>(dim));
        }
}

TEST_CASE("rotation: the seed is all that it depends on", "[rotation]") {
    const auto rotated = [](std::uint64_t seed) {
        std::vector<float> x{1, 2, 3, 4, 5};
        rotation(5, seed).apply(x.data());
        return x;
    };
    CHECK(rotated(1) == rotated(1));
    CHECK(rotated(1) != rotated(2));
}

TEST_CASE("rotation: vectors in lanes are rotated as each alone", "[rotation]") {
    random_source random(5);
    constexpr auto lanes = rotation::lanes;
    for (const std::size_t dim : {1u, 2u, 3u, 8u, 64u, 96u, 128u, 384u, 512u}) {
        INFO("dim " << dim);
        const rotation r(dim, 9);
        std::vector<float> turned(dim * lanes);
        for (auto& x : turned) x = static_cast<float>(random.unit() - 0.5);
        std::vector<std::vector<float>> alone(lanes, std::vector<float>(dim));
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            for (std::size_t d = 0; d < dim; ++d) alone[lane][d] = turned[d * lanes + lane];
            r.apply(alone[lane].data());
        }
        r.apply_turned(turned.data());
        for (std::size_t lane = 0; lane < lanes; ++lane)
            for (std::size_t d = 0; d < dim; ++d)
                REQUIRE(turned[d * lanes + lane] == Approx(alone[lane][d]).margin(1e-5));
    }
}
