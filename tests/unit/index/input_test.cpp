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

TEST_CASE("checked_vector: rows are rounded and packed, queries stay f32 but for binary", "[index]") {
    const std::vector<float> v{3, 4, 0};
    const auto half = checked_vector::make_row(v, 3, metric::cosine, element_type::f16).value();
    CHECK(half.bytes().size() == 6);
    const auto query = checked_vector::make_query(v, 3, metric::cosine, element_type::f16).value();
    CHECK(query.bytes().size() == 12);
    CHECK(query.values()[0] == Approx(0.6f));
    const auto whole = checked_vector::make_row(v, 3, metric::cosine, element_type::int8).value();
    CHECK(whole.bytes()[1] == std::byte{4});
    const std::vector<float> bits{1, 0, 1};
    CHECK(checked_vector::make_row(bits, 3, metric::hamming, element_type::binary).value().bytes()[0] == std::byte{5});
    CHECK(checked_vector::make_query(bits, 3, metric::hamming, element_type::binary).value().bytes().size() == 1);
    CHECK(checked_vector::make_row(v, 3, metric::dot, element_type::f32).value().values().data() == v.data());
}

TEST_CASE("checked_vector: what does not go together is refused", "[index]") {
    const std::vector<float> v{3, 4}, part{0.5f, 1};
    CHECK_FALSE(checked_vector::make_row(v, 2, metric::hamming, element_type::f32));
    CHECK_FALSE(checked_vector::make_query(v, 2, metric::hamming, element_type::f32));
    CHECK_FALSE(checked_vector::make_row(v, 2, metric::dot, element_type::binary));
    CHECK_FALSE(checked_vector::make_query(v, 2, metric::hamming, element_type::binary));
    CHECK_FALSE(checked_vector::make_row(v, 2, metric::dot, element_type{9}));
    CHECK_FALSE(checked_vector::make_row(part, 2, metric::dot, element_type::int8));
    CHECK(checked_vector::make_query(part, 2, metric::dot, element_type::int8));
}
