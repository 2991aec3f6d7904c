// Every file operation of a snapshot, a backup and a restore fails in turn, and the power is cut there. Whatever
// happens: the database has what it had, no half of a snapshot is taken for a whole one, and the next try succeeds.
#include "support/fault_file_system.hpp"
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <optional>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

/// Every n-th failure point is tried; all with VECSTORE_FAULT_STRIDE=1.
std::uint64_t stride() {
    const char* given = std::getenv("VECSTORE_FAULT_STRIDE");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

/// A small database with parts, dead rows and a log behind its checkpoint, on a disk that fails on command.
struct backup_world {
    memory_disk disk;
    fault_file_system faults{*disk.files};
    std::shared_ptr<vs::storage::file_system> files{&faults, [](auto*) {}};
    oracle wanted{one_vector(2)};
    std::optional<vs::database> db;

    backup_world() {
        db = open();
        auto docs = db->create_collection("docs", one_vector(2)).value();
        for (std::uint64_t batch = 0; batch < 3; ++batch) {
            std::vector<vs::point> points;
            for (std::uint64_t i = 0; i < 8; ++i)
                points.push_back(make_point(batch * 5 + i, {1, float(i)}, {{"batch", batch}}));
            docs.upsert(points).value();
            wanted.upsert(points);
            if (batch < 2) db->checkpoint().value();
        }
        docs.erase({3}).value();
        wanted.points().erase(3);
    }
    [[nodiscard]] vs::database open() const { return vs::database::open("db", quiet(), {files, disk.tables}).value(); }
    [[nodiscard]] vs::database_environment files_only() const { return {files, nullptr}; }
    /// The source is what it was.
    [[nodiscard]] std::string difference_now() const { return difference(db->open_collection("docs").value(), wanted); }
    void cut_power(std::uint64_t seed) {
        db.reset();
        disk.files->crash(seed);
        faults.plan({});
        db = open();
    }
};

/// Runs `action` with each of its file operations failing; `check(backup_world, succeeded)` afterwards, and then the action
/// must succeed.
template <class Prepare, class Action, class Check>
void fail_each(const Prepare& prepare, const Action& action, const Check& check) {
    std::uint64_t count = 0;
    {
        backup_world w;
        prepare(w);
        w.faults.plan({});
        REQUIRE(action(w) == errc{});
        count = w.faults.operations();
    }
    REQUIRE(count > 10);
    for (std::uint64_t at = 1; at <= count; at += stride())
        for (const bool power_cut : {false, true}) {
            INFO("operation " << at << " of " << count << (power_cut ? ", then the power" : ""));
            backup_world w;
            prepare(w);
            fault_plan plan;
            plan.fail_at = at;
            plan.torn_fraction = at % 2 == 0 ? 0.5 : 0;
            plan.code = at % 3 == 0 ? errc::resource_exhausted : errc::io;
            plan.stays_broken = power_cut;
            w.faults.plan(plan);
            const auto outcome = action(w);
            w.faults.plan({});
            REQUIRE(w.difference_now() == "");
            if (power_cut || w.db->stats().value().poisoned) w.cut_power(at);
            REQUIRE(w.difference_now() == "");
            REQUIRE(check(w, outcome == errc{}) == "");
            REQUIRE(w.db->open_collection("docs").value().upsert({make_point(77, {7, 7})}));
        }
}

/// Nothing under the name, or all of it.
std::string whole_or_absent(backup_world& w, const std::string& path, bool succeeded) {
    const bool there = w.disk.files->exists(path);
    if (succeeded && !there) return "it was told to be there";
    if (!there) return {};
    const auto verified = vs::verify_snapshot(path, w.files_only());
    return verified ? std::string() : verified.error().what();
}

}  // namespace

TEST_CASE("fault: a snapshot is there whole or not at all", "[fault][snapshot]") {
    fail_each([](backup_world&) {}, [](backup_world& w) { return code_of(w.db->snapshot("snap")); },
              [](backup_world& w, bool succeeded) -> std::string {
                  if (auto problem = whole_or_absent(w, "snap", succeeded); !problem.empty()) return problem;
                  const auto next = w.db->snapshot("next");
                  return next ? whole_or_absent(w, "next", true) : next.error().what();
              });
}

TEST_CASE("fault: a backup that fails leaves those before it, and the next succeeds", "[fault][backup]") {
    std::uint64_t first_lsn = 0;
    const auto prepare = [&](backup_world& w) {
        first_lsn = w.db->backup("backups").value().lsn;
        w.db->open_collection("docs").value().erase({4}).value();
        w.wanted.points().erase(4);
    };
    fail_each(
        prepare, [](backup_world& w) { return code_of(w.db->backup("backups")); },
        [&](backup_world& w, bool succeeded) -> std::string {
            const auto checked = vs::verify_backups("backups", w.files_only());
            if (!checked) return checked.error().what();
            if (checked->backups.front().lsn != first_lsn) return "the first backup is gone";
            if (succeeded && checked->backups.size() != 2) return "it was told to be there";
            const auto next = w.db->backup("backups");
            if (!next) return next.error().what();
            const auto then = vs::database::as_of("backups", next->lsn, quiet(), w.files_only());
            if (!then) return then.error().what();
            return difference(then->open_collection("docs").value(), w.wanted);
        });
}

TEST_CASE("fault: a database is restored whole or not at all, and its backup is not touched", "[fault][backup]") {
    std::uint64_t lsn = 0;
    const auto prepare = [&](backup_world& w) {
        w.db->backup("backups").value();
        w.db->open_collection("docs").value().erase({4}).value();
        w.wanted.points().erase(4);
        lsn = w.db->backup("backups").value().lsn;
    };
    const auto look_at = [&](backup_world& w, const std::string& path) -> std::string {
        auto look = quiet();
        look.read_only = true;
        const auto restored = vs::database::open(path, look, w.files_only());
        if (!restored) return restored.error().what();
        return difference(restored->open_collection("docs").value(), w.wanted);
    };
    fail_each(
        prepare, [&](backup_world& w) { return code_of(vs::restore_backup("backups", "new", lsn, w.files_only())); },
        [&](backup_world& w, bool succeeded) -> std::string {
            const bool there = w.disk.files->exists("new");
            if (succeeded && !there) return "it was told to be there";
            if (there)
                if (auto problem = look_at(w, "new"); !problem.empty()) return problem;
            if (auto checked = vs::verify_backups("backups", w.files_only()); !checked) return checked.error().what();
            const auto next = vs::restore_backup("backups", "next", lsn, w.files_only());
            return next ? look_at(w, "next") : next.error().what();
        });
}

TEST_CASE("fault: with an archive that fails at any point no lsn is lost from it", "[fault][backup]") {
    for (std::uint64_t at = 1; at < 120; at += stride()) {
        INFO("operation " << at);
        const memory_disk disk;
        fault_file_system faults(*disk.files);
        auto options = quiet();
        options.archive_directory = "backups";
        const vs::database_environment environment{{&faults, [](auto*) {}}, disk.tables};
        auto db = vs::database::open("db", options, environment).value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        REQUIRE(db.backup("backups"));
        fault_plan plan;
        plan.fail_at = at;
        plan.code = errc::resource_exhausted;
        faults.plan(plan);
        std::uint64_t acknowledged = 0;
        for (int i = 0; i < 6; ++i) {
            if (const auto told = docs.upsert({make_point(i, {1, float(i)})})) acknowledged = told->lsn;
            (void)db.checkpoint();
        }
        faults.plan({});
        (void)db.close();
        db = vs::database::open("db", options, environment).value();
        db.backup("backups").value();
        const vs::database_environment files_only{disk.files, nullptr};
        const auto log = vs::verify_backups("backups", files_only).value().log;
        REQUIRE(log.size() == 1);
        REQUIRE(log[0].first == 1);
        REQUIRE(log[0].last >= acknowledged);
    }
}
