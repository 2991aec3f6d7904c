#include "node.hpp"

#include "cluster.hpp"

namespace vecstore::sim {

node::node(cluster& owner, std::uint8_t number, const node_id& name)
    : world(owner),
      index(number),
      id(name),
      log({[this](std::uint64_t lsn) { world.check_.appended(lsn, log.of(lsn)); },
           [this](std::uint64_t sync, std::uint64_t count) {
               if (!dying) world.later(world.sync_delay(*this), event_type::synced, *this, sync, count);
           },
           [this](std::uint64_t lsn) {
               world.check_.cut(log, lsn);
               ++world.result_.diverged;
           },
           [this] { return !disk && dies_here(); }, [this] { return full_until > world.now_; }}) {
    if (!world.options_.files) return;
    disk = std::make_unique<disk_log>(
        log, world.random_(),
        disk_log::hooks{[this] { return disk && dies_here(); }, [this] { return full_until > world.now_; },
                        [this](const std::string& what) { world.check_.fail(what); }});
}

void node::sync_ended(std::uint64_t sync, std::uint64_t count, bool ok) {
    if (disk)
        disk->sync_ends(sync, count, ok);
    else if (ok)
        log.became_durable(count);
}

bool node::dies_here() {
    if (!dying && !world.calm_ && world.chance(world.weather_.dies_at_write)) dying = true;
    return dying;
}

void node::start_store(std::uint64_t number, const replication::promised_leader& promised) {
    if (dies_here()) return;
    storing.emplace_back(number, promised);
    if (!world.calm_ && world.chance(world.weather_.struck))
        world.later(world.random_.below(5'000), event_type::strike, *this);
    world.later(world.sync_delay(*this), event_type::stored, *this, number);
}

void node::promise_durable(std::uint64_t number) {
    while (!storing.empty() && storing.front().first <= number) {
        stored = storing.front().second;
        storing.pop_front();
    }
}

void node::apply_to(std::uint64_t lsn) {
    if (!dying) world.later(20 + world.random_.below(200), event_type::applied, *this, lsn);
}

void node::send(const node_id& to, byte_span frame) {
    if (dying) return;
    world.check_.sent(stored, to, frame);
    world.transmit(*this, to, frame);
}

void node::ask(const replication::coordinator_request& request) {
    if (dying) return;
    const auto slot = world.calls_.size();
    world.calls_.push_back({request, {}});
    if (world.coordinator_cut_[index] || world.chance(world.weather_.lost)) return;
    world.later(500 + world.random_.below(5'000), event_type::asked, *this, slot);
}

void node::finished(const replication::write_outcome& outcome) {
    if (dying) return;
    if (reading && !writes.contains(outcome.ticket)) reads.emplace(outcome.ticket, *reading);
    if (const auto read = reads.find(outcome.ticket); read != reads.end()) {
        if (outcome.done) {
            world.check_.read_done(outcome.at.lsn, read->second);
            ++world.result_.reads;
        }
        reads.erase(read);
        ended_read = outcome.ticket;
        return;
    }
    const auto write = writes.find(outcome.ticket);
    if (write == writes.end()) return world.check_.fail("a ticket ends twice");
    if (outcome.done && write->second) {
        world.check_.write_done(outcome.at);
        ++world.result_.acknowledged_writes;
    }
    writes.erase(write);
}

void node::happened(const replication::event& what) {
    if (dying) return;
    if (what.kind == replication::event_kind::leading) {
        world.check_.leading(id, what.term, log);
        ++world.result_.leaders;
        world.welcome(*this);
    }
    if (what.kind == replication::event_kind::state_differs) {
        world.damage_noticed_ = true;
        if (!world.state_damaged_) world.check_.fail("I6: replicas found their states differ");
    }
    if (what.kind == replication::event_kind::failed) failed = true;
}

void node::apply(std::uint64_t lsn) {
    for (; current.lsn < lsn; ++current.lsn) {
        const auto& record = log.of(current.lsn + 1);
        add_to_state(current.state, record);
        if (record.type == wal::record_type::config)
            current.members = *replication::decode_membership(log.payload_of(current.lsn + 1));
        if (record.type == wal::record_type::state_hash) replica->state_hashed(current.lsn + 1, current.state);
    }
    if (!world.state_damaged_) world.check_.applied(current.lsn, current.state);
}

void node::checkpoint() {
    world.check_.checkpoint(current.lsn);
    durable = current;
}

void node::start() {
    replication::replica_options options;
    options.self = id;
    options.session = world.random_();
    options.random_seed = world.random_();
    options.append_bytes = world.weather_.append_bytes;  // small: batches are cut into frames
    options.window_bytes = world.weather_.window_bytes;
    options.hash_interval = 64;
    options.look_us = world.weather_.look_us;
    options.campaign_delay_us = options.look_us / 6;
    options.learner_lag_max = 100;
    current = durable;
    timer_at = ~std::uint64_t{0};
    const auto now = local(world.now_);
    auto& own_log = disk ? static_cast<replication::replica_log&>(*disk) : log;
    auto opened = replication::replica::open(options, {own_log, *this, *this, *this, *this, *this},
                                             {stored, current.lsn, current.members}, now);
    if (!opened) return world.check_.fail("a node does not start: " + opened.error().what());
    replica = *std::move(opened);
    commit_before = current.lsn;
}

void node::crash() {
    ++life;
    dying = failed = false;
    replica.reset();
    paused_until = 0;
    reads.clear();
    writes.clear();
    // Of promises that were being stored some may have got there, in their order.
    if (!storing.empty())
        if (const auto count = world.random_.below(storing.size() + 1); count > 0) stored = storing[count - 1].second;
    storing.clear();
    if (disk)
        disk->crash(durable.lsn);
    else
        log.crash(world.random_);
    ++world.result_.crashes;
}

}  // namespace vecstore::sim
