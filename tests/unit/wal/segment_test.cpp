#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>
#include <vecstore/wal/segment.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using namespace vecstore::wal;

namespace {

segment_header sample() {
    segment_header header;
    header.database_uuid.fill(std::byte{1});
    header.node_uuid.fill(std::byte{2});
    header.segment_number = 3;
    header.first_lsn = 4;
    header.first_term = 5;
    header.salt = 6;
    header.prev_chain = 7;
    return header;
}

}  // namespace

TEST_CASE("segment header: the bytes are as documented", "[wal][golden]") {
    const auto bytes = encode_segment_header(sample());
    REQUIRE(bytes.size() == 4096);
    const auto u32 = [&](std::size_t at) { return load_le<std::uint32_t>(bytes.data() + at); };
    const auto u64 = [&](std::size_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
    for (const std::size_t base : {0, 2048}) {
        CHECK(as_text(byte_span(bytes).subspan(base, 8)) == "VSWALSEG");
        CHECK(u32(base + 8) == 1);
        CHECK(u32(base + 12) == 1);
        CHECK(bytes[base + 16] == std::byte{1});
        CHECK(bytes[base + 32] == std::byte{2});
        CHECK(u64(base + 48) == 3);
        CHECK(u64(base + 56) == 4);
        CHECK(u64(base + 64) == 5);
        CHECK(u64(base + 72) == 6);
        CHECK(u32(base + 80) == 7);
        CHECK(u32(base + 84) == 0);
        CHECK(u64(base + 88) == storage::checksum64(byte_span(bytes).subspan(base, 88)));
        CHECK(u64(base + 88) == 0xEF25'E146'69A8'3F28u);  // pinned: a change of this number is a change of the format
    }
}

TEST_CASE("segment header: either copy is enough, none is noticed", "[wal]") {
    const auto good = encode_segment_header(sample());
    CHECK(decode_segment_header(good) == sample());
    auto bad = good;
    bad[50] ^= std::byte{1};
    CHECK(decode_segment_header(bad) == sample());
    bad[2048 + 50] ^= std::byte{1};
    CHECK(!decode_segment_header(bad));
    bad[50] ^= std::byte{1};
    CHECK(decode_segment_header(bad) == sample());
    CHECK(decode_segment_header(byte_span(good).first(96)) == sample());
    CHECK(!decode_segment_header(byte_span(good).first(95)));
    CHECK(!decode_segment_header({}));
}

TEST_CASE("segment names: written and parsed", "[wal]") {
    const segment_name name{0x1F, 0xABCDEF};
    CHECK(to_string(name) == "000000000000001f-0000000000abcdef.wal");
    CHECK(parse_segment_name(to_string(name)) == name);
    CHECK(!parse_segment_name("000000000000001f-0000000000abcdef.tmp"));
    CHECK(!parse_segment_name("000000000000001g-0000000000abcdef.wal"));
    CHECK(!parse_segment_name("1f-abcdef.wal"));
}

TEST_CASE("segments: listed by first lsn, doubles refused", "[wal]") {
    storage::memory_file_system files;
    CHECK(list_segments(files, "wal").value().empty());
    files.create_directories("wal").value();
    const auto touch = [&](const std::string& name) {
        (void)files.open("wal/" + name, storage::open_mode::create).value();
    };
    touch(to_string(segment_name{2, 5}));
    touch(to_string(segment_name{1, 100}));
    touch("notes.txt");
    CHECK(list_segments(files, "wal").value() == std::vector<segment_name>{{2, 5}, {1, 100}});
    touch(to_string(segment_name{3, 5}));
    CHECK(list_segments(files, "wal").error().code == errc::corruption);
}
