#include <vecstore/storage/checksum.hpp>
#include <vecstore/wal/record.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using namespace vecstore::wal;

namespace {

record sample() {
    record value;
    value.lsn = 0x0102030405060708;
    value.term = 9;
    value.type = record_type::set_payload;
    value.flags = flag_batch_continues;
    value.batch_pos = 4;
    value.durable_upto = 77;
    value.prev_chain = 0xAABBCCDD;
    value.payload = as_bytes("payload");
    return value;
}

}  // namespace

TEST_CASE("record: the bytes are as documented", "[wal][golden]") {
    byte_vector bytes;
    const auto chain = encode_record(sample(), 42, bytes);
    REQUIRE(bytes.size() == 64);
    const auto u16 = [&](std::size_t at) { return load_le<std::uint16_t>(bytes.data() + at); };
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    CHECK(as_text(byte_span(bytes).first(4)) == "VWAL");
    CHECK(u32(4) == 7);
    CHECK(u64(8) == 0x0102030405060708);
    CHECK(u64(16) == 9);
    CHECK(u32(24) == 0xAABBCCDD);
    CHECK(u32(28) == storage::checksum32(as_bytes("payload")));
    CHECK(u16(32) == 3);
    CHECK(u16(34) == 1);
    CHECK(u32(36) == 4);
    CHECK(u64(40) == 77);
    CHECK(u32(48) == 0);
    CHECK(u32(52) == storage::checksum32(byte_span(bytes).first(52), 42));
    CHECK(as_text(byte_span(bytes).subspan(56)) == std::string_view("payload\0", 8));
    CHECK(chain == storage::checksum32(byte_span(bytes).subspan(4, 32)));
    // Pinned: a change of these numbers is a change of the format.
    CHECK(u32(28) == 0x5B2D'8D7Bu);
    CHECK(u32(52) == 0xC24D'519Bu);
    CHECK(chain == 0x5398'F751u);
}

TEST_CASE("record: type values are on disk", "[wal][golden]") {
    CHECK(static_cast<int>(record_type::upsert) == 1);
    CHECK(static_cast<int>(record_type::erase) == 2);
    CHECK(static_cast<int>(record_type::set_payload) == 3);
    CHECK(static_cast<int>(record_type::ddl) == 4);
    CHECK(static_cast<int>(record_type::term_open) == 5);
    CHECK(static_cast<int>(record_type::config) == 6);
    CHECK(static_cast<int>(record_type::state_hash) == 7);
    CHECK(static_cast<int>(record_type::snapshot_mark) == 8);
    CHECK(static_cast<int>(record_type::pad) == 9);
}

TEST_CASE("record: decodes what was encoded, and nothing that was changed", "[wal]") {
    byte_vector bytes;
    const auto chain = encode_record(sample(), 42, bytes);
    const auto back = decode_record(bytes, 42);
    REQUIRE(back);
    CHECK(back->lsn == sample().lsn);
    CHECK(back->chain == chain);
    CHECK(back->prev_chain == sample().prev_chain);
    CHECK(back->batch_continues());
    CHECK(back->durable_upto == 77);
    CHECK(as_text(back->payload) == "payload");
    CHECK(!decode_record(bytes, 43));
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {  // the last byte is padding
        for (int bit = 0; bit < 8; ++bit) {
            auto bad = bytes;
            bad[i] ^= static_cast<std::byte>(1 << bit);
            REQUIRE(!decode_record(bad, 42));
        }
        REQUIRE(!decode_record(byte_span(bytes).first(i), 42));
    }
}

TEST_CASE("record: the chain leaves out what differs between replicas", "[wal]") {
    byte_vector bytes;
    auto value = sample();
    const auto chain = encode_record(value, 1, bytes);
    value.durable_upto = 1;
    CHECK(encode_record(value, 2, bytes) == chain);
    value.payload = as_bytes("Payload");
    CHECK(encode_record(value, 2, bytes) != chain);
    value = sample();
    value.prev_chain ^= 1;
    CHECK(encode_record(value, 1, bytes) != chain);
}
