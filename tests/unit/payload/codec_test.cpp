#include "support/hex.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace vecstore;
using payload::decode;
using payload::document;
using payload::encode;
using payload::value;
using test::hex;

namespace {

byte_vector unhex(std::string_view text) {
    byte_vector bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

value nested_arrays(std::size_t depth) {
    value v = value::array{};
    for (std::size_t i = 1; i < depth; ++i) {
        value::array outer;
        outer.push_back(std::move(v));
        v = std::move(outer);
    }
    return v;
}

std::string encode_error(const document& d) {
    const auto bytes = encode(d);
    REQUIRE_FALSE(bytes);
    CHECK(bytes.error().code == errc::invalid_argument);
    return bytes.error().message;
}

}  // namespace

TEST_CASE("codec: the bytes on disk do not change", "[payload]") {
    CHECK(hex(encode({}).value()) == "01060400000000000000");
    CHECK(hex(encode({{"a", 1}}).value()) == "010612000000010000000100000061020100000000000000");
    const document all = {{"n", nullptr}, {"t", true}, {"f", false},           {"d", -1.5},
                          {"s", "hi"},    {"l", {}},   {"a", value::array{7}}, {"o", {{"k", "v"}}}};
    CHECK(hex(encode(all).value()) ==
          "01066800000008000000"
          "010000006e00"
          "01000000740101"
          "01000000660100"
          "010000006403000000000000f8bf"
          "010000007304020000006869"
          "010000006c00"
          "0100000061050d00000001000000020700000000000000"
          "010000006f060f00000001000000010000006b040100000076");
    CHECK(decode(encode(all).value()).value() == all);
}

TEST_CASE("codec: no bytes are the empty document", "[payload]") { CHECK(decode({}).value().empty()); }

TEST_CASE("codec: what cannot be stored is named by its path", "[payload]") {
    const auto infinity = std::numeric_limits<double>::infinity();
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(encode_error({{"a", {{"b", value::array{1, nan}}}}}) == "payload.a.b[1]: the number is not finite");
    CHECK(encode_error({{"a", infinity}}) == "payload.a: the number is not finite");
    CHECK(encode_error({{"a", value::array{"\xff"}}}) == "payload.a[0]: the string is not UTF-8");
    CHECK(encode_error({{"o", {{"\xc3", 1}}}}) == "payload.o: a key is not UTF-8");
    CHECK(encode_error({{"big", std::string(payload_bytes_max, 'x')}}).find("larger than") != std::string::npos);
    CHECK(encode_error({{"big", std::string(payload_bytes_max - 20, 'x')}}).find("at most") != std::string::npos);
    document twice;
    twice.append("k", 1);
    twice.append("k", 2);
    CHECK(encode_error(twice) == "payload: two members have the same key");
}

TEST_CASE("codec: nesting is bounded, the root counting as one level", "[payload]") {
    const document deepest = {{"a", nested_arrays(payload_depth_max - 1)}};
    CHECK(decode(encode(deepest).value()).value() == deepest);
    const document deeper = {{"a", nested_arrays(payload_depth_max)}};
    CHECK(encode_error(deeper).find("nested deeper than 64") != std::string::npos);
}

TEST_CASE("codec: malformed UTF-8 of every sort is refused, well-formed accepted", "[payload]") {
    for (const std::string_view good : {"", "plain ascii text", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                        "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa9"})
        CHECK(encode({{"s", good}}).has_value());
    for (const std::string_view bad :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "12345678\xff"})
        CHECK_FALSE(encode({{"s", bad}}).has_value());
}

TEST_CASE("codec: damaged bytes give corruption", "[payload]") {
    const std::string_view damaged[] = {
        "02060400000000000000",                              // version
        "01",                                                // no root
        "0100",                                              // the root is null
        "0106040000000000",                                  // cut inside the count
        "0106040000000000000000",                            // a byte behind the root
        "01060400000001000000",                              // one member promised, none there
        "0106ffffffff00000000",                              // the body goes beyond the buffer
        "010612000000010000000100000061070100000000000000",  // tag
        "01060b00000001000000010000006101"
        "02",  // boolean 2
        "01060b000000010000000100000061"
        "0100"
        "00",  // a byte behind the last member
        "010612000000010000000100000061"
        "03000000000000f07f",  // infinity
        "01060f000000010000000100000061"
        "0401000000ff",  // string no UTF-8
        "01060f0000000100000001000000ff"
        "040100000061",  // key no UTF-8
        "01061000000002000000"
        "010000006100"
        "010000006100",  // equal keys
    };
    for (const auto text : damaged) {
        INFO(text);
        const auto content = decode(unhex(text));
        REQUIRE_FALSE(content);
        CHECK(content.error().code == errc::corruption);
    }
    CHECK(decode(unhex("010612000000010000000100000061070100000000000000")).error().offset == 15);
}

TEST_CASE("codec: every cut and every changed byte is either refused or decodes cleanly", "[payload]") {
    const document d = {{"s", "text"}, {"a", value::array{1, 2.5, "x", nullptr}}, {"o", {{"k", true}}}};
    const auto whole = encode(d).value();
    for (std::size_t size = 1; size < whole.size(); ++size)
        CHECK_FALSE(decode(byte_span(whole).first(size)).has_value());
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (int changed = 0; changed < 256; ++changed) {
            auto bytes = whole;
            bytes[at] = static_cast<std::byte>(changed);
            if (const auto content = decode(bytes)) CHECK(encode(*content).value() == bytes);
        }
    }
}

TEST_CASE("codec: many members are checked for equal keys as well", "[payload]") {
    document d;
    for (int i = 0; i < 1000; ++i) d.append("k" + std::to_string(i), i);
    CHECK(decode(encode(d).value()).value() == d);
    d.append("k500", 0);
    CHECK_FALSE(encode(d).has_value());
}
