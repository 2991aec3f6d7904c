#include "ivf_support.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <limits>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;

namespace {

constexpr row_id row_count = 200;
constexpr std::size_t dim = 6;

ivf_bytes sample_bytes(ivf_code code = ivf_code::pq4) {
    random_source random(3);
    std::vector<float> values(row_count * dim);
    for (auto& x : values) x = static_cast<float>(random.unit());
    return build_ivf({.dim = dim, .metric = metric::euclid, .lists = 5, .code = code},
                     contiguous_rows(values.data(), dim, dim, row_count))
        .value();
}
result<ivf_lists> open(const ivf_bytes& bytes, row_id rows = row_count) {
    return ivf_lists::open(bytes.header, bytes.model, bytes.codes, bytes.ids, rows);
}
template <class T>
void put(byte_vector& block, std::size_t at, T value) {
    REQUIRE(at + sizeof value <= block.size());
    store_le(block.data() + at, value);
}

/// Where the table of lists begins: behind one panel of 32 centroids and their lengths.
constexpr std::size_t table_at = 32 * dim * 4 + 32 * 4;

}  // namespace

TEST_CASE("ivf lists: the bytes are what the format page says", "[ivf]") {
    if (!test::can_build()) return;
    for (const auto code : {ivf_code::flat, ivf_code::int8, ivf_code::pq4}) {
        const auto bytes = sample_bytes(code);
        const auto lists = open(bytes).value();
        CHECK(bytes.header.size() == ivf_header_bytes);
        CHECK(load_le<std::uint32_t>(bytes.header.data()) == 0x5649'5356);
        CHECK(load_le<std::uint32_t>(bytes.header.data() + 8) == row_count);
        CHECK(load_le<std::uint8_t>(bytes.header.data() + 16) == 3);
        const std::size_t number = code == ivf_code::flat ? 1 : code == ivf_code::int8 ? 2 : 3;
        CHECK(load_le<std::uint8_t>(bytes.header.data() + 17) == number);
        CHECK(bytes.codes.size() == bytes.ids.size() / 128 * lists.code_block_bytes());
        if (code == ivf_code::int8) CHECK(lists.code_block_bytes() == 32 * 64);
        CHECK(lists.dim() == dim);
        CHECK(lists.list_count() == 5);
        CHECK(lists.entry_count() == row_count);
        std::vector<int> seen(row_count);
        for (std::size_t i = 0; i < 5; ++i) {
            const auto l = lists.at(i);
            CHECK(l.first_block == load_le<std::uint32_t>(bytes.model.data() + table_at + 16 * i));
            for (std::size_t e = 0; e < l.entries; ++e) ++seen[lists.id(ivf_lists::first_entry(l) + e)];
        }
        CHECK(seen == std::vector<int>(row_count, 1));
    }
}

TEST_CASE("ivf lists: damage that a search would trust is found", "[ivf]") {
    if (!test::can_build()) return;
    const auto right = sample_bytes();
    REQUIRE(open(right));
    const auto refused = [&](auto&& damage) {
        auto bytes = right;
        damage(bytes);
        const auto opened = open(bytes);
        return !opened && opened.error().code == errc::corruption;
    };
    for (const std::size_t at : {0u, 4u, 8u, 12u, 16u, 17u, 18u, 20u, 24u, 32u, 40u, 48u, 56u, 64u}) {
        INFO("header byte " << at);
        CHECK(refused([&](ivf_bytes& b) { b.header[at] ^= std::byte{0x40}; }));
    }
    CHECK(refused([](ivf_bytes& b) { b.header.pop_back(); }));
    CHECK(refused([](ivf_bytes& b) { b.model.pop_back(); }));
    CHECK(refused([](ivf_bytes& b) { b.codes.pop_back(); }));
    CHECK(refused([](ivf_bytes& b) { b.ids.pop_back(); }));
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(refused([&](ivf_bytes& b) { put(b.header, 28, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, 8, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at - 4, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at + 8, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at + 12, -1.0f); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at + 5 * 16, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, b.model.size() - 4, nan); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at, std::uint32_t{1}); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.model, table_at + 4, std::uint32_t{0xFFFF'FFFF}); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.ids, 0, row_id{row_count}); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.ids, 0, row_none); }));
    CHECK(refused([&](ivf_bytes& b) { put(b.ids, b.ids.size() - 4, row_id{0}); }));
    CHECK(open(right, row_count + 1).error().code == errc::corruption);
}

TEST_CASE("ivf lists: damaged factors of rabitq are refused", "[ivf]") {
    if (!test::can_build()) return;
    const auto right = sample_bytes(ivf_code::rabitq);
    REQUIRE(open(right));
    CHECK(right.codes.size() == right.ids.size() / 128 * quantization::sign_block_bytes(2));
    for (const std::size_t back : {4u, 8u, 12u, 16u, 80u})
        for (const float value : {-1.0f, std::numeric_limits<float>::infinity()}) {
            auto bytes = right;
            put(bytes.model, bytes.model.size() - back, value);
            const auto opened = open(bytes);
            REQUIRE_FALSE(opened);
            CHECK(opened.error().code == errc::corruption);
        }
    auto manhattan = right;
    manhattan.header[16] = std::byte{4};
    CHECK_FALSE(open(manhattan));
}

TEST_CASE("ivf lists: a codec of other rows is refused", "[ivf]") {
    if (!test::can_build()) return;
    const auto right = sample_bytes(ivf_code::int8);
    REQUIRE(open(right));
    const auto codec_at = right.model.size() - 24;
    for (const std::size_t at : {0u, 4u, 5u, 6u, 8u, 12u, 23u}) {
        INFO("codec byte " << at);
        auto bytes = right;
        bytes.model[codec_at + at] ^= std::byte{0xC0};
        const auto opened = open(bytes);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == errc::corruption);
    }
}

TEST_CASE("ivf lists: a model that lies askew is refused", "[ivf]") {
    if (!test::can_build()) return;
    const auto bytes = sample_bytes();
    byte_vector askew(bytes.model.size() + 1);
    std::copy(bytes.model.begin(), bytes.model.end(), askew.begin() + 1);
    const auto opened = ivf_lists::open(bytes.header, byte_span(askew).subspan(1), bytes.codes, bytes.ids, row_count);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::invalid_argument);
}
