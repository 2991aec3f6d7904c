/// Nodes with logs in memory that talk over real sockets, all in the thread of the test.
#pragma once

#include "net_cluster.hpp"

#include <replication/net/node_loop.hpp>
#include <sim/sim_log.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::test {

class loop_node final : public replication::promise_store,
                        public replication::state_machine,
                        public replication::net::loop_observer {
public:
    explicit loop_node(boost::asio::io_context& run_on, int number)
        : context(run_on),
          log({[](std::uint64_t) {},
               [this](std::uint64_t sync, std::uint64_t count) {
                   later([this, sync, count] {
                       log.became_durable(count);
                       loop->replica().log_synced(replication::net::boot_time(), sync, true);
                   });
               },
               [](std::uint64_t) {}, [] { return false; }, [] { return false; }}) {
        id[0] = static_cast<std::byte>(number);
        options.cluster[0] = std::byte{1};
        options.timing.self = id;
        options.peers.redial_ms_min = 5;
        options.peers.redial_ms_max = 50;
        options.peers.listen = "127.0.0.1:0";
        // A tenth of what is usual.
        options.timing.heartbeat_us = 25'000;
        options.timing.resend_us = 40'000;
        options.timing.quorum_lost_us = 150'000;
        options.timing.quorum_resign_us = 300'000;
        options.timing.look_us = 100'000;
        options.timing.campaign_delay_us = 15'000;
    }
    ~loop_node() override { stop(); }

    void start(const replication::membership& members) {
        queue = std::make_shared<replication::net::loop_queue>(context.get_executor());
        loop =
            replication::net::node_loop::make(queue, options, {log, *this, *this, nullptr}, {stored, 0, members}, *this)
                .value();
        queue->set_after([this] { loop->settle(); });
        options.peers.listen = loop->peers().listening_at();
        loop->begin();
    }
    /// As a process that was killed, but for its log, of which all is kept that was synced.
    void stop() {
        if (!loop) return;
        queue->set_after(nullptr);
        loop.reset();
        ++life;
        random_source random(life);
        log.crash(random);
    }
    void later(std::function<void()> job) {
        queue->post([this, job = std::move(job), now = life] {
            if (now == life) job();
        });
    }
    void start_store(std::uint64_t number, const replication::promised_leader& promised) override {
        later([this, number, promised] {
            stored = promised;
            loop->replica().promise_stored(replication::net::boot_time(), number, true);
        });
    }
    void apply_to(std::uint64_t lsn) override {
        later([this, lsn] { loop->replica().applied(replication::net::boot_time(), lsn); });
    }
    void happened(const replication::event& what) override { events.push_back(what); }
    void finished(const replication::write_outcome& outcome) override { outcomes.push_back(outcome); }

    [[nodiscard]] bool leads() const { return loop && loop->replica().role() == replication::replica_role::leader; }
    result<std::uint64_t> write() {
        const auto draft = wal::draft{wal::record_type::upsert, 0, as_bytes("payload!")};
        auto ticket =
            loop->replica().submit(replication::net::boot_time(), {&draft, 1}, replication::ack_level::quorum);
        loop->settle();
        return ticket;
    }

    boost::asio::io_context& context;
    replication::node_id id{};
    replication::net::node_loop_options options;
    sim::sim_log log;
    replication::promised_leader stored;
    std::shared_ptr<replication::net::loop_queue> queue;
    std::unique_ptr<replication::net::node_loop> loop;
    std::uint64_t life = 0;
    std::vector<replication::event> events;
    std::vector<replication::write_outcome> outcomes;
};

/// All know where all are. `options` is changed by the test before `start`.
class loop_cluster {
public:
    explicit loop_cluster(int count) {
        for (int i = 1; i <= count; ++i) nodes.push_back(std::make_unique<loop_node>(context, i));
        for (const auto& n : nodes) members.voters.push_back(n->id);
    }
    ~loop_cluster() {
        for (const auto& n : nodes) n->stop();
        run_for(context, 0);
    }
    void start() {
        // Addresses first: nodes that listen, and are gone again.
        for (const auto& n : nodes) {
            net_node somebody(static_cast<int>(n->id[0]));
            somebody.start(context, {});
            n->options.peers.listen = somebody.peers->listening_at();
            addresses.push_back(n->options.peers.listen);
        }
        for (const auto& n : nodes) {
            n->options.peers.addresses = addresses;
            n->start(members);
        }
    }
    [[nodiscard]] loop_node* leader() {
        for (const auto& n : nodes)
            if (n->leads() && n->loop->replica().commit_lsn() > 0 && !n->loop->replica().status().read_only)
                return n.get();
        return nullptr;
    }
    [[nodiscard]] bool elect() {
        return run_until(context, [&] { return leader() != nullptr; });
    }
    loop_node& operator[](std::size_t number) { return *nodes[number - 1]; }

    boost::asio::io_context context;
    std::vector<std::unique_ptr<loop_node>> nodes;
    std::vector<std::string> addresses;
    replication::membership members;
};

}  // namespace vecstore::test
