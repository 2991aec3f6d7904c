// Reads that must see what was acknowledged: here, or by the leader that is another.
#include "node_loop.hpp"

#include <algorithm>

namespace vecstore::replication::net {
namespace {

constexpr std::size_t asked_max = 100'000;

}  // namespace

void node_loop::wait_strong(time_us until, done tell) {
    const auto status = replica_->status();
    barrier b{std::nullopt, 0, until, std::move(tell)};
    if (status.role == replica_role::leader) return begin_barrier(std::move(b));
    if (!status.leader || !peers_->is_connected(*status.leader))
        return b.tell(error{errc::unavailable, "no leader is known that could be asked"});
    if (asked_.size() >= asked_max)
        return b.tell(error{errc::resource_exhausted, std::to_string(asked_.size()) + " reads are waiting"});
    b.id = next_id_++;
    tell_peer(*status.leader, read_index{b.id});
    asked_.emplace(b.id, std::move(b));
    settle();
}

void node_loop::wait_applied(std::uint64_t term, std::uint64_t lsn, time_us until, done tell) {
    waits_.push_back({term, lsn, until, std::move(tell)});
    settle();
}

void node_loop::begin_barrier(barrier b) {
    beginning_ = true;
    const auto ticket = replica_->read_barrier(boot_time());
    beginning_ = false;
    if (ticket)
        barriers_.emplace(*ticket, std::move(b));
    else if (b.asker)
        end_barrier(b, false, 0);
    else
        b.tell(ticket.error());
    for (const auto& outcome : std::exchange(early_, {})) finished(outcome);
    settle();
}

/// What is over may be a read that is still being begun.
void node_loop::finished(const write_outcome& outcome) {
    if (beginning_) return early_.push_back(outcome);
    const auto found = barriers_.find(outcome.ticket);
    if (found == barriers_.end()) return observer_.finished(outcome);
    auto ended = std::move(found->second);
    barriers_.erase(found);
    end_barrier(ended, outcome.done, outcome.at.lsn);
}

void node_loop::end_barrier(const barrier& b, bool known, std::uint64_t lsn) {
    if (b.asker) return tell_peer(*b.asker, read_index_ok{b.id, known, lsn});
    if (!known) return b.tell(error{errc::unavailable, "the leader changed, or hears no majority"});
    waits_.push_back({0, lsn, b.until, b.tell});
}

bool node_loop::take_read(const node_id& from, byte_span bytes) {
    constexpr std::size_t type_at = 4;
    if (bytes.size() <= type_at || bytes[type_at] < static_cast<std::byte>(frame_type::read_index)) return false;
    const auto f = parse_frame(bytes);
    const auto m = f ? decode(*f) : result<message>(f.error());
    if (!m) return true;
    if (const auto* asks = std::get_if<read_index>(&*m)) begin_barrier({from, asks->id, never, nullptr});
    if (const auto* answer = std::get_if<read_index_ok>(&*m)) {
        const auto found = asked_.find(answer->id);
        if (found == asked_.end()) return true;
        const auto ended = std::move(found->second);
        asked_.erase(found);
        end_barrier(ended, answer->done, answer->lsn);
    }
    return true;
}

void node_loop::tell_peer(const node_id& to, const message& m) {
    byte_writer out;
    encode(m, 0, out);
    peers_->send(to, out.bytes());
}

std::optional<result<void>> node_loop::outcome_of(const wait& w, const replica_status& status) const {
    if (status.applied_lsn >= w.lsn) {
        if (status.state_differs)
            return error{errc::unavailable, "the state here is not the leader's: it must not be read"};
        const auto there = w.term == 0 ? std::nullopt : log_->at(w.lsn);
        if (there && there->term != w.term)
            return error{errc::conflict, "the write is lost: at lsn " + std::to_string(w.lsn) +
                                             " stands a record of term " + std::to_string(there->term) + ", not " +
                                             std::to_string(w.term)};
        return result<void>{};
    }
    if (boot_time() < w.until) return std::nullopt;
    return error{errc::timed_out, "lagging: " + std::to_string(w.lsn - status.applied_lsn) + " records behind"};
}

void node_loop::end_waits() {
    if (waits_.empty() && asked_.empty()) return;
    const auto status = replica_->status();
    std::vector<std::pair<done, result<void>>> over;
    for (auto& w : waits_) {
        auto outcome = outcome_of(w, status);
        if (outcome) over.emplace_back(std::exchange(w.tell, nullptr), *std::move(outcome));
    }
    waits_.erase(std::remove_if(waits_.begin(), waits_.end(), [](const wait& w) { return !w.tell; }), waits_.end());
    const auto now = boot_time();
    for (auto at = asked_.begin(); at != asked_.end();) {
        if (now < at->second.until) {
            ++at;
            continue;
        }
        over.emplace_back(std::move(at->second.tell), error{errc::timed_out, "the leader has not answered"});
        at = asked_.erase(at);
    }
    for (auto& [tell, outcome] : over) tell(std::move(outcome));
}

}  // namespace vecstore::replication::net
