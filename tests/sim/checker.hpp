/// What must never happen, looked at after every event. It knows what no node knows: the one history that was committed,
/// which every node must show a part of.
/// The numbers are those of the design: I1 acknowledged writes stay, I2 one record at a place of a term, I3 one leader of
/// a term and promises that never fall, I4 commits have a majority of durable copies, I6 equal states, I8 reads see what was
/// acknowledged before them, I9 what is cut is not committed, I12 a minority commits nothing, I13 checkpoints are committed.
#pragma once

#include "sim_log.hpp"

#include <vecstore/core/hash128.hpp>

#include <replication/membership.hpp>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace vecstore::sim {

using replication::membership;
using replication::node_id;
using replication::position;

/// Adds a record to the hash of a state.
void add_to_state(hash128& state, const sim_log::entry& record);

class checker {
public:
    explicit checker(const membership& members) : members_(members) { ledger_.push_back({}); }

    /// A log that a node has, running or not; none once its disk is gone.
    using find_log = const sim_log* (*)(const void* cluster, const node_id&);
    void look_up_with(find_log find, const void* cluster) noexcept {
        find_ = find;
        cluster_ = cluster;
    }

    void appended(std::uint64_t lsn, const sim_log::entry& record);
    void cut(const sim_log& log, std::uint64_t lsn);
    void leading(const node_id& node, std::uint64_t term, const sim_log& log);
    void promised(std::uint64_t before, std::uint64_t now);
    /// `stored`: on the disk of who sends `frame` to `to`.
    void sent(const replication::promised_leader& stored, const node_id& to, byte_span frame);
    /// `counted`: the latest members in the log, committed or not.
    void committed(const sim_log& log, const membership& counted, std::uint64_t term, std::uint64_t before,
                   std::uint64_t now);
    void applied(std::uint64_t lsn, const hash128& state);
    void checkpoint(std::uint64_t lsn);
    void write_done(const position& at);
    /// `seen_before`: `acknowledged_lsn()` when the read began.
    void read_done(std::uint64_t lsn, std::uint64_t seen_before);

    [[nodiscard]] std::uint64_t acknowledged_lsn() const noexcept { return acknowledged_; }
    [[nodiscard]] std::uint64_t committed_lsn() const noexcept { return ledger_.size() - 1; }
    [[nodiscard]] const membership& members() const noexcept { return members_; }
    void fail(const std::string& what) {
        if (violation_.empty()) violation_ = what;
    }
    [[nodiscard]] const std::string& violation() const noexcept { return violation_; }

private:
    struct line {
        sim_log::entry record;
        hash128 state;
        std::uint64_t in_term = 0;  ///< of whoever committed it
    };
    void extend(const sim_log& log, const membership& counted, std::uint64_t term, std::uint64_t lsn);

    std::vector<line> ledger_;  ///< by lsn
    membership members_;        ///< as committed
    std::unordered_map<std::uint64_t, std::uint32_t> chains_;
    std::map<std::uint64_t, node_id> leaders_;
    std::uint64_t acknowledged_ = 0;
    std::string violation_;
    find_log find_ = nullptr;
    const void* cluster_ = nullptr;
};

}  // namespace vecstore::sim
