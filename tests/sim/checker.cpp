#include "checker.hpp"

#include <vecstore/core/random.hpp>

#include <replication/frame.hpp>

namespace vecstore::sim {
namespace {

std::string at(std::uint64_t lsn) { return " at lsn " + std::to_string(lsn); }

}  // namespace

void add_to_state(hash128& state, const sim_log::entry& record) {
    state += {mix64(record.content), mix64(record.content ^ static_cast<std::uint64_t>(record.type))};
}

void checker::appended(std::uint64_t lsn, const sim_log::entry& record) {
    const auto [found, fresh] = chains_.try_emplace(record.term << 40 | lsn, record.chain);
    if (!fresh && found->second != record.chain)
        fail("I2: two records of term " + std::to_string(record.term) + at(lsn));
}

void checker::cut(const sim_log& log, std::uint64_t lsn) {
    const auto next = lsn + 1;
    if (next <= committed_lsn() && next <= log.size() && log.of(next).chain == ledger_[next].record.chain)
        fail("I9: a committed record is cut" + at(next));
}

void checker::leading(const node_id& node, std::uint64_t term, const sim_log& log) {
    const auto found = leaders_.try_emplace(term, node).first;
    if (found->second != node) fail("I3: two leaders of term " + std::to_string(term));
    // What later terms have committed meanwhile it need not have: it can commit nothing any more.
    auto last = committed_lsn();
    while (last > 0 && ledger_[last].in_term >= term) --last;
    if (last > 0 && (log.size() < last || log.of(last).chain != ledger_[last].record.chain))
        fail("I1: the leader of term " + std::to_string(term) + " lacks the committed record" + at(last));
}

void checker::promised(std::uint64_t before, std::uint64_t now) {
    if (now < before) fail("I3: a promised term fell from " + std::to_string(before) + " to " + std::to_string(now));
}

/// What a node answers in a term it must still know after a crash.
void checker::sent(const replication::promised_leader& stored, const node_id& to, byte_span frame) {
    const auto type = static_cast<replication::frame_type>(load_le<std::uint8_t>(frame.data() + 4));
    const auto term = load_le<std::uint64_t>(frame.data() + 12);
    if (type == replication::frame_type::append_ok && stored.term < term)
        fail("I3: answered in term " + std::to_string(term) + ", which is not promised on disk");
    if (type == replication::frame_type::promise && stored.term <= term &&
        stored != replication::promised_leader{term, to})
        fail("I3: gave a promise of term " + std::to_string(term) + " that is not on disk");
}

void checker::committed(const sim_log& log, const membership& counted, std::uint64_t term, std::uint64_t before,
                        std::uint64_t now) {
    if (now < before) return fail("I4: commit fell" + at(now));
    if (now > log.size()) return fail("I4: committed beyond the log" + at(now));
    if (now > 0 && !log.of(now).ends) return fail("I4: half a batch is committed" + at(now));
    for (auto lsn = before + 1; lsn <= now; ++lsn) {
        if (lsn == ledger_.size()) extend(log, counted, term, lsn);
        if (log.of(lsn).chain != ledger_[lsn].record.chain) return fail("I1: another record is committed" + at(lsn));
    }
}

/// The first node that says so, which is the leader: a majority must have the record on disk.
void checker::extend(const sim_log& log, const membership& counted, std::uint64_t term, std::uint64_t lsn) {
    line next{log.of(lsn), ledger_.back().state, std::max(term, ledger_.back().in_term)};
    add_to_state(next.state, next.record);
    std::size_t copies = 0;
    for (const auto& id : counted.voters) {
        const auto* copy = find_(cluster_, id);
        if (copy != nullptr && copy->durable() >= lsn && copy->of(lsn).chain == next.record.chain) ++copies;
    }
    if (copies * 2 <= counted.voters.size())
        fail("I4: committed with " + std::to_string(copies) + " durable copies of " +
             std::to_string(counted.voters.size()) + at(lsn));
    if (next.record.type == wal::record_type::config) {
        auto changed = replication::decode_membership(log.payload_of(lsn));
        if (!changed) return fail("I2: a config record cannot be read" + at(lsn));
        members_ = *changed;
    }
    ledger_.push_back(next);
}

void checker::applied(std::uint64_t lsn, const hash128& state) {
    if (lsn > committed_lsn()) return fail("I6: applied what nobody has committed" + at(lsn));
    if (ledger_[lsn].state != state) fail("I6: the state differs" + at(lsn));
}

void checker::checkpoint(std::uint64_t lsn) {
    if (lsn > committed_lsn()) fail("I13: a checkpoint of what nobody has committed" + at(lsn));
}

void checker::write_done(const position& p) {
    if (p.lsn > committed_lsn()) return fail("I12: acknowledged what nobody has committed" + at(p.lsn));
    if (ledger_[p.lsn].record.chain != p.chain) return fail("I1: acknowledged what was not committed" + at(p.lsn));
    acknowledged_ = std::max(acknowledged_, p.lsn);
}

void checker::read_done(std::uint64_t lsn, std::uint64_t seen_before) {
    if (lsn < seen_before) fail("I8: a read does not see what was acknowledged before it" + at(seen_before));
}

}  // namespace vecstore::sim
