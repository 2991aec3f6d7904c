#include <vecstore/core/siphash.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <span>

using namespace vecstore;

TEST_CASE("siphash: the values of the paper's appendix and of the authors' test program", "[core]") {
    std::array<std::byte, 15> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
    constexpr std::uint64_t key0 = 0x0706'0504'0302'0100u, key1 = 0x0F0E'0D0C'0B0A'0908u;
    CHECK(siphash24(bytes, key0, key1) == 0xA129'CA61'49BE'45E5u);
    CHECK(siphash24({}, key0, key1) == 0x726F'DB47'DD0E'0E31u);
    CHECK(siphash24(std::span(bytes).first(8), key0, key1) == 0x93F5'F579'9A93'2462u);
}

TEST_CASE("siphash: without a key, as ids are hashed", "[core]") {
    const std::array<std::byte, 8> one = {std::byte{1}};
    CHECK(siphash24(one) == 0x8004'C5A6'9410'5F5Eu);
}
