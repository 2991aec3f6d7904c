// Leaving the leadership to another on purpose. It is a matter of speed alone: whoever leads next is elected as always.
#include "replica.hpp"

#include <algorithm>

namespace vecstore::replication {

result<void> replica::hand_over_to(time_us now, const node_id& to) {
    advance(now);
    VECSTORE_CHECK(check_leading());
    if (to == options_.self || !members().is_voter(to))
        return invalid_argument("node " + short_name(to) + " is no other voter");
    heir_ = to;
    heir_until_ = now_ + options_.hand_over_us;
    ship_all();
    settle();
    return {};
}

/// Once nothing is open, and the heir lacks nothing.
void replica::finish_hand_over() {
    if (role_ != replica_role::leader || !heir_) return;
    const auto* p = find(*heir_);
    const bool open = !writes_[0].empty() || !writes_[1].empty() || !writes_[2].empty() || !reads_.empty();
    if (p == nullptr || open || p->match_lsn < log_.last().lsn || commit_lsn_ < log_.last().lsn) return;
    const auto to = *std::exchange(heir_, std::nullopt);
    const auto term = term_;
    heartbeat_all();  // the last, which says what is committed
    end_leading();
    // Others first: the heir at once, the rest when they look.
    lease_action_at_ = now_ + 2 * options_.look_us;
    send(to, hand_over{}, term);
}

void replica::on(const node_id& from, std::uint64_t term, const hand_over&) {
    if (role_ != replica_role::follower || term != promised_.term || from != followed_) return;
    notify(event_kind::asked_to_lead, 0, 0, from);
    if (call_open_ || lease_held_ || !may_campaign()) return;
    campaign_next_ = true;
    lease_action_at_ = now_;
}

void replica::look_soon(time_us now) {
    advance(now);
    if (!lease_held_ && !call_open_) lease_action_at_ = now_;
    set_deadline();
}

}  // namespace vecstore::replication
