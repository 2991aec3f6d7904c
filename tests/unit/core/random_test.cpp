#include <vecstore/core/random.hpp>

#include <catch2/catch.hpp>

#include <set>

TEST_CASE("random: the numbers are the same on every platform", "[core]") {
    // SplitMix64 as its authors give it: seed 0 begins so.
    CHECK(vecstore::mix64(0x9E37'79B9'7F4A'7C15u) == 0xE220'A839'7B1D'CDAFu);
    CHECK(vecstore::mix64(0) == 0);
    // xoshiro256** from the state 1, 2, 3, 4 is the authors' reference; here the state comes from SplitMix64 of the
    // seed.
    vecstore::random_source random(0);
    CHECK(random() == 0x99EC'5F36'CB75'F2B4u);
    CHECK(random() == 0xBF6E'1F78'4956'452Au);
    CHECK(random() == 0x1A5F'849D'4933'E6E0u);
}

TEST_CASE("random: seeds differ, below and unit stay in range", "[core]") {
    std::set<std::uint64_t> firsts;
    for (std::uint64_t seed = 0; seed < 100; ++seed) firsts.insert(vecstore::random_source(seed)());
    CHECK(firsts.size() == 100);
    vecstore::random_source random(5);
    std::set<std::uint64_t> drawn;
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto n = random.below(7);
        REQUIRE(n < 7);
        drawn.insert(n);
        const auto u = random.unit();
        REQUIRE(u >= 0);
        REQUIRE(u < 1);
        sum += u;
    }
    CHECK(drawn.size() == 7);
    CHECK(sum / 10'000 == Approx(0.5).margin(0.02));
    CHECK(random.below(1) == 0);
}
