#include "support/gated_table_store.hpp"
#include "support/store.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/database/write_batch.hpp>
#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

struct two_collections {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection docs = db.create_collection("docs", one_vector(2)).value();
    vs::collection images = db.create_collection("images", one_vector(3)).value();
};

std::int64_t k_of(const vs::collection& c, vs::point_id id) { return c.get(id).value().payload["k"].int64_or(-1); }

}  // namespace

TEST_CASE("write_batch: entries of two collections are written at one place in the log", "[database]") {
    two_collections s;
    const auto before = s.db.stats().value().lsn;
    vs::write_batch batch;
    batch.upsert(s.docs, {make_point(1, {1, 2}), make_point(2, {1, 2})}).upsert(s.images, {make_point(1, {1, 2, 3})});
    const auto written = s.db.write(batch).value();
    CHECK(written.points == 3);
    CHECK(written.lsn == before + 2);
    CHECK(s.docs.count().value() == 2);
    CHECK(s.images.count().value() == 1);
    CHECK(s.docs.get(1).value().version == before + 1);
    CHECK(s.images.get(1).value().version == before + 2);

    batch.clear();
    CHECK(batch.empty());
    batch.erase(s.docs, {1, 77}).set_payload(s.images, {1}, {{"k", 5}});
    CHECK(s.db.write(batch).value().points == 2);
    CHECK(s.docs.count().value() == 1);
    CHECK(k_of(s.images, 1) == 5);
    CHECK(s.db.write({}).value().lsn == s.db.stats().value().lsn);
}

TEST_CASE("write_batch: an entry sees what the entries before it did", "[database]") {
    two_collections s;
    vs::write_batch batch;
    batch.upsert(s.docs, {make_point(1, {1, 2}, {{"k", 1}, {"a", 1}})})
        .set_payload(s.docs, {1}, {{"k", 2}})
        .erase_payload(s.docs, {1}, {"a"})
        .upsert(s.docs, {make_point(2, {1, 2}, {{"k", 1}})})
        .erase(s.docs, {2})
        .upsert(s.docs, {make_point(2, {3, 4})}, {.mode = vs::update_mode::insert_only})
        .overwrite_payload(s.docs, {2}, {{"k", 9}, {"b", 1}})
        .upsert(s.images, {make_point(3, {1, 2, 3}, {{"k", 1}})})
        .clear_payload(s.images, {3});
    CHECK(s.db.write(batch).value().points == 9);
    CHECK(k_of(s.docs, 1) == 2);
    CHECK(s.docs.get(1).value().payload["a"].is_null());
    CHECK(k_of(s.docs, 2) == 9);
    CHECK(s.images.get(3).value().payload.empty());

    batch.clear();
    batch.erase(s.docs, {1}).set_payload(s.docs, {1}, {{"k", 3}});
    CHECK(code_of(s.db.write(batch)) == errc::not_found);
    CHECK(k_of(s.docs, 1) == 2);
}

TEST_CASE("write_batch: what one entry does wrong undoes all of them", "[database]") {
    two_collections s;
    REQUIRE(s.docs.upsert({make_point(1, {1, 2}, {{"k", 1}})}));
    const auto lsn = s.db.stats().value().lsn;
    const auto refused = [&](vs::write_batch& batch, errc code, const std::string& named) {
        const auto outcome = s.db.write(batch);
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code == code);
        CHECK_THAT(outcome.error().message, Catch::Contains(named));
        CHECK(s.db.stats().value().lsn == lsn);
        CHECK(s.images.count().value() == 0);
        batch.clear();
        batch.upsert(s.images, {make_point(1, {1, 2, 3})});
    };
    vs::write_batch batch;
    batch.upsert(s.images, {make_point(1, {1, 2, 3})});
    batch.upsert(s.docs, {make_point(1, {1, 2, 3})});
    refused(batch, errc::invalid_argument, "entry 1 of the batch: points[0] (id 1)");
    batch.set_payload(s.docs, {1, 5}, {{"k", 3}});
    refused(batch, errc::not_found, "no point with id 5");
    batch.erase_payload(s.docs, {1}, {"a..b"});
    refused(batch, errc::invalid_argument, "entry 1");
    batch.erase(s.docs, {1}, {.if_versions = {1'000}});
    refused(batch, errc::conflict, "id 1: the point has version");
    batch.upsert(s.docs, {make_point(2, {1, 2})}).erase(s.docs, vs::field("k") == 1);
    refused(batch, errc::invalid_argument, "a filter looks at the state before the write");
    const vs::write_options with_condition{.condition = {.mode = vs::update_mode::insert_only}};
    CHECK(code_of(s.db.write(batch, with_condition)) == errc::invalid_argument);
    REQUIRE(s.db.drop_collection("docs"));
    batch.upsert(s.docs, {make_point(2, {1, 2})});
    CHECK(code_of(s.db.write(batch)) == errc::not_found);
    CHECK(s.images.count().value() == 0);
}

TEST_CASE("write_batch: collections of another database and writes above the limit are refused", "[database]") {
    two_collections s;
    auto other = vs::database::in_memory(quiet()).value();
    auto theirs = other.create_collection("docs", one_vector(2)).value();
    vs::write_batch batch;
    batch.upsert(theirs, {make_point(1, {1, 2})});
    CHECK(code_of(s.db.write(batch)) == errc::invalid_argument);

    batch.clear();
    const vs::payload::document large{{"text", std::string(7u << 20, 'x')}};
    for (std::uint64_t id = 0; id < 10; ++id) batch.upsert(s.docs, {make_point(id, {}, large)});
    CHECK(code_of(s.db.write(batch)) == errc::invalid_argument);
    // A payload may grow above its limit by several entries of one batch; that, too, is found before anything is logged.
    batch.clear();
    batch.upsert(s.docs, {make_point(1, {}, large)}).set_payload(s.docs, {1}, {{"more", std::string(2u << 20, 'x')}});
    CHECK(code_of(s.db.write(batch)) == errc::invalid_argument);
    CHECK(s.docs.count().value() == 0);
    CHECK_FALSE(s.db.stats().value().poisoned);
}

TEST_CASE("write_batch: filters select from the state before the batch", "[database]") {
    two_collections s;
    REQUIRE(s.docs.upsert({make_point(1, {1, 2}, {{"k", 1}}), make_point(2, {1, 2}, {{"k", 2}})}));
    vs::write_batch batch;
    batch.erase(s.docs, vs::field("k") == 1).upsert(s.docs, {make_point(3, {1, 2}, {{"k", 1}})});
    CHECK(s.db.write(batch).value().points == 2);
    CHECK(s.docs.count().value() == 2);
    CHECK(k_of(s.docs, 3) == 1);
}

TEST_CASE("write_batch: after a power cut all of a batch is there, or nothing", "[database]") {
    std::size_t lost = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const bool synced = seed % 4 == 0;
        const memory_disk disk;
        const auto gate = std::make_shared<gated_table_store>(disk.tables);
        {
            auto db = vs::database::open("db", quiet(), {disk.files, gate}).value();
            auto docs = db.create_collection("docs", one_vector(2)).value();
            auto images = db.create_collection("images", one_vector(3)).value();
            vs::write_batch batch;
            for (std::uint64_t id = 0; id < 50; ++id)
                batch.upsert(docs, {make_point(id, {1, 2})}).upsert(images, {make_point(id, {1, 2, 3})});
            REQUIRE(db.write(batch, {synced ? vs::durability::sync : vs::durability::async}));
            gate->close();
            disk.files->crash(seed);
        }
        auto reopened = disk.open().value();
        const auto docs = reopened.open_collection("docs").value().count().value();
        CHECK(reopened.open_collection("images").value().count().value() == docs);
        CHECK((docs == 50 || (!synced && docs == 0)));
        lost += docs == 0;
    }
    CHECK(lost > 0);
}
