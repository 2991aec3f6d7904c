#include "support/temporary_directory.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <catch2/catch.hpp>
#include <storage/lmdb_pages.hpp>

#include <map>
#include <string>

using namespace vecstore;
using namespace vecstore::storage;
using detail::lmdb_pages;

namespace {

using entries = std::map<std::string, std::string>;

/// Tables with small and large values, some of which were removed and replaced; what they hold.
struct tables_on_disk {
    test::temporary_directory directory;
    entries small, large;

    tables_on_disk() {
        const auto store = open_lmdb(path(), {"small", "large", "empty"}).value();
        random_source random(3);
        for (int round = 0; round < 4; ++round) {
            const auto writer = store->write().value();
            for (int i = 0; i < 800; ++i) {
                const auto key = "key " + std::to_string(random.below(3'000));
                if (random.below(4) == 0) {
                    writer->erase(0, as_bytes(key)).value();
                    small.erase(key);
                } else {
                    small[key] = std::string(random.below(200), static_cast<char>('a' + i % 26));
                    writer->put(0, as_bytes(key), as_bytes(small[key])).value();
                }
            }
            for (int i = 0; i < 10; ++i) {
                const auto key = std::to_string(random.below(20));
                large[key] = std::string(1'000 + random.below(30'000), static_cast<char>('A' + i));
                writer->put(1, as_bytes(key), as_bytes(large[key])).value();
            }
            writer->commit().value();
        }
    }
    [[nodiscard]] std::string path() const { return directory / "state"; }
    [[nodiscard]] std::string file() const { return directory / "state/data.mdb"; }
};

entries walk(lmdb_pages& pages, std::string_view table) {
    entries found;
    pages
        .walk(table,
              [&](byte_span key, byte_span value) -> result<void> {
                  found[std::string(as_text(key))] = std::string(as_text(value));
                  return {};
              })
        .value();
    return found;
}

}  // namespace

TEST_CASE("lmdb_pages: reads what LMDB wrote, and knows which pages are used", "[lmdb_pages]") {
    const tables_on_disk tables;
    auto pages = lmdb_pages::open(posix_file_system(), tables.path()).value();
    CHECK(walk(pages, "small") == tables.small);
    CHECK(walk(pages, "large") == tables.large);
    CHECK(walk(pages, "empty").empty());
    CHECK(walk(pages, "no such table").empty());
    for (const auto& e : pages.damages()) UNSCOPED_INFO(e.what());
    CHECK(pages.damages().empty());
    CHECK(pages.table_names().size() == 3);
    CHECK_FALSE(pages.usage().free_pages.empty());

    // Sums made from it are those that the store wrote.
    const auto file = posix_file_system().open(tables.file(), open_mode::read).value();
    const auto sums = detail::sum_pages(*file, pages.usage(), nullptr).value();
    const auto stored = read_file(posix_file_system(), tables.path() + "/sums").value();
    CHECK(detail::encode_sums(sums) == stored);
}

TEST_CASE("lmdb_pages: a flipped byte is found, or what is read is right", "[lmdb_pages]") {
    const tables_on_disk tables;
    const auto whole = read_file(posix_file_system(), tables.file()).value();
    random_source random(7);
    std::size_t found_damage = 0;
    for (int i = 0; i < 1'500; ++i) {
        // Headers of pages and of nodes, more often than the rest: there lies what leads astray.
        const auto page = random.below(whole.size() / 4096);
        const auto at = page * 4096 + (i % 2 == 0 ? random.below(64) : random.below(4096));
        const auto mask = std::byte{1} << random.below(8);
        auto damaged = whole;
        damaged[at] ^= mask;
        const auto file = posix_file_system().open(tables.file(), open_mode::read_write).value();
        file->write_at(at, {&damaged[at], 1}).value();
        auto pages = lmdb_pages::open(posix_file_system(), tables.path());
        INFO("byte " << at);
        if (!pages) {
            REQUIRE(pages.error().code == errc::corruption);
        } else {
            const auto small = walk(*pages, "small");
            const auto large = walk(*pages, "large");
            // Of the newest transaction; a damaged meta page gives the one before.
            const bool right = small == tables.small && large == tables.large;
            REQUIRE((right || pages->damage_count() > 0 || at < 2 * 4096));
            for (const auto& [key, value] : small)
                if (at >= 2 * 4096) REQUIRE(tables.small.at(key) == value);
            for (const auto& [key, value] : large)
                if (at >= 2 * 4096) REQUIRE(tables.large.at(key) == value);
            found_damage += pages->damage_count() > 0;
        }
        file->write_at(at, {&whole[at], 1}).value();
    }
    CHECK(found_damage > 50);
}

TEST_CASE("lmdb_pages: a file cut short gives what is left, and what is no table file is refused", "[lmdb_pages]") {
    const tables_on_disk tables;
    const auto file = posix_file_system().open(tables.file(), open_mode::read_write).value();
    for (auto pages_left = file->size().value() / 4096; pages_left > 0;
         pages_left -= std::min<std::uint64_t>(pages_left, 9)) {
        file->truncate(pages_left * 4096 - 100).value();
        auto pages = lmdb_pages::open(posix_file_system(), tables.path());
        if (!pages) continue;
        for (const auto& [key, value] : walk(*pages, "small")) REQUIRE(tables.small.at(key) == value);
        (void)walk(*pages, "large");
    }
    file->truncate(0).value();
    CHECK(lmdb_pages::open(posix_file_system(), tables.path()).error().code == errc::corruption);
    file->write_at(0, byte_vector(20'000, std::byte{0x5A})).value();
    CHECK(lmdb_pages::open(posix_file_system(), tables.path()).error().code == errc::corruption);
    CHECK(lmdb_pages::open(posix_file_system(), tables.directory / "none").error().code == errc::not_found);
}
