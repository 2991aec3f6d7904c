#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

/// Waits, as long as a slow machine may need, until the checkpoint has come to `lsn`.
bool checkpoint_reaches(const vs::database& db, std::uint64_t lsn) {
    for (int i = 0; i < 3'000; ++i) {
        if (db.stats().value().checkpoint_lsn >= lsn) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

}  // namespace

TEST_CASE("checkpoint: comes by time, too, and again after each pause", "[database]") {
    const temporary_directory directory;
    vs::database_options options;
    options.checkpoint_interval_ms = 20;
    auto db = vs::database::open(directory / "db", options).value();
    auto c = db.create_collection("c", one_vector(2)).value();
    for (std::uint64_t i = 0; i < 3; ++i) {
        const auto written = c.upsert({make_point(i, {1, 2})}).value();
        CHECK(checkpoint_reaches(db, written.lsn));
    }
    CHECK(db.stats().value().last_error.empty());
    db.close().value();
}

TEST_CASE("idle: the log and the tables give back what writes have left, without being asked", "[database]") {
    const temporary_directory directory;
    vs::database_options options;
    options.checkpoint_interval_ms = 50;
    auto db = vs::database::open(directory / "db", options).value();
    auto c = db.create_collection("c", one_vector(2)).value();
    const std::string text(20'000, 'x');  // so that few points make many pages
    constexpr std::uint64_t points = 500;
    for (int round = 0; round < 3; ++round)
        for (std::uint64_t i = 0; i < points; ++i) {
            auto p = make_point(i, {1, 2});
            p.payload = {{"text", text}};
            c.upsert({p}, {vs::durability::async}).value();
        }
    for (std::uint64_t i = 0; i < points; i += 2) c.erase({vs::point_id(i)}).value();
    const auto tidy = [&] {
        const auto stats = db.stats().value();
        return stats.checkpoint_lsn == stats.lsn && stats.log_bytes < (4u << 20) &&
               stats.tables_free_bytes <= stats.tables_bytes / 8 + (1u << 20);
    };
    bool done = false;
    for (int i = 0; i < 3'000 && !(done = tidy()); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto stats = db.stats().value();
    INFO("log " << stats.log_bytes << ", free " << stats.tables_free_bytes << " of " << stats.tables_bytes);
    CHECK(done);
    CHECK(stats.last_error.empty());
    CHECK(c.count().value() == points / 2);
    db.close().value();
    const auto checked = vs::check(directory / "db").value();
    CHECK(checked.findings.empty());
}
