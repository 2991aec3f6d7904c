#include "museum.hpp"

namespace vecstore::sim {

using replication::seeded_fault;

const std::vector<exhibit>& museum() {
    static const std::vector<exhibit> all = {
        {seeded_fault::ack_before_sync, "ack_before_sync"},
        {seeded_fault::own_unsynced_counts, "own_unsynced_counts"},
        {seeded_fault::promise_not_stored, "promise_not_stored"},
        {seeded_fault::promise_before_store, "promise_before_store"},
        {seeded_fault::promise_to_two, "promise_to_two"},
        {seeded_fault::stale_append_taken, "stale_append_taken"},
        {seeded_fault::prev_not_checked, "prev_not_checked"},
        {seeded_fault::ack_unmatched, "ack_unmatched"},
        {seeded_fault::old_term_commits, "old_term_commits"},
        {seeded_fault::minority_commits, "minority_commits"},
        {seeded_fault::half_is_majority, "half_is_majority"},
        {seeded_fault::learners_vote, "learners_vote"},
        {seeded_fault::own_log_leads, "own_log_leads"},
        {seeded_fault::longest_log_leads, "longest_log_leads"},
        {seeded_fault::fence_skipped, "fence_skipped"},
        {seeded_fault::cut_on_repeat, "cut_on_repeat"},
        {seeded_fault::applied_before_commit, "applied_before_commit"},
        {seeded_fault::commit_unmatched, "commit_unmatched"},
        {seeded_fault::done_after_step_down, "done_after_step_down"},
        {seeded_fault::done_before_commit, "done_before_commit"},
        {seeded_fault::coordinator_term_trusted, "coordinator_term_trusted"},
        {seeded_fault::credit_ignored, "credit_ignored"},
        {seeded_fault::never_resent, "never_resent"},
        {seeded_fault::hash_not_compared, "hash_not_compared"},
        {seeded_fault::config_at_commit, "config_at_commit"},
        {seeded_fault::two_changes, "two_changes"},
        {seeded_fault::read_without_round, "read_without_round"},
        {seeded_fault::failed_sync_forgotten, "failed_sync_forgotten"},
        {seeded_fault::batch_cut_open, "batch_cut_open"},
        {seeded_fault::round_without_promise, "round_without_promise"},
    };
    return all;
}

finding find(const exhibit& which, std::uint64_t seeds_max, std::uint64_t events) {
    replication::active_fault = which.fault;
    finding found;
    while (found.violation.empty() && found.seeds < seeds_max) {
        run_options options;
        options.seed = ++found.seeds;
        options.events = events;
        options.damage_state = which.fault == seeded_fault::hash_not_compared;
        const auto one = cluster(options).run();
        found.events += one.events;
        found.violation = one.violation;
    }
    replication::active_fault = seeded_fault::none;
    return found;
}

smallest_run minimise(const run_options& options) {
    smallest_run best{options, cluster(options).run()};
    const auto kind_of = [](const run_result& r) { return r.violation.substr(0, r.violation.find(':')); };
    const auto try_out = [&](const run_options& less) {
        auto one = cluster(less).run();
        if (one.violation.empty() || kind_of(one) != kind_of(best.result)) return false;
        best = {less, std::move(one)};
        return true;
    };
    for (std::size_t kind = 0; kind < weather::kinds; ++kind) {
        auto less = best.options;
        less.without |= 1u << kind;
        (void)try_out(less);
    }
    for (auto less = best.options; (less.events /= 2) > 100 && try_out(less);) {
    }
    return best;
}

}  // namespace vecstore::sim
