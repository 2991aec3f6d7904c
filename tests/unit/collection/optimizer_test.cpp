#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/index_build.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <collection/upkeep/optimizer.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::full_job;
using vs::detail::next_job;

namespace {

/// A collection whose parts have the given sizes.
struct fixture {
    vs::storage::memory_file_system files;
    vs::vector_options vector = vector_of(2);
    vs::detail::collection_state state{1, "c", {{vector}}};
    vs::detail::part_list parts;
    vs::ordinal_id ordinals = 0;

    explicit fixture(const std::vector<std::size_t>& sizes) {
        for (const auto size : sizes) parts.push_back(write(size));
        auto end = ordinals;
        state.restore({end,
                       end,
                       state.next_part(),
                       std::make_shared<vs::detail::tombstones>(),
                       std::make_shared<vs::detail::ordinal_set>(),
                       {parts}},
                      1);
    }
    std::shared_ptr<const vs::detail::part> write(std::size_t size) {
        const auto directory = vs::detail::part_directory("", 1, 0);
        auto writer = vs::detail::part_writer::create(files, directory, state.take_part_number(), vector).value();
        for (std::size_t i = 0; i < size; ++i) {
            const float row[] = {static_cast<float>(ordinals), 1};
            REQUIRE(writer.append(ordinals++, row, std::nullopt));
        }
        return vs::detail::part::open(files, directory, writer.finish().value(), vector).value();
    }
    /// First and last part of the tiered job, -1 when there is none.
    std::pair<int, int> tiered() {
        const auto job = next_job(state);
        if (!job) return {-1, -1};
        const auto at = [&](const auto& p) {
            return static_cast<int>(std::find(parts.begin(), parts.end(), p) - parts.begin());
        };
        return {at(job->inputs.front()), at(job->inputs.back())};
    }
};

}  // namespace

TEST_CASE("optimizer: few parts are left alone, four of a size are merged, with the smaller ones behind",
          "[collection]") {
    CHECK(fixture({}).tiered() == std::pair(-1, -1));
    CHECK(fixture({10}).tiered() == std::pair(-1, -1));
    CHECK(fixture({10, 20, 30}).tiered() == std::pair(-1, -1));
    CHECK(fixture({10, 20, 30, 40}).tiered() == std::pair(0, 3));
    CHECK(fixture({5'000, 10, 20, 30}).tiered() == std::pair(0, 0));  // only its graph is missing
    CHECK(fixture({5'000, 10, 20, 30, 40}).tiered() == std::pair(1, 4));
    CHECK(fixture({5'000, 10, 5'000, 5'000, 20, 5'000}).tiered() == std::pair(0, 5));
}

TEST_CASE("optimizer: a part without a graph gets one, a part mostly of dead rows is rewritten", "[collection]") {
    fixture f({3'000});
    auto job = next_job(f.state).value();
    CHECK_FALSE(job.rewrite);
    for (vs::ordinal_id o = 0; o < 700; ++o) f.parts[0]->note_death(o);
    job = next_job(f.state).value();
    CHECK(job.rewrite);
    CHECK(job.inputs == f.parts);
    CHECK_FALSE(next_job(fixture({vs::detail::indexed_rows_min - 1}).state));
}

TEST_CASE("optimizer: a full job takes everything into one part", "[collection]") {
    fixture f({100, 5'000, 30});
    const auto job = full_job(f.state, 0).value();
    CHECK(job.rewrite);
    CHECK(job.inputs == f.parts);
    CHECK_FALSE(full_job(fixture({100}).state, 0));
    fixture dead({100});
    dead.parts[0]->note_death(5);
    CHECK(full_job(dead.state, 0).value().rewrite);
    CHECK_FALSE(full_job(fixture({2'500}).state, 0).value().rewrite);
}

TEST_CASE("optimizer: a job keeps the rows alive, in order, with a graph when it pays", "[collection]") {
    fixture f({1'500, 1'000});
    const auto job = full_job(f.state, 0).value();
    for (const unsigned threads : {1u, 3u}) {
        vs::detail::job_control control;
        control.droppable_lsn = 1;
        control.threads = threads;
        std::size_t reports = 0;
        control.keep_going = [&](std::size_t done, std::size_t rows) { return ++reports > 0 && done <= rows; };
        const auto outcome = vs::detail::run_job(f.files, "", f.state, job, control).value();
        REQUIRE(outcome.output);
        CHECK(outcome.inputs == f.parts);
        REQUIRE(outcome.output->size() == 2'500);
        CHECK(outcome.output->graph() != nullptr);
        CHECK(reports > 2);
        for (vs::row_id row = 0; row < 2'500; ++row) {
            REQUIRE(outcome.output->ordinal_of(row) == row);
            REQUIRE(*static_cast<const float*>(outcome.output->vectors().at(row)) == static_cast<float>(row));
        }
        CHECK(outcome.output->descriptor().number > 2);
    }
}

TEST_CASE("optimizer: a cancelled or failed job leaves no files", "[collection]") {
    fixture f({1'500, 1'000});
    const auto directory = vs::detail::part_directory("", 1, 0);
    const auto before = f.files.list(directory).value();
    const auto job = full_job(f.state, 0).value();
    for (std::size_t stop_at = 1; stop_at < 60; stop_at += 7) {
        vs::detail::job_control control;
        std::size_t calls = 0;
        control.keep_going = [&](std::size_t, std::size_t) { return ++calls < stop_at; };
        REQUIRE(code_of(vs::detail::run_job(f.files, "", f.state, job, control)) == vs::errc::cancelled);
        CHECK(f.files.list(directory).value() == before);
    }
}

TEST_CASE("optimizer: jobs may wait while what has no index has codes, and is little", "[collection]") {
    using vs::detail::may_wait;
    fixture f({3'000, 10});
    const auto job = next_job(f.state).value();
    CHECK_FALSE(may_wait(f.state, job));  // these rows would be compared by their originals
    const auto coded = [&](std::size_t slabs, std::size_t dim) {
        auto codes = std::make_shared<vs::detail::bounded_codes>(vs::metric::euclid, vs::element_type::f32, dim);
        const std::vector<float> row(dim, 1);
        for (std::size_t i = 0; i < slabs; ++i) codes->append([&](std::size_t) { return row.data(); });
        return codes;
    };
    f.parts[0]->attach(coded(3'000 / 16, 2));
    CHECK(may_wait(f.state, job));
    f.parts[0]->attach(coded(140, 16'000));
    CHECK_FALSE(may_wait(f.state, job));
}
