#include <vecstore/core/random.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <catch2/catch.hpp>
#include <support/temporary_directory.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

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

/// Commits until killed: number n sets half of the keys, and all of "round" and "again", to n.
void commit_forever(const std::string& path, std::uint64_t first) {
    const auto store = open_lmdb(path, {"a"}).value();
    for (auto number = first;; ++number) {
        const auto text = std::to_string(number);
        const auto writer = store->write().value();
        for (auto i = number % 2; i < 300; i += 2) writer->put(0, as_bytes(std::to_string(i)), as_bytes(text)).value();
        for (const auto* key : {"again", "round"}) writer->put(0, as_bytes(key), as_bytes(text)).value();
        writer->commit().value();
    }
}

/// The number of the last commit that is there, 0 for none; fails unless all of it and of those before is there.
result<std::uint64_t> last_commit(table_store& store) {
    VECSTORE_TRY(const auto reader, store.read());
    const auto number_of = [&](const std::string& key) -> result<std::uint64_t> {
        VECSTORE_TRY(const auto value, reader->get(0, as_bytes(key)));
        return value ? std::stoull(std::string(as_text(*value))) : 0;
    };
    VECSTORE_TRY(const auto round, number_of("round"));
    VECSTORE_TRY(const auto again, number_of("again"));
    bool whole = round == again;
    for (std::uint64_t i = 0; i < 300; ++i) {
        VECSTORE_TRY(const auto number, number_of(std::to_string(i)));
        whole = whole && number == (round % 2 == i % 2 ? round : round - (round > 0));
    }
    if (!whole) return corruption("half a commit", "", round);
    return round;
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

TEST_CASE("lmdb: tables that a store does not have yet are empty when it is opened read-only", "[lmdb]") {
    test::temporary_directory directory;
    put_one(*open_lmdb(directory.path(), {"a"}).value(), "k", "v");
    {
        const auto store = open_lmdb(directory.path(), {"a", "b"}, {.read_only = true}).value();
        const auto reader = store->read().value();
        CHECK(reader->get(0, as_bytes("k")).value());
        CHECK_FALSE(reader->get(1, as_bytes("k")).value());
        const auto cursor = reader->cursor(1).value();
        REQUIRE(cursor->seek({}));
        CHECK_FALSE(cursor->valid());
    }
    const auto store = open_lmdb(directory.path(), {"a", "b"}).value();
    CHECK_FALSE(store->read().value()->get(1, as_bytes("k")).value());
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

TEST_CASE("lmdb: a process killed while it commits leaves whole commits, and a file that is not taken for damaged",
          "[lmdb][process]") {
    test::temporary_directory directory;
    random_source random(21);
    std::uint64_t last = 0;
    for (int round = 0; round < 25; ++round) {
        const auto child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            commit_forever(directory.path(), last + 1);
            ::_exit(1);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(20'000 + random.below(40'000)));
        REQUIRE(::kill(child, SIGKILL) == 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
        INFO("round " << round << ", commit " << last << " was there");
        const bool read_only = round % 2 == 0 && last > 0;
        const auto number = last_commit(*open_lmdb(directory.path(), {"a"}, {.read_only = read_only}).value()).value();
        CHECK(number >= last);
        last = number;
    }
    CHECK(last > 0);
}

TEST_CASE("lmdb: a process that commits does not disturb one that opens read-only", "[lmdb][process]") {
    test::temporary_directory directory;
    (void)open_lmdb(directory.path(), {"a"}).value();
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        commit_forever(directory.path(), 1);
        ::_exit(1);
    }
    std::uint64_t last = 0;
    std::string failure;
    for (int look = 0; look < 400 || (last < 20 && look < 20'000); ++look) {
        const auto store = open_lmdb(directory.path(), {"a"}, {.read_only = true});
        const auto number = store ? last_commit(**store) : result<std::uint64_t>(store.error());
        if (!number || *number < last) failure = number ? "went back" : number.error().what();
        if (number) last = *number;
    }
    (void)::kill(child, SIGKILL);
    (void)::waitpid(child, nullptr, 0);
    CHECK(failure == "");
    CHECK(last >= 20);
}
