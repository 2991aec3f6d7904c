#include <catch2/catch.hpp>
#include <replication/message.hpp>
#include <support/hex.hpp>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

node_id node(int number) {
    node_id id{};
    id[0] = static_cast<std::byte>(number);
    id[15] = std::byte{0xEE};
    return id;
}

byte_vector encoded(const message& m, std::uint64_t term = 7) {
    byte_writer out;
    encode(m, term, out);
    return std::move(out).take();
}

template <class Message>
Message decoded(const byte_vector& bytes) {
    return std::get<Message>(decode(parse_frame(bytes).value()).value());
}

hello sample_hello() {
    hello m;
    m.cluster = node(1);
    m.node = node(2);
    m.features = 5;
    m.config_epoch = 6;
    m.promised_term = 7;
    m.last = {7, 80, 0xABCD};
    m.commit_lsn = 79;
    m.checkpoint_lsn = 60;
    m.nonce[31] = std::byte{3};
    return m;
}

/// One of each kind, in the order of `message`.
std::vector<message> samples() {
    proof shown;
    shown.mac[0] = std::byte{1};
    shown.mac[31] = std::byte{2};
    reject conflict;
    conflict.reason = reject_reason::conflict;
    conflict.promised_term = 7;
    conflict.asked_lsn = 90;
    conflict.last_lsn = 85;
    conflict.upto_lsn = 85;
    conflict.runs = {{3, 10}, {5, 60}};
    return {sample_hello(),
            refuse{refusal::wrong_cluster, "no"},
            append{{6, 80, 0xABCD}, 79, 4, as_bytes("records")},
            append_ok{4, 80, 78, 1 << 20, 64, {11, 12}},
            conflict,
            heartbeat{{7, 81, 0xBCDE}, 80, 5, 64, {11, 12}},
            fence{},
            promise{{6, 80, 0xABCD}, 1, 79},
            fetch{{6, 80, 0xABCD}},
            fetched{{6, 80, 0xABCD}, 90, as_bytes("records")},
            shown,
            hand_over{},
            read_index{5},
            read_index_ok{5, true, 80}};
}

}  // namespace

TEST_CASE("message: the bytes of each kind are pinned", "[replication][golden]") {
    const std::vector<std::string> golden = {
        "80000000010001000000000007000000000000004a18b6a401000100010000000000000000000000000000ee0200000000000000000000"
        "00000000ee05000000000000000600000000000000070000000000000007000000000000005000000000000000cdab00004f0000000000"
        "00003c000000000000000000000000000000000000000000000000000000000000000000000000000003",
        "0800000002000100000000000700000000000000421918540100020000006e6f",
        "2f00000010000100000000000700000000000000b5af473f06000000000000005000000000000000cdab00004f00000000000000040000"
        "0000000000070000007265636f726473",
        "3800000011000100000000000700000000000000dac3dd88040000000000000050000000000000004e0000000000000000001000000000"
        "0040000000000000000b000000000000000c00000000000000",
        "4300000012000100000000000700000000000000a02003990207000000000000005a000000000000005500000000000000550000000000"
        "0000020003000000000000000a0000000000000005000000000000003c00000000000000",
        "3c000000130001000000000007000000000000000bb16a9e07000000000000005100000000000000debc00005000000000000000050000"
        "000000000040000000000000000b000000000000000c00000000000000",
        "00000000140001000000000007000000000000005c8d541b",
        "24000000150001000000000007000000000000004cee2b5106000000000000005000000000000000cdab000001000000000000004f0000"
        "0000000000",
        "14000000160001000000000007000000000000007d80f91806000000000000005000000000000000cdab0000",
        "2700000017000100000000000700000000000000e698020d06000000000000005000000000000000cdab00005a00000000000000070000"
        "007265636f726473",
        "2000000003000100000000000700000000000000590df05c01000000000000000000000000000000000000000000000000000000000000"
        "02",
        "000000001800010000000000070000000000000094856ded",
        "080000004000010000000000070000000000000048527deb0500000000000000",
        "110000004100010000000000070000000000000024490d3b0500000000000000015000000000000000",
    };
    const auto all = samples();
    REQUIRE(all.size() == std::variant_size_v<message>);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(test::hex(encoded(all[i])) == golden.at(i));
}

TEST_CASE("message: what was encoded is decoded", "[replication]") {
    const auto all = samples();
    CHECK(decoded<hello>(encoded(all[0])) == sample_hello());
    CHECK(decoded<refuse>(encoded(all[1])) == std::get<refuse>(all[1]));
    CHECK(decoded<append_ok>(encoded(all[3])) == std::get<append_ok>(all[3]));
    CHECK(decoded<reject>(encoded(all[4])) == std::get<reject>(all[4]));
    CHECK(decoded<heartbeat>(encoded(all[5])) == std::get<heartbeat>(all[5]));
    CHECK(decoded<promise>(encoded(all[7])) == std::get<promise>(all[7]));
    const auto bytes = encoded(all[2]);
    const auto sent = decoded<append>(bytes);
    CHECK(sent.prev == position{6, 80, 0xABCD});
    CHECK(sent.commit_lsn == 79);
    CHECK(sent.round == 4);
    CHECK(as_text(sent.records) == "records");
    CHECK(parse_frame(bytes)->term == 7);
}

TEST_CASE("message: bytes missing or left over are an error", "[replication]") {
    for (const auto& m : samples()) {
        const auto bytes = encoded(m);
        const auto whole = parse_frame(bytes).value();
        for (std::size_t length = 0; length < whole.body.size(); ++length) {
            auto cut = whole;
            cut.body = whole.body.first(length);
            CHECK(decode(cut).error().code == errc::corruption);
        }
        byte_vector longer(whole.body.begin(), whole.body.end());
        longer.push_back(std::byte{0});
        auto more = whole;
        more.body = longer;
        CHECK(decode(more).error().code == errc::corruption);
    }
}

TEST_CASE("message: what is not known is refused as such", "[replication]") {
    const auto bytes = encoded(fence{});
    auto f = parse_frame(bytes).value();
    f.type = 99;
    CHECK(decode(f).error().code == errc::unsupported);
    f.type = static_cast<std::uint8_t>(frame_type::fence);
    f.flags = 1;
    CHECK(decode(f).error().code == errc::unsupported);
}

TEST_CASE("message: term runs that do not rise are malformed", "[replication]") {
    reject m;
    m.upto_lsn = 100;
    const auto error_of = [](const reject& r) { return decode(parse_frame(encoded(r)).value()).error().code; };
    m.runs = {{3, 10}, {3, 20}};
    CHECK(error_of(m) == errc::corruption);
    m.runs = {{3, 10}, {4, 10}};
    CHECK(error_of(m) == errc::corruption);
    m.runs = {{3, 0}};
    CHECK(error_of(m) == errc::corruption);
    m.runs = {{3, 101}};
    CHECK(error_of(m) == errc::corruption);
    m.runs.clear();
    for (std::uint64_t i = 1; i <= term_runs_max + 1; ++i) m.runs.push_back({i, i});
    CHECK(error_of(m) == errc::corruption);
    // More are announced than there are.
    auto bytes = encoded(reject{});
    auto announced = parse_frame(bytes).value();
    byte_vector body(announced.body.begin(), announced.body.end());
    body.back() = std::byte{0x41};
    announced.body = body;
    CHECK(decode(announced).error().code == errc::corruption);
    m.runs = {{3, 100}};
    CHECK(decode(parse_frame(encoded(m)).value()).has_value());
}
