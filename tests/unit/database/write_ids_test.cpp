#include "database/write_ids.hpp"

#include "support/gated_table_store.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/write_batch.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::write_options named(std::uint64_t number, vs::durability how = vs::durability::sync) {
    return {.durability = how, .operation_id = vs::write_id{7, number}};
}

vs::point with_k(vs::point_id id, std::int64_t k) { return make_point(id, {1, 2}, {{"k", k}}); }

}  // namespace

TEST_CASE("write_ids: a write that is tried again gets the first result and is not done again", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    const auto first = docs.upsert({with_k(1, 1), with_k(2, 1)}, named(1)).value();
    CHECK_FALSE(first.repeated);
    CHECK(first.points == 2);
    CHECK(docs.upsert({with_k(1, 2)}, named(2)).value().lsn > first.lsn);
    const auto lsn = db.stats().value().lsn;

    const auto again = docs.upsert({with_k(1, 99)}, named(1)).value();
    CHECK(again.repeated);
    CHECK(again.lsn == first.lsn);
    CHECK(again.term == first.term);
    CHECK(again.points == 2);
    CHECK(db.stats().value().lsn == lsn);
    CHECK(docs.get(1).value().payload["k"].int64_or(0) == 2);
    // Erasing by a filter, and batches, too.
    vs::write_batch batch;
    batch.erase(docs, {1});
    const auto erased = db.write(batch, named(3)).value();
    REQUIRE(docs.upsert({with_k(1, 5)}));
    CHECK(db.write(batch, named(3)).value().lsn == erased.lsn);
    CHECK(docs.count().value() == 2);
}

TEST_CASE("write_ids: a write that failed leaves its id free, one that skipped all of its points does not",
          "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert({with_k(1, 1)}));
    auto careful = named(1);
    careful.condition = {.mode = vs::update_mode::insert_only};
    CHECK(code_of(docs.upsert({with_k(1, 2)}, careful)) == errc::conflict);
    careful.condition.when_unmet = vs::unmet::skip;
    const auto skipped = docs.upsert({with_k(1, 2)}, careful).value();
    CHECK(skipped.skipped == 1);
    REQUIRE(docs.erase({1}));
    const auto again = docs.upsert({with_k(1, 2)}, careful).value();
    CHECK(again.repeated);
    CHECK(again.skipped == 1);
    CHECK(again.skipped_ids.empty());
    CHECK(docs.count().value() == 0);
}

TEST_CASE("write_ids: they survive closing, checkpoints and power cuts", "[database]") {
    const memory_disk disk;
    std::vector<std::uint64_t> lsns;
    for (std::uint64_t round = 0; round < 8; ++round) {
        const auto gate = std::make_shared<gated_table_store>(disk.tables);
        auto db = vs::database::open("db", quiet(), {disk.files, gate}).value();
        auto docs =
            round == 0 ? db.create_collection("docs", one_vector(2)).value() : db.open_collection("docs").value();
        for (std::uint64_t number = 0; number < lsns.size(); ++number) {
            const auto again = docs.upsert({with_k(1, 99)}, named(number)).value();
            CHECK(again.repeated);
            CHECK(again.lsn == lsns[number]);
        }
        for (int i = 0; i < 3; ++i) {
            lsns.push_back(docs.upsert({with_k(lsns.size(), 1)}, named(lsns.size())).value().lsn);
            if (round % 3 == 1 && i == 1) REQUIRE(db.checkpoint());
        }
        CHECK(docs.count().value() == lsns.size());
        if (round % 2 == 0) {
            gate->close();
            disk.files->crash(round);
        } else {
            REQUIRE(db.close());
        }
    }
}

TEST_CASE("write_ids: the same write tried by several threads at once is done once", "[database]") {
    const temporary_directory directory;
    auto db = vs::database::open(directory / "db").value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    constexpr std::uint64_t threads = 4, writes = 50;
    std::atomic<std::uint64_t> first_times = 0, failures = 0;
    std::vector<std::thread> workers;
    for (std::uint64_t t = 0; t < threads; ++t)
        workers.emplace_back([&] {
            for (std::uint64_t number = 0; number < writes; ++number) {
                const auto done = docs.upsert({with_k(number, 1)}, named(number, vs::durability::async));
                failures += !done;
                first_times += done && !done->repeated;
            }
        });
    for (auto& worker : workers) worker.join();
    CHECK(failures == 0);
    CHECK(first_times == writes);
    CHECK(db.stats().value().lsn == 1 + 2 * writes);
}

TEST_CASE("write_ids: what is out of the window is forgotten, in memory and in the tables", "[database]") {
    using vs::detail::write_ids;
    write_ids ids;
    const auto id = [](std::uint64_t n) { return vs::write_id{1, n}; };
    ids.put({id(1), 10, 1, 5, 2});
    ids.put({id(2), 20, 1, 6, 0});
    CHECK(ids.find(id(1), 10)->points == 5);
    CHECK(ids.find(id(1), 10)->skipped == 2);
    CHECK(ids.find(id(1), 9 + vs::write_ids_window));
    CHECK_FALSE(ids.find(id(1), 10 + vs::write_ids_window));
    ids.put({id(3), 10 + vs::write_ids_window, 2, 1, 0});
    CHECK_FALSE(ids.find(id(1), 11));
    CHECK(ids.find(id(2), 20));
    ids.put({id(2), 21 + vs::write_ids_window, 2, 1, 0});
    CHECK(ids.since(20).size() == 2);
    CHECK(ids.find(id(2), 21 + vs::write_ids_window)->term == 2);

    const auto store = vs::storage::make_memory_table_store(vs::detail::tables::names());
    const auto put = [&](const std::vector<write_ids::entry>& fresh, std::uint64_t lsn) {
        const auto tables = store->write().value();
        REQUIRE(write_ids::store(*tables, fresh, lsn));
        REQUIRE(tables->commit());
    };
    put({{id(1), 10, 1, 5, 2}, {id(2), 20, 1, 6, 0}}, 20);
    put({{id(3), 30, 3, 7, 1}}, 10 + vs::write_ids_window);
    write_ids loaded;
    REQUIRE(loaded.load(*store->read().value()));
    CHECK_FALSE(loaded.find(id(1), 30));
    CHECK(loaded.find(id(2), 30)->points == 6);
    CHECK(loaded.find(id(3), 30)->lsn == 30);
    CHECK(loaded.find(id(3), 30)->term == 3);
}
