// Writing records, shipping them, and saying what is committed.
#include "replica.hpp"
#include "seeded_fault.hpp"

#include <algorithm>

namespace vecstore::replication {

/// A majority has promised this term, and the best of its logs is durable here.
void replica::lead() {
    role_ = replica_role::leader;
    term_ = promised_.term;
    round_ = 0;
    heir_.reset();
    followed_term_ = 0;
    open_batch_.clear();
    const auto open = wal::draft{wal::record_type::term_open, 0, {}};
    for (auto& p : peers_) {
        const auto node = p.node;
        p = peer{};
        p.node = node;
        p.next_lsn = log_.last().lsn + 1;
        p.credit = options_.append_bytes;
        p.heard_at = now_;
    }
    if (!VECSTORE_SEEDED(old_term_commits)) {
        if (auto opened = append_own({&open, 1}); !opened)
            return opened.error().code == errc::resource_exhausted ? give_up() : fail();
    }
    term_open_lsn_ = log_.last().lsn;
    notify(event_kind::leading, term_open_lsn_);
    heartbeat_all();
    ship_all();
}

result<void> replica::append_own(std::span<const wal::draft> batch) {
    std::vector<wal::record> records(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        auto& record = records[i];
        record.lsn = log_.last().lsn + 1 + i;
        record.term = term_;
        record.type = batch[i].type;
        record.flags = batch[i].flags;
        record.batch_pos = i > 0 && records[i - 1].batch_continues() ? records[i - 1].batch_pos + 1 : 0;
        record.durable_upto = durable_lsn_;
        record.payload = batch[i].payload;
    }
    VECSTORE_CHECK(log_.append(records));
    add_configs(records);
    return {};
}

result<void> replica::check_leading() const {
    if (role_ != replica_role::leader) {
        const auto s = status();
        return error{errc::unavailable, s.leader ? "not the leader: that is " + short_name(*s.leader)
                                                 : std::string("not the leader, and none is known")};
    }
    if (!hears_majority(options_.quorum_lost_us))
        return error{errc::unavailable, "no majority of voters is heard: only reading is possible"};
    if (heir_) return error{errc::unavailable, "leadership is being handed over to " + short_name(*heir_)};
    const auto open = writes_[0].size() + writes_[1].size() + writes_[2].size() + reads_.size();
    if (open >= options_.pending_max)
        return error{errc::resource_exhausted, std::to_string(open) + " writes and reads are waiting"};
    return {};
}

result<std::uint64_t> replica::submit(time_us now, std::span<const wal::draft> batch, ack_level level) {
    advance(now);
    if (batch.empty()) return invalid_argument("batch: no records");
    if ((batch.back().flags & wal::flag_batch_continues) != 0) return invalid_argument("batch: its end is missing");
    VECSTORE_CHECK(check_leading());
    if (level != ack_level::quorum && !lease_valid())
        return error{errc::unavailable, "suspended: without a lease only a quorum can acknowledge"};
    if (auto appended = append_own(batch); !appended) {
        if (appended.error().code != errc::resource_exhausted) fail();
        return std::move(appended).error();
    }
    const auto ticket = next_ticket_++;
    writes_[static_cast<std::size_t>(level)].push_back({ticket, log_.last(), 0});
    if (log_.last().lsn >= last_hash_lsn_ + options_.hash_interval) {
        const auto mark = wal::draft{wal::record_type::state_hash, 0, {}};
        if (append_own({&mark, 1})) last_hash_lsn_ = log_.last().lsn;
    }
    ship_all();
    settle();
    return ticket;
}

result<std::uint64_t> replica::read_barrier(time_us now) {
    advance(now);
    VECSTORE_CHECK(check_leading());
    const auto ticket = next_ticket_++;
    // Before this term has committed anything, what earlier ones did is in the log, but not known to be committed.
    const auto lsn = commit_lsn_ >= term_open_lsn_ ? commit_lsn_ : log_.last().lsn;
    pending read{ticket, {term_, lsn, 0}, round_ + 1};
    if (VECSTORE_SEEDED(read_without_round)) read.round = 0;
    reads_.push_back(read);
    heartbeat_all();
    finish_pending();
    settle();
    return ticket;
}

result<std::uint64_t> replica::change_membership(time_us now, membership to) {
    advance(now);
    VECSTORE_CHECK(check_leading());
    VECSTORE_CHECK(check_change(members(), to));
    const bool open = configs_.back().first > commit_lsn_ || commit_lsn_ < term_open_lsn_;
    if (open && !VECSTORE_SEEDED(two_changes))
        return error{errc::conflict, "membership: an earlier change, or this term, is not committed yet"};
    for (const auto& id : to.voters) {
        if (members().is_voter(id)) continue;
        const auto* p = find(id);
        if (p == nullptr || p->match_lsn + options_.learner_lag_max < log_.last().lsn)
            return error{errc::conflict, "membership.voters: node " + short_name(id) + " lacks too many records"};
    }
    to.epoch = members().epoch + 1;
    const auto payload = encode_membership(to);
    const auto draft = wal::draft{wal::record_type::config, 0, payload};
    if (auto appended = append_own({&draft, 1}); !appended) {
        if (appended.error().code != errc::resource_exhausted) fail();
        return std::move(appended).error();
    }
    const auto ticket = next_ticket_++;
    writes_[static_cast<std::size_t>(ack_level::quorum)].push_back({ticket, log_.last(), 0});
    ship_all();
    settle();
    return ticket;
}

void replica::ship_all() {
    for (auto& p : peers_) ship(p);
}

/// Sends what `p` lacks, as far as its credit and the window go.
void replica::ship(peer& p) {
    if (p.probing) {
        if (p.sent.empty()) probe(p);
        return;
    }
    while (p.next_lsn <= log_.last().lsn) {
        if (p.next_lsn < log_.first_lsn()) {
            if (!std::exchange(p.needs_snapshot, true)) notify(event_kind::needs_snapshot, log_.first_lsn(), 0, p.node);
            return;
        }
        const auto window = std::min(options_.window_bytes, p.credit) * (VECSTORE_SEEDED(credit_ignored) ? 4 : 1);
        if (p.sent.size() >= options_.window_frames) return;
        if (p.sent_bytes >= window && !p.sent.empty()) return;
        // Small records wait for each other while enough is under way.
        constexpr std::uint64_t few_records = 64;
        if (p.sent.size() >= options_.eager_frames && log_.last().lsn - p.next_lsn < few_records) return;
        const auto room = std::min(options_.append_bytes, window > p.sent_bytes ? window - p.sent_bytes : 0);
        append m;
        m.prev = log_.at(p.next_lsn - 1).value_or(position{});
        m.commit_lsn = p.noticed_commit = commit_lsn_;
        m.round = round_;
        records_.clear();
        const auto upto = log_.read(p.next_lsn, room, records_);
        if (!upto) return;
        m.records = records_.bytes();
        if (p.sent.empty()) p.progress_at = now_;
        p.sent.push_back({*upto, records_.size()});
        p.sent_bytes += records_.size();
        p.next_lsn = *upto + 1;
        send(p.node, m, term_);
    }
}

/// Asks whether the log of `p` has what stands before `next_lsn` here.
void replica::probe(peer& p) {
    if (p.next_lsn < log_.first_lsn()) p.next_lsn = log_.first_lsn();
    append m;
    m.prev = log_.at(p.next_lsn - 1).value_or(position{});
    m.commit_lsn = commit_lsn_;
    m.round = round_;
    p.progress_at = now_;
    p.sent.push_back({m.prev.lsn, 0});
    send(p.node, m, term_);
}

void replica::on(const node_id& from, std::uint64_t term, const append_ok& m) {
    auto* p = find(from);
    if (role_ != replica_role::leader || term != term_ || p == nullptr || m.durable_lsn > log_.last().lsn) return;
    p->heard_at = now_;
    p->round = std::max(p->round, m.round);
    p->applied_lsn = std::max(p->applied_lsn, m.applied_lsn);
    p->credit = m.credit_bytes;
    p->probing = false;
    if (m.durable_lsn > p->match_lsn) {
        p->match_lsn = m.durable_lsn;
        p->progress_at = now_;
        p->needs_snapshot = false;
    }
    while (!p->sent.empty() && (p->sent.front().last_lsn <= p->match_lsn || p->sent.front().bytes == 0)) {
        p->sent_bytes -= p->sent.front().bytes;
        p->sent.pop_front();
    }
    p->next_lsn = std::max(p->next_lsn, p->match_lsn + 1);
    compare_hash(from, m.hash_lsn, m.hash);
    // It may lack what is not under way, or not know that it has it.
    if (p->sent.empty() && m.durable_lsn < log_.last().lsn && p->next_lsn > log_.last().lsn && m.round == round_)
        probe(*p);
    advance_commit();
    finish_pending();
    if (role_ == replica_role::leader) ship(*p);
}

void replica::on(const node_id& from, std::uint64_t term, const reject& m) {
    term_seen_ = std::max(term_seen_, m.promised_term);
    if (role_ == replica_role::candidate && term == promised_.term) return candidate_rejected(from, m);
    if (role_ != replica_role::leader || term != term_) return;
    if (m.reason == reject_reason::stale_term) {
        if (m.promised_term > term_) end_leading();
        return;
    }
    auto* p = find(from);
    if (p == nullptr || m.reason != reject_reason::conflict) return;
    p->heard_at = now_;
    // One loss makes everything behind it conflict. Only the first such answer counts, and one frame is sent until it has
    // been answered: else each answer would send a window, and each frame of it could bring such an answer.
    if (p->probing && m.asked_lsn != p->next_lsn - 1) return;
    p->next_lsn = std::min(common_with(m), log_.last().lsn) + 1;
    p->sent.clear();
    p->sent_bytes = 0;
    p->probing = p->next_lsn >= log_.first_lsn();
    if (p->probing)
        probe(*p);
    else
        ship(*p);  // says that it needs a snapshot
}

void replica::send_heartbeat(peer& p) {
    heartbeat m;
    m.last = log_.last();
    m.commit_lsn = p.noticed_commit = commit_lsn_;
    m.round = round_;
    if (!hashes_.empty()) {
        m.hash_lsn = hashes_.back().first;
        m.hash = hashes_.back().second;
    }
    p.noticed_at = now_;
    send(p.node, m, term_);
}

void replica::heartbeat_all() {
    ++round_;
    heartbeat_at_ = now_ + options_.heartbeat_us;
    for (auto& p : peers_) send_heartbeat(p);
}

void replica::advance_commit() {
    const auto match = [this](const node_id& id) {
        if (id == options_.self) return VECSTORE_SEEDED(own_unsynced_counts) ? log_.last().lsn : durable_lsn_;
        const auto* p = find(id);
        return p == nullptr ? 0 : p->match_lsn;
    };
    auto lsn = voting().reached(match);
    // Of a change that this leader began, and that is not committed, the old voters must have it, too.
    if (configs_.size() > 1 && configs_.back().first > std::max(commit_lsn_, term_open_lsn_) &&
        !VECSTORE_SEEDED(config_at_commit))
        lsn = std::min(lsn, configs_[configs_.size() - 2].second.reached(match));
    if (lsn < term_open_lsn_ && !VECSTORE_SEEDED(old_term_commits)) return;
    if (lsn <= commit_lsn_) return finish_pending();
    commit_to(lsn);
    finish_pending();
    tell_commit();
}

/// Followers that get no records hear of what is committed, each not too often.
void replica::tell_commit() {
    for (auto& p : peers_)
        if (notice_due(p) && now_ >= p.noticed_at + options_.commit_notice_us) send_heartbeat(p);
}

/// Once its own removal is committed and applied.
void replica::leave_if_removed() {
    if (role_ != replica_role::leader || members().is_voter(options_.self)) return;
    if (configs_.back().first > std::min(commit_lsn_, applied_lsn_)) return;
    heartbeat_all();  // the last that the others hear of this leader
    end_leading();
}

void replica::finish_pending() {
    const auto finish = [this](std::deque<pending>& writes, std::uint64_t upto) {
        while (!writes.empty() && writes.front().at.lsn <= upto) {
            host_.finished({writes.front().ticket, true, writes.front().at});
            writes.pop_front();
        }
    };
    const auto certain = std::min(commit_lsn_, applied_lsn_);
    std::uint64_t copied = 0;
    for (const auto& p : peers_)
        if (members().is_voter(p.node)) copied = std::max(copied, p.match_lsn);
    finish(writes_[0], lease_valid() ? durable_lsn_ : certain);
    finish(writes_[1], lease_valid() ? std::min(durable_lsn_, copied) : certain);
    finish(writes_[2], VECSTORE_SEEDED(done_before_commit) ? durable_lsn_ : certain);
    while (!reads_.empty() && reads_.front().at.lsn <= applied_lsn_) {
        const auto round = reads_.front().round;
        const bool leads = round == 0 || voting().majority([&](const node_id& id) {
            if (id == options_.self) return true;
            const auto* p = find(id);
            return p != nullptr && p->round >= round;
        });
        if (!leads) break;
        host_.finished({reads_.front().ticket, true, reads_.front().at});
        reads_.pop_front();
    }
}

bool replica::hears_majority(time_us within) const {
    return members().majority([&](const node_id& id) {
        if (id == options_.self) return true;
        for (const auto& p : peers_)
            if (p.node == id) return p.heard_at + within > now_;
        return false;
    });
}

void replica::leader_tick() {
    for (auto& p : peers_) {
        if (p.sent.empty() || now_ < p.progress_at + options_.resend_us) continue;
        p.progress_at = now_;
        if (VECSTORE_SEEDED(never_resent)) continue;
        p.sent.clear();
        p.sent_bytes = 0;
        p.probing = true;
        p.next_lsn = (p.match_lsn > 0 ? p.match_lsn : log_.last().lsn) + 1;
        ship(p);
    }
    finish_pending();
    tell_commit();
    if (now_ >= heartbeat_at_) heartbeat_all();
    if (lease_held_ && !hears_majority(options_.quorum_resign_us)) resign();
    if (heir_ && now_ >= heir_until_) heir_.reset();
}

}  // namespace vecstore::replication
