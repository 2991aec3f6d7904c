// Every file operation of a workload fails in turn, in several ways. Whatever fails: nothing acknowledged is lost,
// nothing is half visible, reads go on, and nothing is acknowledged after a failed sync.
#include "support/fault_file_system.hpp"
#include "support/gated_table_store.hpp"
#include "support/workload.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <optional>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

std::uint64_t workload_seed() {
    const char* given = std::getenv("VECSTORE_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 77;
}
constexpr std::size_t operations = 60;

/// Every n-th failure point is tried; all with VECSTORE_FAULT_STRIDE=1.
std::uint64_t stride() {
    const char* given = std::getenv("VECSTORE_FAULT_STRIDE");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

/// A database over a disk that fails on command. What it may contain after reopening: what was acknowledged, and
/// perhaps the one write whose log sync failed.
class faulty_run {
public:
    explicit faulty_run(std::uint64_t seed) : source_(seed) {}

    /// Opens, works, closes under `plan`. False when opening failed.
    bool work(const fault_plan& plan, std::uint64_t fail_commit = 0) {
        gate_->fail_commit(fail_commit, plan.code);
        faults_.plan(plan);
        auto opened = vs::database::open("db", quiet(), {{&faults_, [](auto*) {}}, gate_});
        if (!opened) return false;
        db_ = std::move(opened).value();
        for (std::size_t i = 0; i < operations; ++i) step();
        return true;
    }
    [[nodiscard]] std::uint64_t operations_done() const { return faults_.operations(); }
    /// What is seen now must be what was acknowledged, fault or not.
    [[nodiscard]] std::string difference_now() {
        return db_ ? difference(*db_, acknowledged_, source_) : std::string();
    }
    void close() {
        if (db_) (void)db_->close();
        db_.reset();
    }
    /// Kills the process, and cuts the power as `seed` says.
    void crash(std::uint64_t seed) {
        gate_->close();
        disk_.files->crash(seed);
        db_.reset();
    }
    /// Opens without faults and compares.
    [[nodiscard]] std::string difference_after() {
        auto opened = disk_.open();
        if (!opened) return "reopening: " + opened.error().what();
        const auto found = difference(*opened, acknowledged_, source_);
        if (found.empty() || !uncertain_) return found;
        const auto with_last = difference(*opened, *uncertain_, source_);
        return with_last.empty() ? with_last : found + "; with the write in doubt: " + with_last;
    }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    void step() {
        const auto operation = source_.next(acknowledged_);
        const bool poisoned_before = db_->stats().value().poisoned;
        const auto done = operation.run(*db_);
        if (done) {
            if (operation.writes && poisoned_before && problem_.empty())
                problem_ = operation.text + " was acknowledged after a failed sync";
            operation.predict(acknowledged_);
            return;
        }
        failed_ = true;
        const bool expected = done.error().code == errc::io || done.error().code == errc::resource_exhausted ||
                              done.error().code == errc::unavailable;
        if (!expected && problem_.empty()) problem_ = operation.text + " gave " + done.error().what();
        if (poisoned_before || !db_->stats().value().poisoned || !operation.writes) return;
        uncertain_ = acknowledged_;  // it is in the log, but is it on the disk?
        operation.predict(*uncertain_);
    }

    memory_disk disk_;
    fault_file_system faults_{*disk_.files};
    std::shared_ptr<gated_table_store> gate_ = std::make_shared<gated_table_store>(disk_.tables);
    workload source_;
    std::optional<vs::database> db_;
    world acknowledged_;
    std::optional<world> uncertain_;
    bool failed_ = false;
    std::string problem_;
};

std::uint64_t operations_without_faults() {
    faulty_run run(workload_seed());
    REQUIRE(run.work({}));
    run.close();
    REQUIRE_FALSE(run.failed());
    REQUIRE(run.difference_after() == "");
    return run.operations_done();
}

/// Runs the workload once for each failure point.
template <class Change>
void fail_each(Change&& change) {
    const auto count = operations_without_faults();
    REQUIRE(count > operations);
    for (std::uint64_t at = 1; at <= count; at += stride()) {
        fault_plan plan;
        plan.fail_at = at;
        change(plan);
        faulty_run run(workload_seed());
        INFO("operation " << at << " of " << count << " fails");
        const bool opened = run.work(plan);
        REQUIRE(run.problem() == "");
        if (opened) REQUIRE(run.difference_now() == "");
        if (at % 3 == 0)
            run.crash(at);
        else
            run.close();
        REQUIRE(run.difference_after() == "");
    }
}

}  // namespace

TEST_CASE("fault: one operation fails", "[fault]") {
    fail_each([](fault_plan& plan) { plan.code = errc::io; });
}

TEST_CASE("fault: all operations from one on fail", "[fault]") {
    fail_each([](fault_plan& plan) { plan.stays_broken = true; });
}

TEST_CASE("fault: the disk is full from one operation on", "[fault]") {
    fail_each([](fault_plan& plan) {
        plan.code = errc::resource_exhausted;
        plan.stays_broken = true;
    });
}

TEST_CASE("fault: a write is torn", "[fault]") {
    fail_each([](fault_plan& plan) { plan.torn_fraction = 0.6; });
}

TEST_CASE("fault: each commit of the tables fails", "[fault]") {
    for (const auto code : {errc::io, errc::resource_exhausted})
        for (std::uint64_t commit = 1; commit < 12; ++commit) {
            INFO("commit " << commit);
            faulty_run run(workload_seed());
            fault_plan plan;
            plan.code = code;
            REQUIRE(run.work(plan, commit));
            REQUIRE(run.problem() == "");
            REQUIRE(run.difference_now() == "");
            if (commit % 2 == 0)
                run.crash(commit);
            else
                run.close();
            REQUIRE(run.difference_after() == "");
        }
}

TEST_CASE("fault: power cuts at random points of many workloads", "[fault]") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed " << seed);
        faulty_run run(seed);
        REQUIRE(run.work({}));
        run.crash(seed);
        REQUIRE(run.difference_after() == "");
    }
}

TEST_CASE("fault: a full disk rejects the write and leaves the store readable", "[fault]") {
    const memory_disk disk;
    fault_file_system faults(*disk.files);
    auto db = vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, disk.tables}).value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert({make_point(1, {1, 1})}));
    fault_plan full;
    full.bytes_max = 0;
    faults.plan(full);
    // Space was set aside ahead, so that some writes still fit; then they are refused, and none half.
    std::uint64_t fitted = 0;
    vs::random_source random(1);
    std::vector<vs::point> large;
    for (int i = 0; i < 1'000; ++i) large.push_back(make_point(100 + i, {1, 2}, {{"text", std::string(3'000, 'x')}}));
    vs::result<vs::write_result> refused = vs::write_result{};
    for (int i = 0; i < 50 && refused; ++i)
        if ((refused = docs.upsert(large))) ++fitted;
    REQUIRE(code_of(refused) == errc::resource_exhausted);
    CHECK_FALSE(db.stats().value().poisoned);
    CHECK(docs.count().value() == (fitted > 0 ? 1'001u : 1u));
    CHECK(docs.query(nearest_to({1, 1}, 1)).value()[0].id == vs::point_id(1));
    CHECK(code_of(db.checkpoint()) == errc::resource_exhausted);
    CHECK(docs.count().value() == (fitted > 0 ? 1'001u : 1u));
    // Space again: writes go on in the same process.
    faults.plan({});
    REQUIRE(docs.upsert({make_point(2, {2, 2})}));
    REQUIRE(db.checkpoint());
    REQUIRE(db.close());
    CHECK(disk.open().value().open_collection("docs").value().count().value() == (fitted > 0 ? 1'002u : 2u));
}

TEST_CASE("fault: after a failed sync writes are refused with the cause until the database is opened again",
          "[fault]") {
    const memory_disk disk;
    fault_file_system faults(*disk.files);
    {
        auto db = vs::database::open("db", quiet(), {{&faults, [](auto*) {}}, disk.tables}).value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        REQUIRE(docs.upsert({make_point(1, {1, 1})}));
        fault_plan plan;
        plan.fail_syncs = true;
        faults.plan(plan);
        CHECK(code_of(docs.upsert({make_point(2, {1, 1})})) == errc::io);
        faults.plan({});
        for (const auto& refused : {docs.upsert({make_point(3, {1, 1})}), docs.erase({1}), docs.clear_payload({1})}) {
            REQUIRE(code_of(refused) == errc::unavailable);
            CHECK(refused.error().message.find("injected fault: sync") != std::string::npos);
        }
        CHECK(code_of(db.checkpoint()) == errc::unavailable);
        CHECK(code_of(db.create_collection("more", {})) == errc::unavailable);
        CHECK(db.stats().value().poisoned);
        CHECK(db.stats().value().last_error.find("sync") != std::string::npos);
        CHECK(docs.count().value() == 1);
        CHECK(db.close());
    }
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.get(1));
    CHECK_FALSE(docs.get(3));
    CHECK(docs.upsert({make_point(3, {1, 1})}));
}
