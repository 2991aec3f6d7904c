#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>

#include <catch2/catch.hpp>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <fstream>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t dim = 64;

std::vector<vs::point> some_points(std::uint64_t first, std::size_t count) {
    std::vector<vs::point> points;
    vs::random_source random(first + 1);
    for (std::size_t i = 0; i < count; ++i) points.push_back(make_point(first + i, random_vector(random, dim)));
    return points;
}

/// Writes until the disk is full; how many points were acknowledged.
std::uint64_t fill(vs::collection& c, std::uint64_t first) {
    for (auto next = first;; next += 200) {
        const auto written = c.upsert(some_points(next, 200));
        if (written) continue;
        INFO(written.error().what());
        REQUIRE(written.error().code == errc::resource_exhausted);
        return next;
    }
}

}  // namespace

TEST_CASE("full disk: upserts are refused cleanly, erasing and checkpoints go on", "[disk_full]") {
    const memory_disk disk;
    auto options = quiet();
    options.checkpoint_bytes = 1u << 20;
    auto db = disk.open(options).value();
    auto c = db.create_collection("c", one_vector(dim)).value();
    disk.files->set_capacity(12u << 20);
    const auto points = fill(c, 0);
    REQUIRE(points > 1'000);
    CHECK(db.stats().value().disk_full);
    CHECK_FALSE(db.stats().value().poisoned);
    CHECK(c.count().value() == points);
    CHECK(code_of(c.upsert(some_points(points, 1))) == errc::resource_exhausted);
    CHECK(code_of(c.set_payload({1}, {{"a", 1}})) == errc::resource_exhausted);
    CHECK(code_of(db.create_collection("d", one_vector(2))) == errc::resource_exhausted);

    // The disk is full to the last byte but for the reserve: what is asked for now must still be possible.
    std::vector<vs::point_id> first_half;
    for (std::uint64_t i = 0; i < points / 2; ++i) first_half.emplace_back(i);
    (void)c.erase(first_half).value();
    db.checkpoint().value();
    CHECK(c.count().value() == points - points / 2);
    SECTION("and it is whole when it is opened again") {
        db.close().value();
        db = disk.open(options).value();
        CHECK(db.open_collection("c").value().count().value() == points - points / 2);
    }
    SECTION("room comes back: all is as before") {
        disk.files->set_capacity(64u << 20);
        (void)c.upsert(some_points(points, 100)).value();
        CHECK_FALSE(db.stats().value().disk_full);
    }
    SECTION("dropping a collection makes room by itself") {
        db.drop_collection("c").value();
        db.checkpoint().value();
        auto again = db.create_collection("c", one_vector(dim)).value();
        (void)again.upsert(some_points(0, 200)).value();
        CHECK_FALSE(db.stats().value().disk_full);
    }
}

TEST_CASE("full disk: without a reserve, writes are refused cleanly too", "[disk_full]") {
    const memory_disk disk;
    auto options = quiet();
    options.reserve_bytes = 0;
    auto db = disk.open(options).value();
    auto c = db.create_collection("c", one_vector(dim)).value();
    CHECK_FALSE(disk.files->exists("db/reserve"));
    disk.files->set_capacity(6u << 20);
    const auto points = fill(c, 0);
    disk.files->set_capacity(64u << 20);
    (void)c.upsert(some_points(points, 100)).value();
    CHECK(c.count().value() == points + 100);
}

TEST_CASE("full disk: a real one, filled by others too, is opened, erased from and written to again", "[disk_full]") {
    const temporary_directory directory;
    if (::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=40m") != 0) {
        WARN("no right to mount a file system: not tested");
        return;
    }
    struct unmount {
        const std::string& path;
        ~unmount() { (void)::umount2(path.c_str(), MNT_DETACH); }
    } at_end{directory.path()};
    auto options = quiet();
    options.checkpoint_bytes = 2u << 20;
    options.tables_bytes_max = 1u << 30;
    std::uint64_t points = 0;
    {
        auto db = vs::database::open(directory / "db", options).value();
        auto c = db.create_collection("c", one_vector(dim)).value();
        points = fill(c, 0);
        REQUIRE(points > 1'000);
        CHECK(db.stats().value().disk_full);
        std::vector<vs::point_id> half;
        for (std::uint64_t i = 0; i < points / 2; ++i) half.emplace_back(i);
        (void)c.erase(half).value();
        db.checkpoint().value();
        CHECK(c.count().value() == points - points / 2);
        db.close().value();
    }
    {
        // Somebody else takes what is left.
        std::ofstream other(directory / "other", std::ios::binary);
        const std::string block(4096, 'x');
        while (other.write(block.data(), 4096).flush()) {
        }
    }
    {
        auto db = vs::database::open(directory / "db", options);
        INFO((db ? std::string() : db.error().what()));
        REQUIRE(db);
        auto c = db->open_collection("c").value();
        CHECK(c.count().value() == points - points / 2);
        CHECK(c.query(nearest_to(std::vector<float>(dim, 0.5f), 10)).value().size() == 10);
        (void)c.erase({points - 1}).value();
        db->checkpoint().value();
        vs::storage::posix_file_system().remove(directory / "other").value();
        (void)c.upsert(some_points(points, 10)).value();
        CHECK_FALSE(db->stats().value().disk_full);
        db->close().value();
    }
    const auto checked = vs::check(directory / "db").value();
    CHECK(checked.healthy());
    CHECK(checked.points == points - points / 2 - 1 + 10);
}
