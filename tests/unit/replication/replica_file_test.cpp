#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <replication/replica_file.hpp>

#include <limits>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

node_id node(int number) {
    node_id id{};
    id[0] = static_cast<std::byte>(number);
    return id;
}

replica_identity sample() {
    replica_identity identity;
    identity.cluster = node(9);
    identity.node = node(1);
    identity.promised = {7, node(2)};
    identity.first_members.voters = {node(1), node(2), node(3)};
    return identity;
}

struct directory {
    directory() { files.create_directories("d").value(); }
    [[nodiscard]] byte_vector bytes() { return storage::read_file(files, "d/replica").value(); }
    void write(const byte_vector& bytes, std::uint64_t at = 0) {
        files.open("d/replica", storage::open_mode::read_write).value()->write_at(at, bytes).value();
    }
    storage::memory_file_system files;
};

}  // namespace

TEST_CASE("replica file: its bytes are as documented", "[replication][golden]") {
    directory d;
    replica_file::create(d.files, "d", sample()).value();
    const auto bytes = d.bytes();
    REQUIRE(bytes.size() == 2 * replica_slot_bytes);
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    for (const std::size_t slot : {std::size_t{0}, replica_slot_bytes}) {
        CHECK(as_text(byte_span(bytes).subspan(slot, 8)) == "VSREPLIC");
        CHECK(u64(slot + 8) == 1);
        CHECK(u32(slot + 16) == 1);
        CHECK(u32(slot + 20) == 60);
        CHECK(bytes[slot + 24] == std::byte{9});
        CHECK(bytes[slot + 40] == std::byte{1});
        CHECK(u64(slot + 56) == 7);
        CHECK(bytes[slot + 64] == std::byte{2});
        CHECK(u64(slot + 140) == storage::checksum64(byte_span(bytes).subspan(slot, 140)));
    }
    CHECK(u64(140) == 0x7FA0'3F42'90D2'E7C1u);  // pinned
}

TEST_CASE("replica file: what was stored is found again", "[replication]") {
    directory d;
    auto file = replica_file::create(d.files, "d", sample()).value();
    CHECK(file.identity() == sample());
    CHECK(replica_file::create(d.files, "d", sample()).error().code == errc::already_exists);
    REQUIRE(file.store({8, node(3)}).has_value());
    CHECK(file.store({7, node(3)}).error().code == errc::invalid_argument);
    const auto again = replica_file::open(d.files, "d").value();
    CHECK(again.identity().promised == promised_leader{8, node(3)});
    CHECK(again.identity().first_members == sample().first_members);
    CHECK_FALSE(again.was_damaged());
    directory empty;
    CHECK(replica_file::open(empty.files, "d").error().code == errc::not_found);
}

TEST_CASE("replica file: one slot may rot, and no promise is taken back", "[replication]") {
    for (const std::size_t slot : {std::size_t{0}, replica_slot_bytes})
        for (const std::size_t at : {0u, 8u, 20u, 60u, 100u, 147u}) {
            directory d;
            auto file = replica_file::create(d.files, "d", sample()).value();
            REQUIRE(file.store({8, node(3)}).has_value());
            auto bytes = d.bytes();
            bytes[slot + at] ^= std::byte{4};
            d.write(bytes);
            auto opened = replica_file::open(d.files, "d").value();
            CHECK(opened.was_damaged());
            CHECK(opened.identity().promised == promised_leader{8, node(3)});
            REQUIRE(opened.store({9, node(1)}).has_value());
            CHECK_FALSE(replica_file::open(d.files, "d")->was_damaged());
            d.write(byte_vector(2 * replica_slot_bytes, std::byte{1}));
            CHECK(replica_file::open(d.files, "d").error().code == errc::corruption);
        }
}

TEST_CASE("replica file: of two slots the later counts, and a later version is refused", "[replication]") {
    directory d;
    auto file = replica_file::create(d.files, "d", sample()).value();
    const auto before = d.bytes();
    REQUIRE(file.store({8, node(3)}).has_value());
    // Killed between the two writes.
    d.write(byte_vector(before.begin(), before.begin() + replica_slot_bytes), replica_slot_bytes);
    CHECK(replica_file::open(d.files, "d")->identity().promised.term == 8);
    auto bytes = d.bytes();
    store_le(bytes.data() + 16, std::uint32_t{2});
    store_le(bytes.data() + 140, storage::checksum64(byte_span(bytes).first(140)));
    d.write(bytes);
    CHECK(replica_file::open(d.files, "d").error().code == errc::unsupported);
}

TEST_CASE("replica file: what it has stored under the last generations it can read", "[replication]") {
    directory d;
    replica_file::create(d.files, "d", sample()).value();
    auto bytes = d.bytes();
    bytes.resize(replica_slot_bytes);
    store_le(bytes.data() + 8, std::numeric_limits<std::uint64_t>::max() - 1);
    store_le(bytes.data() + 140, storage::checksum64(byte_span(bytes).first(140)));
    d.write(bytes);
    auto file = replica_file::open(d.files, "d").value();
    REQUIRE(file.store({8, node(3)}).has_value());
    CHECK(replica_file::open(d.files, "d").value().identity().promised == promised_leader{8, node(3)});
    CHECK(file.store({9, node(3)}).error().code == errc::resource_exhausted);
    CHECK(replica_file::open(d.files, "d").value().identity().promised == promised_leader{8, node(3)});
}
