#include <vecstore/index/input.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;
using index::checked_vector;

TEST_CASE("checked_vector: scales a copy for cosine, borrows otherwise", "[index]") {
    const std::vector<float> v{3, 4};
    const auto cosine = checked_vector::make(v, 2, metric::cosine).value();
    CHECK(cosine.values()[0] == Approx(0.6f));
    CHECK(v[0] == 3);
    CHECK(checked_vector::make(v, 2, metric::dot).value().values().data() == v.data());
}

TEST_CASE("checked_vector: the message names both dimensions", "[index]") {
    const std::vector<float> v{3, 4};
    const auto refused = checked_vector::make(v, 7, metric::dot);
    REQUIRE(!refused);
    CHECK(refused.error().message.find('2') != std::string::npos);
    CHECK(refused.error().message.find('7') != std::string::npos);
}
