// The power is cut before every operation that changes the disk (write, sync, truncate, rename, remove, directory sync,
// commit of the tables) of a long workload: what was not synced is lost, kept, or there in part. The disk is copied at
// that moment and opened; the workload goes on undisturbed, so that it runs once for all points.
#include "campaign/campaign.hpp"
#include "support/fault_file_system.hpp"
#include "support/fingerprint.hpp"
#include "support/gated_table_store.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace vecstore::test {
namespace {

using storage::unsynced;

constexpr std::uint64_t operations = 2'000;
constexpr std::size_t graph_points = 2'200;        ///< enough for a part with an index
constexpr std::uint64_t compared_every = 8;        ///< points whose answers are all compared; the others by fingerprint
constexpr std::uint64_t used_every = 64;           ///< points after which the store is written to, closed and reopened
constexpr std::uint64_t crashed_again_every = 64;  ///< points whose recovery is cut at each of its operations

/// A copy of all tables.
std::shared_ptr<storage::table_store> copy_of(storage::table_store& tables) {
    const auto names = vecstore::detail::tables::names();
    std::shared_ptr<storage::table_store> copy = storage::make_memory_table_store(names);
    const auto from = tables.read().value();
    const auto to = copy->write().value();
    for (storage::table_id table = 0; table < names.size(); ++table) {
        const auto each = from->cursor(table).value();
        for (each->seek({}).value(); each->valid(); each->next().value())
            to->put(table, each->key(), each->value()).value();
    }
    to->commit().value();
    return copy;
}

class crash_run {
public:
    crash_run(const campaign_options& options, std::uint64_t all, campaign_outcome& outcome)
        : options_(options), all_(all), outcome_(outcome), checker_(options.seed + 2) {}

    /// Runs the workload; the number of points that it has.
    std::uint64_t work() {
        const auto gate = std::make_shared<gated_table_store>(disk_.tables);
        fault_plan plan;
        plan.before = [this](const char* operation, const std::string& path) { at_point(operation, path); };
        gate->before_commit([this] { at_point("commit", "tables"); });
        faults_.plan(plan);
        worlds_.push_back({world{}, fingerprint(world{})});
        auto db = database::open("db", store_options(options_), {{&faults_, [](auto*) {}}, gate}).value();
        workload_options mix;
        workload synced(options_.seed, mix);
        mix.sync = durability::async;
        workload unsynced_writes(options_.seed + 1, mix);
        for (std::uint64_t i = 0; i < operations; ++i) {
            const bool sync = synced.random().below(3) != 0;
            // Spoiled: writes that were not synced are taken for such as were.
            step(db, scripted(i, sync ? synced : unsynced_writes), sync || options_.spoiled);
            if (!snapshots_.empty()) snapshots_.back().acknowledged = true;
        }
        db.close().value();
        return points_;
    }

private:
    struct state {
        world content;
        std::uint64_t print = 0;
    };
    struct kept_snapshot {
        std::string path;
        std::uint64_t print = 0;
        bool acknowledged = false;
    };

    /// The workload's next operation; a collection that is large enough for a graph comes and goes in between.
    random_operation scripted(std::uint64_t i, workload& source) {
        const auto& now = worlds_.back().content;
        if (i == 1'000) return create_graph_collection();
        if (i == 1'001) return fill_graph_collection();
        if (i == 1'002 || i == 1'020) return {"optimize", false, [](database& db) { return db.optimize(); }};
        if (i == 500 || i == 1'030 || i == 1'700) return make_snapshot("snapshot " + std::to_string(i));
        if (i == 1'040)
            return {"drop graph", true, [](database& db) { return db.drop_collection("graph"); },
                    [](world& w) { w.erase("graph"); }};
        return source.next(now);
    }
    random_operation make_snapshot(const std::string& path) {
        snapshots_.push_back({path, worlds_.back().print});
        return {path, false, [=](database& db) { return outcome_of(db.snapshot(path)); }};
    }
    static random_operation create_graph_collection() {
        return {"create graph", true,
                [](database& db) { return outcome_of(db.create_collection("graph", one_vector(4))); },
                [](world& w) { w.insert_or_assign("graph", oracle(one_vector(4))); }};
    }
    static random_operation fill_graph_collection() {
        random_source random(5);
        std::vector<point> points;
        for (std::size_t i = 0; i < graph_points; ++i) points.push_back(make_point(i, random_vector(random, 4)));
        return {"fill graph", true,
                [=](database& db) -> result<void> {
                    VECSTORE_TRY(auto opened, db.open_collection("graph"));
                    return outcome_of(opened.upsert(points));
                },
                [=](world& w) { w.at("graph").upsert(points); }};
    }

    void step(database& db, const random_operation& operation, bool sync) {
        text_ = operation.text;
        if (operation.writes) {
            auto next = worlds_.back().content;
            operation.predict(next);
            const auto print = fingerprint(next);
            worlds_.push_back({std::move(next), print});
        }
        if (const auto done = operation.run(db); !done) outcome_.add_wrong(operation.text + ": " + done.error().what());
        const auto stats = db.stats().value();
        if (stats.durable_lsn == stats.lsn || (operation.writes && sync)) {
            for (; worlds_.size() > 1; worlds_.pop_front()) older_.push_back(worlds_.front().print);
        }
        acknowledged_ = worlds_.size() - 1;
    }

    /// A place where the power may be cut.
    void at_point(const char* operation, const std::string& path) {
        const auto number = points_++;
        if (all_ == 0) return;  // counting
        const auto count = std::min(options_.count, all_);
        if (number >= all_ || outcome_.tried >= count || spread(outcome_.tried, count, all_) > number) return;
        ++outcome_.tried;
        if (number % 64 == 0) options_.progress(outcome_.tried, count);
        where_ = "point " + std::to_string(number) + ", before " + operation + " of " + path + " in " + text_;
        for (const auto rest : {unsynced::lost, unsynced::kept, unsynced::mixed}) {
            const std::shared_ptr<storage::memory_file_system> left = disk_.files->after_crash(rest, number + 1);
            const bool cut_again = number % crashed_again_every == 0 && rest != unsynced::kept;
            check(left, rest, number, cut_again);
        }
    }

    void check(const std::shared_ptr<storage::memory_file_system>& files, unsynced rest, std::uint64_t number,
               bool cut_again) {
        static constexpr const char* names[] = {", un-synced lost", ", un-synced kept", ", un-synced mixed"};
        const auto what = where_ + names[static_cast<std::size_t>(rest)];
        const bool used = number % used_every == used_every / 2;
        const auto gate = std::make_shared<gated_table_store>(used ? copy_of(*disk_.tables) : disk_.tables);
        if (!used) gate->close();
        const auto faults = std::make_shared<fault_file_system>(*files);
        fault_plan plan;
        if (cut_again)
            plan.before = [&](const char*, const std::string&) { check(files->after_crash(rest), rest, 1, false); };
        faults->plan(plan);
        auto opened = database::open("db", store_options(options_), {faults, gate});
        faults->plan({});
        ++reopened_;
        if (!opened) return outcome_.add_wrong(what + ": " + opened.error().what());
        const auto* found = recognise(*opened, rest, what);
        if (found != nullptr && number % compared_every == 0)
            if (const auto d = difference(*opened, found->content, checker_); !d.empty())
                outcome_.add_wrong(what + ": " + d);
        if (number % compared_every == 0 || text_.starts_with("snapshot")) check_snapshots(files, what);
        if (found != nullptr && used) use(*std::move(opened), *found, files, gate, what);
        fault_plan dead;
        dead.fail_at = 1;
        dead.stays_broken = true;
        faults->plan(dead);  // or closing would write a checkpoint
    }

    /// Which of the possible states it is.
    const state* recognise(const database& db, unsynced rest, const std::string& what) {
        const auto print = fingerprint(db);
        if (!print) {
            outcome_.add_wrong(what + ": " + print.error().what());
            return nullptr;
        }
        // Without a power cut all that was acknowledged is there, synced or not.
        const auto first = rest == unsynced::kept ? acknowledged_ : 0;
        for (auto i = worlds_.size(); i > first; --i)
            if (worlds_[i - 1].print == *print) return &worlds_[i - 1];
        const bool older =
            std::find(older_.begin(), older_.end(), *print) != older_.end() ||
            std::any_of(worlds_.begin(), worlds_.end(), [&](const auto& w) { return w.print == *print; });
        if (older)
            outcome_.add_lost(what + ": the state of before an acknowledged write");
        else
            outcome_.add_wrong(what + ": a state that never was");
        return nullptr;
    }

    /// Each is there whole, or not at all if nobody was told that it is.
    void check_snapshots(const std::shared_ptr<storage::memory_file_system>& files, const std::string& what) {
        auto look = store_options(options_);
        look.read_only = true;
        for (const auto& each : snapshots_) {
            if (!files->exists(each.path)) {
                if (each.acknowledged) outcome_.add_lost(what + ": " + each.path + " is gone");
                continue;
            }
            const auto opened = database::open(each.path, look, {files, nullptr});
            if (!opened) {
                outcome_.add_wrong(what + ": " + each.path + ": " + opened.error().what());
                continue;
            }
            const auto print = fingerprint(*opened);
            if (!print || *print != each.print)
                outcome_.add_wrong(what + ": " + each.path +
                                   (print ? " is another state" : ": " + std::string(print.error().what())));
        }
    }

    /// The store takes writes again, and keeps them.
    void use(database db, const state& found, const std::shared_ptr<storage::memory_file_system>& files,
             const std::shared_ptr<gated_table_store>& gate, const std::string& what) {
        auto now = found.content;
        workload source(options_.seed + reopened_);
        for (int i = 0; i < 10; ++i) {
            const auto operation = source.next(now);
            if (const auto done = operation.run(db); !done)
                return outcome_.add_wrong(what + ", then " + operation.text + ": " + done.error().what());
            operation.predict(now);
        }
        if (const auto closed = db.close(); !closed)
            return outcome_.add_wrong(what + ", closed: " + closed.error().what());
        auto again = database::open("db", store_options(options_), {files, gate});
        if (!again) return outcome_.add_wrong(what + ", used and reopened: " + again.error().what());
        if (const auto d = difference(*again, now, checker_); !d.empty())
            outcome_.add_wrong(what + ", used and reopened: " + d);
    }

    const campaign_options& options_;
    const std::uint64_t all_;
    campaign_outcome& outcome_;
    memory_disk disk_;
    fault_file_system faults_{*disk_.files};
    workload checker_;
    std::deque<state> worlds_;          ///< from the last durable state on; the last may be on its way
    std::vector<std::uint64_t> older_;  ///< fingerprints of those before
    std::vector<kept_snapshot> snapshots_;
    std::size_t acknowledged_ = 0;  ///< index of the last acknowledged state
    std::uint64_t points_ = 0;
    std::string text_ = "open";
    std::string where_;

public:
    std::uint64_t reopened_ = 0;
};

}  // namespace

campaign_outcome run_crash(const campaign_options& options) {
    campaign_outcome outcome;
    const auto all = crash_run(options, 0, outcome).work();
    crash_run run(options, all, outcome);
    run.work();
    outcome.note =
        std::to_string(operations) + " operations have " + std::to_string(all) +
        " places for a power cut; un-synced sectors and names lost, kept and mixed: " + std::to_string(run.reopened_) +
        " reopened";
    return outcome;
}

}  // namespace vecstore::test
