/// One node of a simulated cluster: its disk, its state, its clock, and the replica that runs on them, or does not.
#pragma once

#include "checker.hpp"
#include "disk_log.hpp"
#include "sim_log.hpp"

#include <replication/replica.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace vecstore::sim {

class cluster;

class node final : public replication::promise_store,
                   public replication::state_machine,
                   public replication::network,
                   public replication::coordinator,
                   public replication::listener {
public:
    node(cluster& owner, std::uint8_t index, const node_id& id);

    // What the replica asks for.
    void start_store(std::uint64_t id, const replication::promised_leader& promised) override;
    void apply_to(std::uint64_t lsn) override;
    void send(const node_id& to, byte_span frame) override;
    void ask(const replication::coordinator_request& request) override;
    void finished(const replication::write_outcome& outcome) override;
    void happened(const replication::event& what) override;

    void start();
    void crash();
    void promise_durable(std::uint64_t id);
    void sync_ended(std::uint64_t id, std::uint64_t count, bool ok);
    void apply(std::uint64_t lsn);
    void checkpoint();
    /// True when the node dies at this write: what it does from here on is not seen.
    bool dies_here();

    [[nodiscard]] std::uint64_t local(std::uint64_t now) const noexcept {
        return clock_base + static_cast<std::uint64_t>(static_cast<double>(now - clock_set_at) * clock_rate);
    }
    [[nodiscard]] std::uint64_t global(std::uint64_t local_time) const noexcept {
        if (local_time <= clock_base) return clock_set_at;
        return clock_set_at + static_cast<std::uint64_t>(static_cast<double>(local_time - clock_base) / clock_rate) + 1;
    }
    void set_clock(std::uint64_t now, double rate, std::uint64_t jump) noexcept {
        clock_base = local(now) + jump;
        clock_set_at = now;
        clock_rate = rate;
    }

    struct snapshot {
        std::uint64_t lsn = 0;
        hash128 state;
        membership members;
    };

    cluster& world;
    const std::uint8_t index;
    node_id id;
    sim_log log;
    std::unique_ptr<disk_log> disk;  ///< the log in files, when there are any; then `log` is what it must be
    std::unique_ptr<replication::replica> replica;
    std::uint32_t life = 0;
    bool dying = false, failed = false;
    std::uint64_t paused_until = 0, full_until = 0;
    std::uint64_t timer_at = ~std::uint64_t{0};

    replication::promised_leader stored;  ///< on disk
    std::deque<std::pair<std::uint64_t, replication::promised_leader>> storing;
    snapshot durable, current;
    std::optional<std::uint64_t> reading;          ///< while a read is begun: what was acknowledged before
    std::uint64_t ended_read = 0;                  ///< the last ticket
    std::map<std::uint64_t, std::uint64_t> reads;  ///< ticket, and what was acknowledged before
    std::map<std::uint64_t, bool> writes;          ///< ticket: at quorum level
    std::uint64_t promised_before = 0, commit_before = 0;

    std::uint64_t clock_base = 0, clock_set_at = 0;
    double clock_rate = 1;
};

}  // namespace vecstore::sim
