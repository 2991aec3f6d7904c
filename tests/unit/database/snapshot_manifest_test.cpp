#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <database/snapshot_manifest.hpp>

using namespace vecstore;
using detail::snapshot_manifest;

namespace {

snapshot_manifest sample() {
    snapshot_manifest manifest;
    manifest.database_uuid.fill(std::byte{0xAB});
    manifest.lsn = 0x1122;
    manifest.term = 3;
    manifest.chain = 0x01020304;
    manifest.state_hash = hash128{0x55, 0x66};
    manifest.files = {{"control", 8192, {1, 2}, 0}, {"parts/1/0/1.part", 77, {3, 4}, 0x99}};
    return manifest;
}

/// With a right checksum, so that what is behind it is seen.
byte_vector sealed(byte_vector bytes) {
    const auto covered = byte_span(bytes).first(bytes.size() - 8);
    store_le(bytes.data() + covered.size(), storage::checksum64(covered));
    return bytes;
}

errc code_of(const byte_vector& bytes) {
    const auto decoded = detail::decode_manifest(bytes, "m");
    return decoded ? errc{} : decoded.error().code;
}

}  // namespace

TEST_CASE("snapshot manifest: what was written comes back", "[snapshot_manifest]") {
    auto manifest = sample();
    CHECK(detail::decode_manifest(detail::encode_manifest(manifest), "m").value() == manifest);
    CHECK(manifest.bytes() == 8192 + 77);
    CHECK(manifest.find("parts/1/0/1.part")->root == 0x99);
    CHECK(manifest.find("parts/1/0/2.part") == nullptr);
    manifest.state_hash.reset();
    manifest.files.clear();
    CHECK(detail::decode_manifest(detail::encode_manifest(manifest), "m").value() == manifest);
}

TEST_CASE("snapshot manifest: the bytes are as documented", "[snapshot_manifest][golden]") {
    const auto bytes = detail::encode_manifest(sample());
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    CHECK(as_text(byte_span(bytes).first(8)) == "VSSNAP01");
    CHECK(u32(8) == 1);
    CHECK(u32(12) == 0x01020304);
    CHECK(bytes[16] == std::byte{0xAB});
    CHECK(u64(32) == 0x1122);
    CHECK(u64(40) == 3);
    CHECK(u32(48) == 1);
    CHECK(u32(52) == 2);
    CHECK(u64(56) == 0x55);
    CHECK(u64(64) == 0x66);
    CHECK(u32(72) == 7);
    CHECK(as_text(byte_span(bytes).subspan(76, 7)) == "control");
    CHECK(u64(83) == 8192);
    CHECK(u64(91) == 1);
    CHECK(u64(99) == 2);
    CHECK(u64(107) == 0);
    CHECK(u32(115) == 16);
    CHECK(bytes.size() == 115 + 4 + 16 + 32 + 8);
    CHECK(u64(bytes.size() - 8) == storage::checksum64(byte_span(bytes).first(bytes.size() - 8)));
}

TEST_CASE("snapshot manifest: damage, nonsense and ways out of the directory are refused", "[snapshot_manifest]") {
    const auto good = detail::encode_manifest(sample());
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] ^= std::byte{1};
        CHECK(code_of(bad) == errc::corruption);
        bad.resize(i);
        CHECK(code_of(bad) == errc::corruption);
    }
    for (const auto* path : {"", "/etc", "a//b", "a/", "../x", "a/../../x", ".", "a/./b"}) {
        INFO(path);
        auto manifest = sample();
        manifest.files = {{path, 1, {}, 0}};
        CHECK(code_of(detail::encode_manifest(manifest)) == errc::corruption);
    }
    auto manifest = sample();
    manifest.files = {{"b", 1, {}, 0}, {"a", 1, {}, 0}};
    CHECK(code_of(detail::encode_manifest(manifest)) == errc::corruption);
    manifest.files = {{"a", 1, {}, 0}, {"a", 1, {}, 0}};
    CHECK(code_of(detail::encode_manifest(manifest)) == errc::corruption);
    auto changed = good;
    store_le(changed.data() + 8, std::uint32_t{2});
    CHECK(code_of(sealed(changed)) == errc::unsupported);
    changed = good;
    store_le(changed.data() + 52, ~std::uint32_t{0});
    CHECK(code_of(sealed(changed)) == errc::corruption);
    changed = good;
    store_le(changed.data() + 48, std::uint32_t{2});
    CHECK(code_of(sealed(changed)) == errc::corruption);
}
