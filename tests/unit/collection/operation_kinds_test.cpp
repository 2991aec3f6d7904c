// Edits at a path, aliases and notes: their bytes in the log, and what damage makes of them.
#include "support/hex.hpp"
#include "support/store.hpp"

#include <vecstore/payload/codec.hpp>

#include <catch2/catch.hpp>
#include <collection/decode.hpp>
#include <collection/state.hpp>
#include <collection/write/operation.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::payload_edit;

namespace {

vs::collection_options two_vectors() {
    return {{vector_of(2, vs::metric::euclid), vector_of(1, vs::metric::cosine, "t")}};
}

/// {"a": 1}, without version and tag.
const std::string content =
    "12000000"
    "01000000"
    "01000000"
    "61"
    "02"
    "0100000000000000";

vs::detail::operation edit_at() {
    const auto body = vs::detail::encode_at("x.y", vs::payload::encode({{"a", 1}}).value());
    return vs::detail::encode_edit(9, payload_edit::set_at, std::vector<vs::point_id>{3}, body).value().at(0);
}

}  // namespace

TEST_CASE("operation: an edit at a path has these bytes", "[collection]") {
    const auto made = edit_at();
    CHECK(static_cast<int>(made.type) == 3);
    CHECK(hex(made.payload) ==
          "09000000"
          "05"
          "01000000"
          "00"
          "0000000000000003"
          "1f000000"
          "03000000"
          "782e79"
          "0106" +
              content);
    vs::wal::record record;
    record.type = made.type;
    record.payload = made.payload;
    const auto read = vs::detail::decode_operation(record, two_vectors()).value();
    CHECK(read.edit == payload_edit::set_at);
    CHECK(read.paths == std::vector<std::string>{"x.y"});
    CHECK(read.values == vs::payload::document{{"a", 1}});
}

TEST_CASE("operation: aliases and notes have these bytes", "[collection]") {
    const auto aliases = vs::detail::encode_aliases({{"old", std::nullopt}, {"new", 9}});
    CHECK(static_cast<int>(aliases.type) == 4);
    CHECK(hex(aliases.payload) ==
          "00000000"
          "03"
          "0106"
          "1c000000"
          "02000000"
          "03000000"
          "6e6577"
          "02"
          "0900000000000000"
          "03000000"
          "6f6c64"
          "00");
    const auto read = vs::detail::decode_ddl(aliases.payload).value();
    CHECK(read.aliases == vs::detail::alias_changes{{"new", 9}, {"old", std::nullopt}});
    const auto notes = vs::detail::encode_notes(9, two_vectors(), {{{"a", 1}}, {"", "m"}}).value();
    CHECK(static_cast<int>(notes.type) == 4);
    CHECK(hex(notes.payload) ==
          "09000000"
          "04"
          "0106"
          "45000000"
          "02000000"
          "08000000"
          "6d65746164617461"
          "06" +
              content +
              "06000000"
              "6d6f64656c73"
              "06"
              "0f000000"
              "01000000"
              "01000000"
              "74"
              "04"
              "01000000"
              "6d");
    vs::detail::collection_state state(9, "c", two_vectors());
    state.annotate(vs::detail::decode_ddl(notes.payload).value().notes);
    CHECK(state.notes().metadata == vs::payload::document{{"a", 1}});
    CHECK(state.notes().models == std::vector<std::string>{"", "m"});
}

TEST_CASE("operation: a collection without notes is described as before there were any", "[collection]") {
    const auto plain = vs::detail::to_document("c", two_vectors());
    CHECK(plain["metadata"].is_null());
    CHECK(plain["vectors"].if_array()->at(0)["model"].is_null());
    auto options = two_vectors();
    options.metadata = {{"owner", "me"}};
    options.vectors[1].model = "m";
    CHECK(vs::detail::from_document(vs::detail::to_document("c", options)).value().options == options);
}

TEST_CASE("operation: hostile edits at a path and hostile DDL give errors", "[collection]") {
    const auto tables = vs::storage::make_memory_table_store(vs::detail::tables::names());
    const auto try_bytes = [&](vs::byte_span bytes) {
        vs::detail::collection_state state(9, "c", two_vectors());
        const auto reader = tables->read().value();
        const auto first = vs::detail::encode_upsert(9, two_vectors(), std::vector{make_point(3, {1, 1})}).value();
        vs::wal::record record;
        record.type = first[0].type;
        record.payload = first[0].payload;
        record.lsn = 1;
        REQUIRE(state.apply(record, *reader));
        record.type = vs::wal::record_type::set_payload;
        record.payload = bytes;
        record.lsn = 2;
        return state.apply(record, *reader).has_value();
    };
    const auto made = edit_at();
    CHECK(try_bytes(made.payload));
    for (std::size_t size = 0; size < made.payload.size(); ++size)
        REQUIRE_FALSE(try_bytes(vs::byte_span(made.payload).first(size)));
    for (std::size_t at = 4; at < made.payload.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            auto damaged = made.payload;
            damaged[at] ^= static_cast<std::byte>(1 << bit);
            (void)try_bytes(damaged);
        }
    const auto aliases = vs::detail::encode_aliases({{"a", 1}});
    constexpr std::size_t empty_document = 5;  // behind the kind nothing: no changes
    for (std::size_t size = 0; size < aliases.payload.size(); ++size)
        if (size != empty_document) REQUIRE_FALSE(vs::detail::decode_ddl(vs::byte_span(aliases.payload).first(size)));
    const auto beyond = vs::payload::encode({{"a", std::int64_t{1} << 40}}).value();
    vs::byte_vector wrong(aliases.payload.begin(), aliases.payload.begin() + 5);
    wrong.insert(wrong.end(), beyond.begin(), beyond.end());
    CHECK_FALSE(vs::detail::decode_ddl(wrong));
}
