#include "database/inflow.hpp"

#include <catch2/catch.hpp>

using vecstore::detail::inflow;
using namespace std::chrono_literals;

TEST_CASE("inflow: fast and slow are told apart after two looks that are neither too near nor too far apart",
          "[database]") {
    using enum inflow::verdict;
    inflow rows;
    const inflow::clock::time_point start{};
    CHECK(rows.look(1, 0, 1'000, start) == unknown);
    CHECK(rows.look(1, 500, 1'000, start + 50ms) == unknown);
    CHECK(rows.look(1, 500, 1'000, start + 200ms) == fast);
    CHECK(rows.look(2, 500, 1'000, start + 200ms) == unknown);
    CHECK(rows.look(1, 550, 1'000, start + 300ms) == slow);
    CHECK(rows.look(1, 900, 1'000, start + 5'000ms) == unknown);
    CHECK(rows.look(1, 900, 1'000, start + 5'100ms) == slow);
    CHECK(rows.look(2, 600, 1'000, start + 5'200ms) == unknown);
}

TEST_CASE("inflow: longer rows are linked more slowly", "[database]") {
    CHECK(vecstore::detail::rows_linked_per_second(1'000) < vecstore::detail::rows_linked_per_second(10));
}
