#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::any_version;
using vs::errc;
using vs::unmet;
using vs::update_mode;

namespace {

struct one_collection {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection docs = db.create_collection("docs", one_vector(2)).value();

    std::uint64_t version(vs::point_id id) const { return docs.get(id).value().version; }
    std::int64_t k(vs::point_id id) const { return docs.get(id).value().payload["k"].int64_or(-1); }
    std::uint64_t lsn() const { return db.stats().value().lsn; }
};

vs::point with_k(vs::point_id id, std::int64_t k) { return make_point(id, {1, 2}, {{"k", k}}); }

vs::write_options when(vs::write_condition condition) { return {.condition = std::move(condition)}; }

}  // namespace

TEST_CASE("conditions: insert_only writes what does not exist, update_only what exists", "[database]") {
    one_collection s;
    REQUIRE(s.docs.upsert({with_k(1, 1)}));
    const std::vector<vs::point> batch{with_k(1, 2), with_k(2, 2), with_k(2, 3)};

    auto inserted = s.docs.upsert(batch, when({.mode = update_mode::insert_only, .when_unmet = unmet::skip})).value();
    CHECK(inserted.points == 1);
    CHECK(inserted.skipped == 2);
    CHECK(inserted.skipped_ids == std::vector<vs::point_id>{1, 2});
    CHECK(s.k(1) == 1);
    CHECK(s.k(2) == 2);

    const std::vector<vs::point> more{with_k(1, 5), with_k(7, 5)};
    auto updated = s.docs.upsert(more, when({.mode = update_mode::update_only, .when_unmet = unmet::skip})).value();
    CHECK(updated.points == 1);
    CHECK(updated.skipped_ids == std::vector<vs::point_id>{7});
    CHECK(s.k(1) == 5);
    CHECK(s.docs.count().value() == 2);

    const auto lsn = s.lsn();
    const auto refused = s.docs.upsert(more, when({.mode = update_mode::update_only}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::conflict);
    CHECK(refused.error().message == "id 7: the point does not exist");
    const auto nothing =
        s.docs.upsert({with_k(1, 6)}, when({.mode = update_mode::insert_only, .when_unmet = unmet::skip}));
    CHECK(nothing.value().lsn == lsn);
    CHECK(s.lsn() == lsn);
}

TEST_CASE("conditions: a version that is not the one asked for is a conflict that names it", "[database]") {
    one_collection s;
    const auto first = s.docs.upsert({with_k(1, 1), with_k(2, 1)}).value().lsn;
    REQUIRE(s.docs.upsert({with_k(2, 2)}));
    const auto refused = s.docs.upsert({with_k(1, 5), with_k(2, 5)}, when({.if_versions = {first, first}}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::conflict);
    CHECK(refused.error().message ==
          "id 2: the point has version " + std::to_string(first + 1) + ", not " + std::to_string(first));
    CHECK(s.k(1) == 1);

    CHECK(s.docs.upsert({with_k(1, 5), with_k(2, 5), with_k(3, 5)}, when({.if_versions = {first, any_version, 0}})));
    CHECK(s.k(1) == 5);
    CHECK(s.k(3) == 5);
    const auto skipped = s.docs.upsert({with_k(3, 6), with_k(1, 6)},
                                       when({.if_versions = {0, s.version(1)}, .when_unmet = unmet::skip}));
    CHECK(skipped.value().skipped_ids == std::vector<vs::point_id>{3});
    CHECK(s.k(1) == 6);
    CHECK(s.k(3) == 5);
    // The second of two equal ids finds the first, whose version nobody can know yet.
    CHECK(code_of(s.docs.upsert({with_k(9, 1), with_k(9, 2)}, when({.if_versions = {0, 0}}))) == errc::conflict);
    CHECK(s.docs.upsert({with_k(9, 1), with_k(9, 2)}, when({.if_versions = {0, any_version}})));
    CHECK(s.k(9) == 2);
}

TEST_CASE("conditions: they hold for erasing and for edits of payloads, too, and across checkpoints", "[database]") {
    one_collection s;
    REQUIRE(s.docs.upsert({with_k(1, 1), with_k(2, 1), with_k(3, 1)}));
    REQUIRE(s.db.checkpoint());
    const auto seen = s.version(1);
    REQUIRE(s.docs.set_payload({1}, {{"k", 2}}, when({.if_versions = {seen}})));
    CHECK(s.version(1) > seen);
    CHECK(code_of(s.docs.set_payload({1}, {{"k", 3}}, when({.if_versions = {seen}}))) == errc::conflict);
    CHECK(code_of(s.docs.erase({1}, when({.if_versions = {seen}}))) == errc::conflict);
    CHECK(code_of(s.docs.erase({77}, when({.if_versions = {seen}}))) == errc::conflict);
    CHECK(code_of(s.docs.clear_payload({77}, when({.if_versions = {any_version}}))) == errc::not_found);
    const auto erased =
        s.docs.erase({1, 2, 3}, when({.if_versions = {seen, seen, any_version}, .when_unmet = unmet::skip}));
    CHECK(erased.value().points == 2);
    CHECK(erased.value().skipped_ids == std::vector<vs::point_id>{1});
    CHECK(s.k(1) == 2);
    CHECK(s.docs.count().value() == 1);
}

TEST_CASE("conditions: a filter protects points that exist, new ones are inserted", "[database]") {
    one_collection s;
    REQUIRE(s.docs.upsert({with_k(1, 1), with_k(2, 2)}));
    const std::vector<vs::point> batch{with_k(1, 10), with_k(2, 10), with_k(3, 10)};
    const auto written =
        s.docs.upsert(batch, when({.only_matching = vs::field("k") == 2, .when_unmet = unmet::skip})).value();
    CHECK(written.points == 2);
    CHECK(s.k(1) == 1);
    CHECK(s.k(2) == 10);
    CHECK(s.k(3) == 10);
    CHECK(code_of(s.docs.erase({1}, when({.only_matching = vs::field("k") == 2}))) == errc::conflict);
    CHECK(s.docs.erase(vs::field("k") >= 1, when({.only_matching = vs::field("k") == 1})).value().points == 1);
    CHECK(s.docs.count().value() == 2);
}

TEST_CASE("conditions: senseless ones are refused", "[database]") {
    one_collection s;
    REQUIRE(s.docs.upsert({with_k(1, 1)}));
    CHECK(code_of(s.docs.upsert({with_k(1, 1)}, when({.if_versions = {1, 2}}))) == errc::invalid_argument);
    CHECK(code_of(s.docs.erase({1}, when({.mode = update_mode::update_only}))) == errc::invalid_argument);
    CHECK(code_of(s.docs.erase(vs::field("k") == 1, when({.if_versions = {1}}))) == errc::invalid_argument);
    CHECK(code_of(s.docs.upsert({with_k(1, 1)}, when({.only_matching = vs::field("a..b") == 1}))) ==
          errc::invalid_argument);
}

TEST_CASE("conditions: counters raised by several threads miss no step", "[database]") {
    one_collection s;
    REQUIRE(s.docs.upsert({with_k(1, 0)}));
    constexpr int threads = 3, steps = 40;
    std::vector<std::thread> workers;
    std::atomic<int> failures = 0;
    for (int t = 0; t < threads; ++t)
        workers.emplace_back([&] {
            for (int done = 0; done < steps;) {
                const auto seen = s.docs.get(1).value();
                const auto next = with_k(1, seen.payload["k"].int64_or(0) + 1);
                const auto written = s.docs.upsert({next}, when({.if_versions = {seen.version}}));
                if (written)
                    ++done;
                else if (written.error().code != errc::conflict)
                    ++failures, ++done;
            }
        });
    for (auto& worker : workers) worker.join();
    CHECK(failures == 0);
    CHECK(s.k(1) == threads * steps);
}
