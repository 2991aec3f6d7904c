#include "support/store.hpp"
#include "support/temporary_directory.hpp"

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
