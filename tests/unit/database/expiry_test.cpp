#include "support/gated_table_store.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/core/clock.hpp>
#include <vecstore/core/random.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::point expiring(vs::point_id id, std::uint64_t at) {
    auto p = make_point(id, {1, 2}, {{"k", 1}});
    p.expire_at = at;
    return p;
}

}  // namespace

TEST_CASE("expiry: points are erased when their time has come, not before, and not when they were replaced",
          "[database]") {
    for (const bool checkpoints : {false, true}) {
        const memory_disk disk;
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        auto others = db.create_collection("others", one_vector(2)).value();
        const auto upkeep = [&] {
            if (checkpoints) REQUIRE(db.checkpoint());
        };
        REQUIRE(docs.upsert({expiring(1, 100), expiring(2, 200), expiring(3, 300), expiring(4, 0)}));
        REQUIRE(others.upsert({expiring(1, 150)}));
        upkeep();
        CHECK(docs.get(2).value().expire_at == 200);
        CHECK(db.expire_due(99).value() == 0);
        CHECK(db.expire_due(100).value() == 1);
        CHECK(code_of(docs.get(1)) == errc::not_found);
        REQUIRE(docs.set_payload({2}, {{"k", 2}}));  // leaves the time as it is
        REQUIRE(docs.upsert({expiring(3, 5'000)}));
        upkeep();
        CHECK(docs.get(2).value().expire_at == 200);
        CHECK(db.expire_due(1'000).value() == 2);
        CHECK(docs.count().value() == 2);
        CHECK(docs.get(3).value().expire_at == 5'000);
        CHECK(others.count().value() == 0);
        REQUIRE(docs.upsert({expiring(3, 0)}));
        upkeep();
        CHECK(db.expire_due(1'000'000).value() == 0);
        CHECK(docs.count().value() == 2);
        // What comes with a time of long ago goes at the next look.
        REQUIRE(docs.upsert({expiring(9, 1)}));
        upkeep();
        CHECK(db.expire_due(1'000).value() == 1);
    }
}

TEST_CASE("expiry: more points than one batch holds, twice over a checkpoint", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    std::vector<vs::point> points;
    for (std::uint64_t id = 0; id < 2'500; ++id) points.push_back(expiring(id, 1 + id % 10));
    REQUIRE(docs.upsert(points));
    REQUIRE(db.checkpoint());
    CHECK(db.expire_due(5).value() == 1'250);
    CHECK(db.expire_due(5).value() == 0);
    REQUIRE(db.checkpoint());
    CHECK(db.expire_due(10).value() == 1'250);
    CHECK(docs.count().value() == 0);
}

TEST_CASE("expiry: a collection's rule counts from the write, by the clock that was given", "[database]") {
    const memory_disk disk;
    std::uint64_t now = 1'000;
    auto environment = disk.environment();
    environment.clock = [&] { return now; };
    auto options = one_vector(2);
    options.expire_after_ms = 50;
    {
        auto db = vs::database::open("db", quiet(), environment).value();
        auto docs = db.create_collection("docs", options).value();
        REQUIRE(docs.upsert({expiring(1, 0), expiring(2, 9'000)}));
        now = 1'010;
        REQUIRE(docs.upsert({expiring(3, 0)}, {.condition = {.mode = vs::update_mode::insert_only}}));
    }
    auto db = vs::database::open("db", quiet(), environment).value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.info().value().options.expire_after_ms == 50);
    CHECK(docs.get(1).value().expire_at == 1'050);
    CHECK(docs.get(2).value().expire_at == 9'000);
    CHECK(docs.get(3).value().expire_at == 1'060);
    now = 1'055;
    CHECK(db.expire_due().value() == 1);
    options.expire_after_ms = ~std::uint64_t{0};
    CHECK(code_of(db.create_collection("more", options)) == errc::invalid_argument);
}

TEST_CASE("expiry: at random, reopened and crashed, the points that live are those of a map",
          "[database][one_thread]") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        INFO("seed " << seed);
        const memory_disk disk;
        vs::random_source random(seed);
        auto gate = std::make_shared<gated_table_store>(disk.tables);
        std::optional<vs::database> db = vs::database::open("db", quiet(), {disk.files, gate}).value();
        REQUIRE(db->create_collection("docs", one_vector(2)));
        std::map<std::uint64_t, std::uint64_t> living;
        std::uint64_t now = 1;
        for (int step = 0; step < 300; ++step) {
            auto handle = std::optional(db->open_collection("docs").value());
            auto& docs = *handle;
            const auto id = random.below(40);
            switch (random.below(10)) {
                case 0:
                    REQUIRE(docs.erase({id}));
                    living.erase(id);
                    break;
                case 1: (void)docs.set_payload({id}, {{"k", step}}); break;
                case 2: REQUIRE(db->checkpoint()); break;
                case 3:
                    now += random.below(30);
                    REQUIRE(db->expire_due(now));
                    std::erase_if(living, [&](const auto& e) { return e.second != 0 && e.second <= now; });
                    break;
                case 4:
                    REQUIRE(db->flush());  // erasing what expired waits for no disk
                    if (random.below(2) == 0) {
                        gate->close();
                        disk.files->crash(seed * 1'000 + static_cast<std::uint64_t>(step));
                    }
                    handle.reset();  // it would keep the database open
                    db.reset();
                    gate = std::make_shared<gated_table_store>(disk.tables);
                    db = vs::database::open("db", quiet(), {disk.files, gate}).value();
                    break;
                case 5:
                    if (random.below(4) == 0) REQUIRE(db->optimize());
                    break;
                default: {
                    const auto at = random.below(3) == 0 ? 0 : now + random.below(60);
                    REQUIRE(docs.upsert({expiring(id, at)}));
                    living[id] = at;
                }
            }
            auto now_docs = db->open_collection("docs").value();
            REQUIRE(now_docs.count().value() == living.size());
            for (const auto& [each, at] : living) REQUIRE(now_docs.get(each).value().expire_at == at);
        }
    }
}

TEST_CASE("expiry: the background thread does it", "[database]") {
    const temporary_directory directory;
    vs::database_options options;
    options.expire_interval_ms = 5;
    auto db = vs::database::open(directory / "db", options).value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert({expiring(1, vs::unix_ms() + 20), expiring(2, vs::unix_ms() + 3'600'000)}));
    for (int left = 2'000; docs.count().value() == 2 && left > 0; --left)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(docs.count().value() == 1);
    CHECK(docs.get(2));
}
