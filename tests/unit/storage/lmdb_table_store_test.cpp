#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <support/temporary_directory.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

void put_one(table_store& store, std::string_view key, std::string_view value) {
    const auto writer = store.write().value();
    writer->put(0, as_bytes(key), as_bytes(value)).value();
    writer->commit().value();
}

std::string get_one(table_store& store, std::string_view key) {
    const auto reader = store.read().value();
    const auto value = reader->get(0, as_bytes(key)).value();
    return value ? std::string(as_text(*value)) : "(none)";
}

}  // namespace

TEST_CASE("lmdb: contents survive a reopen, with tables added", "[lmdb]") {
    test::temporary_directory directory;
    put_one(*open_lmdb(directory.path(), {"a"}).value(), "k", "v");
    const auto store = open_lmdb(directory.path(), {"a", "b"}).value();
    CHECK(get_one(*store, "k") == "v");
    const auto reader = store->read().value();
    CHECK(!reader->get(1, as_bytes("k")).value());
}

TEST_CASE("lmdb: one directory opened twice is one environment", "[lmdb]") {
    test::temporary_directory directory;
    auto first = open_lmdb(directory.path(), {"a"}).value();
    const auto second = open_lmdb(directory.path() + "/.", {"a"}).value();
    put_one(*first, "k", "v");
    CHECK(get_one(*second, "k") == "v");
    first.reset();
    put_one(*second, "k", "w");
    CHECK(get_one(*second, "k") == "w");
}

TEST_CASE("lmdb: read-only reads, and refuses to write", "[lmdb]") {
    test::temporary_directory directory;
    CHECK(open_lmdb(directory / "none", {"a"}, {.read_only = true}).error().code == errc::not_found);
    put_one(*open_lmdb(directory.path(), {"a"}).value(), "k", "v");
    const auto store = open_lmdb(directory.path(), {"a"}, {.read_only = true}).value();
    CHECK(get_one(*store, "k") == "v");
    CHECK(store->write().error().code == errc::unsupported);
    CHECK(open_lmdb(directory.path(), {"a"}).error().code == errc::unavailable);
}

TEST_CASE("lmdb: a full map is resource_exhausted, and grows for the next writer", "[lmdb]") {
    test::temporary_directory directory;
    const auto store = open_lmdb(directory.path(), {"a"}, {.map_bytes = 256u << 10}).value();
    put_one(*store, "k", "v");
    const std::string big(400'000, 'x');
    {
        const auto writer = store->write().value();
        const auto refused = writer->put(0, as_bytes("big"), as_bytes(big));
        REQUIRE(!refused);
        CHECK(refused.error().code == errc::resource_exhausted);
        CHECK(writer->commit().error().code == errc::unavailable);
    }
    CHECK(get_one(*store, "k") == "v");
    {
        const auto writer = store->write().value();  // doubles to 512 KiB
        CHECK(writer->put(0, as_bytes("big"), as_bytes(big)).has_value());
        writer->commit().value();
    }
    CHECK(get_one(*store, "big") == big);
}

TEST_CASE("lmdb: a value that is damaged while the tables are open is corruption, never a wrong answer", "[lmdb]") {
    test::temporary_directory directory;
    const auto store = open_lmdb(directory.path(), {"a"}).value();
    put_one(*store, "key", "a value that can be found");
    const auto path = directory / "data.mdb";
    const auto bytes = read_file(posix_file_system(), path).value();
    const std::string_view text = as_text(bytes);
    const auto file = posix_file_system().open(path, open_mode::read_write).value();
    for (auto at = text.find("value that"); at != std::string_view::npos; at = text.find("value that", at + 1))
        file->write_at(at, as_bytes("VALUE")).value();
    const auto reader = store->read().value();
    const auto got = reader->get(0, as_bytes("key"));
    REQUIRE(!got);
    CHECK(got.error().code == errc::corruption);
    CHECK(got.error().path == path);
    const auto walk = reader->cursor(0).value();
    CHECK(walk->seek({}).error().code == errc::corruption);
    CHECK(!walk->valid());
}

TEST_CASE("lmdb: a file cut short is corruption at open, not a signal at read", "[lmdb]") {
    test::temporary_directory directory;
    {
        const auto store = open_lmdb(directory.path(), {"a"}).value();
        for (int i = 0; i < 20; ++i) put_one(*store, std::to_string(i), std::string(20'000, 'x'));
    }
    const auto path = directory / "data.mdb";
    const auto full = posix_file_system().file_size(path).value();
    for (const auto bytes : {full - 4096, full / 2 / 4096 * 4096, full / 2 + 100, std::uint64_t{3 * 4096}}) {
        INFO("cut to " << bytes << " of " << full);
        posix_file_system().open(path, open_mode::read_write).value()->truncate(bytes).value();
        const auto opened = open_lmdb(directory.path(), {"a"});
        REQUIRE(!opened);
        CHECK(opened.error().code == errc::corruption);
        CHECK(open_lmdb(directory.path(), {"a"}, {.read_only = true}).error().code == errc::corruption);
        CHECK(posix_file_system().file_size(path).value() == bytes);
    }
    write_file(posix_file_system(), path, byte_vector(8192, std::byte{7})).value();
    CHECK(open_lmdb(directory.path(), {"a"}).error().code == errc::corruption);
}

TEST_CASE("lmdb: large and small values side by side", "[lmdb]") {
    test::temporary_directory directory;
    const auto store = open_lmdb(directory.path(), {"a"}).value();
    for (const std::size_t bytes : {0, 1, 1000, 2000, 2040, 4096, 100'000, 3'000'000}) {
        const std::string value(bytes, 'z');
        put_one(*store, std::to_string(bytes), value);
        CHECK(get_one(*store, std::to_string(bytes)) == value);
    }
}
