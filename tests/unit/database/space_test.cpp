// Disk that does not grow: rewriting all points, again and again, ends with the space of a store that was written once.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <filesystem>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t dim = 16;
constexpr std::uint64_t points_all = 6'000;

/// The points that differ from round to round in vector and payload, never in size.
std::vector<vs::point> some_points(std::uint64_t round, std::uint64_t first, std::uint64_t count) {
    vs::random_source random(1000 * round + first);
    std::vector<vs::point> points;
    for (auto id = first; id < first + count; ++id)
        points.push_back(
            make_point(id, random_vector(random, dim),
                       {{"round", 1000 + round}, {"text", std::string(300, static_cast<char>('a' + round))}}));
    return points;
}

vs::result<void> write_all(vs::collection& docs, std::uint64_t round) {
    constexpr std::uint64_t batch = 500;
    for (std::uint64_t first = 0; first < points_all; first += batch)
        VECSTORE_CHECK(docs.upsert(some_points(round, first, batch), {vs::durability::async}));
    return {};
}

std::uint64_t disk_bytes(const std::string& directory, bool with_log) {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && (with_log || entry.path().parent_path().filename() != "wal"))
            bytes += entry.file_size();
    return bytes;
}

std::size_t pages_of_deaths(const std::string& directory) {
    const auto names = vs::detail::tables::names();
    const auto tables = vs::storage::open_lmdb(directory + "/state", names, {.read_only = true}).value();
    const auto reader = tables->read().value();
    const auto cursor = reader->cursor(vs::detail::tables::deaths).value();
    std::size_t pages = 0;
    auto moved = cursor->seek({});
    for (; moved && cursor->valid(); moved = cursor->next()) ++pages;
    REQUIRE(moved);
    return pages;
}

}  // namespace

TEST_CASE("space: after five rewrites of all points, an optimized store is as small as a new one", "[database]") {
    temporary_directory directory;
    auto options = quiet();
    options.checkpoint_bytes = 1u << 20;
    const auto path = [&](const char* name) { return directory / name; };
    const auto make = [&](const std::string& where, std::uint64_t first, std::uint64_t last) {
        auto db = vs::database::open(where, options).value();
        auto docs = db.create_collection("docs", one_vector(dim)).value();
        for (auto round = first; round <= last; ++round) REQUIRE(write_all(docs, round));
        REQUIRE(db.optimize());
        CHECK(docs.count().value() == points_all);
        REQUIRE(db.close());
    };
    make(path("fresh"), 5, 5);
    make(path("churned"), 0, 5);
    const auto live = disk_bytes(path("fresh"), false);
    const auto now = disk_bytes(path("churned"), false);
    INFO(live << " bytes live, " << now << " after the rewrites");
    CHECK(static_cast<double>(now) < 1.3 * static_cast<double>(live));
    CHECK(static_cast<double>(disk_bytes(path("churned"), true)) <
          2.2 * static_cast<double>(disk_bytes(path("fresh"), true)));
    CHECK(pages_of_deaths(path("churned")) <= 1);
    auto db = vs::database::open(path("churned"), options).value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.count().value() == points_all);
    CHECK(docs.get({3}).value().payload["round"].int64_or(0) == 1005);
    REQUIRE(write_all(docs, 6));
    REQUIRE(db.optimize());
    CHECK(docs.count().value() == points_all);
    CHECK(docs.get({3}).value().payload["round"].int64_or(0) == 1006);
}

TEST_CASE("space: a collection that has used up its numbers of versions refuses more, and goes on reading",
          "[database]") {
    const memory_disk disk;
    namespace tables = vs::detail::tables;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(3)).value();
        REQUIRE(docs.upsert({make_point(1, {1, 2, 3}), make_point(2, {3, 2, 1})}));
        REQUIRE(db.close());
    }
    const auto start_at = [&](std::uint64_t ordinal) {
        const auto writer = disk.tables->write().value();
        const auto key = tables::collection_key(1);
        auto entry = vs::payload::decode(*writer->get(tables::catalog, key).value()).value();
        entry.set("next_ordinal", ordinal);
        REQUIRE(writer->put(tables::catalog, key, vs::payload::encode(entry).value()));
        REQUIRE(writer->commit());
    };
    constexpr std::uint64_t last = 0xFFFF'FFFFu - (1u << 28);
    start_at(last);
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    REQUIRE(docs.upsert({make_point(1, {0, 0, 1})}));
    CHECK(code_of(docs.upsert({make_point(4, {1, 1, 1})})) == errc::resource_exhausted);
    REQUIRE(docs.set_payload({2}, {{"n", 1}}));
    REQUIRE(docs.erase({2}));
    CHECK(docs.count().value() == 1);
    REQUIRE(db.checkpoint());
    CHECK(docs.get({1}).value().id == vs::point_id(1));
    CHECK(code_of(docs.upsert({make_point(4, {1, 1, 1})})) == errc::resource_exhausted);
}

TEST_CASE("space: what is written is counted", "[database]") {
    temporary_directory directory;
    auto db = vs::database::open(directory / "db", quiet()).value();
    auto docs = db.create_collection("docs", one_vector(dim)).value();
    const auto made = db.stats().value().written;
    REQUIRE(docs.upsert(some_points(1, 0, 500)));
    const auto logged = db.stats().value().written;
    CHECK(logged.user - made.user > 500 * (dim * sizeof(float) + 300));
    CHECK(logged.log - made.log > logged.user - made.user);
    CHECK(logged.parts == made.parts);
    REQUIRE(db.checkpoint());
    const auto sealed = db.stats().value().written;
    CHECK(sealed.log == logged.log);
    CHECK(sealed.parts > 500 * dim * sizeof(float));
    CHECK(sealed.tables > made.tables + 500 * 300);
    REQUIRE(db.optimize());
    const auto built = db.stats().value().written;
    CHECK(built.parts == sealed.parts);  // one part, too small for an index
    CHECK(built.amplification() > 2);
    CHECK(built.amplification() < 20);
    CHECK(vs::database_traffic().amplification() == 0);
}
