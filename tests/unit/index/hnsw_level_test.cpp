#include <vecstore/index/hnsw/level.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using index::level_of;

TEST_CASE("level_of: geometric with ratio 1/(2m)", "[hnsw]") {
    for (const std::size_t m : {4, 16, 32}) {
        std::size_t above_0 = 0, above_1 = 0;
        constexpr row_id rows = 200'000;
        for (row_id row = 0; row < rows; ++row) {
            above_0 += level_of(42, row, m) > 0;
            above_1 += level_of(42, row, m) > 1;
        }
        const auto ratio = 0.5 / static_cast<double>(m), expected = rows * ratio;
        CHECK(static_cast<double>(above_0) == Approx(expected).epsilon(0.05));
        CHECK(static_cast<double>(above_1) == Approx(expected * ratio).epsilon(0.25));
    }
}

TEST_CASE("level_of: the same on every platform, and never above level_max", "[hnsw]") {
    unsigned highest = 0;
    for (row_id row = 0; row < 100'000; ++row) highest = std::max(highest, level_of(1, row, 2));
    CHECK(highest <= index::level_max);
    CHECK(highest > 6);
    CHECK(level_of(7, 123, 16) == level_of(7, 123, 16));
}
