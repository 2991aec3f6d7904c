#include "cluster.hpp"

namespace vecstore::sim {
namespace {

node_id make_node_id(std::uint64_t number) {
    node_id id{};
    store_le(id.data(), mix64(number));
    store_le(id.data() + 8, number);
    return id;
}

membership first_members(std::size_t count) {
    membership members;
    for (std::size_t i = 1; i <= count; ++i) members.voters.push_back(make_node_id(i));
    return members;
}

std::size_t node_count(std::uint64_t seed) { return seed % 4 == 3 ? 5 : 3; }

}  // namespace

cluster::cluster(const run_options& options)
    : random_(options.seed),
      weather_(weather::of(random_)),
      options_(options),
      check_(first_members(node_count(options.seed))) {
    weather_.calm_down(options.without);
    check_.look_up_with(log_of, this);
    for (const auto& id : check_.members().voters) {
        nodes_.push_back(std::make_unique<node>(*this, static_cast<std::uint8_t>(nodes_.size()), id));
        nodes_.back()->durable.members = check_.members();
        ++next_node_;
    }
}

const sim_log* cluster::log_of(const void* self, const node_id& id) {
    const auto* const here = static_cast<const cluster*>(self);
    for (const auto* some : {&here->nodes_, &here->lost_})
        for (const auto& n : *some)
            if (n->id == id) return &n->log;
    return nullptr;
}

node* cluster::find(const node_id& id) noexcept {
    for (const auto& n : nodes_)
        if (n->id == id) return n.get();
    return nullptr;
}

void cluster::later(std::uint64_t delay, event_type type, const node& n, std::uint64_t a, std::uint64_t b) {
    queue_.push({now_ + delay, 0, type, n.index, n.life, a, b});
}

run_result cluster::run() {
    for (const auto& n : nodes_) {
        n->set_clock(0, weather_.clocks ? 0.97 + 0.06 * random_.unit() : 1.0, 1'000'000);
        start(*n);
    }
    later(100'000, event_type::client, *nodes_[0]);
    later(500'000, event_type::admin, *nodes_[0]);
    later(weather_.fault_interval_us, event_type::fault, *nodes_[0]);
    constexpr std::uint64_t calm_us = 15'000'000;
    std::uint64_t calm_until = 0;
    while (check_.violation().empty()) {
        if (!calm_ && result_.events >= options_.events) {
            mend_all();
            calm_until = now_ + calm_us;
        }
        if (options_.damage_state && !state_damaged_ && result_.events >= options_.events / 2) damage_some_state();
        if (calm_ && now_ >= calm_until) {
            if (state_damaged_ && !damage_noticed_) check_.fail("I6: a damaged state was not noticed");
            if (const auto why = converged(); !why.empty()) check_.fail("liveness: " + why);
            break;
        }
        const auto e = queue_.pop();
        now_ = e.at;
        ++result_.events;
        note(e.at ^ static_cast<std::uint64_t>(e.type) << 56 ^ static_cast<std::uint64_t>(e.node) << 48 ^ e.a);
        happen(e);
    }
    result_.violation = check_.violation();
    result_.trace = trace_;
    result_.committed = check_.committed_lsn();
    result_.simulated_us = now_;
    return result_;
}

void cluster::happen(const event& e) {
    switch (e.type) {
        case event_type::client: return client();
        case event_type::write: return write_or_read();
        case event_type::admin: return administer();
        case event_type::fault: return fault();
        case event_type::asked: {
            auto& asked = calls_[e.a];
            asked.reply = coordinator_.answer(now_, asked.request);
            const auto& n = *nodes_[e.node];
            if (asked.request.call == replication::coordinator_call::resign || coordinator_cut_[e.node] ||
                chance(weather_.lost))
                return;
            return queue_.push({now_ + 500 + random_.below(5'000), 0, event_type::answered, n.index, e.life, e.a, 0});
        }
        case event_type::mend: {
            if (e.a == 0)
                for (auto& row : cut_)
                    for (auto& one : row) one = false;
            if (e.a == 1) coordinator_.lies = false;
            if (e.a == 2)
                for (auto& one : coordinator_cut_) one = false;
            return;
        }
        default: break;
    }
    auto& n = *nodes_[e.node];
    if (e.type == event_type::deliver) {
        // Whoever pauses finds it in his socket when he goes on.
        if (n.replica && n.paused_until > now_)
            return queue_.push({n.paused_until, 0, e.type, e.node, e.life, e.a, e.b});
        return deliver(n, e.a);
    }
    if (e.type == event_type::restart) {
        if (!n.replica) start(n);
        return;
    }
    if (e.life != n.life || !n.replica) return;
    if (e.type == event_type::strike) return calm_ ? void() : crash(n);
    const bool on_disk = e.type == event_type::synced || e.type == event_type::stored;
    if (n.paused_until > now_ && !on_disk) return queue_.push({n.paused_until, 0, e.type, e.node, e.life, e.a, e.b});
    happen_to(n, e);
}

void cluster::happen_to(node& n, const event& e) {
    const auto now = n.local(now_);
    switch (e.type) {
        case event_type::timer:
            if (e.a != n.timer_at) return;
            n.timer_at = ~std::uint64_t{0};
            n.replica->tick(now);
            break;
        case event_type::synced: sync_ends(n, e); break;
        case event_type::stored:
            n.promise_durable(e.a);
            n.replica->promise_stored(now, e.a, true);
            break;
        case event_type::applied:
            n.apply(e.a);
            n.replica->applied(now, e.a);
            if (!n.dying && random_.below(20) == 0) n.checkpoint();
            break;
        case event_type::answered: n.replica->answered(now, calls_[e.a].reply); break;
        default: break;
    }
    look_at(n);
}

void cluster::sync_ends(node& n, const event& e) {
    const bool bad = !calm_ && chance(weather_.failed_sync);
    n.sync_ended(e.a, e.b, !bad);
    if (n.dying) return;  // in the sync: nobody hears of it
    n.replica->log_synced(n.local(now_), e.a, !bad);
}

/// After every event: what must hold, and when the node wants to be woken.
void cluster::look_at(node& n) {
    if (!n.replica) return;
    const auto promised = n.replica->promised().term;
    check_.promised(n.promised_before, promised);
    n.promised_before = promised;
    if (const auto commit = n.replica->commit_lsn(); commit != n.commit_before) {
        check_.committed(n.log, n.replica->members(), promised, n.commit_before, commit);
        n.commit_before = commit;
    }
    if (n.dying || n.failed) return crash(n);
    const auto deadline = n.replica->next_deadline();
    if (deadline == replication::never) return;
    const auto at = std::max(n.global(deadline), now_ + 1);
    if (at >= n.timer_at) return;
    n.timer_at = at;
    queue_.push({at, 0, event_type::timer, n.index, n.life, at, 0});
}

void cluster::crash(node& n) {
    n.crash();
    n.promised_before = n.stored.term;
    if (calm_) return later(1'000, event_type::restart, n);
    constexpr std::uint64_t delays[] = {10'000, 300'000, 5'000'000};
    later(1'000 + random_.below(delays[random_.below(3)]), event_type::restart, n);
}

void cluster::start(node& n) {
    n.start();
    if (n.replica) look_at(n);
}

std::uint64_t cluster::sync_delay(const node& n) {
    return static_cast<std::uint64_t>(static_cast<double>(200 + random_.below(4'000)) * slow_disk_[n.index]);
}

void cluster::transmit(const node& from, const node_id& to, byte_span frame) {
    const auto* target = find(to);
    if (target == nullptr || cut_[from.index][target->index]) return;
    if (!calm_ && chance(weather_.lost)) return;
    transmit_once(from, *target, frame);
    if (!calm_ && chance(weather_.repeated)) transmit_once(from, *target, frame);
}

void cluster::transmit_once(const node& from, const node& to, byte_span frame) {
    std::uint64_t slot = messages_.size();
    if (free_messages_.empty()) {
        messages_.emplace_back();
    } else {
        slot = free_messages_.back();
        free_messages_.pop_back();
    }
    constexpr std::size_t messages_max = 20'000;  // so many are never needed: answers multiply
    if (messages_.size() > messages_max) check_.fail("too many messages are under way");
    auto& m = messages_[slot];
    m.bytes.assign(frame.begin(), frame.end());
    m.from = from.id;
    m.to = to.id;
    if (!calm_ && chance(weather_.damaged)) m.bytes[random_.below(m.bytes.size())] ^= std::byte{0x10};
    auto delay = 50 + random_.below(500);
    if (!calm_ && chance(weather_.late)) delay += random_.below(300'000);
    queue_.push({now_ + delay, 0, event_type::deliver, to.index, 0, slot, 0});
}

void cluster::deliver(node& n, std::uint64_t slot) {
    free_messages_.push_back(slot);
    auto& m = messages_[slot];
    if (m.to != n.id || !n.replica) return;
    note(load_le<std::uint32_t>(m.bytes.data() + 20));
    const auto bytes = std::exchange(m.bytes, {});  // what is sent meanwhile may take the slot
    n.replica->receive(n.local(now_), m.from, bytes);
    look_at(n);
}

}  // namespace vecstore::sim
