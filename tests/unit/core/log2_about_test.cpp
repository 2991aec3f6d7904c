#include <vecstore/core/log2_about.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using namespace vecstore;

TEST_CASE("log2_about: is right within a hundredth, and exact for powers of two", "[core]") {
    for (float x = 1e-30f; x < 1e30f; x *= 1.01f) {
        INFO(x);
        CHECK(std::abs(log2_about(x) - std::log2(x)) < 0.01f);
    }
    for (int i = -100; i <= 100; ++i) CHECK(log2_about(std::ldexp(1.0f, i)) == static_cast<float>(i));
}
