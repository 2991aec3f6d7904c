/// A cluster in one thread, from a seed: the same seed is the same run, event for event.
#pragma once

#include "checker.hpp"
#include "coordinator.hpp"
#include "event_queue.hpp"
#include "node.hpp"

#include <vecstore/core/random.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::sim {

/// How often what goes wrong, chosen by the seed: a run has some of it, so that no fault hides another.
struct weather {
    double lost = 0, repeated = 0, late = 0, damaged = 0;  ///< of messages
    double dies_at_write = 0, struck = 0;                  ///< at a write; while it is on its way to the disk
    double failed_sync = 0;
    std::uint64_t fault_interval_us = 400'000;
    std::uint64_t client_interval_us = 10'000;
    std::size_t append_bytes = 600, window_bytes = 4'000;
    std::uint64_t look_us = 1'000'000;  ///< how soon somebody sees that there is no leader
    bool crashes = false, pauses = false, cuts = false, partitions = false, clocks = false, coordinator = false,
         slow_disks = false, full_disks = false, wipes = false, changes = false, coups = false;

    [[nodiscard]] static weather of(random_source& random);

    static constexpr std::size_t kinds = 18;
    [[nodiscard]] static const char* name_of(std::size_t kind);
    /// Without the kinds whose bits are set.
    void calm_down(std::uint32_t without);
};

struct run_options {
    std::uint64_t seed = 1;
    std::uint64_t events = 50'000;  ///< then all is mended, and the cluster has to converge
    bool damage_state = false;      ///< half way, one node's state changes by itself, which must be noticed
    std::uint32_t without = 0;      ///< kinds of weather, as bits
    bool files = false;             ///< logs are those of the store, on disks in memory
};

struct run_result {
    std::string violation;  ///< empty: none
    std::uint64_t events = 0;
    std::uint64_t trace = 0;  ///< hash over all that happened
    std::uint64_t committed = 0, acknowledged_writes = 0, reads = 0, leaders = 0, diverged = 0, crashes = 0;
    std::uint64_t simulated_us = 0;
};

class cluster {
public:
    explicit cluster(const run_options& options);
    cluster(const cluster&) = delete;
    cluster& operator=(const cluster&) = delete;
    [[nodiscard]] run_result run();

private:
    friend class node;
    static constexpr std::size_t nodes_max = 5;

    // cluster.cpp
    void happen(const event& e);
    void happen_to(node& n, const event& e);
    void look_at(node& n);
    void later(std::uint64_t delay, event_type type, const node& n, std::uint64_t a = 0, std::uint64_t b = 0);
    void deliver(node& n, std::uint64_t slot);
    void transmit(const node& from, const node_id& to, byte_span frame);
    void transmit_once(const node& from, const node& to, byte_span frame);
    void sync_ends(node& n, const event& e);
    void crash(node& n);
    void start(node& n);
    void note(std::uint64_t value) noexcept { trace_ = mix64(trace_ ^ value) + 0x9E37'79B9'7F4A'7C15u; }
    [[nodiscard]] node* find(const node_id& id) noexcept;
    [[nodiscard]] static const sim_log* log_of(const void* self, const node_id& id);
    [[nodiscard]] bool runs_here(const node_id& id) noexcept { return find(id) != nullptr; }
    [[nodiscard]] bool chance(double p) noexcept { return p > 0 && random_.unit() < p; }
    [[nodiscard]] std::uint64_t sync_delay(const node& n);

    // chaos.cpp
    void fault();
    void cut_links();
    void partition();
    void coup();
    void welcome(node& leader);
    void disturb_coordinator();
    void wipe(node& n);
    void mend_all();
    void damage_some_state();
    void client();
    void write_or_read();
    void administer();
    [[nodiscard]] node* some_leader();
    [[nodiscard]] bool replacing();
    [[nodiscard]] std::string converged();

    random_source random_;
    weather weather_;
    const run_options options_;
    checker check_;
    event_queue queue_;
    std::vector<std::unique_ptr<node>> nodes_;
    std::vector<std::unique_ptr<node>> lost_;  ///< what their disks held counted until they were lost
    std::uint64_t now_ = 0;
    bool calm_ = false;
    bool state_damaged_ = false, damage_noticed_ = false;

    struct message {
        byte_vector bytes;
        node_id from{}, to{};
    };
    std::vector<message> messages_;  ///< slots, reused
    std::vector<std::uint64_t> free_messages_;
    struct call {
        replication::coordinator_request request;
        replication::coordinator_reply reply;
    };
    std::vector<call> calls_;
    bool cut_[nodes_max][nodes_max] = {};
    bool coordinator_cut_[nodes_max] = {};
    double slow_disk_[nodes_max] = {1, 1, 1, 1, 1};
    sim_coordinator coordinator_;
    std::uint64_t next_content_ = 1;
    std::uint64_t next_node_ = 1;
    std::uint64_t trace_ = 0;
    run_result result_;
};

}  // namespace vecstore::sim
