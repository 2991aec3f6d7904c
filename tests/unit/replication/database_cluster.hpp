/// Databases that share a log, in one thread: their replicas hear each other over a network that is a queue, and time passes
/// when nothing else is to be done. While a write waits to be committed, all of that goes on.
#pragma once

#include <replication/database_log.hpp>
#include <replication/static_primary.hpp>
#include <support/fault_file_system.hpp>
#include <support/gated_table_store.hpp>
#include <support/store.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::test {

inline replication::node_id numbered_node(std::size_t number) {
    replication::node_id id{};
    id[0] = static_cast<std::byte>(number);
    return id;
}

class database_cluster {
public:
    struct node final : replication::network, replication::listener {
        node(database_cluster& cluster, std::size_t number, bool primary)
            : owner(cluster), id(numbered_node(number)), configured(primary) {}
        void send(const replication::node_id& to, byte_span frame) override {
            if (!left) owner.wire_.push_back({id, to, byte_vector(frame.begin(), frame.end())});
        }
        void finished(const replication::write_outcome& outcome) override { outcomes.push_back(outcome); }
        void happened(const replication::event& what) override { events.push_back(what); }
        [[nodiscard]] std::size_t count(replication::event_kind kind) const {
            std::size_t found = 0;
            for (const auto& e : events) found += e.kind == kind;
            return found;
        }
        [[nodiscard]] replication::replica_role role() const { return replica->role(); }
        [[nodiscard]] database_stats stats() const { return db->stats().value(); }

        database_cluster& owner;
        replication::node_id id;
        memory_disk disk;
        std::shared_ptr<gated_table_store> gate;
        std::optional<database> db;
        std::unique_ptr<replication::database_log> log;
        std::unique_ptr<replication::replica> replica;
        bool configured;  ///< as primary
        std::optional<replication::static_primary> leases;
        std::uint64_t life = 0;
        std::shared_ptr<fault_file_system> watched;
        std::uint64_t operations = 0, dies_at = 0;          ///< on files; 0: never
        std::shared_ptr<storage::memory_file_system> left;  ///< what its disk held when it died; it is buried by `run`
        std::deque<std::function<void()>> posted, work;
        std::vector<replication::write_outcome> outcomes;
        std::vector<replication::event> events;
    };

    explicit database_cluster(std::size_t count, std::size_t learners = 0) {
        for (std::size_t i = 1; i <= count; ++i)
            (i + learners > count ? members.learners : members.voters).push_back(numbered_node(i));
        for (std::size_t i = 1; i <= count; ++i) {
            nodes.push_back(std::make_unique<node>(*this, i, i == 1));
            start(*nodes.back());
        }
    }
    ~database_cluster() {
        for (const auto& n : nodes) stop(*n);
    }
    database_cluster(const database_cluster&) = delete;
    database_cluster& operator=(const database_cluster&) = delete;
    node& operator[](std::size_t number) { return *nodes[number - 1]; }

    void open(node& n) {
        n.gate = std::make_shared<gated_table_store>(n.disk.tables);
        n.watched = std::make_shared<fault_file_system>(*n.disk.files);
        fault_plan plan;
        plan.before = [&n, files = n.disk.files](const char*, const std::string&) {
            if (++n.operations != n.dies_at) return;
            n.left = files->after_crash(storage::unsynced::mixed, n.dies_at);
            n.gate->close();
        };
        n.watched->plan(plan);
        n.db = database::open("db", quiet(), {n.watched, n.gate}).value();
    }
    void start(node& n) {
        open(n);
        replication::database_log_options with;
        with.post = [&n, life = n.life](std::function<void()> job) {
            if (n.life == life && !n.left) n.posted.push_back(std::move(job));
        };
        with.work = [&n, life = n.life](std::function<void()> job) {
            if (n.life == life && !n.left) n.work.push_back(std::move(job));
        };
        with.wait = [this] {
            pass();
            return now < patience;
        };
        with.host = &n;
        with.seed_piece_bytes = 1'000;
        with.recent_bytes = recent_bytes;
        replication::replica_identity identity;
        identity.cluster = numbered_node(200);
        identity.node = n.id;
        identity.first_members = members;
        n.log = replication::database_log::open(*n.db, identity, with).value();
        n.leases.emplace(n.configured, n.id, n.log->identity().promised);
        replication::replica_options how;
        how.self = n.log->identity().node;
        how.hash_interval = 4;
        how.append_bytes = append_bytes;
        n.replica =
            replication::replica::open(how, {*n.log, *n.log, *n.log, n, *n.leases, *n.log}, n.log->start().value(), now)
                .value();
        n.log->attach(*n.replica, [this] { return now; });
    }
    /// Puts a copy that is ready in place.
    void install(node& n) {
        stop(n);
        n.disk.tables = storage::make_memory_table_store(detail::tables::names());
        start(n);
    }
    /// As a program that ends.
    void stop(node& n) {
        if (n.log) n.log->detach();
        end_life(n);
        if (n.db) (void)n.db->close();
        n.db.reset();
    }
    /// Kills it, or cuts its power: what it has not synced may be gone.
    void kill(node& n, std::uint64_t seed) {
        n.gate->close();
        auto left = std::exchange(n.left, nullptr);
        if (!left) left = n.disk.files->after_crash(storage::unsynced::mixed, seed);
        if (n.log) n.log->detach();
        end_life(n);
        n.db.reset();
        n.disk.files = std::move(left);
    }

    /// Lets something happen: what is under way, else time.
    void pass() {
        bool any = false;
        for (const auto& n : nodes) any = (!n->left && step(*n)) || any;
        if (!wire_.empty()) {
            const auto m = std::move(wire_.front());
            wire_.pop_front();
            for (const auto& n : nodes)
                if (n->replica && !n->left && n->id == m.to && !cut.contains(m.from) && !cut.contains(m.to))
                    n->replica->receive(now, m.from, m.bytes);
            any = true;
        }
        if (any) return;
        now += 5'000;
        for (const auto& n : nodes)
            if (n->replica && !n->left && n->replica->next_deadline() <= now) n->replica->tick(now);
    }
    void run(std::uint64_t us = 4'000'000) {
        for (const auto end = now + us; now < end;) {
            pass();
            for (const auto& n : nodes) {
                if (!n->left) continue;
                kill(*n, 0);
                start(*n);
            }
        }
    }
    /// What a user does, who has so much time.
    template <class Action>
    auto patiently(const Action& action, std::uint64_t us = 3'000'000) {
        patience = now + us;
        return action();
    }
    node* leader() {
        for (const auto& n : nodes)
            if (n->replica && n->role() == replication::replica_role::leader && !cut.contains(n->id)) return n.get();
        return nullptr;
    }

    replication::membership members;
    std::vector<std::unique_ptr<node>> nodes;
    std::set<replication::node_id> cut;
    replication::time_us now = 1'000'000, patience = 0;
    std::size_t recent_bytes = 4'000, append_bytes = 1u << 20;

private:
    struct message {
        replication::node_id from, to;
        byte_vector bytes;
    };
    void end_life(node& n) {
        ++n.life;
        n.posted.clear();
        n.work.clear();
        n.replica.reset();
        n.log.reset();
    }
    /// One thing of each kind.
    bool step(node& n) {
        bool any = false;
        if (n.replica)
            while (const auto answer = n.leases->next_answer()) n.replica->answered(now, *answer), any = true;
        for (auto* queue : {&n.work, &n.posted}) {
            if (queue->empty()) continue;
            const auto job = std::move(queue->front());
            queue->pop_front();
            job();
            any = true;
        }
        return any;
    }

    std::deque<message> wire_;
};

}  // namespace vecstore::test
