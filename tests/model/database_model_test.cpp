// Random operations on a database and on a map, compared all along; reopened, killed and damaged by nothing but time.
#include "support/gated_table_store.hpp"
#include "support/temporary_directory.hpp"
#include "support/workload.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

std::uint64_t base_seed() {
    const char* given = std::getenv("VECSTORE_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'240;
}

/// VECSTORE_MODEL_ROUNDS=20 tries twenty times as many seeds.
std::uint64_t rounds() {
    const char* given = std::getenv("VECSTORE_MODEL_ROUNDS");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

/// Runs `steps` operations; `reopen` is called now and then and must give the database back as it was.
template <class Reopen>
void run_model(std::uint64_t seed, std::size_t steps, const workload_options& options, std::size_t compare_every,
               Reopen&& reopen) {
    INFO("VECSTORE_SEED=" << seed);
    workload source(seed, options);
    world wanted;
    auto db = reopen(std::optional<vs::database>());
    std::string history;
    for (std::size_t step = 0; step < steps; ++step) {
        if (source.random().below(40) == 0) {
            history += " reopen;";
            db = reopen(std::move(db));
        }
        const auto operation = source.next(wanted);
        history += " " + operation.text + ";";
        INFO("step " << step << ", last operations: "
                     << history.substr(history.size() - std::min<std::size_t>(history.size(), 400)));
        const auto done = operation.run(*db);
        if (!done) FAIL(done.error().what());
        operation.predict(wanted);
        if (step % compare_every == 0) REQUIRE(difference(*db, wanted, source) == "");
    }
    db = reopen(std::move(db));
    INFO(history.substr(history.size() - std::min<std::size_t>(history.size(), 400)));
    REQUIRE(difference(*db, wanted, source) == "");
}

}  // namespace

TEST_CASE("model: a database in memory files agrees with a map, closed and opened at random", "[model]") {
    for (std::uint64_t seed = base_seed(); seed < base_seed() + 20 * rounds(); ++seed) {
        const memory_disk disk;
        run_model(seed, 250, {}, 5, [&](std::optional<vs::database> db) {
            if (db) REQUIRE(db->close());
            db.reset();
            return std::optional(disk.open().value());
        });
    }
}

TEST_CASE("model: power cuts lose nothing that was acknowledged", "[model]") {
    for (std::uint64_t seed = base_seed(); seed < base_seed() + 20 * rounds(); ++seed) {
        const memory_disk disk;
        auto gate = std::make_shared<gated_table_store>(disk.tables);
        std::uint64_t crash = seed;
        run_model(seed, 250, {}, 10, [&](std::optional<vs::database> db) {
            if (db) {
                gate->close();
                disk.files->crash(++crash);
                db.reset();
                gate = std::make_shared<gated_table_store>(disk.tables);
            }
            return std::optional(vs::database::open("db", quiet(), {disk.files, gate}).value());
        });
    }
}

TEST_CASE("model: a database on disk agrees with a map, with a background thread and graphs", "[model]") {
    for (std::uint64_t seed = base_seed(); seed < base_seed() + 4 * rounds(); ++seed) {
        const temporary_directory directory;
        vs::database_options options;
        options.checkpoint_bytes = 64u << 10;
        options.flush_interval_ms = 5;
        options.build_threads = 1 + static_cast<unsigned>(seed % 2);
        workload_options mix;
        mix.bulk_points = 2'100;
        run_model(seed, 120, mix, 12, [&](std::optional<vs::database> db) {
            if (db && seed % 2 == 0) REQUIRE(db->close());
            db.reset();
            return std::optional(vs::database::open(directory / "db", options).value());
        });
    }
}

TEST_CASE("model: a copy of the directory, taken without closing, holds all that was acknowledged", "[model]") {
    for (std::uint64_t seed = base_seed(); seed < base_seed() + 4 * rounds(); ++seed) {
        const temporary_directory directory;
        int copies = 0;
        workload_options mix;
        mix.sync = seed % 2 == 0 ? vs::durability::sync : vs::durability::async;
        run_model(seed, 150, mix, 10, [&](std::optional<vs::database> db) {
            const auto from = directory / std::to_string(copies), to = directory / std::to_string(copies + 1);
            if (db) std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
            ++copies;
            db.reset();
            return std::optional(vs::database::open(directory / std::to_string(copies), quiet()).value());
        });
    }
}
