// The state hash says what a store holds, and nothing of how it came to lie where it does.
#include "support/workload.hpp"

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

/// The hash computed from the points; each collection's kept one must be the same.
vs::hash128 computed(vs::database& db) {
    vs::hash128 sum;
    for (const auto& name : db.list_collections().value()) {
        const auto opened = db.open_collection(name).value();
        const auto of_points = opened.verify_state().value();
        REQUIRE(opened.info().value().state_hash == of_points);
        sum += of_points;
    }
    return sum;
}

/// Upkeep at random, which must not show.
void some_upkeep(vs::database& db, vs::random_source& random) {
    const auto kind = random.below(20);
    if (kind < 3) db.checkpoint().value();
    if (kind == 3) db.optimize().value();
}

}  // namespace

TEST_CASE("state hash: stores with the same log agree at each step, whatever their checkpoints and parts",
          "[state_hash][property]") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        workload_options options;
        options.upkeep = false;
        workload source(seed, options);
        vs::random_source random(seed + 1'000);
        const memory_disk first_disk, second_disk;
        auto first = first_disk.open().value();
        auto second = second_disk.open().value();
        world expected;
        for (int step = 0; step < 60; ++step) {
            const auto operation = source.next(expected);
            INFO("step " << step << ": " << operation.text);
            REQUIRE(operation.run(first));
            REQUIRE(operation.run(second));
            operation.predict(expected);
            some_upkeep(first, random);
            if (random.below(12) == 0) {  // the log is read again
                first = vs::database::in_memory().value();
                first = first_disk.open().value();
            }
            const auto one = first.stats().value();
            const auto two = second.stats().value();
            REQUIRE(one.lsn == two.lsn);
            REQUIRE(one.state_hash);
            REQUIRE(one.state_hash == two.state_hash);
            if (step % 10 == 9) {
                REQUIRE(computed(first) == *one.state_hash);
                REQUIRE(computed(second) == *one.state_hash);
            }
        }
    }
}
