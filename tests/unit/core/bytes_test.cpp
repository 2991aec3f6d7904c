#include <vecstore/core/bytes.hpp>

#include <catch2/catch.hpp>

#include <limits>

using vecstore::byte_reader;
using vecstore::byte_writer;

TEST_CASE("bytes: what is written is read, little-endian and big-endian", "[core]") {
    byte_writer out;
    out.put(std::uint8_t{0xAB});
    out.put(std::uint32_t{0x01020304});
    out.put(std::int64_t{-2});
    out.put(1.5f);
    out.put_big_endian(std::uint32_t{0x01020304});
    out.put_sized("text");
    out.put_bytes({});
    REQUIRE(out.size() == 1 + 4 + 8 + 4 + 4 + 8);
    const auto bytes = out.bytes();
    CHECK(bytes[1] == std::byte{4});
    CHECK(bytes[4] == std::byte{1});
    CHECK(bytes[17] == std::byte{1});
    CHECK(bytes[20] == std::byte{4});
    byte_reader in(bytes);
    CHECK(in.get<std::uint8_t>() == 0xAB);
    CHECK(in.get<std::uint32_t>() == 0x01020304);
    CHECK(in.get<std::int64_t>() == -2);
    CHECK(in.get<float>() == 1.5f);
    CHECK(in.get_big_endian<std::uint32_t>() == 0x01020304);
    CHECK_FALSE(in.finished());
    CHECK(in.remaining() == 8);
    CHECK(vecstore::as_text(in.get_sized()) == "text");
    CHECK(in.finished());
    CHECK(in.position() == bytes.size());
}

TEST_CASE("bytes: a read beyond the end gives zero and marks the reader failed", "[core]") {
    const std::byte three[] = {std::byte{1}, std::byte{2}, std::byte{3}};
    for (int kind = 0; kind < 5; ++kind) {
        byte_reader in(three);
        CHECK(in.get<std::uint8_t>() == 1);
        switch (kind) {
            case 0: CHECK(in.get<std::uint32_t>() == 0); break;
            case 1: CHECK(in.get_big_endian<std::uint64_t>() == 0); break;
            case 2: CHECK(in.get_bytes(3).empty()); break;
            case 3: CHECK(in.get_bytes(std::numeric_limits<std::size_t>::max()).empty()); break;
            default: CHECK(in.get_sized().empty()); break;
        }
        CHECK(in.failed());
        CHECK_FALSE(in.finished());
        CHECK(in.remaining() == 0);
        CHECK(in.get<std::uint8_t>() == 0);  // and stays so
    }
}

TEST_CASE("bytes: a length above the rest does not pass", "[core]") {
    byte_writer out;
    out.put(std::uint32_t{0xFFFF'FFFF});
    out.put(std::uint64_t{0});
    byte_reader in(out.bytes());
    CHECK(in.get_sized().empty());
    CHECK(in.failed());
    byte_reader empty{vecstore::byte_span()};
    CHECK(empty.finished());
    CHECK(empty.get_bytes(0).empty());
    CHECK_FALSE(empty.failed());
}

TEST_CASE("bytes: patch overwrites in place, take gives the buffer away", "[core]") {
    byte_writer out;
    out.reserve(100);
    out.put(std::uint32_t{0});
    out.put(std::uint8_t{7});
    out.patch(0, std::uint32_t{5});
    const auto taken = std::move(out).take();
    CHECK(vecstore::load_le<std::uint32_t>(taken.data()) == 5);
    CHECK(taken.size() == 5);
    byte_writer again;
    again.put(std::uint8_t{1});
    again.clear();
    CHECK(again.size() == 0);
    std::uint64_t stored = 0;
    vecstore::store_le(&stored, std::uint64_t{9});
    CHECK(stored == 9);
}
