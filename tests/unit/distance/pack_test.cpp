#include <vecstore/core/random.hpp>
#include <vecstore/distance/pack.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace vecstore;
using distance::from_bf16;
using distance::from_f16;
using distance::to_bf16;
using distance::to_f16;

namespace {

/// The rounding that IEEE 754 asks for, by looking at all numbers: nearest, ties to the even pattern.
template <class From>
std::uint16_t nearest_pattern(float value, From from, std::uint16_t finite_end) {
    std::uint16_t low = 0, high = static_cast<std::uint16_t>(finite_end - 1);
    const double wanted = std::abs(static_cast<double>(value));
    while (high - low > 1) {
        const auto middle = static_cast<std::uint16_t>(low + (high - low) / 2);
        (static_cast<double>(from(middle)) <= wanted ? low : high) = middle;
    }
    const double below = wanted - static_cast<double>(from(low)), above = static_cast<double>(from(high)) - wanted;
    const auto chosen = below < above || (below == above && low % 2 == 0) ? low : high;
    return static_cast<std::uint16_t>(chosen | (std::signbit(value) ? 0x8000 : 0));
}

std::vector<std::byte> packed(element_type type, std::vector<float> values) {
    std::vector<std::byte> row(row_bytes(type, values.size()), std::byte{0xFF});
    REQUIRE(pack(type, values, row));
    return row;
}

std::string refused(element_type type, std::vector<float> values) {
    std::vector<std::byte> row(row_bytes(type, values.size()));
    const auto result = pack(type, values, row);
    REQUIRE(!result);
    CHECK(result.error().code == errc::invalid_argument);
    return result.error().message;
}

}  // namespace

TEST_CASE("pack: every finite f16 and bf16 comes back as it was", "[pack]") {
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const auto bits = static_cast<std::uint16_t>(i);
        if ((bits & 0x7C00) != 0x7C00 && to_f16(from_f16(bits)) != bits) FAIL("f16 " << i);
        if ((bits & 0x7F80) != 0x7F80 && to_bf16(from_bf16(bits)) != bits) FAIL("bf16 " << i);
    }
    CHECK(from_f16(0x3C00) == 1.0f);
    CHECK(from_f16(0xC000) == -2.0f);
    CHECK(from_f16(0x0001) == 0x1p-24f);
    CHECK(from_f16(0x7BFF) == 65504.0f);
    CHECK(std::isinf(from_f16(0x7C00)));
    CHECK(std::isnan(from_f16(0x7E00)));
    CHECK(from_bf16(0x3F80) == 1.0f);
}

TEST_CASE("pack: f16 and bf16 round to nearest, ties to even, at every scale", "[pack]") {
    random_source random(5);
    for (int exponent = -30; exponent <= 15; ++exponent)
        for (int i = 0; i < 400; ++i) {
            auto value = static_cast<float>(std::ldexp(1 + random.unit(), exponent));
            if (i % 4 == 0) value = std::ldexp(std::floor(std::ldexp(value, 11 - exponent)) + 0.5f, exponent - 11);
            if (i % 2 == 1) value = -value;
            if (std::abs(value) < 65504.0f && to_f16(value) != nearest_pattern(value, from_f16, 0x7C00))
                FAIL("f16 " << value);
            if (to_bf16(value) != nearest_pattern(value, from_bf16, 0x7F80)) FAIL("bf16 " << value);
        }
    CHECK(to_f16(0x1p-25f) == 0);    // a tie between 0 and the smallest
    CHECK(to_f16(0x1.8p-24f) == 2);  // a tie between 1 and 2
    CHECK(to_f16(-0.0f) == 0x8000);
}

TEST_CASE("pack: what the type cannot hold is refused, with element and value", "[pack]") {
    CHECK(to_f16(65519.9f) == 0x7BFF);
    CHECK(refused(element_type::f16, {0, 65520}).find("element 1 = 65520") != std::string::npos);
    CHECK(refused(element_type::f16, {-1e6f}).find("f16") != std::string::npos);
    CHECK(refused(element_type::bf16, {std::numeric_limits<float>::max()}).find("bf16") != std::string::npos);
    for (const float bad : {128.0f, -129.0f, 0.5f, 1e30f})
        CHECK(refused(element_type::int8, {1, 2, bad}).find("element 2") != std::string::npos);
    for (const float bad : {-1.0f, 0.5f, 2.0f})
        CHECK(refused(element_type::binary, {0, bad}).find("element 1") != std::string::npos);
}

TEST_CASE("pack: the bytes of a row are these", "[pack]") {
    const auto bytes = [](std::initializer_list<int> values) {
        std::vector<std::byte> all;
        for (const int v : values) all.push_back(static_cast<std::byte>(v));
        return all;
    };
    CHECK(packed(element_type::f32, {1}) == bytes({0, 0, 0x80, 0x3F}));
    CHECK(packed(element_type::f16, {1, -2}) == bytes({0, 0x3C, 0, 0xC0}));
    CHECK(packed(element_type::bf16, {1, -2}) == bytes({0x80, 0x3F, 0, 0xC0}));
    CHECK(packed(element_type::int8, {127, -128, -1}) == bytes({0x7F, 0x80, 0xFF}));
    CHECK(packed(element_type::binary, {1, 0, 0, 0, 0, 0, 0, 1, 0, 1}) == bytes({0x81, 0x02}));
}

TEST_CASE("pack: unpacking gives what was rounded", "[pack]") {
    const auto both = [](element_type type, const std::vector<float>& values) {
        std::vector<float> back(values.size());
        unpack(type, packed(type, values).data(), back);
        return back;
    };
    const std::vector<float> whole{0, -128, 127, 5}, bits{1, 0, 1, 1, 0, 0, 0, 0, 1};
    for (const auto type : {element_type::f32, element_type::f16, element_type::bf16, element_type::int8})
        CHECK(both(type, whole) == whole);
    CHECK(both(element_type::binary, bits) == bits);
    CHECK(both(element_type::f16, {0.1f})[0] == Approx(0.1f).epsilon(0x1p-11));
    CHECK(both(element_type::bf16, {0.1f})[0] == Approx(0.1f).epsilon(0x1p-8));
}

TEST_CASE("pack: bits behind the last element are noticed", "[pack]") {
    std::byte row[2] = {std::byte{0xFF}, std::byte{0x03}};
    CHECK(padding_clear(element_type::binary, 10, row));
    CHECK(padding_clear(element_type::binary, 16, row));
    CHECK_FALSE(padding_clear(element_type::binary, 9, row));
    CHECK(padding_clear(element_type::int8, 2, row));
}

TEST_CASE("pack: no numbers are no bytes, of every type", "[distance]") {
    for (const auto type :
         {element_type::f32, element_type::f16, element_type::bf16, element_type::int8, element_type::binary})
        CHECK(pack(type, {}, {}));
}
