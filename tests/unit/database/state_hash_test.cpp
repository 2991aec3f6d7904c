#include "support/store.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/control_file.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <collection/state_hash.hpp>

#include <bit>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

TEST_CASE("state hash: it is the sum that the header tells of", "[state_hash][golden]") {
    auto db = vs::database::in_memory(quiet()).value();
    CHECK(db.stats().value().state_hash == vs::hash128{});
    auto docs = db.create_collection("docs", {{vector_of(2), vector_of(1, vs::metric::euclid, "b")}}).value();
    auto first = make_point(7, {1, 2});
    first.vectors = {{"b", {3}}};
    REQUIRE(docs.upsert({first, make_point(uuid_of(9), {4, 5}, {{"k", 1}})}));
    const auto kept = docs.info().value().state_hash;
    CHECK(kept == db.stats().value().state_hash);
    REQUIRE(kept);
    // The value is on disk: it never changes.
    CHECK(to_string(*kept) == "8bfa1c45f4f15f5183089035d0b3acaa");
    const auto bytes_of = [](std::initializer_list<float> values) {
        vs::byte_writer out;
        for (const auto x : values) out.put(std::bit_cast<std::uint32_t>(x));
        return std::move(out).take();
    };
    auto vectors = vs::storage::checksum128(bytes_of({1, 2}), 1);
    vectors += vs::storage::checksum128(bytes_of({3}), 2);
    const auto record = docs.get(7, false).value();
    CHECK(record.version == 2);
    vs::byte_writer point;
    point.put(std::uint32_t{1});
    point.put(std::uint8_t{0});
    point.put(std::uint64_t{7});
    point.put(std::uint64_t{0});
    point.put(record.version);
    put(point, vectors);
    put(point, vs::storage::checksum128(vs::payload::encode({}).value()));
    REQUIRE(docs.erase({uuid_of(9)}));
    CHECK(docs.info().value().state_hash == vs::storage::checksum128(point.bytes()));
    CHECK(docs.verify_state().value() == vs::storage::checksum128(point.bytes()));
    REQUIRE(docs.erase({7}));
    CHECK(docs.info().value().state_hash == vs::hash128{});
    CHECK(db.stats().value().state_hash == vs::hash128{});
}

TEST_CASE("state hash: every part of a point counts, its collection too", "[state_hash]") {
    const auto hash_after = [](const auto& write) {
        auto db = vs::database::in_memory(quiet()).value();
        auto a = db.create_collection("a", one_vector(2)).value();
        auto b = db.create_collection("b", one_vector(2)).value();
        write(a, b);
        return db.stats().value().state_hash.value();
    };
    using c = vs::collection;
    const auto one = hash_after([](c& a, c&) { a.upsert({make_point(1, {1, 2}, {{"k", 1}})}).value(); });
    CHECK(one == hash_after([](c& a, c&) { a.upsert({make_point(1, {1, 2}, {{"k", 1}})}).value(); }));
    CHECK(one != hash_after([](c& a, c&) { a.upsert({make_point(2, {1, 2}, {{"k", 1}})}).value(); }));
    CHECK(one != hash_after([](c& a, c&) { a.upsert({make_point(1, {2, 1}, {{"k", 1}})}).value(); }));
    CHECK(one != hash_after([](c& a, c&) { a.upsert({make_point(1, {1, 2}, {{"k", 2}})}).value(); }));
    CHECK(one != hash_after([](c& a, c&) { a.upsert({make_point(1, {}, {{"k", 1}})}).value(); }));
    CHECK(one != hash_after([](c&, c& b) { b.upsert({make_point(1, {1, 2}, {{"k", 1}})}).value(); }));
    CHECK(one != hash_after([](c& a, c&) {  // another version
              a.upsert({make_point(1, {1, 2})}).value();
              a.set_payload({1}, {{"k", 1}}).value();
          }));
}

TEST_CASE("state hash: a store of format 1 gets its hash when it is opened, and keeps it up", "[state_hash]") {
    const memory_disk disk;
    vs::hash128 wanted;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        for (int i = 0; i < 20; ++i) docs.upsert({make_point(i, {1, float(i)}, {{"k", i}})}).value();
        docs.erase({3}).value();
        docs.set_payload({4}, {{"k", "edited"}}).value();
        wanted = docs.verify_state().value();
        db.close().value();
    }
    {  // As version 1 wrote it.
        namespace tables = vs::detail::tables;
        auto reader = disk.tables->read().value();
        auto writer = disk.tables->write().value();
        auto cursor = reader->cursor(tables::points).value();
        vs::byte_writer value;
        for (cursor->seek({}).value(); cursor->valid(); cursor->next().value()) {
            auto point = vs::detail::parse_point_value(cursor->value()).value();
            REQUIRE(point.vectors);
            point.vectors.reset();
            vs::detail::encode_point_value(value, point);
            writer->put(tables::points, cursor->key(), value.bytes()).value();
        }
        const auto key = tables::collection_key(1);
        auto entry = vs::payload::decode(*reader->get(tables::catalog, key).value()).value();
        CHECK(entry.erase("state_hash"));
        writer->put(tables::catalog, key, vs::payload::encode(entry).value()).value();
        vs::byte_writer format;
        format.put(std::uint32_t{1});
        writer->put(tables::meta, vs::as_bytes("format"), format.bytes()).value();
        writer->commit().value();
        auto control = vs::storage::control_file::open(*disk.files, "db").value();
        auto state = control.state();
        state.format_version = 1;
        control.store(state).value();
    }
    auto look = quiet();
    look.read_only = true;
    CHECK(disk.open(look).value().stats().value().state_hash == wanted);
    {
        auto db = disk.open().value();
        auto docs = db.open_collection("docs").value();
        CHECK(docs.info().value().state_hash == wanted);
        CHECK(docs.verify_state().value() == wanted);
        docs.upsert({make_point(5, {9, 9})}).value();
        docs.erase({6}).value();
        docs.set_payload({7}, {{"k", "edited"}}).value();
        CHECK(docs.info().value().state_hash == docs.verify_state().value());
        db.close().value();
    }
    CHECK(vs::storage::control_file::open(*disk.files, "db").value().state().format_version == 2);
    auto docs = disk.open().value().open_collection("docs").value();
    CHECK(docs.info().value().state_hash == docs.verify_state().value());
}

TEST_CASE("state hash: a damaged point can be overwritten; the hash comes back with the next opening", "[state_hash]") {
    const memory_disk disk;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        docs.upsert({make_point(1, {1, 2}), make_point(2, {3, 4})}).value();
        db.close().value();
    }
    {
        auto writer = disk.tables->write().value();
        writer->put(vs::detail::tables::points, vs::detail::tables::number_key(1, 0), vs::as_bytes("?")).value();
        writer->commit().value();
    }
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.info().value().state_hash);
    CHECK(code_of(docs.verify_state()) == errc::corruption);
    REQUIRE(docs.upsert({make_point(1, {5, 6})}));
    CHECK_FALSE(docs.info().value().state_hash);
    CHECK_FALSE(db.stats().value().state_hash);
    const auto computed = docs.verify_state().value();
    db.close().value();
    CHECK(disk.open().value().stats().value().state_hash == computed);
}

TEST_CASE("state hash: verify finds what does not add up", "[state_hash]") {
    const memory_disk disk;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        docs.upsert({make_point(1, {1, 2}, {{"k", 1}}), make_point(2, {3, 4})}).value();
        db.close().value();
    }
    namespace tables = vs::detail::tables;
    const auto key = tables::number_key(1, 0);
    const auto stored = disk.tables->read().value();
    auto point = vs::detail::parse_point_value(*stored->get(tables::points, key).value()).value();
    const auto other = vs::payload::encode({{"k", 2}}).value();
    point.payload = other;
    vs::byte_writer value;
    vs::detail::encode_point_value(value, point);
    auto writer = disk.tables->write().value();
    writer->put(tables::points, key, value.bytes()).value();
    writer->commit().value();
    auto docs = disk.open().value().open_collection("docs").value();
    CHECK(docs.info().value().state_hash);
    CHECK(code_of(docs.verify_state()) == errc::corruption);
}
