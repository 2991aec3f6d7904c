// Power cuts and failing disks around recovery: what survives is whole, in order, and can be opened again at the next
// try.
#include "support/fault_file_system.hpp"
#include "support/gated_table_store.hpp"
#include "support/workload.hpp"

#include <catch2/catch.hpp>

#include <optional>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

/// A database that can be killed: the power is cut, and nothing it does later reaches the disk.
struct killable {
    memory_disk disk;
    std::shared_ptr<gated_table_store> gate = std::make_shared<gated_table_store>(disk.tables);
    std::optional<vs::database> db;

    void open() {
        gate = std::make_shared<gated_table_store>(disk.tables);
        db = vs::database::open("db", quiet(), {disk.files, gate}).value();
    }
    void crash(std::uint64_t seed) {
        gate->close();
        disk.files->crash(seed);
        db.reset();
    }
};

std::vector<vs::point> large_batch() {
    std::vector<vs::point> points;
    for (int i = 0; i < 9; ++i) points.push_back(make_point(i, {1, 2}, {{"text", std::string(300'000, 'x')}}));
    return points;
}

}  // namespace

TEST_CASE("fault: a power cut takes a suffix of the writes without sync, never a part of one", "[fault]") {
    std::size_t lost_some = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        killable k;
        k.open();
        workload_options mix;
        mix.sync = vs::durability::async;
        mix.ddl = false;
        workload source(seed, mix);
        std::vector<world> worlds(1);  // after each write
        std::size_t durable = 0;
        for (int step = 0; step < 50; ++step) {
            const auto operation = source.next(worlds.back());
            REQUIRE(operation.run(*k.db));
            if (operation.writes) {
                worlds.push_back(worlds.back());
                operation.predict(worlds.back());
            }
            const auto stats = k.db->stats().value();
            if (stats.durable_lsn == stats.lsn) durable = worlds.size() - 1;
        }
        k.crash(seed);
        k.open();
        auto survivor = worlds.size();
        while (survivor > durable && difference(*k.db, worlds[survivor - 1], source) != "") --survivor;
        REQUIRE(survivor > durable);
        lost_some += survivor < worlds.size();
    }
    CHECK(lost_some > 0);  // or the test tests nothing
}

TEST_CASE("fault: a write of several records is there whole or not at all", "[fault]") {
    const auto batch = large_batch();
    for (const double torn : {0.0, 0.3, 0.7, 0.95}) {
        for (std::uint64_t at = 1;; ++at) {
            INFO("operation " << at << " fails, torn at " << torn);
            memory_disk disk;
            fault_file_system faults(*disk.files);
            auto gate = std::make_shared<gated_table_store>(disk.tables);
            std::optional db(vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, gate}).value());
            std::optional docs(db->create_collection("docs", one_vector(2)).value());
            fault_plan plan;
            plan.fail_at = at;
            plan.torn_fraction = torn;
            faults.plan(plan);
            const bool acknowledged = docs->upsert(batch).has_value();
            CHECK(docs->count().value() == (acknowledged ? 9u : 0u));
            const bool never_failed = faults.operations() < at;
            faults.plan({});
            gate->close();
            if (at % 2 == 0) disk.files->crash(at);
            docs.reset();
            db.reset();
            const auto after = disk.open().value().open_collection("docs").value().count().value();
            if (acknowledged)
                REQUIRE(after == 9);
            else
                REQUIRE((after == 0 || after == 9));
            if (never_failed) break;
        }
    }
}

TEST_CASE("fault: opening fails at each of its operations, and the next try finds everything", "[fault]") {
    for (const bool crashed : {false, true}) {
        for (std::uint64_t at = 1;; ++at) {
            INFO("operation " << at << " of opening fails" << (crashed ? " after a power cut" : ""));
            killable k;
            k.open();
            workload source(9);
            world wanted;
            for (int step = 0; step < 40; ++step) {
                const auto operation = source.next(wanted);
                REQUIRE(operation.run(*k.db));
                operation.predict(wanted);
            }
            if (crashed)
                k.crash(at);
            else
                k.db.reset();
            fault_file_system faults(*k.disk.files);
            fault_plan plan;
            plan.fail_at = at;
            faults.plan(plan);
            auto opened = vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, k.disk.tables});
            const bool never_failed = faults.operations() < at;
            if (!opened) CHECK((opened.error().code == errc::io || opened.error().code == errc::unavailable));
            if (opened) (void)std::move(opened).value().close();
            k.open();
            REQUIRE(difference(*k.db, wanted, source) == "");
            if (never_failed) break;
        }
    }
}

TEST_CASE("fault: a checkpoint that fails again and again leaves no files behind", "[fault]") {
    const memory_disk disk;
    fault_file_system faults(*disk.files);
    auto options = quiet();
    options.reserve_bytes = 0;  // with one, a disk that is full for a moment fails no checkpoint
    auto db = vs::database::open("db", options, {{&faults, [](auto*) {}}, disk.tables}).value();
    auto docs = db.create_collection("docs", {{vector_of(8), vector_of(3, vs::metric::dot, "second")}}).value();
    std::vector<vs::point> points;
    for (int i = 0; i < 100; ++i) {
        points.push_back(make_point(i, {1, 2, 3, 4, 5, 6, 7, 8}));
        points.back().vectors.push_back({"second", {1, 2, 3}});
    }
    REQUIRE(docs.upsert(points));
    std::uint64_t failures = 0;
    for (std::uint64_t at = 1;; ++at) {
        fault_plan plan;
        plan.fail_at = at;
        plan.stays_broken = false;
        plan.code = errc::resource_exhausted;
        faults.plan(plan);
        const auto done = db.checkpoint();
        if (done || db.stats().value().poisoned) break;
        ++failures;
        for (const auto* slot : {"db/parts/1/0", "db/parts/1/1"})
            if (disk.files->exists(slot)) CHECK(disk.files->list(slot).value().size() <= 1);
        CHECK(docs.count().value() == 100);
    }
    CHECK(failures > 5);
}
