// Every operation of a workload on the disk fails in turn: once or for good, as an error of the device or as a full
// disk, a write in part, a read, a commit of the tables. Whatever fails: nothing acknowledged is lost, nothing is half
// visible, reads go on, nothing is acknowledged after a failed sync, and when there is space again writes go on.
#include "campaign/campaign.hpp"
#include "support/fault_file_system.hpp"
#include "support/fingerprint.hpp"
#include "support/gated_table_store.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace vecstore::test {
namespace {

constexpr std::size_t operations = 300;

enum class fault : std::uint8_t {
    error_once,
    error_for_good,
    full_once,
    full_for_good,
    torn_write,
    read,
    reopening_read,
    commit,
    full_commit
};
constexpr std::array fault_names{"fails once",
                                 "and all later fail",
                                 "finds no space once",
                                 "and all later find no space",
                                 "is torn",
                                 "of reading fails",
                                 "of reading when reopened fails",
                                 "of the commits fails",
                                 "of the commits finds no space"};
constexpr auto fault_count = fault_names.size();

[[nodiscard]] fault_plan plan_of(fault kind, std::uint64_t at) {
    fault_plan plan;
    if (kind == fault::full_once || kind == fault::full_for_good || kind == fault::full_commit)
        plan.code = errc::resource_exhausted;
    if (kind == fault::read || kind == fault::reopening_read)
        plan.fail_read_at = at;
    else if (kind != fault::commit && kind != fault::full_commit)
        plan.fail_at = at;
    plan.stays_broken = kind == fault::error_for_good || kind == fault::full_for_good;
    if (kind == fault::torn_write) plan.torn_fraction = 0.6;
    return plan;
}

/// A database over a disk that fails on command. What it may contain after reopening: what was acknowledged, and
/// perhaps the one write whose log sync failed.
class faulty_run {
public:
    explicit faulty_run(const campaign_options& options) : store_(store_options(options)), source_(options.seed) {}

    /// Opens and works under `plan`. False when opening failed.
    bool work(const fault_plan& plan, std::uint64_t fail_commit = 0) {
        gate_->fail_commit(fail_commit, plan.code);
        faults_.plan(plan);
        auto opened = database::open("db", store_, {{&faults_, [](auto*) {}}, gate_});
        if (!opened) {
            if (!expected(opened.error())) problem_ = "opening gave " + opened.error().what();
            return false;
        }
        db_ = std::move(opened).value();
        for (std::size_t i = 0; i < operations; ++i) step(source_.next(acknowledged_));
        return true;
    }
    [[nodiscard]] std::uint64_t operations_done() const { return faults_.operations(); }
    [[nodiscard]] std::uint64_t reads_done() const { return faults_.reads(); }
    [[nodiscard]] std::uint64_t commits_done() const { return gate_->commits(); }
    /// What is seen now must be what was acknowledged, fault or not.
    [[nodiscard]] std::string difference_now() {
        return db_ ? difference(*db_, acknowledged_, source_) : std::string();
    }
    /// The disk is well again: writes are taken, unless a sync had failed.
    void recover() {
        faults_.plan({});
        gate_->fail_commit(0, errc::io);
        if (!db_) return;
        const bool poisoned = db_->stats().value().poisoned;
        for (int i = 0; i < 3; ++i) {
            const auto operation = source_.next(acknowledged_);
            const auto done = operation.run(*db_);
            if (done) operation.predict(acknowledged_);
            if (problem_.empty() && operation.writes && done.has_value() == poisoned)
                problem_ = operation.text + (poisoned ? " was acknowledged after a failed sync"
                                                      : " failed on a disk that is well again: " + done.error().what());
        }
    }
    void close() {
        if (db_) (void)db_->close();
        db_.reset();
    }
    /// Kills the process, and cuts the power.
    void crash(storage::unsynced rest, std::uint64_t seed) {
        gate_->close();
        disk_.files = disk_.files->after_crash(rest, seed);
        db_.reset();
    }
    /// Opens; under `plan` that may fail, but then the next try does not.
    [[nodiscard]] std::uint64_t reopen_under(const fault_plan& plan) {
        fault_file_system faults(*disk_.files);
        faults.plan(plan);
        auto opened = database::open("db", store_, {{&faults, [](auto*) {}}, disk_.tables});
        if (!opened && !expected(opened.error())) problem_ = "reopening gave " + opened.error().what();
        if (opened)
            if (const auto found = fingerprint(*opened); !found && !expected(found.error()))
                problem_ = "reading gave " + found.error().what();
        return faults.reads();
    }
    /// Opens without faults and compares.
    void compare(campaign_outcome& outcome, const std::string& what) {
        if (!problem_.empty()) return outcome.add_wrong(what + ": " + problem_);
        auto opened = disk_.open(store_);
        if (!opened) return outcome.add_wrong(what + ", reopened: " + opened.error().what());
        auto found = difference(*opened, acknowledged_, source_);
        if (!found.empty() && uncertain_) {
            if (difference(*opened, *uncertain_, source_).empty()) return;
            found += "; and it is not the write in doubt either";
        }
        if (found.empty()) return;
        const auto print = fingerprint(*opened);
        if (print && std::find(older_.begin(), older_.end(), *print) != older_.end())
            outcome.add_lost(what + ", reopened: " + found);
        else
            outcome.add_wrong(what + ", reopened: " + found);
    }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    static bool expected(const error& e) {
        return e.code == errc::io || e.code == errc::resource_exhausted || e.code == errc::unavailable;
    }
    void step(const random_operation& operation) {
        const bool poisoned_before = db_->stats().value().poisoned;
        const auto done = operation.run(*db_);
        if (done) {
            if (operation.writes && poisoned_before && problem_.empty())
                problem_ = operation.text + " was acknowledged after a failed sync";
            if (operation.writes) older_.push_back(fingerprint(acknowledged_));
            operation.predict(acknowledged_);
            return;
        }
        failed_ = true;
        if (!expected(done.error()) && problem_.empty()) problem_ = operation.text + " gave " + done.error().what();
        if (poisoned_before || !db_->stats().value().poisoned || !operation.writes) return;
        uncertain_ = acknowledged_;  // it is in the log, but is it on the disk?
        operation.predict(*uncertain_);
    }

    const database_options store_;
    memory_disk disk_;
    const std::shared_ptr<storage::memory_file_system> first_disk_ = disk_.files;
    fault_file_system faults_{*first_disk_};
    std::shared_ptr<gated_table_store> gate_ = std::make_shared<gated_table_store>(disk_.tables);
    workload source_;
    std::optional<database> db_;
    world acknowledged_;
    std::optional<world> uncertain_;
    std::vector<std::uint64_t> older_;  ///< fingerprints of what was acknowledged before
    bool failed_ = false;
    std::string problem_;
};

/// How many points each kind of fault has.
std::array<std::uint64_t, fault_count> points_of(const campaign_options& options, campaign_outcome& outcome) {
    faulty_run run(options);
    if (!run.work({}) || run.failed()) outcome.add_wrong("the workload fails without faults");
    run.close();
    const auto changes = run.operations_done(), reads = run.reads_done();
    const auto reopening = run.reopen_under({});
    run.compare(outcome, "no fault");
    const auto commits = run.commits_done();
    return {changes, changes, changes, changes, changes, reads, reopening, commits, commits};
}

void try_point(fault kind, std::uint64_t at, const campaign_options& options, campaign_outcome& outcome) {
    const auto what = "operation " + std::to_string(at) + " " + fault_names[static_cast<std::size_t>(kind)];
    faulty_run run(options);
    if (kind == fault::reopening_read) {
        (void)run.work({});
        run.close();
        (void)run.reopen_under(plan_of(kind, at));
        return run.compare(outcome, what);
    }
    auto plan = plan_of(kind, at);
    plan.lying_syncs = options.spoiled;
    const bool of_commits = kind == fault::commit || kind == fault::full_commit;
    (void)run.work(plan, of_commits ? at : 0);
    if (const auto d = run.difference_now(); !d.empty()) outcome.add_wrong(what + ": " + d);
    if (at % 2 == 0) run.recover();
    if (options.spoiled)
        run.crash(storage::unsynced::lost, at);
    else if (at % 3 == 0)
        run.crash(storage::unsynced::mixed, at);
    else
        run.close();
    run.compare(outcome, what);
}

}  // namespace

campaign_outcome run_diskfault(const campaign_options& options) {
    campaign_outcome outcome;
    const auto points = points_of(options, outcome);
    std::uint64_t all = 0;
    for (const auto each : points) all += each;
    const auto count = std::min(options.count, all);
    for (std::uint64_t i = 0; i < count; ++i) {
        auto point = spread(i, count, all);
        std::size_t kind = 0;
        while (point >= points[kind]) point -= points[kind++];
        try_point(static_cast<fault>(kind), point + 1, options, outcome);
        ++outcome.tried;
        options.progress(i, count);
    }
    outcome.note = "a workload with " + std::to_string(points[0]) + " changes and " + std::to_string(points[5]) +
                   " reads, " + std::to_string(points[6]) +
                   " reads when reopened; each fails in every way: " + std::to_string(all) + " points";
    return outcome;
}

}  // namespace vecstore::test
