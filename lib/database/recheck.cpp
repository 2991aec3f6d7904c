// Measuring indexes again, with queries that came. What fails is told by `stats` and stops nothing: searches go by what
// they had.
#include "database_state.hpp"

#include <collection/upkeep/recheck_jobs.hpp>

namespace vecstore::detail {

void database_state::recheck_in_background() {
    if (poisoned_ || optimizers_waiting_ != 0) return;
    const lock_guard lock(optimizer_mutex_);
    for (const auto& state : all_collections()) {
        for (const auto& job : due_rechecks(*state, recheck_when::paid_for)) {
            optimizer_pace pace(options_.optimizer_cpu_share, 0);
            job_control control;
            control.keep_going = [&](std::size_t, std::size_t) {
                // Neither the log nor points that expire must wait for long.
                expire_in_background();
                if (checkpoint_due())
                    if (auto written = checkpoint(); !written) note_error(written.error());
                return keep_pace(pace, [&] { return !closing_ && optimizers_waiting_ == 0; });
            };
            if (const auto done = run_recheck(*state, job, control); !done) note_error(done.error());
            if (closing_ || optimizers_waiting_ != 0) return;
        }
    }
}

result<void> database_state::recheck_all(const progress_callback& report) {
    for (const auto& state : all_collections()) {
        const auto task = "measuring " + state->name();
        for (const auto& job : due_rechecks(*state, recheck_when::possible)) {
            optimizer_pace pace(options_.optimizer_cpu_share, 0);
            job_control control;
            control.keep_going = [&](std::size_t, std::size_t) {
                return keep_pace(pace, [&] { return !closing_ && (!report || report({task, 0, 0})); });
            };
            const auto done = run_recheck(*state, job, control);
            if (!done && done.error().code == errc::cancelled) return done.error();
            if (!done) note_error(done.error());
        }
    }
    return {};
}

}  // namespace vecstore::detail
