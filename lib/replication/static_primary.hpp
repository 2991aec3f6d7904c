/// The coordinator that needs no other process: people say who leads. No failover happens by itself, so none happens by
/// mistake.
/// A node that is configured as primary leads when it starts, unless it has promised another node since it last led; after
/// that, and once another has led, only `promote` makes it lead again.
/// Thread safety: as the replica, one thread at a time.
#pragma once

#include "ports.hpp"

#include <deque>
#include <optional>

namespace vecstore::replication {

class static_primary final : public coordinator {
public:
    /// `primary`: as configured. `promised`: what is on this node's disk.
    static_primary(bool primary, const node_id& self, const promised_leader& promised) noexcept
        : primary_(primary && (promised.term == 0 || promised.node == self)), led_term_(promised.term) {}

    void ask(const coordinator_request& request) override;
    /// Answers are given to `replica::answered` by the host, in this order.
    [[nodiscard]] std::optional<coordinator_reply> next_answer();

    /// This node is to lead, in a term above all that it has seen. Whoever leads now is fenced off by that term, if a majority
    /// can be reached. Safe at any time; needless when that node is well.
    void promote() noexcept {
        primary_ = true;
        led_term_ = any_term;
    }
    /// This node is not to lead any more: the first half of a planned switch.
    void step_back() noexcept { primary_ = false; }
    [[nodiscard]] bool primary() const noexcept { return primary_; }

private:
    static constexpr std::uint64_t any_term = ~std::uint64_t{0};

    bool primary_;
    std::uint64_t led_term_;  ///< a later one than this has been another's
    bool held_ = false;
    std::deque<coordinator_reply> answers_;
};

}  // namespace vecstore::replication
