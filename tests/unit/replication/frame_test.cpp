#include <vecstore/storage/checksum.hpp>

#include <catch2/catch.hpp>
#include <replication/frame.hpp>
#include <support/hex.hpp>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

byte_vector sample(std::string_view body = "body") {
    byte_writer out;
    const auto begun = begin_frame(out, frame_type::append, 0x0102030405060708, 9);
    out.put_bytes(as_bytes(body));
    end_frame(out, begun);
    return std::move(out).take();
}

}  // namespace

TEST_CASE("frame: the bytes are as documented", "[replication][golden]") {
    const auto bytes = sample();
    REQUIRE(bytes.size() == frame_header_bytes + 4);
    CHECK(load_le<std::uint32_t>(bytes.data()) == 4);
    CHECK(load_le<std::uint8_t>(bytes.data() + 4) == 16);
    CHECK(load_le<std::uint8_t>(bytes.data() + 5) == 0);
    CHECK(load_le<std::uint16_t>(bytes.data() + 6) == 1);
    CHECK(load_le<std::uint32_t>(bytes.data() + 8) == 9);
    CHECK(load_le<std::uint64_t>(bytes.data() + 12) == 0x0102030405060708);
    const auto seed = storage::checksum64(byte_span(bytes).first(20));
    CHECK(load_le<std::uint32_t>(bytes.data() + 20) == storage::checksum32(as_bytes("body"), seed));
    CHECK(as_text(byte_span(bytes).subspan(24)) == "body");
    // Pinned: a change of these digits is a change of the protocol.
    CHECK(test::hex(bytes) == "0400000010000100090000000807060504030201b320e9ac626f6479");
}

TEST_CASE("frame: any changed byte is noticed", "[replication]") {
    auto bytes = sample();
    REQUIRE(parse_frame(bytes).has_value());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] ^= std::byte{1};
        CHECK(parse_frame(bytes).error().code == errc::corruption);
        bytes[i] ^= std::byte{1};
    }
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_FALSE(parse_frame(byte_span(bytes).first(length)).has_value());
}

TEST_CASE("frame: another version is refused by name", "[replication]") {
    auto bytes = sample();
    store_le(bytes.data() + 6, std::uint16_t{2});
    const auto seed = storage::checksum64(byte_span(bytes).first(20));
    store_le(bytes.data() + 20, storage::checksum32(byte_span(bytes).subspan(24), seed));
    const auto parsed = parse_frame(bytes);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().what() == "unsupported: frame: version 2 is not 1");
}

TEST_CASE("frame reader: frames come out of a stream cut anywhere", "[replication]") {
    byte_vector stream;
    for (const auto* body : {"", "one", "another"}) {
        const auto bytes = sample(body);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    for (std::size_t step = 1; step <= stream.size(); step += 5) {
        frame_reader reader;
        std::vector<std::string> bodies;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            reader.feed(byte_span(stream).subspan(at, std::min(step, stream.size() - at)));
            while (const auto found = reader.next().value()) bodies.emplace_back(as_text(found->body));
        }
        CHECK(bodies == std::vector<std::string>{"", "one", "another"});
        CHECK(reader.buffered() == 0);
    }
}

TEST_CASE("frame reader: a stranger's long frame is refused before it is read", "[replication]") {
    frame_reader reader;
    byte_writer head;
    head.put(std::uint32_t{frame_body_bytes_before_auth + 1});
    reader.feed(head.bytes());
    CHECK(reader.next().error().code == errc::resource_exhausted);
    reader.set_limit(frame_body_bytes_max);
    CHECK_FALSE(reader.next().value().has_value());
}
