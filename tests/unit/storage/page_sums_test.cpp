#include "storage/page_sums.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <catch2/catch.hpp>
#include <support/temporary_directory.hpp>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

using namespace vecstore;
using namespace vecstore::storage;
using namespace vecstore::storage::detail;

namespace {

constexpr std::size_t page = 4096;
using contents = std::map<std::string, std::string>;

file_system& disk() { return posix_file_system(); }

void put_all(table_store& store, const contents& values) {
    const auto writer = store.write().value();
    for (const auto& [key, value] : values) writer->put(0, as_bytes(key), as_bytes(value)).value();
    writer->commit().value();
}

void put_one(table_store& store, const std::string& key, const std::string& value) { put_all(store, {{key, value}}); }

/// All of table 0, by a walk and by looking up each key.
result<contents> read_all(table_store& store) {
    contents all;
    VECSTORE_TRY(const auto reader, store.read());
    VECSTORE_TRY(const auto walk, reader->cursor(0));
    VECSTORE_CHECK(walk->seek({}));
    while (walk->valid()) {
        const std::string key(as_text(walk->key()));
        VECSTORE_TRY(const auto value, reader->get(0, walk->key()));
        all[key] = value ? std::string(as_text(*value)) : "(none)";
        VECSTORE_CHECK(walk->next());
    }
    return all;
}

/// A closed environment with small values, large ones and free pages, and what it holds.
struct tables {
    test::temporary_directory directory;
    std::string data = directory / "data.mdb";
    std::string sums = directory / "sums";
    contents wanted;

    tables() {
        const auto store = open();
        for (int round = 0; round < 6; ++round) {
            for (int i = 0; i < 150; ++i)
                wanted["key " + std::to_string(i * 7 % 150)] =
                    std::string(1 + (i * 37 + round) % 90, char('a' + round));
            wanted["large"] = std::string(20'000 + 4'000 * round, char('A' + round));
            put_all(*store, wanted);
        }
    }
    [[nodiscard]] std::unique_ptr<table_store> open(bool read_only = false) const {
        return open_lmdb(directory.path(), {"a"}, {.read_only = read_only}).value();
    }
    [[nodiscard]] byte_vector bytes() const { return read_file(disk(), data).value(); }

    /// What opening and reading `image` gives: nothing when all is right, corruption when it is found, else a failure.
    void check(const byte_vector& image, bool must_be_found = false) const {
        restore(data, image);
        auto store = open_lmdb(directory.path(), {"a"}, {.read_only = true});
        auto all = store ? read_all(**store) : result<contents>(store.error());
        if (all) {
            CHECK(*all == wanted);
            CHECK_FALSE(must_be_found);
        } else {
            CHECK(all.error().code == errc::corruption);
            CHECK(all.error().path == data);
            CHECK(all.error().offset <= image.size());
        }
    }
    static void restore(const std::string& path, const byte_vector& image) {
        const auto file = disk().open(path, open_mode::create).value();
        file->truncate(0).value();
        file->write_at(0, image).value();
    }
};

errc opened_code(const tables& t, bool read_only = false) {
    const auto opened = open_lmdb(t.directory.path(), {"a"}, {.read_only = read_only});
    REQUIRE(!opened);
    return opened.error().code;
}

}  // namespace

TEST_CASE("page sums: the bytes of the format", "[page_sums]") {
    page_sums sums;
    sums.transaction = 7;
    sums.page_count = 17;
    sums.page_bytes = 4096;
    sums.meta_sum = 0x1111'1111'1111'1111;
    sums.other_meta_sum = 0x2222'2222'2222'2222;
    sums.blocks = {{0xFFFC, 0x0123'4567'89AB'CDEF}, {1, 2}};
    const auto bytes = encode_sums(sums);
    const unsigned char golden[] = {
        'V',  'S',  'P',  'A',  'G',  'S',  'U',  'M',  1,    0,    0,    0,    0,    0x10, 0,    0,     //
        7,    0,    0,    0,    0,    0,    0,    0,    17,   0,    0,    0,    0,    0,    0,    0,     //
        0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,  //
        0xFC, 0xFF, 0,    0,    0,    0,    0,    0,    0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01,  //
        1,    0,    0,    0,    0,    0,    0,    0,    2,    0,    0,    0,    0,    0,    0,    0};
    REQUIRE(bytes.size() == sizeof golden + 8);
    CHECK(std::memcmp(bytes.data(), golden, sizeof golden) == 0);
    CHECK(load_le<std::uint64_t>(bytes.data() + sizeof golden) == checksum64(byte_span(bytes).first(sizeof golden)));
    CHECK(decode_sums(bytes, "sums").value() == sums);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] ^= std::byte{0x10};
        CHECK(decode_sums(damaged, "sums").error().code == errc::corruption);
        CHECK(decode_sums(byte_span(bytes).first(at), "sums").error().code == errc::corruption);
    }
}

TEST_CASE("page sums: a newer version and sizes that do not add up are refused", "[page_sums]") {
    page_sums sums;
    sums.page_count = 17;
    sums.page_bytes = 4096;
    sums.blocks.resize(2);
    const auto changed = [&](std::size_t at, std::uint32_t value) {
        auto bytes = encode_sums(sums);
        store_le(bytes.data() + at, value);
        store_le(bytes.data() + bytes.size() - 8, checksum64(byte_span(bytes).first(bytes.size() - 8)));
        return decode_sums(bytes, "sums").error();
    };
    CHECK(changed(8, 2).code == errc::unsupported);
    CHECK(changed(8, 2).path == "sums");
    for (const std::uint32_t page_bytes : {0u, 1u, 512u, 4095u, 131'072u})
        CHECK(changed(12, page_bytes).code == errc::corruption);
    CHECK(changed(24, 33).code == errc::corruption);  // page count for three blocks
    CHECK(changed(24 + 4, 0xFFFF'FFFF).code == errc::corruption);
    CHECK(changed(48 + 2, 1).code == errc::corruption);  // a 17th page in a block of 16
}

TEST_CASE("page sums: live pages count, free ones do not, and what was live before is not read again", "[page_sums]") {
    memory_file_system files;
    const auto file = files.open("data", open_mode::create).value();
    for (std::uint8_t i = 0; i < 40; ++i) file->write_at(i * page, byte_vector(page, std::byte{i})).value();
    const page_usage usage{1, 40, page, {3, 17, 39}};
    const auto before = sum_pages(*file, usage, nullptr).value();
    REQUIRE(before.blocks.size() == 3);
    CHECK(before.blocks[0].live == 0xFFF4);
    CHECK(before.blocks[1].live == 0xFFFD);
    CHECK(before.blocks[2].live == 0x7F);

    file->write_at(17 * page, as_bytes("x")).value();
    CHECK(sum_pages(*file, usage, nullptr).value() == before);
    file->write_at(18 * page, as_bytes("x")).value();
    const auto after = sum_pages(*file, usage, nullptr).value();
    CHECK(after.blocks[1].sum != before.blocks[1].sum);
    CHECK(after.blocks[2] == before.blocks[2]);

    // In the next transaction page 3 is live and 20 free.
    const page_usage next{2, 40, page, {17, 20, 39}};
    const auto wanted = sum_pages(*file, next, nullptr).value();
    CHECK(sum_pages(*file, next, &after).value() == wanted);
    file->write_at(33 * page, as_bytes("x")).value();
    CHECK(sum_pages(*file, next, &after).value() == wanted);  // block 2 is taken over
    CHECK(
        !(sum_pages(*file, {3, 40, page, {17, 20, 39}}, &after).value().blocks == wanted.blocks));  // not the next one

    file->truncate(39 * page).value();
    CHECK(sum_pages(*file, usage, nullptr).has_value());  // page 39 is free
    file->truncate(39 * page - 1).value();
    CHECK(sum_pages(*file, usage, nullptr).error().code == errc::corruption);
}

TEST_CASE("page sums: a flipped bit anywhere in the tables is found or harmless", "[page_sums]") {
    const tables t;
    const auto image = t.bytes();
    REQUIRE(image.size() > 30 * page);
    t.check(image);
    random_source random(11);
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at < 160; ++at) places.push_back(at), places.push_back(page + at);
    for (std::size_t at = 160; at < 2 * page; at += 97) places.push_back(at);
    for (int i = 0; i < 400; ++i) places.push_back(random.below(image.size()));
    for (const auto at : places) {
        const auto bit = static_cast<unsigned>(random.below(8));
        INFO("bit " << bit << " of byte " << at);
        auto damaged = image;
        damaged[at] ^= std::byte{1} << bit;
        t.check(damaged);
    }
    // Every bit of the transaction ids: they choose what LMDB takes for the newest state.
    for (const std::size_t first : {std::size_t{144}, page + 144})
        for (std::size_t bit = 0; bit < 64; ++bit) {
            INFO("bit " << bit << " of the transaction id at " << first);
            auto damaged = image;
            damaged[first + bit / 8] ^= std::byte{1} << bit % 8;
            t.check(damaged, true);
        }
}

TEST_CASE("page sums: a table file cut short anywhere is found or harmless", "[page_sums]") {
    const tables t;
    const auto image = t.bytes();
    for (std::size_t bytes = 0; bytes < image.size(); bytes += bytes < 2 * page ? 101 : 1'511) {
        INFO("cut to " << bytes << " of " << image.size());
        t.check({image.begin(), image.begin() + static_cast<std::ptrdiff_t>(bytes)}, bytes < 2 * page);
    }
    std::filesystem::remove(t.data);
    for (const bool read_only : {false, true}) {
        const auto opened = open_lmdb(t.directory.path(), {"a"}, {.read_only = read_only});
        REQUIRE(!opened);
        CHECK(opened.error().code == errc::corruption);
        CHECK(opened.error().path == t.data);
    }
    CHECK(!std::filesystem::exists(t.data));
}

TEST_CASE("page sums: missing or damaged sums are corruption", "[page_sums]") {
    const tables t;
    const auto image = read_file(disk(), t.sums).value();
    for (std::size_t at = 0; at < image.size(); at += 3) {
        auto damaged = image;
        damaged[at] ^= std::byte{4};
        tables::restore(t.sums, damaged);
        const auto opened = open_lmdb(t.directory.path(), {"a"});
        REQUIRE(!opened);
        CHECK(opened.error().code == errc::corruption);
        CHECK(opened.error().path == t.sums);
    }
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{10}, image.size() / 2, image.size() - 1}) {
        tables::restore(t.sums, {image.begin(), image.begin() + static_cast<std::ptrdiff_t>(bytes)});
        CHECK(opened_code(t) == errc::corruption);
    }
    std::filesystem::remove(t.sums);
    const auto opened = open_lmdb(t.directory.path(), {"a"}, {.read_only = true});
    REQUIRE(!opened);
    CHECK(opened.error().code == errc::corruption);
    CHECK(opened.error().path == t.sums);
    tables::restore(t.sums, image);
    CHECK(read_all(*t.open()).value() == t.wanted);
}

TEST_CASE("page sums: a crash before the sums of the first commit", "[page_sums]") {
    test::temporary_directory directory;
    (void)open_lmdb(directory.path(), {"a"}).value();
    std::filesystem::remove(directory / "sums");
    CHECK(open_lmdb(directory.path(), {"a"}, {.read_only = true}).has_value());
    CHECK(!std::filesystem::exists(directory / "sums"));
    put_one(*open_lmdb(directory.path(), {"a"}).value(), "k", "v");
    CHECK(read_all(*open_lmdb(directory.path(), {"a"}).value()).value() == contents{{"k", "v"}});
}

TEST_CASE("page sums: a crash between a commit and its sums", "[page_sums]") {
    tables t;
    const auto sums_before = read_file(disk(), t.sums).value();
    for (const auto* key : {"key 10", "large", "new"}) {  // ends once in each meta page
        const auto stale = read_file(disk(), t.sums).value();
        t.wanted[key] = "changed";
        put_one(*t.open(), key, "changed");
        tables::restore(t.sums, stale);
        CHECK(read_all(*t.open(true)).value() == t.wanted);
        CHECK(read_file(disk(), t.sums).value() == stale);
        CHECK(read_all(*t.open()).value() == t.wanted);
        CHECK(read_file(disk(), t.sums).value() != stale);
        CHECK(verify_pages(disk(), t.directory.path(), false).value()->transaction ==
              decode_sums(stale, t.sums).value().transaction + 1);
    }
    // Three commits ahead is none of ours.
    tables::restore(t.sums, sums_before);
    CHECK(opened_code(t) == errc::corruption);
    CHECK(opened_code(t, true) == errc::corruption);
}

TEST_CASE("page sums: tables older than their sums are corruption", "[page_sums]") {
    const tables t;
    const auto old = t.bytes();
    put_one(*t.open(), "key 1", "newer");
    tables::restore(t.data, old);
    CHECK(opened_code(t) == errc::corruption);
}

TEST_CASE("page sums: in the crash window, pages of the commit before are still checked", "[page_sums]") {
    tables t;
    const auto stale = read_file(disk(), t.sums).value();
    const auto sums = decode_sums(stale, t.sums).value();
    put_one(*t.open(), "key 10", "changed");
    const auto image = t.bytes();
    std::size_t found = 0;
    for (std::size_t number = 2; number < sums.page_count; ++number) {
        tables::restore(t.sums, stale);
        auto damaged = image;
        damaged[number * page + 20] ^= std::byte{1};
        tables::restore(t.data, damaged);
        if ((sums.blocks[number / 16].live >> number % 16 & 1) == 0) continue;
        CHECK(opened_code(t, true) == errc::corruption);
        ++found;
    }
    CHECK(found > 10);
}

TEST_CASE("page sums: a process killed before the meta page is written leaves a right file", "[page_sums]") {
    tables t;
    const auto sums = read_file(disk(), t.sums).value();
    const auto before = t.bytes();
    contents more;
    for (int i = 0; i < 150; ++i) more["key " + std::to_string(i)] = "never committed";
    more["large"] = std::string(60'000, 'n');
    put_all(*t.open(), more);
    // All pages of that commit, the old meta pages.
    auto image = t.bytes();
    REQUIRE(std::memcmp(image.data() + 2 * page, before.data() + 2 * page, before.size() - 2 * page) != 0);
    std::copy_n(before.begin(), 2 * page, image.begin());
    tables::restore(t.data, image);
    tables::restore(t.sums, sums);
    t.check(image);
    CHECK(read_all(*t.open()).value() == t.wanted);
    put_one(*t.open(), "key 3", "after");
    t.wanted["key 3"] = "after";
    CHECK(read_all(*t.open()).value() == t.wanted);
}

TEST_CASE("page sums: when they cannot be written, the commit stands and the next one waits for them", "[page_sums]") {
    tables t;
    const auto stale = read_file(disk(), t.sums).value();
    {
        const auto store = t.open();
        std::filesystem::create_directories(t.sums + ".tmp/in the way");  // where the new sums would be written
        put_one(*store, "key 10", "changed");
        t.wanted["key 10"] = "changed";
        CHECK(read_all(*store).value() == t.wanted);
        CHECK(read_file(disk(), t.sums).value() == stale);
        CHECK(store->write().error().code == errc::io);
        CHECK(store->write().error().code == errc::io);
        CHECK(open_lmdb(t.directory.path(), {"a", "b"}).error().code == errc::io);
        CHECK(read_all(*store).value() == t.wanted);
    }
    CHECK(opened_code(t) == errc::io);
    CHECK(read_all(*t.open(true)).value() == t.wanted);
    std::filesystem::remove_all(t.sums + ".tmp");
    const auto store = t.open();
    put_one(*store, "key 11", "changed");
    t.wanted["key 11"] = "changed";
    CHECK(read_all(*store).value() == t.wanted);
    CHECK(verify_pages(disk(), t.directory.path(), false).has_value());
}

TEST_CASE("page sums: they hold after each of many random commits, readers holding pages back", "[page_sums]") {
    test::temporary_directory directory;
    const auto store = open_lmdb(directory.path(), {"a", "b"}).value();
    random_source random(5);
    std::unique_ptr<table_reader> reader;
    std::uint64_t transaction = 0;
    for (int round = 0; round < 150; ++round) {
        INFO("round " << round);
        const auto writer = store->write().value();
        for (auto count = random.below(60); count > 0; --count) {
            const auto key = std::to_string(random.below(400));
            const auto table = static_cast<table_id>(random.below(2));
            if (random.below(3) == 0)
                writer->erase(table, as_bytes(key)).value();
            else
                writer->put(table, as_bytes(key), byte_vector(random.below(8) == 0 ? 30'000 : 60)).value();
        }
        if (random.below(10) == 0) writer->erase_range(0, as_bytes("1"), as_bytes("3")).value();
        if (random.below(8) == 0) continue;  // dropped
        writer->commit().value();
        if (random.below(4) == 0) reader = store->read().value();
        const auto verified = verify_pages(disk(), directory.path(), false).value();
        CHECK(verified->transaction >= transaction);
        transaction = verified->transaction;
    }
    CHECK(transaction > 100);
}

TEST_CASE("page sums: a file that another process commits to is not taken for damaged", "[page_sums][threads]") {
    // The looker stands for a process that opens read-only: it does what such a process does before LMDB sees the file.
    test::temporary_directory directory;
    const auto store = open_lmdb(directory.path(), {"a"}).value();
    put_one(*store, "first", std::string(300'000, 'x'));
    std::atomic<bool> stop = false;
    std::atomic<int> looks = 0;
    std::string failure;
    std::thread looker([&] {
        while (!stop) {
            if (const auto seen = verify_pages(disk(), directory.path(), true);
                !seen && seen.error().code != errc::unavailable)
                failure = seen.error().what();
            ++looks;
        }
    });
    random_source random(9);
    for (int i = 0; i < 200 || looks < 20; ++i)
        put_one(*store, std::to_string(random.below(50)), std::string(random.below(20'000), 'y'));
    stop = true;
    looker.join();
    CHECK(failure == "");
}

namespace {

/// What LMDB writes first: two meta pages of transaction 0.
byte_vector first_write() {
    const tables closed;
    auto bytes = read_file(disk(), closed.data).value();
    bytes.resize(2 * page);
    for (const std::size_t at : {std::size_t{0}, page}) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 136, page - 136, std::byte{0});
        store_le(bytes.data() + at + 136, std::uint64_t{1});  // the last page
    }
    return bytes;
}

result<std::unique_ptr<table_store>> open_with(const std::string& directory, byte_span bytes) {
    disk().remove_all(directory).value();
    disk().create_directories(directory).value();
    disk().open(directory + "/data.mdb", open_mode::create).value()->write_at(0, bytes).value();
    return open_lmdb(directory, {"first"});
}

}  // namespace

TEST_CASE("page sums: a power cut while the file is made leaves a store that opens, and is empty", "[page_sums]") {
    const test::temporary_directory directory;
    const auto whole = first_write();
    constexpr std::size_t sector = 512, sectors = 2 * page / sector;
    const auto opens = [&](const byte_vector& left) {
        auto store = open_with(directory / "state", left);
        REQUIRE(store);
        CHECK(read_all(**store).value().empty());
        put_one(**store, "key", "value");
        store->reset();
        CHECK(read_all(*open_lmdb(directory / "state", {"first"}).value()).value().size() == 1);
    };
    for (unsigned kept = 0; kept < 1u << 3; ++kept) {
        byte_vector left(whole.size());
        const std::size_t places[] = {0, sectors / 2, sectors - 1};
        if ((kept & 3u) == 3) continue;  // both headers: a file that is whole
        for (std::size_t i = 0; i < 3; ++i)
            if ((kept >> i & 1u) != 0)
                std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(places[i] * sector), sector,
                            left.begin() + static_cast<std::ptrdiff_t>(places[i] * sector));
        INFO("sectors kept: " << kept);
        opens(left);
        left.resize(left.size() + 3 * page, std::byte{7});  // of a commit that never ended
        opens(left);
    }
    for (const auto bytes : {sector, page, page + sector, 2 * page - sector}) {
        INFO("bytes: " << bytes);
        opens(byte_vector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
    }
}

TEST_CASE("page sums: what only looks like an interrupted creation stays, and is corruption", "[page_sums]") {
    const test::temporary_directory directory;
    auto headless = first_write();
    std::fill_n(headless.begin(), 512, std::byte{0});
    const auto refused = [&](const byte_vector& bytes) {
        const auto store = open_with(directory / "state", bytes);
        REQUIRE_FALSE(store);
        CHECK(store.error().code == errc::corruption);
        CHECK(read_file(disk(), directory / "state/data.mdb").value() == bytes);
    };
    auto committed = headless;
    committed[page + 144] = std::byte{1};
    refused(committed);
    auto foreign = headless;
    foreign[1'000] = std::byte{1};
    refused(foreign);
    auto longer = headless;
    longer.resize(longer.size() + 9 * page);
    refused(longer);
}
