// A full disk and a failed sync, as a program meets them. (Every operation in turn: the campaign `diskfault`.)
#include "support/fault_file_system.hpp"
#include "support/store.hpp"

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

TEST_CASE("fault: a full disk rejects the write and leaves the store readable", "[fault]") {
    const memory_disk disk;
    fault_file_system faults(*disk.files);
    auto db = vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, disk.tables}).value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert({make_point(1, {1, 1})}));
    fault_plan full;
    full.bytes_max = 0;
    faults.plan(full);
    // Space was set aside ahead, so that some writes still fit; then they are refused, and none half.
    std::uint64_t fitted = 0;
    vs::random_source random(1);
    std::vector<vs::point> large;
    for (int i = 0; i < 1'000; ++i) large.push_back(make_point(100 + i, {1, 2}, {{"text", std::string(3'000, 'x')}}));
    vs::result<vs::write_result> refused = vs::write_result{};
    for (int i = 0; i < 50 && refused; ++i)
        if ((refused = docs.upsert(large))) ++fitted;
    REQUIRE(code_of(refused) == errc::resource_exhausted);
    CHECK_FALSE(db.stats().value().poisoned);
    CHECK(docs.count().value() == (fitted > 0 ? 1'001u : 1u));
    CHECK(docs.query(nearest_to({1, 1}, 1)).value()[0].id == vs::point_id(1));
    CHECK(code_of(db.checkpoint()) == errc::resource_exhausted);
    CHECK(docs.count().value() == (fitted > 0 ? 1'001u : 1u));
    // Space again: writes go on in the same process.
    faults.plan({});
    REQUIRE(docs.upsert({make_point(2, {2, 2})}));
    REQUIRE(db.checkpoint());
    REQUIRE(db.close());
    CHECK(disk.open().value().open_collection("docs").value().count().value() == (fitted > 0 ? 1'002u : 2u));
}

TEST_CASE("fault: after a failed sync writes are refused with the cause until the database is opened again",
          "[fault]") {
    const memory_disk disk;
    fault_file_system faults(*disk.files);
    {
        auto db = vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, disk.tables}).value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        REQUIRE(docs.upsert({make_point(1, {1, 1})}));
        fault_plan plan;
        plan.fail_syncs = true;
        faults.plan(plan);
        CHECK(code_of(docs.upsert({make_point(2, {1, 1})})) == errc::io);
        faults.plan({});
        for (const auto& refused : {docs.upsert({make_point(3, {1, 1})}), docs.erase({1}), docs.clear_payload({1})}) {
            REQUIRE(code_of(refused) == errc::unavailable);
            CHECK(refused.error().message.find("injected fault: sync") != std::string::npos);
        }
        CHECK(code_of(db.checkpoint()) == errc::unavailable);
        CHECK(code_of(db.create_collection("more", {})) == errc::unavailable);
        CHECK(db.stats().value().poisoned);
        CHECK(db.stats().value().last_error.find("sync") != std::string::npos);
        CHECK(docs.count().value() == 1);
        CHECK(db.close());
    }
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.get(1));
    CHECK_FALSE(docs.get(3));
    CHECK(docs.upsert({make_point(3, {1, 1})}));
}
