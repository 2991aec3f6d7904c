#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf/scratch.hpp>
#include <vecstore/index/ivf/take_least.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;

TEST_CASE("ivf: take_least splits off as many as asked, the least ones but for ties in a bin", "[ivf]") {
    random_source random(21);
    const auto key = [](float x) { return x; };
    for (std::size_t size = 1; size < 300; size += 7) {
        std::vector<float> values(size);
        for (auto& x : values) x = static_cast<float>(random.unit());
        const auto all = values;
        const auto count = random.below(size + 1);
        std::vector<float> taken;
        take_least(values, count, taken, key);
        REQUIRE(taken.size() == count);
        REQUIRE(values.size() == size - count);
        if (count > 0 && count < size)
            CHECK(*std::max_element(taken.begin(), taken.end()) <=
                  *std::min_element(values.begin(), values.end()) + 1.0f / 255);
        values.insert(values.end(), taken.begin(), taken.end());
        CHECK(std::is_permutation(values.begin(), values.end(), all.begin(), all.end()));
    }
}

TEST_CASE("ivf: take_least takes equal and infinite values as they come", "[ivf]") {
    const auto key = [](float x) { return x; };
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const float odd : {1.0f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<float> values{odd, odd, 1, odd}, taken;
        take_least(values, 2, taken, key);
        CHECK(taken.size() == 2);
        CHECK(values.size() == 2);
    }
    std::vector<float> none, taken;
    take_least(none, 0, taken, key);
    CHECK(taken.empty());
}

TEST_CASE("ivf: take_few_least splits off the least ones, with ties as they come", "[ivf]") {
    random_source random(23);
    const auto key = [](float x) { return x; };
    for (std::size_t size = 0; size < 300; size += 7)
        for (const std::size_t few : {0u, 1u, 10u, 64u, 65u}) {
            std::vector<float> values(size);
            for (auto& x : values) x = static_cast<float>(random.below(40));
            auto sorted = values;
            std::sort(sorted.begin(), sorted.end());
            const auto count = std::min(few, size);
            std::vector<float> taken;
            take_few_least(values, count, taken, key);
            REQUIRE(taken.size() == count);
            REQUIRE(values.size() == size - count);
            if (few <= 64 && 2 * few <= size) {
                std::sort(taken.begin(), taken.end());
                CHECK(std::equal(taken.begin(), taken.end(), sorted.begin()));
            }
            values.insert(values.end(), taken.begin(), taken.end());
            CHECK(std::is_permutation(values.begin(), values.end(), sorted.begin(), sorted.end()));
        }
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (const float odd : {nan, infinity, -infinity}) {
        std::vector<float> values{odd, odd, 1, odd, odd}, taken;
        take_few_least(values, 2, taken, key);
        CHECK(taken.size() == 2);
        CHECK(values.size() == 3);
    }
}

TEST_CASE("ivf: the set of compared rows knows each row once, and grows", "[ivf]") {
    few_rows_set set;
    set.clear(4);
    std::set<row_id> seen;
    random_source random(22);
    for (int i = 0; i < 5000; ++i) {
        const auto row = static_cast<row_id>(random.below(2000));
        REQUIRE(set.insert(row) == seen.insert(row).second);
    }
    set.clear(4);
    CHECK(set.insert(*seen.begin()));
}
