// Erasing what has expired: the clock is looked at here and nowhere behind the log.
#include "database_state.hpp"

namespace vecstore::detail {

result<std::size_t> database_state::expire_due(std::uint64_t now_ms) {
    constexpr std::size_t batch_points = 1'000;  // so that other writers get their turns in between
    VECSTORE_CHECK(check_writable());
    std::size_t expired = 0;
    for (const auto& state : all_collections()) {
        if (!state->expiring()) continue;
        for (std::size_t found = batch_points; found == batch_points && !closing_;) {
            write_request request;
            request.durability = durability::async;
            request.resolve = [&](write_request& made) -> result<void> {
                found = 0;
                if (state->pin()->dropped) return {};
                VECSTORE_TRY(const auto tables, tables_->read());
                VECSTORE_TRY(const auto ids, state->due_at(now_ms, batch_points, *tables));
                VECSTORE_TRY(made.operations, encode_erase(state->id(), ids));
                found = ids.size();
                return {};
            };
            VECSTORE_CHECK(commit(std::move(request)));
            expired += found;
        }
    }
    return expired;
}

void database_state::expire_in_background() {
    using std::chrono::milliseconds;
    const auto now =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
    if (now < next_expiry_ms_ || !any_expiring_ || poisoned_ || following_) return;
    next_expiry_ms_ = now + static_cast<std::int64_t>(options_.expire_interval_ms);
    if (auto done = expire_due(now_ms()); !done) note_error(done.error());
}

}  // namespace vecstore::detail
