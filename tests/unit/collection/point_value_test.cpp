#include "support/hex.hpp"
#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/point_value.hpp>

using namespace vecstore;
using namespace vecstore::test;

TEST_CASE("point value: the bytes are as documented", "[point_value][golden]") {
    byte_writer out;
    detail::encode_point_value(out, {7, 0x0102, hash128{0x11, 0x22}, as_bytes("pay")});
    CHECK(hex(out.bytes()) ==
          "10"
          "0000000000000007"
          "0201000000000000"
          "1100000000000000"
          "2200000000000000"
          "706179");
    detail::encode_point_value(out, {uuid_of(0xAB), 1, hash128{}, {}});
    CHECK(hex(out.bytes()) ==
          "11"
          "abababababababababababababababab"
          "0100000000000000"
          "00000000000000000000000000000000");
    // Format 1.
    detail::encode_point_value(out, {7, 0x0102, std::nullopt, as_bytes("pay")});
    CHECK(hex(out.bytes()) ==
          "00"
          "0000000000000007"
          "0201000000000000"
          "706179");
}

TEST_CASE("point value: both formats are read, anything else is refused", "[point_value]") {
    for (const auto& id : {point_id(9), point_id(uuid_of(3))})
        for (const auto& vectors : {std::optional<hash128>(), std::optional(hash128{5, 6})}) {
            byte_writer out;
            detail::encode_point_value(out, {id, 77, vectors, as_bytes("x")});
            const auto parsed = detail::parse_point_value(out.bytes());
            REQUIRE(parsed);
            CHECK(parsed->id == id);
            CHECK(parsed->version == 77);
            CHECK(parsed->vectors == vectors);
            CHECK(as_text(parsed->payload) == "x");
            for (std::size_t cut = 0; cut + 1 < out.size(); ++cut)
                CHECK_FALSE(detail::parse_point_value(out.bytes().first(cut)));
            for (const int wrong : {0x02, 0x40, 0x80, 0x0F}) {
                byte_vector bytes(out.bytes().begin(), out.bytes().end());
                bytes[0] |= static_cast<std::byte>(wrong);
                CHECK_FALSE(detail::parse_point_value(bytes));
            }
        }
}
