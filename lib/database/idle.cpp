// What the background thread does when nothing else is to be done: touching what opening has left, and scrubbing.
#include "database_state.hpp"

#include <algorithm>

namespace vecstore::detail {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto scrub_interval = std::chrono::hours(24);
constexpr std::uint64_t scrub_slices_per_second = 10;

}  // namespace

void database_state::start_idle_work() {
    first_look_.emplace(parts_of(all_collections(), directory_));
    idle_work_at_ = clock::now();
}

/// Zero or less: now. Nothing: never.
std::optional<milliseconds> database_state::until_idle_work() const {
    if (in_memory() || (!first_look_ && options_.scrub_bytes_per_second == 0)) return std::nullopt;
    return std::chrono::ceil<milliseconds>(idle_work_at_ - clock::now());
}

/// A slice, then a pause. Catching up takes half of the time, so that queries get the other half of the disk.
void database_state::idle_step() {
    const auto start = clock::now();
    if (!first_look_) return scrub_slice();
    if (auto checked = first_look_->step(); !checked) {
        note_error(checked.error());
        wake_background(true);  // it may have been an index, which is to be built again
    }
    const auto now = clock::now();
    idle_work_at_ = now + (now - start);
    if (!first_look_->done()) return;
    first_look_.reset();
    idle_work_at_ = now + scrub_interval;
}

/// So that the optimizer knows which ones are damaged.
result<void> database_state::load_indexes() {
    return commit_queue::without_exceptions([&]() -> result<void> {
        for (const auto& placed : parts_of(all_collections(), directory_))
            if (const auto rows = placed.rows.lock())
                for (const auto* index : rows->opened_indexes())
                    if (index != nullptr && !index->ready()) note_error(index->failure());
        return {};
    });
}

void database_state::scrub_slice() {
    const auto now = clock::now();
    if (!scrub_pass_) scrub_pass_.emplace(*part_files_, parts_of(all_collections(), directory_), scrubbed_);
    const auto slice = std::max(storage::block_bytes, options_.scrub_bytes_per_second / scrub_slices_per_second);
    const auto read = scrub_pass_->step(slice);
    if (!read) note_error(read.error());
    const auto bytes = read ? *read : slice;
    idle_work_at_ = now + milliseconds(bytes * 1'000 / options_.scrub_bytes_per_second);
    if (!scrub_pass_->done()) return;
    scrub_pass_.reset();
    idle_work_at_ = now + scrub_interval;
}

result<void> database_state::scrub(const progress_callback& report) {
    constexpr std::uint64_t slice = 4u << 20;
    VECSTORE_CHECK(check_open());
    if (in_memory()) return {};
    scrub_pass pass(*part_files_, parts_of(all_collections(), directory_), scrubbed_);
    const auto all = pass.parts_left();
    result<void> outcome;
    while (!pass.done()) {
        if (closing_ || (report && !report({"scrubbing", all - pass.parts_left(), all})))
            return error{errc::cancelled, "scrubbing was cancelled"};
        const auto read = pass.step(slice);
        if (read) continue;
        note_error(read.error());
        if (outcome) outcome = read.error();
    }
    return outcome;
}

}  // namespace vecstore::detail
