// One process writes, others look on: what they see, what they may hold up, and what is left when they are killed.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::uint64_t batch = 20;

vs::database_options look() {
    vs::database_options options;
    options.read_only = true;
    return options;
}

/// All points say the same round, so that a state that never was is known.
vs::result<void> write_round(vs::collection& docs, std::uint64_t round, std::size_t text_bytes = 50) {
    std::vector<vs::point> points;
    for (std::uint64_t i = 0; i < batch; ++i)
        points.push_back(make_point(i, {static_cast<float>(round), 0, 1},
                                    {{"round", round}, {"text", std::string(text_bytes, 'x')}}));
    VECSTORE_CHECK(docs.upsert(points));
    return {};
}

/// The round that all points are of.
vs::result<std::uint64_t> round_in(const vs::database& db) {
    VECSTORE_TRY(const auto docs, db.open_collection("docs"));
    vs::scroll all;
    all.limit = 2 * batch;
    all.with_vectors = true;
    VECSTORE_TRY(const auto page, docs.scroll(all));
    if (page.records.size() != batch) return vs::error{errc::internal, std::to_string(page.records.size()) + " points"};
    const auto round = page.records[0].payload["round"].int64_or(-1);
    for (const auto& r : page.records)
        if (r.payload["round"].int64_or(-1) != round || r.vector.at(0) != static_cast<float>(round))
            return vs::error{errc::internal, "points of two rounds"};
    return static_cast<std::uint64_t>(round);
}

/// Reads until there is a file "stop"; what went wrong, or nothing. Beside a busy writer `unavailable` is allowed.
std::string watch(const std::string& directory, const std::string& stop) {
    std::uint64_t last_lsn = 0, last_round = 0, reads = 0;
    for (bool again = true; again;) {
        auto db = vs::database::open(directory, look());
        if (!db && db.error().code == errc::unavailable) continue;
        if (!db) return "open: " + db.error().what();
        for (int i = 0; i < 200 && again; ++i, ++reads) {
            again = !std::filesystem::exists(stop);
            const auto round = round_in(*db);
            if (!round && round.error().code == errc::unavailable) continue;
            if (!round) return "read: " + round.error().what();
            if (i % 20 == 19)
                if (const auto fresh = db->refresh(); !fresh) return "refresh: " + fresh.error().what();
            const auto lsn = db->stats().value().lsn;
            if (lsn < last_lsn || *round < last_round) return "went back";
            last_lsn = lsn;
            last_round = *round;
        }
    }
    return reads < 10 ? "too few reads" : "";
}

/// Runs `body` in a process of its own, which ends with it.
pid_t start(const std::function<void()>& body) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        body();
        ::_exit(0);
    }
    return child;
}

void wait_for(const std::string& file) {
    for (int i = 0; i < 60'000 && !std::filesystem::exists(file); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    REQUIRE(std::filesystem::exists(file));
}

void make_store(const std::string& directory) {
    auto db = vs::database::open(directory, quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    REQUIRE(write_round(docs, 1));
    REQUIRE(db.close());
}

std::uint64_t tables_bytes(const vs::database& db) { return db.stats().value().tables_bytes; }

/// Opens the tables, begins to read, and never ends.
pid_t stuck_reader(const std::string& directory, const std::string& ready) {
    return start([&] {
        const auto tables =
            vs::storage::open_lmdb(directory + "/state", vs::detail::tables::names(), {.read_only = true});
        if (!tables) ::_exit(1);
        const auto reader = (*tables)->read();
        if (!reader) ::_exit(2);
        std::ofstream(ready) << "ready";
        for (;;) ::pause();
    });
}

}  // namespace

TEST_CASE("processes: two look on while one writes, checkpoints, optimizes and compacts", "[database][process]") {
    temporary_directory directory;
    const auto path = directory / "db";
    const auto stop = directory / "stop";
    make_store(path);
    std::vector<pid_t> readers;
    for (int i = 0; i < 2; ++i)
        readers.push_back(start([&] {
            const auto wrong = watch(path, stop);
            if (wrong.empty()) return;
            std::ofstream(directory / ("wrong" + std::to_string(i))) << wrong;
            ::_exit(1);
        }));
    {
        auto db = vs::database::open(path, quiet()).value();
        auto docs = db.open_collection("docs").value();
        for (std::uint64_t round = 2; round < 60; ++round) {
            CHECK(write_round(docs, round, round % 8 == 2 ? 100'000 : 50));
            if (round % 2 == 0) CHECK(db.checkpoint());
            if (round % 8 == 7) CHECK(db.optimize());
        }
        CHECK(db.close());
    }
    std::ofstream(stop) << "stop";
    for (int i = 0; i < 2; ++i) {
        int status = 0;
        REQUIRE(::waitpid(readers[static_cast<std::size_t>(i)], &status, 0) > 0);
        std::ostringstream wrong;
        wrong << std::ifstream(directory / ("wrong" + std::to_string(i))).rdbuf();
        INFO(wrong.str());
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
    }
}

TEST_CASE("processes: a reader that is stopped in the middle of a read holds one old file, no more",
          "[database][process]") {
    temporary_directory directory;
    const auto path = directory / "db";
    make_store(path);
    const auto stuck = stuck_reader(path, directory / "ready");
    wait_for(directory / "ready");
    REQUIRE(::kill(stuck, SIGSTOP) == 0);
    auto db = vs::database::open(path, quiet()).value();
    auto docs = db.open_collection("docs").value();
    std::uint64_t largest = 0;
    for (std::uint64_t round = 2; round < 42; ++round) {
        REQUIRE(write_round(docs, round, 20'000));
        REQUIRE(db.checkpoint());
        if (round % 5 == 0) REQUIRE(db.optimize());
        if (round > 10) largest = std::max(largest, tables_bytes(db));
    }
    const auto live = batch * 24'000;  // values of whole pages
    CHECK(largest < 6 * live);         // forty rounds would be forty times
    REQUIRE(db.optimize());
    CHECK(tables_bytes(db) < 3 * live);
    CHECK(round_in(db).value() == 41);
    REQUIRE(::kill(stuck, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(stuck, &status, 0) == stuck);
}

TEST_CASE("processes: a killed reader's pages are used again", "[database][process]") {
    temporary_directory directory;
    const auto path = directory / "db";
    make_store(path);
    const auto stuck = stuck_reader(path, directory / "ready");
    wait_for(directory / "ready");
    auto db = vs::database::open(path, quiet()).value();
    auto docs = db.open_collection("docs").value();
    const auto write_some = [&](std::uint64_t first) {
        for (auto round = first; round < first + 10; ++round) {
            REQUIRE(write_round(docs, round, 20'000));
            REQUIRE(db.checkpoint());
        }
        return tables_bytes(db);
    };
    const auto held = write_some(2);
    REQUIRE(::kill(stuck, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(stuck, &status, 0) == stuck);
    const auto after = write_some(12);
    CHECK(after < held + held / 4);  // without a look for the killed it would be twice as much
}

TEST_CASE("processes: refresh lets go of parts that were merged, and says whether there was something new",
          "[database][process]") {
    temporary_directory directory;
    const auto path = directory / "db";
    make_store(path);
    auto writer = vs::database::open(path, quiet()).value();
    auto docs = writer.open_collection("docs").value();
    auto db = vs::database::open(path, look()).value();
    CHECK_FALSE(db.refresh().value());
    CHECK_FALSE(writer.refresh().value());
    REQUIRE(write_round(docs, 2));
    CHECK_FALSE(db.refresh().value());  // not in a checkpoint yet
    REQUIRE(writer.checkpoint());
    CHECK(db.refresh().value());
    CHECK(db.stats().value().lsn == writer.stats().value().lsn);
    CHECK_FALSE(db.refresh().value());
    REQUIRE(writer.optimize());
    CHECK(db.refresh().value());  // the same state in other parts
    CHECK_FALSE(db.refresh().value());
    CHECK(round_in(db).value() == 2);
    REQUIRE(db.close());
    CHECK(code_of(db.refresh()) == errc::unavailable);
}
