// Keeping a database in shape: the background thread, optimizing, closing.
#include "database_state.hpp"

#include <collection/part/index_build.hpp>
#include <collection/slots.hpp>

#include <algorithm>
#include <chrono>

namespace vecstore::detail {

database_state::~database_state() { (void)close(); }

std::vector<std::shared_ptr<collection_state>> database_state::all_collections() const {
    const lock_guard lock(catalog_mutex_);
    std::vector<std::shared_ptr<collection_state>> all;
    for (const auto& [name, state] : by_name_) all.push_back(state);
    return all;
}

result<std::vector<std::string>> database_state::names() {
    VECSTORE_CHECK(check_open());
    VECSTORE_CHECK(follow());
    const lock_guard lock(catalog_mutex_);
    std::vector<std::string> all;
    for (const auto& [name, state] : by_name_) all.push_back(name);
    return all;
}

void database_state::wake_background(bool now) {
    const lock_guard lock(status_mutex_);
    background_wanted_ |= now;
    background_signal_.notify_one();
}

void database_state::note_error(const error& e) {
    if (e.code == errc::cancelled) return;
    const lock_guard lock(status_mutex_);
    last_error_ = e.what();
}

void database_state::run_background() {
    const std::chrono::milliseconds interval(options_.checkpoint_interval_ms);
    const bool by_time = interval.count() > 0 && !in_memory();
    auto last_checkpoint = std::chrono::steady_clock::now();
    const auto due = [&] { return by_time && std::chrono::steady_clock::now() - last_checkpoint >= interval; };
    // Searches wake nobody, so it is looked at now and then whether there were many.
    constexpr std::chrono::milliseconds recheck_interval(10'000);
    auto last_recheck = std::chrono::steady_clock::now();
    const auto recheck_due = [&] {
        return samples_queries() && std::chrono::steady_clock::now() - last_recheck >= recheck_interval;
    };
    while (!closing_) {
        bool idle = false, rechecking = false;
        {
            const lock_guard lock(status_mutex_);
            while (!background_wanted_ && !closing_ && !due()) {
                if (rechecking = recheck_due(); rechecking) break;
                if (durable_lsn_ < lsn_ && !poisoned_ && !in_memory()) {
                    background_signal_.wait_for(status_mutex_, std::chrono::milliseconds(options_.flush_interval_ms));
                    break;
                }
                const auto idle_in = until_idle_work();
                if (idle = idle_in && idle_in->count() <= 0; idle) break;
                const bool postponed = jobs_postponed_, expiring = any_expiring_;
                if (!idle_in && !postponed && !expiring && !by_time && !samples_queries()) {
                    background_signal_.wait(status_mutex_);
                    continue;
                }
                auto pause = idle_in.value_or(std::chrono::milliseconds::max());
                if (postponed) pause = std::min(pause, inflow::watched);
                if (expiring) pause = std::min(pause, std::chrono::milliseconds(options_.expire_interval_ms));
                if (by_time) pause = std::min(pause, interval);
                if (samples_queries()) pause = std::min(pause, recheck_interval);
                background_signal_.wait_for(status_mutex_, pause);
                if (postponed || expiring) break;
            }
            if (!idle && !rechecking) background_wanted_ = false;
        }
        if (closing_) return;
        if (rechecking) {
            recheck_in_background();
            last_recheck = std::chrono::steady_clock::now();
            continue;
        }
        if (due()) {
            step_by_time();
            last_checkpoint = std::chrono::steady_clock::now();
        }
        if (closing_) return;
        if (idle)
            idle_step();
        else
            background_step();
    }
}

void database_state::step_by_time() {
    tables_->tidy();
    if (poisoned_) return;
    const auto lsn = lsn_.load();
    const bool quiet = lsn == lsn_at_last_step_ && lsn != tidied_lsn_;
    lsn_at_last_step_ = lsn;
    if (lsn != checkpoint_lsn_)
        if (auto done = checkpoint(); !done) return note_error(done.error());
    if (!quiet) return;
    tidied_lsn_ = lsn;
    const lock_guard lock(optimizer_mutex_);
    if (auto done = give_space_back(); !done) note_error(done.error());
}

void database_state::background_step() {
    if (poisoned_) return;
    if (durable_lsn_ < lsn_ && !in_memory())
        if (auto flushed = flush(); !flushed) note_error(flushed.error());
    expire_in_background();
    if (checkpoint_due())
        if (auto done = checkpoint(); !done) note_error(done.error());
    jobs_postponed_ = false;
    const lock_guard lock(optimizer_mutex_);
    for (const auto& state : all_collections()) {
        if (auto done = tend_fields(*state); !done) note_error(done.error());
        if (auto done = optimize_in_tiers(*state); !done) note_error(done.error());
    }
    constexpr std::uint64_t half = 2;
    if (!closing_)
        if (auto done = compact_tables(half); !done) note_error(done.error());
}

/// False when rows come faster than graphs can be built, or when that is not known yet: then a part would be merged before
/// its graph has been of use, and the build would take from writers and readers what they need.
bool database_state::comes_slowly(const collection_state& state, std::size_t slot) {
    const auto linked = rows_linked_per_second(slot_options(state.options(), slot).dim) * options_.build_threads;
    return inflow_.look(state.id(), state.pin()->ordinal_end, linked) == inflow::verdict::slow;
}

/// Runs jobs until there is none that pays, or someone calls `optimize`, which would do them over.
result<void> database_state::optimize_in_tiers(collection_state& state) {
    while (!closing_ && optimizers_waiting_ == 0) {
        auto job = next_job(state);
        if (job && may_wait(state, *job) && !comes_slowly(state, job->slot)) {
            jobs_postponed_ = true;
            return {};
        }
        if (job && job->rewrite) {  // so that all deaths known now may be dropped
            VECSTORE_CHECK(checkpoint());
            job = next_job(state);
        }
        if (!job) return {};
        VECSTORE_CHECK(run_and_install(state, *job, [this](const progress&) {
            expire_in_background();  // a long build must not keep points from expiring
            return optimizers_waiting_ == 0;
        }));
    }
    return {};
}

result<void> database_state::flush() {
    VECSTORE_CHECK(check_writable());
    return queue_.exclusively([this] { return sync_log(); });
}

result<void> database_state::optimize(const progress_callback& report) {
    VECSTORE_CHECK(checkpoint());
    optimizers_waiting_.fetch_add(1);
    const lock_guard lock(optimizer_mutex_);
    optimizers_waiting_.fetch_sub(1);
    VECSTORE_CHECK(load_indexes());
    // One job for each vector, not "until none is left": deaths newer than the checkpoint cannot be dropped yet.
    for (const auto& state : all_collections())
        for (std::size_t slot = 0; slot < slot_count(state->options()); ++slot)
            if (const auto job = full_job(*state, slot)) VECSTORE_CHECK(run_and_install(*state, *job, report));
    VECSTORE_CHECK(optimize_fields(report));
    VECSTORE_CHECK(recheck_all(report));
    return give_space_back();
}

result<void> database_state::build_indexes(const progress_callback& report) {
    const lock_guard lock(optimizer_mutex_);
    for (const auto& state : all_collections()) {
        const auto pinned = state->pin();
        for (std::size_t slot = 0; slot < pinned->vectors.size(); ++slot) {
            for (const auto& part : *pinned->vectors[slot].parts)
                if (lacks_index(*part, slot_options(state->options(), slot)))
                    VECSTORE_CHECK(run_and_install(*state, {slot, {part}, false}, report));
        }
        const lock_guard fields_lock(fields_mutex_);
        VECSTORE_CHECK(build_missing_fields(*state, watched([](std::size_t) { return true; })));
    }
    return {};
}

result<void> database_state::run_and_install(collection_state& state, const optimizer_job& job,
                                             const progress_callback& report) {
    const auto task = "optimizing " + state.name();
    job_control control;
    control.droppable_lsn = checkpoint_lsn_;
    control.threads = options_.optimizer_cpu_share < 1 ? 1 : options_.build_threads;
    optimizer_pace pace(options_.optimizer_cpu_share, options_.optimizer_bytes_per_second);
    control.wrote = [&](std::uint64_t bytes) { pace.wrote(bytes); };
    control.keep_going = [&](std::size_t done, std::size_t total) {
        // A long build must not keep the log from being released.
        if (checkpoint_due())
            if (auto written = checkpoint(); !written) note_error(written.error());
        return keep_pace(pace, [&] { return !closing_ && (!report || report({task, done, total})); });
    };
    VECSTORE_TRY(const auto outcome, run_job(*part_files_, directory_, state, job, control));
    if (outcome.output) count_part(state, outcome.slot, *outcome.output, !job.rewrite);
    return install_job(state, outcome);
}

bool database_state::keep_pace(const optimizer_pace& pace, const std::function<bool()>& keep_going) {
    constexpr std::chrono::duration<double> nap(0.02);
    while (keep_going()) {
        const auto rest = pace.rest();
        if (rest < nap / 20) return true;
        std::this_thread::sleep_for(std::min(rest, nap));
    }
    return false;
}

void database_state::count_part(const collection_state& state, std::size_t slot, const part& written,
                                bool indexes_only) {
    const auto directory = part_directory(directory_, state.id(), slot);
    const auto rows = part_path(directory, written.descriptor().number);
    for (const auto& file : part_files(directory, written.descriptor().number)) {
        if (indexes_only && file == rows) continue;
        if (const auto bytes = files_->file_size(file))
            part_bytes_written_.fetch_add(*bytes, std::memory_order_relaxed);
    }
}

result<void> database_state::install_job(collection_state& state, const optimizer_outcome& outcome) {
    const lock_guard lock(checkpoint_mutex_);
    const auto directory = part_directory(directory_, state.id(), outcome.slot);
    if (state.pin()->dropped) return {};  // the next checkpoint removes the whole directory
    VECSTORE_CHECK(check_writable());
    {
        VECSTORE_TRY(const auto tables, tables_->write());
        const auto added = outcome.output ? part_list{outcome.output} : part_list{};
        VECSTORE_CHECK(write_manifest(*tables, state.id(), outcome.slot, outcome.inputs, added));
        VECSTORE_CHECK(tables->commit());
    }
    VECSTORE_CHECK(queue_.exclusively([&]() -> result<void> {
        auto lists = state.parts();
        auto& list = lists[outcome.slot];
        std::erase_if(list, [&](const auto& part) {
            return std::find(outcome.inputs.begin(), outcome.inputs.end(), part) != outcome.inputs.end();
        });
        if (outcome.output) list.push_back(outcome.output);
        sort_parts(list);
        state.install(std::move(lists), false);
        return {};
    }));
    for (const auto& input : outcome.inputs) {
        const auto number = input->descriptor().number;
        if (outcome.output && outcome.output->descriptor().number == number) continue;
        for (const auto& path : part_files(directory, number))
            if (files_->exists(path))
                if (auto removed = files_->remove(path); !removed) note_error(removed.error());
    }
    return {};
}

result<void> database_state::close() {
    if (storage::forked_since(process_)) return check_open();
    if (closing_.exchange(true)) return {};
    wake_background(true);
    if (background_.joinable()) background_.join();
    const lock_guard optimizer_lock(
        optimizer_mutex_);  // whoever optimizes has been cancelled, and must not write files any more
    const lock_guard fields_lock(fields_mutex_);  // nor whoever indexes payloads
    const lock_guard checkpoint_lock(checkpoint_mutex_);
    result<void> done;
    if (!closed_ && !options_.read_only && !poisoned_ && !in_memory()) done = checkpoint_locked();
    closed_ = true;
    notify_feeds();
    // Whoever has the turn finishes first; those behind find the database closed.
    (void)queue_.exclusively([this]() -> result<void> {
        const lock_guard lock(log_mutex_);
        log_.reset();
        return {};
    });
    lock_.reset();
    return done;
}

result<database_stats> database_state::stats() {
    VECSTORE_CHECK(check_open());
    database_stats stats;
    {
        const lock_guard lock(position_mutex_);
        stats.lsn = position_.lsn;
        stats.state_hash = position_.hash;
    }
    stats.durable_lsn = in_memory() ? stats.lsn : durable_lsn_.load();
    stats.checkpoint_lsn = checkpoint_lsn_;
    stats.log_bytes = log_bytes_;
    VECSTORE_TRY(stats.tables_bytes, tables_->size_bytes());
    stats.tables_free_bytes = tables_->free_bytes();
    stats.written = {user_bytes_written_, log_bytes_written_, part_bytes_written_, tables_->written_bytes()};
    stats.poisoned = poisoned_;
    const auto collections = all_collections();
    stats.collections = collections.size();
    count_damage(collections, stats.scrub);
    stats.scrub.bytes = scrubbed_.bytes;
    stats.scrub.passes = scrubbed_.passes;
    stats.scrub.findings = scrubbed_.findings;
    if (stats.scrub.passes > 0)
        stats.scrub.last_pass_age_s =
            std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch() -
                                                     scrubbed_.last_pass.load())
                .count();
    stats.disk_full = reserve_ && reserve_->disk_full();
    const lock_guard lock(status_mutex_);
    stats.last_error = last_error_;
    stats.missing = missing_.notes;
    stats.missing_points = missing_.lost_points;
    stats.missing_vectors = missing_.lost_vectors;
    return stats;
}

}  // namespace vecstore::detail
