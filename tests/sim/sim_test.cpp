#include "museum.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace vecstore;
using namespace vecstore::sim;

namespace {

constexpr std::uint64_t seeds = 24;
constexpr std::uint64_t events = 8'000;

}  // namespace

TEST_CASE("simulator: nothing that is promised is broken, whatever goes wrong", "[sim]") {
    std::uint64_t writes = 0, leaders = 0, crashes = 0, diverged = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto run = cluster({seed, events}).run();
        INFO("seed " << seed << ", event " << run.events);
        CHECK(run.violation == "");
        writes += run.acknowledged_writes;
        leaders += run.leaders;
        crashes += run.crashes;
        diverged += run.diverged;
    }
    // It must have been worth looking.
    CHECK(writes > 500);
    CHECK(leaders > 20);
    CHECK(crashes > 20);
    CHECK(diverged > 0);
}

TEST_CASE("simulator: with the store's log in files nothing is broken either", "[sim]") {
    std::uint64_t diverged = 0, crashes = 0;
    for (std::uint64_t seed = 101; seed <= 106; ++seed) {
        run_options options{seed, 5'000};
        options.files = true;
        const auto run = cluster(options).run();
        INFO("seed " << seed << ", event " << run.events);
        CHECK(run.violation == "");
        diverged += run.diverged;
        crashes += run.crashes;
    }
    CHECK(crashes > 10);
    CHECK(diverged > 0);
}

TEST_CASE("simulator: the same seed is the same run", "[sim]") {
    std::map<std::uint64_t, std::uint64_t> traces;
    for (const std::uint64_t seed : {3, 4}) {
        const auto once = cluster({seed, events}).run(), again = cluster({seed, events}).run();
        CHECK(once.trace == again.trace);
        CHECK(once.events == again.events);
        CHECK(traces.emplace(once.trace, seed).second);
    }
}

TEST_CASE("simulator: a state that was damaged is noticed", "[sim]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        INFO("seed " << seed);
        CHECK(cluster({seed, events, true}).run().violation == "");
    }
}

TEST_CASE("museum: faults put into the protocol are found", "[sim][museum]") {
    // Those that a few runs find. All of them: sim_program museum.
    const std::map<std::string, std::uint64_t> quick = {
        {"ack_before_sync", 5},  {"own_unsynced_counts", 5},   {"promise_not_stored", 5}, {"promise_before_store", 5},
        {"minority_commits", 5}, {"applied_before_commit", 5}, {"done_before_commit", 5}, {"hash_not_compared", 10},
        {"batch_cut_open", 5},   {"round_without_promise", 5}, {"own_log_leads", 20}};
    std::size_t seen = 0;
    for (const auto& each : museum()) {
        const auto most = quick.find(each.name);
        if (most == quick.end()) continue;
        ++seen;
        INFO(each.name);
        CHECK(find(each, most->second, events).violation != "");
    }
    CHECK(seen == quick.size());
}

TEST_CASE("museum: a run that shows a fault is made smaller", "[sim][museum]") {
    replication::active_fault = replication::seeded_fault::done_before_commit;
    const auto found = minimise({1, events});
    replication::active_fault = replication::seeded_fault::none;
    CHECK(found.result.violation.substr(0, 3) == "I12");
    CHECK(found.options.without == (1u << weather::kinds) - 1);  // it needs no bad weather
    CHECK(found.options.events < events);
}
