#include "recheck_jobs.hpp"

#include <collection/part/recheck.hpp>

#include <algorithm>
#include <new>

namespace vecstore::detail {
namespace {

/// Of the time of searches.
constexpr double time_share = 0.02;
/// Also when the queries before were more: what is asked may have changed.
constexpr std::uint64_t fresh_queries_enough = 1u << 20;
/// So many of a part's rows must have died to measure it again.
constexpr double dead_share_new = 0.05;

bool many_died(const part& p, const part::remeasurement& last) noexcept {
    return static_cast<double>(p.dead_rows()) >
           static_cast<double>(last.dead) + dead_share_new * static_cast<double>(p.size());
}

std::size_t queries_for(const part& p, const vector_options& options, const query_sampler& sample, recheck_when when) {
    const auto kept = sample.size();
    if (!p.indexed() || kept < sampled_queries_min) return 0;
    if (options.on_disk && p.file().on_demand()) return 0;  // what was decrypted would stay in memory
    for (const auto* index : {p.graph(), p.lists()})
        if (index != nullptr && index->waiting()) return 0;  // soon it will not, and both are to be compared
    const auto last = p.remeasured();
    const auto seen = sample.seen(), fresh = seen - std::min(seen, last.seen);
    if (when == recheck_when::possible)
        return last.queries == 0 || fresh >= sampled_queries_min || many_died(p, last) ? kept : 0;
    if (options.on_disk) return 0;  // it would read all of it
    const auto each = last.microseconds > 0 ? last.microseconds : recheck_cost(p, options);
    const auto search = double{p.choose(0.95, 10, std::nullopt).chosen.microseconds};
    const auto before = many_died(p, last) ? 0 : seen - fresh;
    return queries_paid_for(fresh, before, kept, search, each);
}

}  // namespace

std::size_t queries_paid_for(std::uint64_t fresh, std::uint64_t before, std::size_t kept, double query_microseconds,
                             double check_microseconds) noexcept {
    if (kept < sampled_queries_min || fresh < sampled_queries_min) return 0;
    if (fresh < before && fresh < fresh_queries_enough) return 0;
    const auto budget = time_share * static_cast<double>(fresh) * query_microseconds;
    const auto paid = check_microseconds > 0 ? budget / check_microseconds : 0;
    if (paid < static_cast<double>(sampled_queries_min)) return 0;
    return paid < static_cast<double>(kept) ? static_cast<std::size_t>(paid) : kept;
}

std::vector<recheck_job> due_rechecks(const collection_state& state, recheck_when when) {
    std::vector<recheck_job> due;
    const auto pinned = state.pin();
    if (!pinned || pinned->dropped) return due;
    for (std::size_t slot = 0; slot < state.options().vectors.size(); ++slot)  // sparse searches are exact
        for (const auto& p : *pinned->vectors[slot].parts)
            if (const auto queries = queries_for(*p, state.options().vectors[slot], state.queries(slot), when))
                due.push_back({slot, p, queries});
    return due;
}

namespace {

/// May throw std::bad_alloc.
result<void> measure(const collection_state& state, const recheck_job& job, const job_control& control) {
    const auto pinned = state.pin();
    const auto& options = state.options().vectors[job.slot];
    const auto& rows = *job.rows;
    const auto seen = state.queries(job.slot).seen();
    const auto dead = rows.dead_rows();
    const auto queries = state.queries(job.slot).latest(job.queries);
    const auto lives = [&](row_id row) { return pinned->deaths->alive_at(rows.ordinal_of(row), pinned->lsn); };
    const row_predicate alive(lives);
    const keep_measuring keep_going = [&] { return !control.keep_going || control.keep_going(0, 0); };
    const auto start = thread_microseconds();
    const auto done = recheck_part({rows, options, queries, dead > 0 ? &alive : nullptr, keep_going});
    if (options.on_disk) rows.release_rows();
    // What failed is not tried again until as many queries have come: it would fail again.
    const auto cost = (thread_microseconds() - start) / static_cast<double>(std::max<std::size_t>(1, queries.size()));
    if (done || done.error().code != errc::cancelled) rows.note(part::remeasurement{queries.size(), seen, dead, cost});
    return done;
}

}  // namespace

result<void> run_recheck(const collection_state& state, const recheck_job& job, const job_control& control) {
    try {
        return measure(state, job, control);
    } catch (const std::bad_alloc&) {
        return error{errc::resource_exhausted, "out of memory while measuring an index"};
    }
}

}  // namespace vecstore::detail
