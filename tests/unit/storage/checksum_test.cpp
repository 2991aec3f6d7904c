#include <vecstore/storage/checksum.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;

TEST_CASE("checksum: values are on disk and never change", "[checksum]") {
    CHECK(storage::checksum64({}) == 0x2D06'8005'38D3'94C2u);
    CHECK(storage::checksum64(as_bytes("vecstore")) == storage::checksum64(as_bytes("vecstore"), 0));
    CHECK(storage::checksum32({}) == 0x38D3'94C2u);
}

TEST_CASE("checksum: seed and every byte count", "[checksum]") {
    byte_vector bytes(300);
    const auto plain = storage::checksum64(bytes);
    CHECK(storage::checksum64(bytes, 1) != plain);
    for (auto& byte : bytes) {
        byte = std::byte{1};
        CHECK(storage::checksum64(bytes) != plain);
        byte = std::byte{0};
    }
    CHECK(storage::checksum32(bytes) == static_cast<std::uint32_t>(plain));
}
