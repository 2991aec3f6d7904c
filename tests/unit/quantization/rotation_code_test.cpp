#include <vecstore/core/random.hpp>
#include <vecstore/quantization/rotation.hpp>
#include <vecstore/quantization/rotation_code.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

std::vector<float> spiked(random_source& random, std::size_t dim) {
    std::vector<float> x(dim);
    for (auto& v : x) v = static_cast<float>(random.unit() - 0.5);
    x[random.below(dim)] += 3;  // not at all alike in all dimensions
    return x;
}

double product(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t d = 0; d < a.size(); ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
    return sum;
}

}  // namespace

TEST_CASE("rotation_code: estimates are right on average and as far off as they say", "[rotation]") {
    const auto bits = GENERATE(1u, 2u, 4u, 8u);
    const auto dim = GENERATE(64u, 100u);
    random_source random(5);
    const auto query = spiked(random, dim), row = spiked(random, dim);
    const double right = product(query, row), length = std::sqrt(product(query, query));
    constexpr int tries = 2000;
    double bias = 0, squares = 0;
    int beyond = 0;
    for (int i = 0; i < tries; ++i) {
        const rotation r(dim, static_cast<std::uint64_t>(i));
        auto q = query, x = row;
        r.apply(q.data());
        r.apply(x.data());
        std::vector<std::uint8_t> levels(dim);
        const auto code = encode_rotated(x, bits, levels.data());
        const auto off = static_cast<double>(estimate_product(q, levels.data(), bits, code)) - right;
        const auto deviation = static_cast<double>(rotation_deviation(code, static_cast<float>(length), dim));
        bias += off / deviation / tries;
        squares += off * off / (deviation * deviation) / tries;
        beyond += static_cast<int>(std::fabs(off) > 3 * deviation);
    }
    INFO(bits << " bits, dim " << dim);
    CHECK(std::fabs(bias) < 0.1);
    CHECK(squares < 1.2);  // what of the query lies along the row has no error
    CHECK(beyond < tries / 100);
}

TEST_CASE("rotation_code: more bits err less", "[rotation]") {
    random_source random(6);
    std::vector<float> x(96);
    for (auto& v : x) v = static_cast<float>(random.unit() + random.unit() + random.unit() - 1.5);
    float last = 1e9f;
    for (const unsigned bits : {1u, 2u, 3u, 4u, 6u, 8u}) {
        std::vector<std::uint8_t> levels(x.size());
        const auto code = encode_rotated(x, bits, levels.data());
        INFO(bits << " bits");
        CHECK(code.error < 0.8f * last);
        for (const auto level : levels) REQUIRE(level < 1u << bits);
        last = code.error;
    }
}

TEST_CASE("rotation_code: the zero vector is kept exactly", "[rotation]") {
    const std::vector<float> zero(10), query(10, 1.0f);
    for (const unsigned bits : {1u, 4u}) {
        std::vector<std::uint8_t> levels(10);
        const auto code = encode_rotated(zero, bits, levels.data());
        CHECK(code.scale == 0);
        CHECK(code.error == 0);
        CHECK(estimate_product(query, levels.data(), bits, code) == 0);
    }
}
