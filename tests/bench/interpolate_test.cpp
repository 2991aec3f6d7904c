#include <catch2/catch.hpp>
#include <index/interpolate.hpp>

#include <vector>

using namespace vecstore::bench;

TEST_CASE("interpolate: the frontier has no point that another beats in both, by ascending recall", "[bench]") {
    const std::vector<curve_point> points{{0.95, 500}, {0.90, 1000}, {0.93, 400}, {0.90, 900}, {0.99, 100}, {0.99, 90}};
    CHECK(frontier(points) == std::vector<curve_point>{{0.90, 1000}, {0.95, 500}, {0.99, 100}});
    CHECK(frontier({}).empty());
}

TEST_CASE("interpolate: a point on the curve gives its own speed", "[bench]") {
    const std::vector<curve_point> points{{0.90, 1000}, {0.95, 500}, {1, 100}};
    CHECK(speed_at(points, 0.90) == 1000);
    CHECK(speed_at(points, 0.95) == 500);
    CHECK(speed_at(points, 1) == 100);
}

TEST_CASE("interpolate: between two points the logarithm of the speed is a straight line", "[bench]") {
    const std::vector<curve_point> points{{0.8, 10'000}, {0.9, 100}};
    REQUIRE(speed_at(points, 0.85).has_value());
    CHECK(*speed_at(points, 0.85) == Approx(1000));
    CHECK(*speed_at(points, 0.825) == Approx(3162.28));
}

TEST_CASE("interpolate: nothing is said outside of what was measured", "[bench]") {
    const std::vector<curve_point> points{{0.90, 1000}, {0.95, 500}};
    CHECK_FALSE(speed_at(points, 0.96).has_value());
    CHECK_FALSE(speed_at(points, 0.89).has_value());
    CHECK_FALSE(speed_at({}, 0.9).has_value());
}

TEST_CASE("interpolate: a median is the middle value, of an even number the upper one", "[bench]") {
    CHECK(median({3, 1, 2}) == 2);
    CHECK(median({4, 1, 3, 2}) == 3);
    CHECK(median({}) == 0);
}
