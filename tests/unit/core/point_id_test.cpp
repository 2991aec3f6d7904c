#include <vecstore/core/point_id.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <vector>

using vecstore::byte_reader;
using vecstore::byte_writer;
using vecstore::point_id;
using vecstore::uuid;

namespace {

const char* const text = "00112233-4455-6677-8899-aabbccddeeff";

vecstore::byte_vector key_of(const point_id& id) {
    byte_writer out;
    id.put_key(out);
    return std::move(out).take();
}

std::vector<point_id> ascending() {
    std::vector<point_id> ids{0, 1, 255, 256, std::uint64_t{1} << 32, std::numeric_limits<std::uint64_t>::max()};
    uuid id;
    ids.push_back(id);
    id.bytes[15] = 1;
    ids.push_back(id);
    id.bytes[8] = 0x80;
    ids.push_back(id);
    id.bytes[7] = 1;
    ids.push_back(id);
    id.bytes[0] = 0xFF;
    ids.push_back(id);
    return ids;
}

}  // namespace

TEST_CASE("uuid: every accepted form means the same", "[core]") {
    const auto wanted = uuid::parse(text).value();
    CHECK(wanted.bytes[0] == 0x00);
    CHECK(wanted.bytes[1] == 0x11);
    CHECK(wanted.bytes[15] == 0xFF);
    CHECK(to_string(wanted) == text);
    for (const char* form : {"00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-AABBCCDDEEFF",
                             "urn:uuid:00112233-4455-6677-8899-aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff}",
                             "{00112233445566778899AABBccddeeff}"})
        CHECK(uuid::parse(form).value() == wanted);
}

TEST_CASE("uuid: everything else is refused with the text in the message", "[core]") {
    for (const char* bad : {"", "0", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefff",
                            "0011223-34455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg",
                            "00112233445566778899aabbccddeef-", "{00112233-4455-6677-8899-aabbccddeeff", "{}",
                            "00112233-4455-6677-8899-aabbccddee--", " 0112233445566778899aabbccddeeff",
                            "urn:uuid:", "0x112233445566778899aabbccddeeff"}) {
        const auto refused = uuid::parse(bad);
        INFO(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == vecstore::errc::invalid_argument);
        CHECK(refused.error().message.find(std::string("\"") + bad + "\"") == 0);
    }
}

TEST_CASE("point_id: numbers come before UUIDs, and keys sort as ids do", "[core]") {
    const auto ids = ascending();
    for (std::size_t i = 0; i < ids.size(); ++i)
        for (std::size_t j = 0; j < ids.size(); ++j) {
            INFO(to_string(ids[i]) << " and " << to_string(ids[j]));
            CHECK((ids[i] < ids[j]) == (i < j));
            CHECK((ids[i] == ids[j]) == (i == j));
            const auto a = key_of(ids[i]), b = key_of(ids[j]);
            CHECK(std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end()) == (i < j));
        }
}

TEST_CASE("point_id: keys are read back; other bytes fail", "[core]") {
    for (const auto& id : ascending()) {
        const auto key = key_of(id);
        CHECK(key.size() == (id.is_uuid() ? 17u : 9u));
        byte_reader in(key);
        CHECK(point_id::get_key(in) == id);
        CHECK(in.finished());
        for (std::size_t size = 0; size < key.size(); ++size) {
            byte_reader cut(vecstore::byte_span(key).first(size));
            (void)point_id::get_key(cut);
            CHECK(cut.failed());
        }
    }
    vecstore::byte_vector wrong_tag(17, std::byte{2});
    byte_reader in(wrong_tag);
    (void)point_id::get_key(in);
    CHECK(in.failed());
}

TEST_CASE("point_id: prints, converts and hashes", "[core]") {
    CHECK(to_string(point_id(42)) == "42");
    CHECK(to_string(point_id(std::numeric_limits<std::uint64_t>::max())) == "18446744073709551615");
    const auto id = uuid::parse(text).value();
    CHECK(to_string(point_id(id)) == text);
    CHECK(point_id(id).is_uuid());
    CHECK(point_id(id).uuid() == id);
    CHECK(point_id(42).number() == 42);
    CHECK(point_id() == point_id(0));
    CHECK_FALSE(point_id(0) == point_id(uuid{}));
    std::unordered_set<std::size_t> hashes;
    for (const auto& each : ascending()) hashes.insert(std::hash<point_id>()(each));
    CHECK(hashes.size() >= ascending().size() - 1);
}
