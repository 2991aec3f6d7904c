// From a lease to leadership, and what a lease is otherwise for.
#include "replica.hpp"
#include "seeded_fault.hpp"

#include <algorithm>

namespace vecstore::replication {

/// The coordinator has given this node a term: makes voters promise it.
void replica::stand(std::uint64_t term) {
    const bool led = role_ == replica_role::leader;
    const bool held = std::exchange(lease_held_, false);  // the new lease is not given back with the old leadership
    if (led) end_leading();
    adopt(term, options_.self);
    lease_held_ = held;
    role_ = replica_role::candidate;
    fetching_ = false;
    for (auto& p : peers_) p.promised.reset();
    election_until_ = now_ + options_.election_us;
    if (VECSTORE_SEEDED(fence_skipped)) return lead();
    ask_promises();
    election_step();
}

void replica::ask_promises() {
    ask_again_at_ = now_ + options_.heartbeat_us;
    for (auto& p : peers_)
        if (!p.promised && voting().is_voter(p.node)) send(p.node, fence{}, promised_.term);
}

void replica::on(const node_id& from, std::uint64_t term, const promise& m) {
    auto* p = find(from);
    if (role_ != replica_role::candidate || term != promised_.term || p == nullptr) return;
    p->promised = m;
    election_step();
}

/// Leads once a majority has promised and its best log is durable here; else asks for what is missing.
void replica::election_step() {
    if (role_ != replica_role::candidate || !promise_durable()) return;
    if (!voting().is_voter(options_.self)) return give_up();
    const bool enough = voting().majority([this](const node_id& id) {
        if (id == options_.self) return true;
        const auto* p = find(id);
        return p != nullptr && p->promised.has_value();
    });
    if (!enough) return;
    auto best = log_.last();
    const peer* source = nullptr;
    for (const auto& p : peers_) {
        if (!p.promised || !voting().is_voter(p.node)) continue;
        const bool better =
            VECSTORE_SEEDED(longest_log_leads) ? best.lsn < p.promised->last.lsn : is_behind(best, p.promised->last);
        if (better && !VECSTORE_SEEDED(own_log_leads)) {
            best = p.promised->last;
            source = &p;
        }
    }
    if (source == nullptr) {
        if (durable_lsn_ == log_.last().lsn) lead();
        return;
    }
    if (source->promised->first_lsn > log_.last().lsn + 1) return give_up();  // somebody better informed must lead
    if (!fetching_) ask_missing(source->node);
}

void replica::ask_missing(const node_id& best) {
    fetching_ = true;
    ask_again_at_ = now_ + options_.heartbeat_us;
    send(best, fetch{open_batch_.empty() ? log_.last() : open_end_}, promised_.term);
}

void replica::on(const node_id& from, std::uint64_t term, const fetched& m) {
    const auto* p = find(from);
    if (role_ != replica_role::candidate || term != promised_.term || p == nullptr || !p->promised) return;
    std::uint64_t upto = 0;
    const auto taken = take(m.prev, m.records, upto);
    if (taken == intake::malformed) ++malformed_;
    if (taken != intake::taken || role_ != replica_role::candidate) return;
    fetching_ = false;
    election_step();
}

void replica::candidate_rejected(const node_id& from, const reject& m) {
    if (m.reason == reject_reason::conflict) {
        const auto common = std::min(common_with(m), log_.last().lsn);
        const auto prev = log_.at(common);
        if (!prev) return give_up();
        open_batch_.clear();
        ask_again_at_ = now_ + options_.heartbeat_us;
        return send(from, fetch{*prev}, promised_.term);
    }
    if (m.reason == reject_reason::released || m.promised_term > promised_.term) give_up();
}

/// Lets somebody else try.
void replica::give_up() {
    end_leading();
    lease_action_at_ = now_ + options_.campaign_delay_us + random_.below(options_.look_us);
    campaign_next_ = false;
}

bool replica::may_campaign() const {
    if (role_ == replica_role::candidate || !members().is_voter(options_.self)) return false;
    return role_ != replica_role::leader || hears_majority(options_.quorum_lost_us);
}

void replica::ask_coordinator(coordinator_call call, std::uint64_t term) {
    call_ = call;
    call_open_ = true;
    call_sent_at_ = now_;
    leases_.ask({call, ++call_id_, options_.session, term});
}

void replica::resign() {
    lease_held_ = false;
    call_open_ = false;
    leases_.ask({coordinator_call::resign, ++call_id_, options_.session, lease_term_});
    campaign_next_ = false;
    lease_action_at_ = now_ + random_.below(options_.look_us);
}

void replica::lease_tick() {
    if (call_open_ && now_ >= call_sent_at_ + options_.coordinator_timeout_us) {
        call_open_ = false;
        lease_action_at_ = now_ + options_.coordinator_timeout_us / 4;
    }
    if (call_open_ || now_ < lease_action_at_) return;
    lease_action_at_ = now_ + options_.look_us;
    if (lease_held_) return ask_coordinator(coordinator_call::renew, lease_term_);
    if (!may_campaign()) return;
    if (campaign_next_)
        ask_coordinator(coordinator_call::campaign, term_seen_);
    else
        ask_coordinator(coordinator_call::look, 0);
}

void replica::answered(time_us now, const coordinator_reply& reply) {
    advance(now);
    if (role_ == replica_role::failed || !call_open_ || reply.id != call_id_) return;
    call_open_ = false;
    lease_action_at_ = now_ + options_.look_us;
    if (!reply.held) {
        lease_held_ = false;
        campaign_next_ = reply.vacant;
        if (reply.vacant) lease_action_at_ = now_ + random_.below(options_.campaign_delay_us);
    } else {
        lease_held_ = true;
        campaign_next_ = false;
        lease_term_ = reply.term;
        const auto margin = std::min(options_.lease_margin_us, reply.ttl_us);
        lease_until_ = reply.ttl_us >= never - call_sent_at_ ? never : call_sent_at_ + reply.ttl_us - margin;
        lease_action_at_ = call_sent_at_ + options_.renew_us;
        // The answer to a campaign may have been lost, so that a look tells.
        if (call_ != coordinator_call::renew) {
            if (reply.term > promised_.term || VECSTORE_SEEDED(coordinator_term_trusted))
                stand(reply.term);
            else if (role_ != replica_role::leader || term_ != reply.term)
                resign();  // overtaken: a later term was promised meanwhile
        }
    }
    settle();
}

}  // namespace vecstore::replication
