// What all roles share: promises, commits, configurations, timers.
#include "replica.hpp"

#include "seed_message.hpp"
#include "seeded_fault.hpp"

#include <algorithm>

namespace vecstore::replication {
namespace {

constexpr std::size_t hashes_kept = 16;
constexpr std::size_t scan_bytes = 1u << 20;

}  // namespace

replica::replica(const replica_options& options, const replica_ports& ports, const replica_start& start, time_us now)
    : options_(options),
      log_(ports.log),
      promises_(ports.promises),
      state_(ports.state),
      net_(ports.net),
      leases_(ports.leases),
      host_(ports.host),
      random_(options.random_seed),
      now_(now),
      promised_(start.promised),
      term_seen_(std::max(start.promised.term, ports.log.last().term)),
      durable_lsn_(ports.log.last().lsn),
      commit_lsn_(start.applied_lsn),
      applying_lsn_(start.applied_lsn),
      applied_lsn_(start.applied_lsn),
      configs_{{start.applied_lsn, start.members}},
      last_hash_lsn_(ports.log.last().lsn) {
    lease_action_at_ = now_ + random_.below(options_.look_us);
}

result<std::unique_ptr<replica>> replica::open(const replica_options& options, const replica_ports& ports,
                                               const replica_start& start, time_us now) {
    std::unique_ptr<replica> made(new replica(options, ports, start, now));
    VECSTORE_CHECK(made->load_configs());
    made->refresh_peers();
    made->set_deadline();
    return made;
}

result<void> replica::load_configs() {
    for (auto lsn = applied_lsn_ + 1; lsn <= log_.last().lsn;) {
        records_.clear();
        VECSTORE_TRY(const auto upto, log_.read(lsn, scan_bytes, records_));
        auto bytes = records_.bytes();
        while (!bytes.empty()) {
            const auto record = wal::decode_record(bytes, 0);
            if (!record) return error{errc::corruption, "log record " + std::to_string(lsn) + " cannot be read"};
            if (record->type == wal::record_type::config) {
                VECSTORE_TRY(auto members, decode_membership(record->payload));
                configs_.emplace_back(record->lsn, std::move(members));
            }
            bytes = bytes.subspan(wal::record_bytes(record->payload.size()));
        }
        lsn = upto + 1;
    }
    return {};
}

void replica::receive(time_us now, const node_id& from, byte_span bytes) {
    advance(now);
    if (role_ == replica_role::failed) return;
    const auto f = parse_frame(bytes);
    if (f && is_seed_frame(f->type)) return host_.received(from, bytes);
    const auto m = f ? decode(*f) : result<message>(f.error());
    if (m)
        std::visit([&](const auto& body) { on(from, f->term, body); }, *m);
    else
        ++malformed_;
    settle();
}

void replica::tick(time_us now) {
    advance(now);
    if (role_ == replica_role::failed) return;
    lease_tick();
    if (role_ == replica_role::leader) leader_tick();
    if (role_ == replica_role::candidate) {
        if (now_ >= election_until_) {
            give_up();
        } else if (now_ >= ask_again_at_) {
            fetching_ = false;
            ask_promises();
            election_step();
        }
    }
    settle();
    host_.ticked(now_);
}

void replica::log_synced(time_us now, std::uint64_t id, bool ok) {
    advance(now);
    if (role_ == replica_role::failed || id != sync_id_ || !syncing_) return;
    if (!ok && !VECSTORE_SEEDED(failed_sync_forgotten)) return fail();
    syncing_ = false;
    durable_lsn_ = sync_target_;
    if (role_ == replica_role::leader)
        advance_commit();
    else
        answer_due_ = answer_due_ || followed_term_ == promised_.term;
    if (role_ == replica_role::candidate) election_step();
    settle();
}

void replica::promise_stored(time_us now, std::uint64_t id, bool ok) {
    advance(now);
    if (role_ == replica_role::failed) return;
    if (!ok) return fail();
    stored_id_ = std::max(stored_id_, id);
    if (role_ == replica_role::candidate) election_step();
    settle();
}

void replica::applied(time_us now, std::uint64_t lsn) {
    advance(now);
    if (role_ == replica_role::failed) return;
    applied_lsn_ = std::max(applied_lsn_, lsn);
    if (role_ == replica_role::leader) finish_pending();
    settle();
}

void replica::state_hashed(std::uint64_t lsn, const hash128& hash) {
    hashes_.emplace_back(lsn, hash);
    if (hashes_.size() > hashes_kept) hashes_.pop_front();
}

/// What may have become due whatever happened.
void replica::settle() {
    if (role_ == replica_role::failed) {
        deadline_ = never;
        return;
    }
    if (!syncing_ && log_.last().lsn > durable_lsn_) {
        syncing_ = true;
        sync_target_ = log_.last().lsn;
        log_.start_sync(++sync_id_);
    }
    const auto ready = std::min(commit_lsn_, durable_lsn_);
    if (ready > applying_lsn_) {
        applying_lsn_ = ready;
        state_.apply_to(ready);
    }
    if (fence_due_) give_promise();
    if (answer_due_) acknowledge();
    leave_if_removed();
    finish_hand_over();
    set_deadline();
}

void replica::set_deadline() {
    auto at = call_open_ ? call_sent_at_ + options_.coordinator_timeout_us : lease_action_at_;
    if (lease_held_ && lease_until_ > now_) at = std::min(at, lease_until_);
    if (role_ == replica_role::candidate) at = std::min({at, election_until_, ask_again_at_});
    if (role_ == replica_role::leader) {
        at = std::min(at, heartbeat_at_);
        if (heir_) at = std::min(at, heir_until_);
        for (const auto& p : peers_) {
            if (!p.sent.empty()) at = std::min(at, p.progress_at + options_.resend_us);
            if (notice_due(p)) at = std::min(at, p.noticed_at + options_.commit_notice_us);
        }
    }
    deadline_ = at;
}

void replica::fail() {
    notify(event_kind::failed);
    end_leading();
    role_ = replica_role::failed;
    deadline_ = never;
}

void replica::notify(event_kind kind, std::uint64_t lsn, std::uint64_t count, const node_id& about) {
    host_.happened({kind, promised_.term, lsn, count, about});
}

void replica::send(const node_id& to, const message& m, std::uint64_t term) {
    frame_.clear();
    encode(m, term, frame_);
    net_.send(to, frame_.bytes());
}

/// Whatever was on the way to lead or did is over.
void replica::end_leading() {
    const bool led = role_ == replica_role::leader;
    if (led || role_ == replica_role::candidate) notify(event_kind::following);
    role_ = replica_role::follower;
    if (lease_held_) resign();
    if (!led) return;
    for (auto& level : writes_)
        for (const auto& write : std::exchange(level, {}))
            host_.finished({write.ticket, VECSTORE_SEEDED(done_after_step_down), write.at});
    for (const auto& read : std::exchange(reads_, {})) host_.finished({read.ticket, false, read.at});
}

/// From now on `node` of `term` is followed and nobody of an earlier one. Answers wait until that is durable.
void replica::adopt(std::uint64_t term, const node_id& node) {
    end_leading();
    promised_ = {term, node};
    term_seen_ = std::max(term_seen_, term);
    fence_due_ = false;
    answer_due_ = false;
    open_batch_.clear();
    if (VECSTORE_SEEDED(promise_not_stored)) return;
    promises_.start_store(++store_id_, promised_);
    if (VECSTORE_SEEDED(promise_before_store)) stored_id_ = store_id_;
}

void replica::commit_to(std::uint64_t lsn) {
    if (lsn <= commit_lsn_) return;
    commit_lsn_ = lsn;
    while (configs_.size() > 1 && configs_[1].first <= commit_lsn_) configs_.erase(configs_.begin());
}

void replica::compare_hash(const node_id& about, std::uint64_t lsn, const hash128& hash) {
    if (state_differs_ || VECSTORE_SEEDED(hash_not_compared)) return;
    for (const auto& own : hashes_) {
        if (own.first != lsn || own.second == hash) continue;
        state_differs_ = role_ != replica_role::leader;
        notify(event_kind::state_differs, lsn, 0, about);
        return;
    }
}

/// True when the log has that record, and so everything before it.
bool replica::has(const position& p) const {
    if (VECSTORE_SEEDED(prev_not_checked)) return p.lsn <= log_.last().lsn;
    const auto own = log_.at(p.lsn);
    return own ? *own == p : p.lsn <= commit_lsn_;  // every leader has what is committed, released or not
}

void replica::add_configs(std::span<const wal::record> records) {
    bool any = false;
    for (const auto& record : records) {
        if (record.type != wal::record_type::config) continue;
        auto members = decode_membership(record.payload);
        if (!members) return fail();
        configs_.emplace_back(record.lsn, *std::move(members));
        any = true;
    }
    if (any) refresh_peers();
}

/// Whose promises elect: the latest members in the log, committed or not.
const membership& replica::voting() const noexcept {
    return VECSTORE_SEEDED(config_at_commit) ? configs_.front().second : configs_.back().second;
}

/// Members of all configurations that may still count.
void replica::refresh_peers() {
    std::vector<node_id> wanted;
    for (const auto& [lsn, members] : configs_)
        for (const auto* ids : {&members.voters, &members.learners})
            for (const auto& id : *ids)
                if (id != options_.self && std::find(wanted.begin(), wanted.end(), id) == wanted.end())
                    wanted.push_back(id);
    std::vector<peer> next;
    for (const auto& id : wanted) {
        if (auto* known = find(id)) {
            next.push_back(std::move(*known));
            continue;
        }
        peer fresh;
        fresh.node = id;
        fresh.next_lsn = log_.last().lsn + 1;
        fresh.credit = options_.append_bytes;
        fresh.heard_at = now_;
        next.push_back(std::move(fresh));
    }
    peers_ = std::move(next);
}

replica::peer* replica::find(const node_id& node) noexcept {
    for (auto& p : peers_)
        if (p.node == node) return &p;
    return nullptr;
}

/// The last runs of the log up to `lsn`, ascending.
std::vector<term_run> replica::runs_upto(std::uint64_t lsn) const {
    std::vector<term_run> runs;
    const auto first = log_.first_lsn();
    while (lsn >= first && lsn > 0 && runs.size() < term_runs_max) {
        const auto term = log_.at(lsn)->term;
        auto low = first, high = lsn;  // the first record of the term is in [low, high]
        while (low < high) {
            const auto middle = low + (high - low) / 2;
            if (log_.at(middle)->term == term)
                high = middle;
            else
                low = middle + 1;
        }
        runs.push_back({term, low});
        lsn = low - 1;
    }
    std::reverse(runs.begin(), runs.end());
    return runs;
}

/// The last lsn up to which the log that was described and this one can be the same.
std::uint64_t replica::common_with(const reject& r) const {
    for (std::size_t i = r.runs.size(); i-- > 0;) {
        const auto end = i + 1 < r.runs.size() ? r.runs[i + 1].first_lsn - 1 : r.upto_lsn;
        // The last record here whose term is not later.
        auto low = log_.first_lsn() - 1, high = log_.last().lsn;
        while (low < high) {
            const auto middle = low + (high - low + 1) / 2;
            if (log_.at(middle)->term <= r.runs[i].term)
                low = middle;
            else
                high = middle - 1;
        }
        if (log_.at(low)->term == r.runs[i].term && std::min(low, end) >= r.runs[i].first_lsn)
            return std::min(low, end);
    }
    return r.runs.empty() ? r.upto_lsn : r.runs.front().first_lsn - 1;
}

replica_status replica::status() const {
    replica_status s;
    s.role = role_;
    s.promised = promised_;
    if (role_ == replica_role::leader)
        s.leader = options_.self;
    else if (followed_term_ == promised_.term && followed_term_ != 0)
        s.leader = promised_.node;
    s.last = log_.last();
    s.durable_lsn = durable_lsn_;
    s.commit_lsn = commit_lsn_;
    s.applied_lsn = applied_lsn_;
    s.voter = members().is_voter(options_.self);
    s.lease_held = lease_valid();
    s.read_only = role_ == replica_role::leader && !hears_majority(options_.quorum_lost_us);
    s.state_differs = state_differs_;
    for (const auto& p : peers_)
        s.peers.push_back({p.node, p.match_lsn, p.applied_lsn, p.sent_bytes, p.heard_at, p.needs_snapshot});
    return s;
}

}  // namespace vecstore::replication
