#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/index_build.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <collection/upkeep/recheck_jobs.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::due_rechecks;
using vs::detail::queries_paid_for;
using vs::detail::recheck_when;

namespace {

constexpr std::size_t dim = 4;
constexpr vs::row_id rows = 2'200;

/// A collection with one part that has a graph.
struct fixture {
    vs::storage::memory_file_system files;
    vs::vector_options vector = options();
    vs::detail::collection_state state{1, "c", {{vector}}};
    std::shared_ptr<const vs::detail::part> built;

    static vs::vector_options options() {
        auto made = vector_of(dim);
        made.index = vs::index_kind::hnsw;
        return made;
    }
    fixture() {
        const auto directory = vs::detail::part_directory("", 1, 0);
        auto writer = vs::detail::part_writer::create(files, directory, state.take_part_number(), vector).value();
        vs::random_source random(1);
        for (vs::ordinal_id o = 0; o < rows; ++o)
            REQUIRE(writer.append(o, random_vector(random, dim).data(), std::nullopt));
        const auto bare = vs::detail::part::open(files, directory, writer.finish().value(), vector).value();
        built = vs::detail::build_indexes(files, directory, *bare, vector, {}).value();
        state.sample_queries();
        state.restore({rows,
                       rows,
                       state.next_part(),
                       std::make_shared<vs::detail::tombstones>(),
                       std::make_shared<vs::detail::ordinal_set>(),
                       {{built}}},
                      1);
    }
    void ask(std::size_t count) {
        vs::random_source random(2);
        for (std::size_t i = 0; i < count; ++i) state.queries(0).note(random_vector(random, dim).data(), 10);
    }
};

}  // namespace

TEST_CASE("recheck jobs: measuring takes at most a fiftieth of the time of searches", "[collection]") {
    CHECK(queries_paid_for(255, 0, 255, 100, 1) == 0);
    CHECK(queries_paid_for(1'000, 0, 255, 100, 1) == 0);
    CHECK(queries_paid_for(1'000'000, 0, 1'000, 100, 1'000) == 1'000);
    CHECK(queries_paid_for(20'000, 0, 1'000, 100, 100) == 400);
    CHECK(queries_paid_for(12'700, 0, 1'000, 100, 100) == 0);
    CHECK(queries_paid_for(1'000'000, 0, 1'000, 0, 100) == 0);
}

TEST_CASE("recheck jobs: again when as many queries have come as before, or very many", "[collection]") {
    CHECK(queries_paid_for(90'000, 100'000, 1'000, 100, 10) == 0);
    CHECK(queries_paid_for(100'000, 100'000, 1'000, 100, 10) == 1'000);
    CHECK(queries_paid_for(1u << 20, 1u << 30, 1'000, 100, 10) == 1'000);
    CHECK(queries_paid_for((1u << 20) - 1, 1u << 30, 1'000, 100, 10) == 0);
}

TEST_CASE("recheck jobs: a part is due when something is new", "[collection]") {
    fixture f;
    const auto due = [&](recheck_when when) { return due_rechecks(f.state, when).size() == 1; };
    CHECK_FALSE(due(recheck_when::possible));
    f.ask(256);
    CHECK(due(recheck_when::possible));
    CHECK_FALSE(due(recheck_when::paid_for));
    f.ask(1'000'000);
    REQUIRE(due(recheck_when::paid_for));
    const auto job = due_rechecks(f.state, recheck_when::paid_for).at(0);
    CHECK(job.rows == f.built);
    CHECK(job.queries >= 256);
    REQUIRE(vs::detail::run_recheck(f.state, job, {}));
    CHECK(f.built->remeasured().queries == job.queries);
    CHECK(f.built->remeasured().microseconds > 0);
    CHECK(f.built->graph()->measured_by_queries() != nullptr);
    CHECK_FALSE(due(recheck_when::possible));
    CHECK_FALSE(due(recheck_when::paid_for));
    for (vs::ordinal_id o = 0; o < rows / 10; ++o) f.built->note_death(o);
    CHECK(due(recheck_when::possible));
    f.ask(500'000);
    CHECK(due(recheck_when::paid_for));  // half as many as before, but many rows have died
}

TEST_CASE("recheck jobs: one that was cancelled is due as before", "[collection]") {
    fixture f;
    f.ask(300);
    const auto job = due_rechecks(f.state, recheck_when::possible).at(0);
    vs::detail::job_control control;
    control.keep_going = [](std::size_t, std::size_t) { return false; };
    CHECK(code_of(vs::detail::run_recheck(f.state, job, control)) == vs::errc::cancelled);
    CHECK(f.built->remeasured().queries == 0);
    CHECK(due_rechecks(f.state, recheck_when::possible).size() == 1);
}
