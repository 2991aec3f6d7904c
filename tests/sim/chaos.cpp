// What goes wrong in a simulated cluster, who writes and reads, and who replaces lost members.
#include "cluster.hpp"

namespace vecstore::sim {

using replication::ack_level;
using replication::replica_role;

weather weather::of(random_source& random) {
    weather w;
    const auto some = [&](double most) { return random.below(2) == 0 ? 0.0 : most * random.unit(); };
    const auto maybe = [&] { return random.below(2) == 0; };
    w.lost = some(0.1);
    w.repeated = some(0.1);
    w.late = some(0.2);
    w.damaged = some(0.01);
    w.dies_at_write = some(0.003);
    w.struck = some(0.4);
    w.failed_sync = some(0.002);
    w.fault_interval_us = 50'000 + random.below(1'000'000);
    constexpr std::uint64_t intervals[] = {1'000, 20'000, 200'000};
    w.client_interval_us = 200 + random.below(intervals[random.below(3)]);
    if (random.below(6) == 0) {
        w.append_bytes = 1u << 20;
        w.window_bytes = 16u << 20;
    }
    w.look_us = random.below(3) == 0 ? 1'000'000 : 50'000 + random.below(200'000);
    w.crashes = maybe();
    w.pauses = maybe();
    w.cuts = maybe();
    w.partitions = maybe();
    w.clocks = maybe();
    w.coordinator = maybe();
    w.slow_disks = maybe();
    w.full_disks = maybe();
    w.wipes = maybe();
    w.changes = maybe();
    w.coups = maybe();
    return w;
}

const char* weather::name_of(std::size_t kind) {
    constexpr const char* names[kinds] = {"lost messages",    "repeated messages",
                                          "late messages",    "damaged messages",
                                          "deaths at writes", "deaths soon after",
                                          "failed syncs",     "crashes",
                                          "pauses",           "cuts",
                                          "partitions",       "clocks",
                                          "coordinator",      "slow disks",
                                          "full disks",       "wiped disks",
                                          "changed voters",   "coups"};
    return names[kind];
}

void weather::calm_down(std::uint32_t without) {
    double* const rates[] = {&lost, &repeated, &late, &damaged, &dies_at_write, &struck, &failed_sync};
    bool* const switches[] = {&crashes,    &pauses,     &cuts,  &partitions, &clocks, &coordinator,
                              &slow_disks, &full_disks, &wipes, &changes,    &coups};
    static_assert(std::size(rates) + std::size(switches) == kinds);
    for (std::size_t i = 0; i < std::size(rates); ++i)
        if (without >> i & 1) *rates[i] = 0;
    for (std::size_t i = 0; i < std::size(switches); ++i)
        if (without >> (i + std::size(rates)) & 1) *switches[i] = false;
}

void cluster::fault() {
    if (calm_) return;
    later(1 + random_.below(2 * weather_.fault_interval_us), event_type::fault, *nodes_[0]);
    auto& n = *nodes_[random_.below(nodes_.size())];
    switch (random_.below(10)) {
        case 0:
            if (weather_.crashes && n.replica) crash(n);
            return;
        case 1:
            if (weather_.pauses && n.replica) n.paused_until = now_ + random_.below(4'000'000);
            return;
        case 2:
            if (weather_.cuts) cut_links();
            return;
        case 3:
            if (weather_.partitions) partition();
            return;
        case 4:
            if (weather_.clocks) {
                const auto rate = 0.95 + 0.1 * random_.unit();
                n.set_clock(now_, rate, random_.below(4) == 0 ? random_.below(5'000'000) : 0);
            }
            return;
        case 5:
            if (weather_.coordinator) disturb_coordinator();
            return;
        case 6:
            if (weather_.slow_disks) slow_disk_[n.index] = random_.below(2) == 0 ? 1.0 : 50.0 * random_.unit();
            return;
        case 7:
            if (weather_.full_disks) n.full_until = now_ + random_.below(3'000'000);
            return;
        case 8:
            if (weather_.coups) coup();
            return;
        default:
            if (weather_.wipes && random_.below(4) == 0) wipe(n);
            return;
    }
}

void cluster::cut_links() {
    for (int i = 0; i < 2; ++i) cut_[random_.below(nodes_.size())][random_.below(nodes_.size())] = true;
    later(random_.below(3'000'000), event_type::mend, *nodes_[0], 0);
}

void cluster::partition() {
    const auto sides = random_();
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        for (std::size_t j = 0; j < nodes_.size(); ++j) cut_[i][j] = (sides >> i & 1) != (sides >> j & 1);
    later(random_.below(5'000'000), event_type::mend, *nodes_[0], 0);
}

/// A leader hears and is heard less, or not at all, and somebody else may lead: two that do not know of each other.
void cluster::coup() {
    const auto* leader = some_leader();
    if (leader == nullptr) return;
    const auto ways = random_.below(4);
    for (const auto& other : nodes_) {
        if (other->index == leader->index || random_.below(4) == 0) continue;
        if (ways != 1) cut_[leader->index][other->index] = true;
        if (ways != 2) cut_[other->index][leader->index] = true;
    }
    coordinator_.lies = true;
    later(random_.below(3'000'000), event_type::mend, *nodes_[0], 0);
    later(random_.below(2'000'000), event_type::mend, *nodes_[0], 1);
}

/// Young leaders are the weakest: what they have is not yet elsewhere, and somebody older may come back.
void cluster::welcome(node& leader) {
    if (calm_) return;
    if (chance(weather_.struck)) later(random_.below(30'000), event_type::strike, leader);
    if (!weather_.coups) return;
    if (random_.below(4) != 0) later(random_.below(3'000), event_type::write, leader);
    if (random_.below(2) == 0) return;
    for (const auto& other : nodes_)
        if (other->index != leader.index && random_.below(3) != 0) cut_[leader.index][other->index] = true;
    coordinator_.lies = true;
    later(random_.below(3'000'000), event_type::mend, leader, 0);
    later(random_.below(2'000'000), event_type::mend, leader, 1);
}

void cluster::disturb_coordinator() {
    switch (random_.below(3)) {
        case 0: coordinator_.lies = true; return later(random_.below(5'000'000), event_type::mend, *nodes_[0], 1);
        case 1: return coordinator_.forget_terms();
        default:
            for (std::size_t i = 0; i < nodes_.size(); ++i) coordinator_cut_[i] = random_.below(2) == 0;
            return later(random_.below(5'000'000), event_type::mend, *nodes_[0], 2);
    }
}

/// True while a lost member has not been replaced. Another loss might then take the last copy but one.
bool cluster::replacing() {
    for (const auto& id : check_.members().voters)
        if (!runs_here(id)) return true;
    for (const auto& n : nodes_)
        if (!check_.members().is_voter(n->id)) return true;
    return false;
}

/// The disk is gone: the machine comes back as another node.
void cluster::wipe(node& n) {
    if (replacing() || check_.committed_lsn() == 0) return;
    const auto members = nodes_.front()->current.members;  // what an operator would write into its configuration
    if (n.replica) n.crash();
    auto fresh = std::make_unique<node>(*this, n.index, [&] {
        node_id id{};
        store_le(id.data(), mix64(next_node_));
        store_le(id.data() + 8, next_node_++);
        return id;
    }());
    fresh->life = n.life + 1;
    fresh->durable.members = members;
    fresh->set_clock(now_, 1.0, 1'000'000);
    const auto index = n.index;
    lost_.push_back(std::exchange(nodes_[index], std::move(fresh)));
    later(random_.below(1'000'000), event_type::restart, *nodes_[index]);
}

/// One of those who believe to lead, so that old leaders are asked, too.
node* cluster::some_leader() {
    node* found = nullptr;
    std::uint64_t count = 0;
    for (const auto& n : nodes_)
        if (n->replica && n->paused_until <= now_ && n->replica->role() == replica_role::leader &&
            random_.below(++count) == 0)
            found = n.get();
    return found;
}

void cluster::client() {
    later(1 + random_.below(calm_ ? 200'000 : 2 * weather_.client_interval_us), event_type::client, *nodes_[0]);
    write_or_read();
}

void cluster::write_or_read() {
    auto* n = some_leader();
    if (n == nullptr) return;
    if (random_.below(16) == 0)
        for (const auto& peer : n->replica->status().peers)
            if (peer.bytes_under_way > weather_.window_bytes + 2'000) check_.fail("more is under way than a window");
    const auto now = n->local(now_);
    if (random_.below(4) == 0) {
        n->ended_read = 0;
        n->reading = check_.acknowledged_lsn();
        const auto ticket = n->replica->read_barrier(now);
        if (ticket && n->ended_read != *ticket) n->reads.emplace(*ticket, *n->reading);
        n->reading.reset();
        return look_at(*n);
    }
    byte_writer bytes[3];
    wal::draft batch[3];
    const auto count = 1 + random_.below(3);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i].put(next_content_++);
        const byte_vector filler(random_.below(random_.below(10) == 0 ? 700 : 40));
        bytes[i].put_bytes(filler);
        batch[i].type = wal::record_type::upsert;
        batch[i].flags = i + 1 < count ? wal::flag_batch_continues : std::uint16_t{0};
        batch[i].payload = bytes[i].bytes();
    }
    const auto level = static_cast<ack_level>(random_.below(5) < 3 ? 2 : random_.below(3));
    const auto ticket = n->replica->submit(now, std::span(batch).first(count), level);
    if (ticket) n->writes.emplace(*ticket, level == ack_level::quorum);
    look_at(*n);
}

/// What an operator does: lost members leave, their machines come back as learners and become voters.
void cluster::administer() {
    later(weather_.changes ? 1 + random_.below(300'000) : 300'000, event_type::admin, *nodes_[0]);
    auto* leader = some_leader();
    if (leader == nullptr) return;
    const auto before = leader->replica->members();
    auto to = before;
    for (const auto& id : before.voters)
        if (!runs_here(id)) std::erase(to.voters, id);
    const auto fewest = weather_.wipes ? 3u : 2u;
    if (to == before && weather_.changes && !calm_ && to.voters.size() > fewest && random_.below(6) == 0) {
        // A voter steps back.
        to.voters.erase(to.voters.begin() + static_cast<std::ptrdiff_t>(random_.below(to.voters.size())));
    } else {
        for (const auto& n : nodes_) {
            if (to.is_learner(n->id)) {
                if (to != before) break;
                std::erase(to.learners, n->id);
                to.voters.push_back(n->id);
            } else if (!to.is_voter(n->id)) {
                to.learners.push_back(n->id);
            }
        }
    }
    if (to == before) return;
    bool open = false;
    for (auto lsn = leader->replica->commit_lsn() + 1; lsn <= leader->log.size(); ++lsn)
        open = open || leader->log.of(lsn).type == wal::record_type::config;
    const auto ticket = leader->replica->change_membership(leader->local(now_), to);
    if (ticket) leader->writes.emplace(*ticket, true);
    if (ticket && open) check_.fail("I12: voters change before their last change is committed");
    look_at(*leader);
}

/// One that is up, and stays as it is over a crash.
void cluster::damage_some_state() {
    auto& n = *nodes_[random_.below(nodes_.size())];
    if (!n.replica || weather_.wipes) return;
    n.current.state.low ^= 1;
    n.durable = n.current;
    state_damaged_ = true;
}

void cluster::mend_all() {
    calm_ = true;
    for (auto& row : cut_)
        for (auto& one : row) one = false;
    for (auto& one : coordinator_cut_) one = false;
    for (auto& one : slow_disk_) one = 1;
    coordinator_.lies = false;
    weather_.lost = 0;
    for (const auto& n : nodes_) {
        n->paused_until = n->full_until = 0;
        if (!n->replica) later(1'000, event_type::restart, *n);
    }
}

/// After a calm time: one leader, who has heard of everything, and everybody has what he has.
std::string cluster::converged() {
    const node* leader = nullptr;
    for (const auto& n : nodes_) {
        if (!n->replica) return "node " + std::to_string(n->index) + " does not run";
        if (n->replica->role() != replica_role::leader) continue;
        if (leader == nullptr || n->replica->promised().term > leader->replica->promised().term) leader = n.get();
    }
    if (leader == nullptr) return "nobody leads";
    if (replacing()) return "lost members were not replaced";
    const auto s = leader->replica->status();
    if (!s.lease_held || s.read_only) return "the leader takes no writes";
    if (check_.committed_lsn() + 20 < s.last.lsn) return "the leader does not commit";
    for (const auto& n : nodes_)
        if (n->replica->commit_lsn() + 20 < s.commit_lsn || n->current.lsn + 20 < s.commit_lsn)
            return "node " + std::to_string(n->index) + " lags behind: commit " +
                   std::to_string(n->replica->commit_lsn()) + " of " + std::to_string(s.commit_lsn);
    return {};
}

}  // namespace vecstore::sim
