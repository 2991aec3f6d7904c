#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/answering_order.hpp>

namespace vs = vecstore;
using vs::detail::answering_order;

namespace {

std::vector<const float*> pointers(const std::vector<std::vector<float>>& vectors) {
    std::vector<const float*> all;
    for (const auto& v : vectors) all.push_back(v.data());
    return all;
}

}  // namespace

TEST_CASE("answering_order: every query once, small batches as they are", "[collection]") {
    vs::random_source random(7);
    for (const std::size_t count : {0u, 1u, 255u, 256u, 1'000u}) {
        std::vector<std::vector<float>> vectors;
        for (std::size_t i = 0; i < count; ++i) vectors.push_back(vs::test::random_vector(random, 5));
        auto order = answering_order(pointers(vectors), vs::metric::euclid, 5);
        REQUIRE(order.size() == count);
        CHECK(std::is_sorted(order.begin(), order.end()) == (count < vs::detail::ordered_batch_min));
        std::sort(order.begin(), order.end());
        for (std::size_t i = 0; i < count; ++i) REQUIRE(order[i] == i);
    }
}

TEST_CASE("answering_order: near queries follow each other", "[collection]") {
    std::vector<std::vector<float>> vectors;
    for (std::size_t i = 0; i < 400; ++i) vectors.push_back({static_cast<float>(i % 4 * 100), static_cast<float>(i)});
    const auto order = answering_order(pointers(vectors), vs::metric::euclid, 2);
    std::size_t changes = 0;
    for (std::size_t i = 1; i < order.size(); ++i) changes += order[i] % 4 != order[i - 1] % 4;
    CHECK(changes < 100);
    const std::vector<std::vector<float>> equal(300, {1, 2});
    const auto same = answering_order(pointers(equal), vs::metric::euclid, 2);
    CHECK(std::is_sorted(same.begin(), same.end()));
}
