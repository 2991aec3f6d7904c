// Taking a leader's records, and promising.
#include "replica.hpp"
#include "seeded_fault.hpp"

#include <algorithm>

namespace vecstore::replication {
namespace {

/// A write has at most this, so no batch that has not ended has more.
constexpr std::size_t open_batch_bytes_max = write_bytes_max + (8u << 20);

}  // namespace

/// True when `from` is who is to be followed; else it is told why not. Whoever sends as the leader of a term has won it, so
/// that nobody else can: it is followed even if another has this node's promise in that term.
bool replica::follows(const node_id& from, std::uint64_t term, std::uint64_t asked_lsn) {
    const bool stale =
        term < promised_.term || from == options_.self || (term == promised_.term && role_ == replica_role::leader);
    if (stale && !(VECSTORE_SEEDED(stale_append_taken) && role_ == replica_role::follower)) {
        reject r;
        r.promised_term = promised_.term;
        r.asked_lsn = asked_lsn;
        r.last_lsn = log_.last().lsn;
        send(from, r, term);
        return false;
    }
    if (term > promised_.term || (term == promised_.term && from != promised_.node)) adopt(term, from);
    if (followed_term_ != term) {
        followed_term_ = term;
        followed_ = from;
        matched_lsn_ = commit_lsn_;
        heard_round_ = 0;
        open_batch_.clear();
    }
    return true;
}

void replica::on(const node_id& from, std::uint64_t term, const append& m) {
    if (!follows(from, term, m.prev.lsn)) return;
    std::uint64_t upto = 0;
    switch (take(m.prev, m.records, upto)) {
        case intake::taken: break;
        case intake::conflict: return send_conflict(from, term, m.prev.lsn);
        case intake::malformed: ++malformed_; return;
        case intake::failed: return;
    }
    matched_lsn_ = std::max(matched_lsn_, upto);
    heard_round_ = std::max(heard_round_, m.round);
    commit_to(VECSTORE_SEEDED(commit_unmatched) ? std::min(m.commit_lsn, log_.last().lsn)
                                                : std::min(m.commit_lsn, matched_lsn_));
    if (VECSTORE_SEEDED(applied_before_commit)) commit_to(matched_lsn_);
    // What is being synced is answered for when that ends.
    answer_due_ = log_.last().lsn == durable_lsn_ || VECSTORE_SEEDED(ack_before_sync);
}

void replica::on(const node_id& from, std::uint64_t term, const heartbeat& m) {
    if (!follows(from, term, m.last.lsn)) return;
    if (m.last.lsn <= log_.last().lsn && has(m.last)) matched_lsn_ = std::max(matched_lsn_, m.last.lsn);
    commit_to(VECSTORE_SEEDED(commit_unmatched) ? std::min(m.commit_lsn, log_.last().lsn)
                                                : std::min(m.commit_lsn, matched_lsn_));
    heard_round_ = std::max(heard_round_, m.round);
    compare_hash(from, m.hash_lsn, m.hash);
    answer_due_ = true;
}

void replica::on(const node_id& from, std::uint64_t term, const fence&) {
    const bool again = term == promised_.term && (from == promised_.node || VECSTORE_SEEDED(promise_to_two));
    if (term < promised_.term || (term == promised_.term && !again)) {
        reject r;
        r.promised_term = promised_.term;
        r.last_lsn = log_.last().lsn;
        send(from, r, term);
        return;
    }
    if (!again || from != promised_.node) adopt(term, from);
    fence_due_ = true;
}

void replica::give_promise() {
    if (!promise_durable() || log_.last().lsn != durable_lsn_) return;
    fence_due_ = false;
    send(promised_.node, promise{log_.last(), log_.first_lsn(), commit_lsn_}, promised_.term);
}

/// Somebody who has this node's promise lacks records.
void replica::on(const node_id& from, std::uint64_t term, const fetch& m) {
    if (promised_ != promised_leader{term, from}) {
        reject r;
        r.promised_term = promised_.term;
        r.asked_lsn = m.prev.lsn;
        return send(from, r, term);
    }
    if (m.prev.lsn + 1 < log_.first_lsn()) {
        reject r;
        r.reason = reject_reason::released;
        r.promised_term = promised_.term;
        r.asked_lsn = m.prev.lsn;
        return send(from, r, term);
    }
    const auto own = log_.at(m.prev.lsn);
    if (!own || *own != m.prev) return send_conflict(from, term, m.prev.lsn);
    fetched answer;
    answer.prev = m.prev;
    answer.last_lsn = log_.last().lsn;
    records_.clear();
    if (m.prev.lsn < log_.last().lsn) {
        if (!log_.read(m.prev.lsn + 1, options_.append_bytes, records_)) return;
        answer.records = records_.bytes();
    }
    send(from, answer, term);
}

void replica::send_conflict(const node_id& to, std::uint64_t term, std::uint64_t asked_lsn) {
    reject r;
    r.reason = reject_reason::conflict;
    r.promised_term = promised_.term;
    r.asked_lsn = asked_lsn;
    r.last_lsn = log_.last().lsn;
    r.upto_lsn = std::min(asked_lsn, r.last_lsn);
    r.runs = runs_upto(r.upto_lsn);
    send(to, r, term);
}

/// Answers for what is durable and known to be the leader's.
void replica::acknowledge() {
    if (!promise_durable() && !VECSTORE_SEEDED(round_without_promise)) return;
    answer_due_ = false;
    if (followed_term_ != promised_.term && !VECSTORE_SEEDED(stale_append_taken)) return;
    append_ok m;
    m.round = heard_round_;
    m.durable_lsn = std::min(matched_lsn_, durable_lsn_);
    if (VECSTORE_SEEDED(ack_before_sync)) m.durable_lsn = matched_lsn_;
    if (VECSTORE_SEEDED(ack_unmatched)) m.durable_lsn = durable_lsn_;
    m.applied_lsn = applied_lsn_;
    m.credit_bytes = options_.window_bytes;
    if (!hashes_.empty()) {
        m.hash_lsn = hashes_.back().first;
        m.hash = hashes_.back().second;
    }
    send(followed_, m, followed_term_);
}

/// Takes records that follow `prev`, together with those before them whose batch had not ended. `upto`: the log is the
/// sender's up to there, as far as these records show.
replica::intake replica::take(const position& prev, byte_span records, std::uint64_t& upto) {
    if (open_batch_.empty() || prev != open_end_) {
        open_batch_.clear();
        if (prev.lsn > log_.last().lsn || !has(prev)) return intake::conflict;
        if (records.empty()) {
            upto = prev.lsn;
            return intake::taken;
        }
        return take_from(prev, records, upto);
    }
    if (open_batch_.size() + records.size() > open_batch_bytes_max) {
        open_batch_.clear();
        return intake::malformed;
    }
    open_batch_.insert(open_batch_.end(), records.begin(), records.end());
    const auto whole = std::exchange(open_batch_, {});
    return take_from(log_.last(), whole, upto);
}

replica::intake replica::take_from(position at, byte_span source, std::uint64_t& upto) {
    taken_.clear();
    std::size_t ended = 0;             // of taken_: in batches that have ended
    std::size_t offset = 0, kept = 0;  // of source: read; in batches that have ended
    while (offset < source.size()) {
        const auto record = wal::decode_record(source.subspan(offset), 0);
        if (!record || record->lsn != at.lsn + 1 || record->prev_chain != at.chain || record->term < at.term)
            return intake::malformed;
        offset += wal::record_bytes(record->payload.size());
        at = {record->term, record->lsn, record->chain};
        const bool ends = !record->batch_continues() || VECSTORE_SEEDED(batch_cut_open);
        bool known = taken_.empty() && at.lsn <= log_.last().lsn;
        const auto own = known ? log_.at(at.lsn) : std::nullopt;
        if (own && *own != at) {
            if (at.lsn <= commit_lsn_) return intake::malformed;  // no leader says that
            if (!cut_behind(at.lsn - 1)) return intake::failed;
            known = false;
        }
        if (!known) taken_.push_back(*record);
        if (!ends) continue;
        ended = taken_.size();
        kept = offset;
        upto = at.lsn;
    }
    const bool open = ended < taken_.size();
    if (VECSTORE_SEEDED(cut_on_repeat) && taken_.empty() && upto > commit_lsn_ && upto < log_.last().lsn &&
        !cut_behind(upto))
        return intake::failed;
    return keep(std::span(taken_).first(ended), open ? source.subspan(kept) : byte_span{}, at);
}

replica::intake replica::keep(std::span<const wal::record> records, byte_span open_batch, const position& end) {
    if (!records.empty()) {
        if (records.front().prev_chain != log_.last().chain && !VECSTORE_SEEDED(prev_not_checked)) {
            fail();  // another history, behind records that are committed
            return intake::failed;
        }
        if (auto appended = log_.append(records); !appended) {
            if (appended.error().code != errc::resource_exhausted) fail();
            return intake::failed;
        }
        add_configs(records);
        if (role_ == replica_role::failed) return intake::failed;
    }
    open_batch_.assign(open_batch.begin(), open_batch.end());
    open_end_ = end;
    return intake::taken;
}

/// Takes what is behind `lsn` off the log: a tail that some leader wrote and no majority has.
bool replica::cut_behind(std::uint64_t lsn) {
    const auto last = log_.last().lsn;
    if (lsn < commit_lsn_) {
        fail();
        return false;
    }
    ++sync_id_;
    syncing_ = false;
    if (auto done = log_.cut(lsn); !done) {
        fail();
        return false;
    }
    durable_lsn_ = lsn;
    matched_lsn_ = std::min(matched_lsn_, lsn);
    while (configs_.size() > 1 && configs_.back().first > lsn) configs_.pop_back();
    refresh_peers();
    notify(event_kind::diverged, lsn, last - lsn);
    return true;
}

}  // namespace vecstore::replication
