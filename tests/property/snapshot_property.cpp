// A snapshot made while threads write is the database at exactly its lsn: compared by state hash and point by point.
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

constexpr std::size_t dim = 3;

/// What one writer did, by the lsn that it was told.
struct history {
    std::map<std::uint64_t, std::vector<vs::point>> upserts;
    std::map<std::uint64_t, vs::point_id> erasures;
};

/// Each writer has ids of its own, so that the order between writers does not matter.
void write(vs::collection docs, std::uint64_t writer, std::atomic<bool>& stop, history& done) {
    vs::random_source random(writer);
    for (std::uint64_t step = 0; !stop; ++step) {
        const auto id = [&] { return vs::point_id(writer * 1'000 + random.below(200)); };
        if (random.below(4) == 0) {
            const auto erased = id();
            done.erasures.emplace(docs.erase({erased}).value().lsn, erased);
            continue;
        }
        std::vector<vs::point> points;
        for (auto count = 1 + random.below(5); count > 0; --count)
            points.push_back(make_point(id(), random_vector(random, dim), {{"step", step}}));
        const auto told = docs.upsert(points).value();
        done.upserts.emplace(told.lsn, std::move(points));
    }
}

oracle world_at(const std::vector<history>& histories, std::uint64_t lsn) {
    oracle expected(one_vector(dim));
    for (const auto& done : histories) {
        auto erasure = done.erasures.begin();
        const auto erase_before = [&](std::uint64_t end) {
            for (; erasure != done.erasures.end() && erasure->first < end; ++erasure)
                expected.points().erase(erasure->second);
        };
        for (const auto& [at, points] : done.upserts) {
            if (at > lsn) break;
            erase_before(at);
            expected.upsert(points);
        }
        erase_before(lsn + 1);
    }
    return expected;
}

}  // namespace

TEST_CASE("snapshot: made beside writers, checkpoints and merges, it is the state at its lsn", "[snapshot][property]") {
    constexpr std::size_t writers = 2, snapshots = 4;
    const temporary_directory directory;
    vs::database_options options;
    options.checkpoint_bytes = 20'000;
    options.archive_directory = directory / "backups";
    auto db = vs::database::open(directory / "db", options).value();
    auto docs = db.create_collection("docs", one_vector(dim)).value();
    std::vector<history> histories(writers);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < writers; ++w) threads.emplace_back([&, w] { write(docs, w + 1, stop, histories[w]); });
    std::vector<vs::result<vs::snapshot_info>> made;
    for (std::size_t i = 0; i < snapshots; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
        made.push_back(db.snapshot(directory / ("snap" + std::to_string(i))));
        made.push_back(db.backup(directory / "backups"));
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    const auto last = db.backup(directory / "backups");
    db.close().value();
    for (const auto& snapshot : made) {
        const auto info = snapshot.value();
        INFO(info.directory << " at " << info.lsn);
        const auto found = vs::verify_snapshot(info.directory).value();
        REQUIRE(found.state_hash == info.state_hash);
        auto look = quiet();
        look.read_only = true;
        auto opened = vs::database::open(info.directory, look).value();
        REQUIRE(opened.stats().value().lsn == info.lsn);
        REQUIRE(difference(opened.open_collection("docs").value(), world_at(histories, info.lsn)) == "");
    }
    // Any lsn from the first backup on, whether a snapshot was made there or not.
    vs::random_source random(1);
    const auto first = made[1].value().lsn, end = last.value().lsn;
    REQUIRE(end > first);
    CHECK(vs::verify_backups(directory / "backups").value().log == std::vector<vs::lsn_range>{{1, end}});
    for (int i = 0; i < 10; ++i) {
        const auto lsn = first + random.below(end - first + 1);
        INFO("as of " << lsn);
        auto then = vs::database::as_of(directory / "backups", lsn).value();
        auto seen = then.open_collection("docs").value();
        REQUIRE(difference(seen, world_at(histories, lsn)) == "");
        REQUIRE(seen.verify_state().value() == then.stats().value().state_hash);
    }
}
