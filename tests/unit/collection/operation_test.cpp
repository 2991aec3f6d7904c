#include "support/hex.hpp"
#include "support/store.hpp"

#include <vecstore/payload/codec.hpp>

#include <catch2/catch.hpp>
#include <collection/decode.hpp>
#include <collection/state.hpp>
#include <collection/write/operation.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::operation;
using vs::detail::payload_edit;

namespace {

vs::collection_options two_vectors() {
    return {{vector_of(2, vs::metric::euclid), vector_of(1, vs::metric::cosine, "t")}};
}

std::vector<operation> one_of_each() {
    auto p = make_point(0x0102, {1.0f, -2.0f}, {{"a", 1}});
    p.vectors.push_back({"t", {4}});
    const std::vector<vs::point> points{p, make_point(uuid_of(0xAB), {})};
    const std::vector<vs::point_id> ids{3, uuid_of(0xCD)};
    std::vector<operation> all;
    const auto add = [&](std::vector<operation> made) {
        REQUIRE(made.size() == 1);
        all.push_back(std::move(made[0]));
    };
    add(vs::detail::encode_upsert(9, two_vectors(), points).value());
    add(vs::detail::encode_erase(9, ids).value());
    add(vs::detail::encode_edit(9, payload_edit::set, ids, vs::payload::encode({{"a", 1}}).value()).value());
    add(vs::detail::encode_edit(9, payload_edit::erase, ids, vs::detail::encode_paths({"a", "b.c"})).value());
    add(vs::detail::encode_edit(9, payload_edit::clear, ids, {}).value());
    return all;
}

vs::wal::record record_of(const operation& o, vs::byte_span payload, std::uint64_t lsn) {
    vs::wal::record record;
    record.type = o.type;
    record.payload = payload;
    record.lsn = lsn;
    return record;
}

}  // namespace

TEST_CASE("operation: the bytes in the log are these", "[collection]") {
    const std::string document =
        "01"
        "06"
        "12000000"
        "01000000"
        "01000000"
        "61"
        "02"
        "0100000000000000";
    const std::string ids =
        "00"
        "0000000000000003"
        "01"
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
    const auto all = one_of_each();
    CHECK(static_cast<int>(all[0].type) == 1);
    CHECK(hex(all[0].payload) ==
          "09000000"
          "02000000"
          "00"
          "0000000000000102"
          "02"
          "00"
          "0000803f"
          "000000c0"
          "01"
          "0000803f"
          "18000000" +
              document +
              "01"
              "abababababababababababababababab"
              "00"
              "0a000000"
              "01"
              "06"
              "04000000"
              "00000000");
    CHECK(static_cast<int>(all[1].type) == 2);
    CHECK(hex(all[1].payload) ==
          "09000000"
          "02000000" +
              ids);
    CHECK(static_cast<int>(all[2].type) == 3);
    CHECK(hex(all[2].payload) ==
          "09000000"
          "01"
          "02000000" +
              ids + "18000000" + document);
    CHECK(hex(all[3].payload) ==
          "09000000"
          "03"
          "02000000" +
              ids +
              "10000000"
              "02000000"
              "01000000"
              "61"
              "03000000"
              "622e63");
    CHECK(hex(all[4].payload) ==
          "09000000"
          "04"
          "02000000" +
              ids + "00000000");
    const auto drop = vs::detail::encode_drop(9);
    CHECK(static_cast<int>(drop.type) == 4);
    CHECK(hex(drop.payload) ==
          "09000000"
          "02");
    const auto create = vs::detail::encode_create(9, "n", two_vectors());
    CHECK(static_cast<int>(create.type) == 4);
    CHECK(hex(create.payload)
              .starts_with("09000000"
                           "01"
                           "0106"));
}

TEST_CASE("operation: points that expire and writes with names have these bytes", "[collection]") {
    auto p = make_point(0x0102, {1.0f, -2.0f});
    p.expire_at = 0x0A0B;
    const std::vector<vs::point> points{p, make_point(3, {})};
    const auto made = vs::detail::encode_upsert(9, two_vectors(), points).value();
    REQUIRE(made.size() == 1);
    CHECK(static_cast<int>(made[0].type) == 11);
    CHECK(hex(made[0].payload) ==
          "09000000"
          "02000000"
          "00"
          "0000000000000102"
          "0b0a000000000000"
          "01"
          "00"
          "0000803f"
          "000000c0"
          "0a000000"
          "01"
          "06"
          "04000000"
          "00000000"
          "00"
          "0000000000000003"
          "0000000000000000"
          "00"
          "0a000000"
          "01"
          "06"
          "04000000"
          "00000000");
    const auto decoded = vs::detail::decode_operation(record_of(made[0], made[0].payload, 1), two_vectors()).value();
    CHECK(decoded.points == points);

    const auto named = vs::detail::encode_write_id({{1, 0x0203}, 4, 5});
    CHECK(static_cast<int>(named.type) == 10);
    CHECK(hex(named.payload) ==
          "00000000"
          "0100000000000000"
          "0302000000000000"
          "0400000000000000"
          "0500000000000000");
    const auto read = vs::detail::decode_write_id(named.payload).value();
    CHECK(read.id == vs::write_id{1, 0x0203});
    CHECK(read.points == 4);
    CHECK(read.skipped == 5);
    CHECK(code_of(vs::detail::decode_write_id(vs::byte_span(named.payload).first(35))) == vs::errc::corruption);
}

TEST_CASE("operation: vectors lie in the log as they are kept", "[collection]") {
    const auto bytes_of = [](vs::metric m, vs::element_type type, std::vector<float> values) {
        auto vector = vector_of(values.size(), m);
        vector.type = type;
        const std::vector<vs::point> points{make_point(1, std::move(values))};
        const auto made = vs::detail::encode_upsert(9, {{vector}}, points).value();
        REQUIRE(made.size() == 1);
        // Behind collection, count, id, number of vectors and slot; before the payload.
        const vs::byte_span payload(made[0].payload);
        return hex(payload.subspan(19, payload.size() - 19 - 14));
    };
    CHECK(bytes_of(vs::metric::dot, vs::element_type::f16, {1, -2, 0.1f}) == "003c00c0662e");
    CHECK(bytes_of(vs::metric::dot, vs::element_type::bf16, {1, -2, 0.1f}) == "803f00c0cd3d");
    CHECK(bytes_of(vs::metric::cosine, vs::element_type::f16, {3, 0, 4}) == "cd380000663a");
    CHECK(bytes_of(vs::metric::cosine, vs::element_type::int8, {3, -128, 127}) == "03807f");
    CHECK(bytes_of(vs::metric::hamming, vs::element_type::binary, {1, 0, 1, 0, 0, 0, 0, 0, 1}) == "0501");
}

TEST_CASE("operation: values that a type cannot keep are refused by name", "[collection]") {
    const auto message = [](vs::metric m, vs::element_type type, std::vector<float> values) {
        auto vector = vector_of(values.size(), m);
        vector.type = type;
        const std::vector<vs::point> points{make_point(5, std::move(values))};
        const auto refused = vs::detail::encode_upsert(9, {{vector}}, points);
        REQUIRE(code_of(refused) == vs::errc::invalid_argument);
        return refused.error().message;
    };
    CHECK(message(vs::metric::dot, vs::element_type::f16, {1, 70'000}) ==
          "points[0] (id 5): vector \"\": element 1 = 70000.000000 is beyond the range of f16");
    CHECK(message(vs::metric::dot, vs::element_type::int8, {1.5f}).find("element 0 = 1.5") != std::string::npos);
    CHECK(message(vs::metric::hamming, vs::element_type::binary, {0, 2}).find("element 1 = 2") != std::string::npos);
    CHECK(message(vs::metric::cosine, vs::element_type::int8, {0, 0}).find("zero vector") != std::string::npos);
}

TEST_CASE("operation: set bits behind the last of a binary vector are corruption", "[collection]") {
    auto vector = vector_of(9, vs::metric::hamming);
    vector.type = vs::element_type::binary;
    const std::vector<vs::point> points{make_point(5, std::vector<float>(9, 1.0f))};
    auto made = vs::detail::encode_upsert(9, {{vector}}, points).value();
    const auto tables = vs::storage::make_memory_table_store(vs::detail::tables::names());
    const auto reader = tables->read().value();
    vs::detail::collection_state good(9, "c", {{vector}}), bad(9, "c", {{vector}});
    REQUIRE(good.apply(record_of(made[0], made[0].payload, 1), *reader));
    made[0].payload[20] = std::byte{3};
    CHECK(code_of(bad.apply(record_of(made[0], made[0].payload, 1), *reader)) == vs::errc::corruption);
}

TEST_CASE("operation: options without a type are f32, as they were before there were types", "[collection]") {
    const vs::payload::document vector{{"name", ""}, {"dim", 3}, {"metric", "dot"}, {"m", 16}, {"ef_construct", 200}};
    const vs::payload::document document{{"name", "old"}, {"vectors", vs::payload::value::array{vector}}};
    const auto read = vs::detail::from_document(document).value();
    REQUIRE(read.options.vectors.size() == 1);
    CHECK(read.options.vectors[0].type == vs::element_type::f32);
}

TEST_CASE("operation: options go to a document and back", "[collection]") {
    auto options = two_vectors();
    options.vectors[0].type = vs::element_type::bf16;
    options.vectors.push_back(vector_of(8, vs::metric::hamming, "bits"));
    options.vectors.back().type = vs::element_type::binary;
    const auto back = vs::detail::from_document(vs::detail::to_document("name", options)).value();
    CHECK(back.name == "name");
    CHECK(back.options == options);
    for (const auto& bad : {vs::payload::document{}, vs::payload::document{{"name", "a/b"}},
                            vs::payload::document{{"name", "a"}, {"vectors", vs::payload::value::array{1}}},
                            vs::payload::document{{"name", "a"},
                                                  {"vectors", vs::payload::value::array{vs::payload::document{
                                                                  {"name", "v"}, {"dim", -1}, {"metric", "dot"}}}}}})
        CHECK_FALSE(vs::detail::from_document(bad));
    CHECK(vs::detail::decode_paths(vs::detail::encode_paths({"a", "", "b.c"})).value() ==
          std::vector<std::string>{"a", "", "b.c"});
}

TEST_CASE("operation: a large write is cut into records of about a MiB", "[collection]") {
    std::vector<vs::point> points;
    for (int i = 0; i < 40; ++i) points.push_back(make_point(i, {1, 2}, {{"x", std::string(100'000, 'x')}}));
    const auto records = vs::detail::encode_upsert(1, two_vectors(), points).value();
    CHECK(records.size() == 4);
    for (const auto& r : records) CHECK(r.payload.size() < (1u << 20) + 200'000);
    CHECK(vs::detail::encode_upsert(1, two_vectors(), {}).value().empty());
}

TEST_CASE("operation: hostile bytes give corruption, never a crash", "[collection]") {
    auto tables = vs::storage::make_memory_table_store(vs::detail::tables::names());
    vs::random_source random(1);
    for (const auto& o : one_of_each()) {
        const auto try_bytes = [&](vs::byte_span bytes) {
            vs::detail::collection_state state(9, "c", two_vectors());
            const auto reader = tables->read().value();
            // A point that edits and erasures can find.
            const auto first =
                vs::detail::encode_upsert(9, two_vectors(), std::vector{make_point(3, {1, 1}, {{"a", 1}})}).value();
            REQUIRE(state.apply(record_of(first[0], first[0].payload, 1), *reader));
            const auto applied = state.apply(record_of(o, bytes, 2), *reader);
            if (!applied)
                REQUIRE((applied.error().code == vs::errc::corruption ||
                         applied.error().code == vs::errc::invalid_argument));
            return applied.has_value();
        };
        CHECK(try_bytes(o.payload));
        for (std::size_t size = 0; size < o.payload.size(); ++size) {
            INFO("type " << static_cast<int>(o.type) << " cut to " << size);
            REQUIRE_FALSE(try_bytes(vs::byte_span(o.payload).first(size)));
        }
        auto longer = o.payload;
        longer.push_back(std::byte{0});
        REQUIRE_FALSE(try_bytes(longer));
        for (std::size_t at = 4; at < o.payload.size(); ++at)
            for (int bit = 0; bit < 8; ++bit) {
                auto damaged = o.payload;
                damaged[at] ^= static_cast<std::byte>(1 << bit);
                (void)try_bytes(damaged);
            }
    }
}
