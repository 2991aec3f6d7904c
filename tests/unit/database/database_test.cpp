#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/database.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/storage/control_file.hpp>

#include <catch2/catch.hpp>
#include <unistd.h>

#include <filesystem>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

std::vector<vs::point> some_points(std::uint64_t first, std::size_t count, std::size_t dim = 3) {
    vs::random_source random(first);
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < count; ++i)
        points.push_back(make_point(first + i, random_vector(random, dim), {{"n", first + i}}));
    return points;
}

}  // namespace

TEST_CASE("database: collections are created, opened, listed, described and dropped", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    CHECK(db.list_collections().value().empty());
    auto options = one_vector(3, vs::metric::dot);
    options.vectors.push_back(vector_of(5, vs::metric::cosine, "text"));
    auto docs = db.create_collection("docs", options).value();
    CHECK(docs.name() == "docs");
    CHECK(db.create_collection("a", {}));
    CHECK(db.list_collections().value() == std::vector<std::string>{"a", "docs"});
    REQUIRE(docs.upsert(some_points(1, 20)));
    const auto info = db.describe("docs").value();
    CHECK(info.name == "docs");
    CHECK(info.options == options);
    CHECK(info.points == 20);
    CHECK(info.rows_scanned == 20);
    CHECK(info.memtable_bytes > 0);
    CHECK(info.overlay_bytes > 0);
    CHECK(code_of(db.create_collection("docs", {})) == errc::already_exists);
    CHECK(code_of(db.open_collection("none")) == errc::not_found);
    CHECK(code_of(db.describe("none")) == errc::not_found);
    CHECK(code_of(db.drop_collection("none")) == errc::not_found);
    REQUIRE(db.drop_collection("docs"));
    CHECK(db.list_collections().value() == std::vector<std::string>{"a"});
}

TEST_CASE("database: a handle of a dropped collection gives not_found, also when the name is used again",
          "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto old = db.create_collection("docs", one_vector(3)).value();
    REQUIRE(old.upsert(some_points(1, 5)));
    REQUIRE(db.drop_collection("docs"));
    for (int round = 0; round < 2; ++round) {
        CHECK(code_of(old.upsert(some_points(1, 1))) == errc::not_found);
        CHECK(code_of(old.upsert(std::vector<vs::point>{})) == errc::not_found);
        CHECK(code_of(old.erase({1})) == errc::not_found);
        CHECK(code_of(old.clear_payload({1})) == errc::not_found);
        CHECK(code_of(old.get(1)) == errc::not_found);
        CHECK(code_of(old.query(nearest_to({1, 2, 3}))) == errc::not_found);
        CHECK(code_of(old.scroll({})) == errc::not_found);
        CHECK(code_of(old.count()) == errc::not_found);
        CHECK(code_of(old.info()) == errc::not_found);
        auto fresh = round == 0 ? db.create_collection("docs", one_vector(3)) : db.open_collection("docs");
        CHECK(fresh.value().count().value() == 0);
        REQUIRE(db.checkpoint());
    }
}

TEST_CASE("database: close writes everything down, and later calls are unavailable", "[database]") {
    const temporary_directory directory;
    auto db = vs::database::open(directory / "db").value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    oracle wanted(one_vector(3));
    const auto points = some_points(1, 50);
    wanted.upsert(points);
    REQUIRE(docs.upsert(points, {vs::durability::async}));
    REQUIRE(db.close());
    CHECK(db.close());
    CHECK(code_of(docs.upsert(points)) == errc::unavailable);
    CHECK(code_of(docs.erase({1})) == errc::unavailable);
    CHECK(code_of(docs.set_payload({1}, {})) == errc::unavailable);
    CHECK(code_of(docs.get(1)) == errc::unavailable);
    CHECK(code_of(docs.query(nearest_to({1, 2, 3}))) == errc::unavailable);
    CHECK(code_of(docs.scroll({})) == errc::unavailable);
    CHECK(code_of(docs.count()) == errc::unavailable);
    CHECK(code_of(docs.info()) == errc::unavailable);
    CHECK(code_of(db.create_collection("more", {})) == errc::unavailable);
    CHECK(code_of(db.open_collection("docs")) == errc::unavailable);
    CHECK(code_of(db.drop_collection("docs")) == errc::unavailable);
    CHECK(code_of(db.list_collections()) == errc::unavailable);
    CHECK(code_of(db.describe("docs")) == errc::unavailable);
    CHECK(code_of(db.flush()) == errc::unavailable);
    CHECK(code_of(db.checkpoint()) == errc::unavailable);
    CHECK(code_of(db.optimize()) == errc::unavailable);
    CHECK(code_of(db.stats()) == errc::unavailable);
    // The directory is free, though the old handles live.
    auto again = vs::database::open(directory / "db").value();
    CHECK(difference(again.open_collection("docs").value(), wanted) == "");
}

TEST_CASE("database: a second writer is refused, and the error says who has it", "[database]") {
    const temporary_directory directory;
    const auto db = vs::database::open(directory / "db", quiet()).value();
    const auto second = vs::database::open(directory / "db", quiet());
    REQUIRE(code_of(second) == errc::unavailable);
    CHECK(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().path.find("LOCK") != std::string::npos);
}

TEST_CASE("database: options are checked", "[database]") {
    const auto open = [](auto change) {
        auto options = quiet();
        change(options);
        return code_of(vs::database::in_memory(options));
    };
    CHECK(open([](auto&) {}) == errc{});
    CHECK(open([](auto& o) { o.background_threads = 2; }) == errc::invalid_argument);
    CHECK(open([](auto& o) { o.build_threads = 0; }) == errc::invalid_argument);
    CHECK(open([](auto& o) { o.build_threads = 257; }) == errc::invalid_argument);
    CHECK(open([](auto& o) { o.checkpoint_bytes = 0; }) == errc::invalid_argument);
    CHECK(open([](auto& o) { o.flush_interval_ms = 0; }) == errc::invalid_argument);
    CHECK(code_of(vs::database::open("")) == errc::invalid_argument);
}

TEST_CASE("database: what is not there is not made unless asked", "[database]") {
    const temporary_directory directory;
    auto options = quiet();
    options.create = false;
    CHECK(code_of(vs::database::open(directory / "db", options)) == errc::not_found);
    options.create = true;
    options.read_only = true;
    CHECK(code_of(vs::database::open(directory / "db", options)) == errc::not_found);
    CHECK_FALSE(std::filesystem::exists(directory / "db"));
    std::filesystem::create_directory(directory / "file-is-in-the-way");
    CHECK(code_of(vs::database::open(directory / "file-is-in-the-way/" + std::string(300, 'x'))) == errc::io);
}

TEST_CASE("database: a control file of a newer version is unsupported", "[database]") {
    const memory_disk disk;
    REQUIRE(disk.open().value().close());
    {
        auto control = vs::storage::control_file::open(*disk.files, "db", false).value();
        auto state = control.state();
        state.format_version = 99;
        REQUIRE(control.store(state));
    }
    CHECK(code_of(disk.open()) == errc::unsupported);
}

TEST_CASE("database: the part made by the optimizer is not overwritten after reopening", "[database]") {
    const memory_disk disk;
    oracle wanted(one_vector(3));
    for (std::uint64_t round = 0; round < 5; ++round) {
        auto db = disk.open().value();
        auto docs =
            round == 0 ? db.create_collection("docs", one_vector(3)).value() : db.open_collection("docs").value();
        REQUIRE(difference(docs, wanted) == "");
        for (std::uint64_t i = 0; i < 2; ++i) {
            const auto points = some_points(100 * round + 10 * i, 10);
            wanted.upsert(points);
            REQUIRE(docs.upsert(points));
            REQUIRE(db.checkpoint());
        }
        REQUIRE(db.optimize());
        CHECK(docs.info().value().parts == 1);
        REQUIRE(db.close());
    }
    CHECK(difference(disk.open().value().open_collection("docs").value(), wanted) == "");
}

TEST_CASE("database: a checkpoint lets go of the log, and dropped collections of their files", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(64)).value();
    REQUIRE(docs.upsert(some_points(0, 2'000, 64)));
    const auto before = db.stats().value();
    CHECK(before.lsn == before.durable_lsn);
    CHECK(before.checkpoint_lsn == 0);
    CHECK(before.collections == 1);
    CHECK_FALSE(before.poisoned);
    CHECK(before.last_error.empty());
    REQUIRE(db.checkpoint());
    const auto after = db.stats().value();
    CHECK(after.checkpoint_lsn == after.lsn);
    CHECK(after.tables_bytes > 0);
    CHECK(docs.info().value().memtable_bytes == 0);
    CHECK(docs.info().value().parts == 1);
    REQUIRE(disk.files->exists("db/parts/1/0"));
    REQUIRE(db.drop_collection("docs"));
    REQUIRE(db.checkpoint());
    CHECK_FALSE(disk.files->exists("db/parts/1"));
    CHECK(disk.tables->read().value()->cursor(vs::detail::tables::points).value()->seek({}));
}

TEST_CASE("database: without a thread of its own, the write that passes checkpoint_bytes writes the checkpoint",
          "[database]") {
    auto options = quiet();
    options.checkpoint_bytes = 4'000;
    const memory_disk disk;
    auto db = disk.open(options).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    oracle wanted(one_vector(3));
    for (std::uint64_t i = 0; i < 100; ++i) {
        const auto points = some_points(10 * i, 10);
        wanted.upsert(points);
        REQUIRE(docs.upsert(points));
    }
    CHECK(db.stats().value().checkpoint_lsn > 50);
    CHECK(difference(docs, wanted) == "");
}

TEST_CASE("database: optimize makes one part with a graph, drops dead rows, and can be cancelled", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto options = one_vector(4);
    options.vectors[0].index = vs::index_kind::hnsw;  // left to itself it takes what is faster on this machine
    auto docs = db.create_collection("docs", options).value();
    oracle wanted(options);
    for (std::uint64_t i = 0; i < 3; ++i) {
        const auto points = some_points(1'000 * i, 1'000, 4);
        wanted.upsert(points);
        REQUIRE(docs.upsert(points));
        REQUIRE(db.checkpoint());
    }
    REQUIRE(docs.erase(vs::field("n") < 500));
    wanted.erase({{}, [](const auto& p) { return p.payload["n"].int64_or(0) < 500; }});
    CHECK(code_of(db.optimize([](const vs::progress&) { return false; })) == errc::cancelled);
    CHECK(difference(docs, wanted, 1'000) == "");
    std::size_t reports = 0;
    REQUIRE(db.optimize([&](const vs::progress& p) {
        ++reports;
        return p.done <= p.total && !p.task.empty();
    }));
    CHECK(reports > 2);
    const auto info = docs.info().value();
    CHECK(info.parts == 1);
    CHECK(info.rows_indexed == 2'500);
    CHECK(info.rows_scanned == 0);
    CHECK(difference(docs, wanted, 1'000) == "");
    const auto plan = docs.query(nearest_to({0, 0, 0, 0})).value().plan;
    CHECK(plan.strategy == vs::search_strategy::plain_walk);
    CHECK(plan.ef >= 10);
    CHECK(plan.distances < 2'500);
    REQUIRE(db.close());
    CHECK(difference(disk.open().value().open_collection("docs").value(), wanted, 1'000) == "");
}

TEST_CASE("database: files that nothing lists are removed at opening", "[database]") {
    const memory_disk disk;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(3)).value();
        REQUIRE(docs.upsert(some_points(0, 10)));
    }
    const std::string left_over[] = {"db/parts/1/0/77.part", "db/parts/1/0/1.part.tmp", "db/parts/9/0/1.part"};
    REQUIRE(disk.files->create_directories("db/parts/9/0"));
    for (const auto& path : left_over) REQUIRE(vs::storage::write_file(*disk.files, path, vs::as_bytes("left over")));
    const auto db = disk.open().value();
    for (const auto& path : left_over) CHECK_FALSE(disk.files->exists(path));
    CHECK(db.open_collection("docs").value().count().value() == 10);
}

TEST_CASE("database: a graph that is missing or damaged is built again", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto options = one_vector(4);
    options.vectors[0].index = vs::index_kind::hnsw;  // with lists beside it, these would answer meanwhile
    REQUIRE(db.create_collection("docs", options).value().upsert(some_points(0, 2'000, 4)));
    REQUIRE(db.optimize());
    REQUIRE(db.close());
    for (const bool missing : {true, false}) {
        const std::string path = "db/parts/1/0/1.hnsw";
        REQUIRE(disk.files->exists(path));
        if (missing)
            REQUIRE(disk.files->remove(path));
        else
            REQUIRE(disk.files->open(path, vs::storage::open_mode::read_write)
                        .value()
                        ->write_at(5'000, vs::as_bytes("xxxxxxxx")));
        auto again = disk.open().value();
        auto docs = again.open_collection("docs").value();
        CHECK(docs.query(nearest_to({0, 0, 0, 0})).value().size() == 10);
        CHECK(docs.info().value().rows_indexed == 0);
        REQUIRE(again.optimize());
        CHECK(docs.info().value().rows_indexed == 2'000);
        REQUIRE(again.close());
    }
}
