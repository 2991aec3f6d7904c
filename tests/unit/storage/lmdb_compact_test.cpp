// The tables' file gives its free pages back, beside readers, other processes and crashes.
#include "support/temporary_directory.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

using namespace vecstore;
using namespace vecstore::storage;

namespace {

byte_vector bytes_of(const std::string& text) {
    const auto* const first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

result<void> put(table_store& store, std::uint64_t number, std::size_t keys = 1, std::size_t bytes = 100) {
    VECSTORE_TRY(const auto writer, store.write());
    for (std::size_t i = 0; i < keys; ++i) {
        auto value = bytes_of(std::to_string(number) + ":");
        value.resize(std::max(value.size(), bytes));
        VECSTORE_CHECK(writer->put(0, bytes_of("k" + std::to_string(i)), value));
    }
    return writer->commit();
}

/// What all keys say; an error when they do not agree.
result<std::uint64_t> number_in(table_store& store) {
    VECSTORE_TRY(const auto reader, store.read());
    VECSTORE_TRY(const auto cursor, reader->cursor(0));
    VECSTORE_CHECK(cursor->seek({}));
    std::optional<std::uint64_t> number;
    while (cursor->valid()) {
        const auto value = cursor->value();
        const auto found = std::stoull(std::string(reinterpret_cast<const char*>(value.data()), value.size()));
        if (number && *number != found) return error{errc::internal, "half of a commit"};
        number = found;
        VECSTORE_CHECK(cursor->next());
    }
    return number.value_or(0);
}

/// Fills the file, then frees most of it.
void make_hollow(table_store& store) {
    REQUIRE(put(store, 1, 400, 8'000));
    const auto writer = store.write().value();
    REQUIRE(writer->erase_range(0, bytes_of("k2"), {}));
    REQUIRE(writer->commit());
    REQUIRE(put(store, 2, 10));
    REQUIRE(put(store, 3, 10));
}

std::size_t count(table_store& store) {
    const auto reader = store.read().value();
    const auto cursor = reader->cursor(0).value();
    std::size_t keys = 0;
    auto moved = cursor->seek({});
    for (; moved && cursor->valid(); moved = cursor->next()) ++keys;
    REQUIRE(moved);
    return keys;
}

}  // namespace

TEST_CASE("lmdb compact: the file shrinks, and all is there, now and after reopening", "[lmdb]") {
    test::temporary_directory directory;
    const auto path = directory / "state";
    auto store = open_lmdb(path, {"a", "b"}).value();
    make_hollow(*store);
    const auto before = store->size_bytes().value();
    CHECK(store->free_bytes() > before / 3);
    const auto keys = count(*store);
    const auto pinned = store->read().value();
    REQUIRE(store->compact());
    CHECK(store->size_bytes().value() < before / 2);
    CHECK(std::filesystem::file_size(path + "/data.mdb") == store->size_bytes().value());
    CHECK(store->free_bytes() < store->size_bytes().value() / 4);
    CHECK(count(*store) == keys);
    CHECK(pinned->get(0, bytes_of("k0")).value().has_value());  // a reader of before goes on
    CHECK(!std::filesystem::exists(path + ".compact"));
    for (std::uint64_t round = 4; round < 8; ++round) {
        REQUIRE(put(*store, round, 10));
        REQUIRE(store->compact());
    }
    REQUIRE(put(*store, 8, 10));
    store.reset();
    store = open_lmdb(path, {"a", "b"}).value();
    CHECK(count(*store) == keys);
    REQUIRE(put(*store, 9, 10));
}

TEST_CASE("lmdb compact: other stores of the same process go over, and both may write", "[lmdb]") {
    test::temporary_directory directory;
    const auto path = directory / "state";
    const auto one = open_lmdb(path, {"a"}).value();
    const auto other = open_lmdb(path, {"a"}).value();
    const auto looking = open_lmdb(path, {"a"}, {.read_only = true}).value();
    for (std::uint64_t round = 1; round < 12; round += 3) {
        REQUIRE(put(*one, round, 10));
        CHECK(number_in(*looking).value() == round);
        REQUIRE(one->compact());
        CHECK(number_in(*looking).value() == round);
        REQUIRE(put(*other, round + 1, 10));
        CHECK(number_in(*one).value() == round + 1);
        REQUIRE(other->compact());
        REQUIRE(put(*one, round + 2, 10));
        CHECK(number_in(*looking).value() == round + 2);
        CHECK(number_in(*other).value() == round + 2);
    }
    CHECK(looking->compact().error().code == errc::unsupported);
}

TEST_CASE("lmdb compact: readers and writers beside it", "[lmdb][threads]") {
    test::temporary_directory directory;
    const auto store = open_lmdb(directory / "state", {"a"}).value();
    REQUIRE(put(*store, 1, 10));
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            for (std::uint64_t last = 0; !stop;) {
                const auto now = number_in(*store);
                if (!now || *now < last) ++wrong;
                if (now) last = *now;
            }
        });
    threads.emplace_back([&] {
        for (std::uint64_t number = 2; !stop; ++number)
            if (!put(*store, number, 10)) ++wrong;
    });
    for (int round = 0; round < 20; ++round) CHECK(store->compact());
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(wrong == 0);
}

TEST_CASE("lmdb compact: what a crash leaves is one whole file", "[lmdb]") {
    namespace fs = std::filesystem;
    test::temporary_directory directory;
    const auto path = directory / "state";
    (void)put(*open_lmdb(path, {"a"}).value(), 7, 10);
    SECTION("before the exchange") {
        fs::create_directory(path + ".compact");
        fs::copy_file(path + "/data.mdb", path + ".compact/data.mdb");
        fs::resize_file(path + ".compact/data.mdb", 5'000);
    }
    SECTION("after the exchange") {
        fs::copy(path, path + ".compact");
        fs::resize_file(path + ".compact/sums", 5);
    }
    CHECK(number_in(*open_lmdb(path, {"a"}, {.read_only = true}).value()).value() == 7);
    CHECK(fs::exists(path + ".compact"));
    const auto store = open_lmdb(path, {"a"}).value();
    CHECK(!fs::exists(path + ".compact"));
    CHECK(number_in(*store).value() == 7);
    REQUIRE(store->compact());
    CHECK(number_in(*store).value() == 7);
}

TEST_CASE("lmdb compact: a process killed in the middle of it loses nothing", "[lmdb][process]") {
    test::temporary_directory directory;
    const auto path = directory / "state";
    random_source random(5);
    std::uint64_t last = 0;
    for (int round = 0; round < 20; ++round) {
        const auto child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            const auto store = open_lmdb(path, {"a"});
            if (!store) ::_exit(1);
            for (auto number = last + 1; put(**store, number, 10, 3'000) && (*store)->compact();) ++number;
            ::_exit(2);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(20'000 + random.below(40'000)));
        REQUIRE(::kill(child, SIGKILL) == 0);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
        if (!std::filesystem::exists(path + "/data.mdb")) continue;
        if (round % 2 == 0 && last > 0)
            CHECK(number_in(*open_lmdb(path, {"a"}, {.read_only = true}).value()).value() >= last);
        const auto now = number_in(*open_lmdb(path, {"a"}).value()).value();
        CHECK(now >= last);
        last = now;
    }
    CHECK(last > 0);
}

TEST_CASE("lmdb compact: a process that looks on goes over with the next read", "[lmdb][process]") {
    test::temporary_directory directory;
    const auto path = directory / "state";
    REQUIRE(put(*open_lmdb(path, {"a"}).value(), 1, 10));
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto store = open_lmdb(path, {"a"});
        if (!store) ::_exit(1);
        for (std::uint64_t number = 2; put(**store, number, 10) && (*store)->compact();) ++number;
        ::_exit(2);
    }
    const auto store = open_lmdb(path, {"a"}, {.read_only = true}).value();
    std::uint64_t last = 0;
    std::string failure;
    for (int look = 0; look < 400 || (last < 40 && look < 2'000'000); ++look) {
        const auto number = number_in(*store);
        if (!number || *number < last) failure = number ? "went back" : number.error().what();
        if (number) last = *number;
    }
    int status = 0;
    CHECK(::waitpid(child, &status, WNOHANG) == 0);
    (void)::kill(child, SIGKILL);
    (void)::waitpid(child, nullptr, 0);
    CHECK(failure == "");
    CHECK(last >= 40);
}
