/// Replicas that hear each other at once: for rules looked at one by one. What goes wrong by chance is for tests/sim.
#pragma once

#include <replication/replica.hpp>
#include <replication/static_primary.hpp>
#include <sim/sim_log.hpp>

#include <deque>
#include <memory>
#include <set>
#include <vector>

namespace vecstore::test {

inline replication::node_id node_number(std::size_t number) {
    replication::node_id id{};
    id[0] = static_cast<std::byte>(number);
    return id;
}

class loopback_cluster {
public:
    struct node final : replication::promise_store,
                        replication::state_machine,
                        replication::network,
                        replication::listener {
        node(loopback_cluster& cluster, std::size_t number, bool primary)
            : owner(cluster),
              id(node_number(number)),
              log({[](std::uint64_t) {},
                   [this](std::uint64_t sync, std::uint64_t count) {
                       syncs = {sync, count};
                   },
                   [](std::uint64_t) {}, [] { return false; }, [this] { return disk_full; }}),
              leases(primary, id, stored) {}

        void start_store(std::uint64_t number, const replication::promised_leader& promised) override {
            stored = promised;
            store_id = number;
        }
        void apply_to(std::uint64_t lsn) override { apply_lsn = lsn; }
        void send(const replication::node_id& to, byte_span frame) override {
            owner.wire.push_back({id, to, byte_vector(frame.begin(), frame.end())});
        }
        void finished(const replication::write_outcome& outcome) override { outcomes.push_back(outcome); }
        void happened(const replication::event& what) override { events.push_back(what); }

        loopback_cluster& owner;
        replication::node_id id;
        sim::sim_log log;
        replication::promised_leader stored;
        replication::static_primary leases;
        std::unique_ptr<replication::replica> replica;
        std::pair<std::uint64_t, std::uint64_t> syncs{};
        std::uint64_t store_id = 0, apply_lsn = 0;
        bool disk_works = true, disk_full = false, sync_fails = false;
        std::vector<replication::write_outcome> outcomes;
        std::vector<replication::event> events;
    };
    struct message {
        replication::node_id from, to;
        byte_vector bytes;
    };

    explicit loopback_cluster(std::size_t count, std::size_t learners = 0) {
        for (std::size_t i = 1; i <= count; ++i)
            (i + learners > count ? members.learners : members.voters).push_back(node_number(i));
        for (std::size_t i = 1; i <= count; ++i) {
            nodes.push_back(std::make_unique<node>(*this, i, i == 1));
            start(*nodes.back());
        }
    }
    void start(node& n) {
        replication::replica_options options;
        options.self = n.id;
        options.hash_interval = 8;
        n.replica =
            replication::replica::open(options, {n.log, n, n, n, n.leases, n}, {n.stored, 0, members}, now).value();
    }
    node& operator[](std::size_t number) { return *nodes[number - 1]; }

    /// Lets all that is under way arrive, and time pass.
    void run(std::uint64_t us = 5'000'000) {
        for (const auto end = now + us; now < end; now += 10'000) {
            for (const auto& n : nodes)
                if (n->replica && n->replica->next_deadline() <= now) n->replica->tick(now);
            for (bool more = true; more;) more = step();
        }
    }
    bool step() {
        bool any = false;
        for (const auto& n : nodes) {
            if (!n->replica) continue;
            while (const auto answer = n->leases.next_answer()) n->replica->answered(now, *answer), any = true;
            if (n->disk_works && n->syncs.first != 0) {
                const auto sync = std::exchange(n->syncs, {});
                if (!n->sync_fails) n->log.became_durable(sync.second);
                n->replica->log_synced(now, sync.first, !n->sync_fails);
                any = true;
            }
            if (const auto id = std::exchange(n->store_id, 0)) n->replica->promise_stored(now, id, true), any = true;
            if (const auto lsn = std::exchange(n->apply_lsn, 0)) n->replica->applied(now, lsn), any = true;
        }
        if (wire.empty()) return any;
        const auto m = std::move(wire.front());
        wire.pop_front();
        for (const auto& n : nodes)
            if (n->replica && n->id == m.to && !cut.contains(m.from) && !cut.contains(m.to))
                n->replica->receive(now, m.from, m.bytes);
        return true;
    }
    result<std::uint64_t> write(node& n, replication::ack_level level = replication::ack_level::quorum) {
        const auto draft = wal::draft{wal::record_type::upsert, 0, as_bytes("payload!")};
        return n.replica->submit(now, {&draft, 1}, level);
    }

    replication::membership members;
    std::vector<std::unique_ptr<node>> nodes;
    std::deque<message> wire;
    std::set<replication::node_id> cut;
    replication::time_us now = 1'000'000;
};

}  // namespace vecstore::test
