/// Faults that tests put into the protocol, to see that the simulator finds each. In a library that is built without
/// VECSTORE_SEEDED_FAULTS every switch is the constant false, and nothing is left of it.
/// Thread safety: the switch is set by a test that runs alone.
#pragma once

#if defined(VECSTORE_SEEDED_FAULTS)
namespace vecstore::replication {

enum class seeded_fault {
    none,
    ack_before_sync,           ///< a follower answers for records that it has not synced
    own_unsynced_counts,       ///< a leader counts its own records before they are synced
    promise_not_stored,        ///< a promise is only remembered
    promise_before_store,      ///< it is given before it is stored
    promise_to_two,            ///< a second node gets a promise in the same term
    stale_append_taken,        ///< a leader of an earlier term is followed
    prev_not_checked,          ///< records are taken without what they follow
    ack_unmatched,             ///< what is synced is answered for, the leader's or not
    old_term_commits,          ///< a term is not opened, and records of earlier terms are counted by themselves
    minority_commits,          ///< too few copies commit
    half_is_majority,          ///< half of the voters elect
    learners_vote,             ///< learners are counted
    own_log_leads,             ///< a candidate leads with the log that it has
    longest_log_leads,         ///< the longest log is taken for the best
    fence_skipped,             ///< a lease is taken for leadership
    cut_on_repeat,             ///< repeated records cut what follows them
    applied_before_commit,     ///< records are applied when they come
    commit_unmatched,          ///< the leader's commit is believed beyond what is known to be his log
    done_after_step_down,      ///< writes end well when leadership ends
    done_before_commit,        ///< a write is done when it is synced here
    coordinator_term_trusted,  ///< a term is taken as it comes, larger than the promised one or not
    credit_ignored,            ///< four times as much is sent
    never_resent,              ///< what was lost is not sent again
    hash_not_compared,         ///< states that differ are not noticed
    config_at_commit,          ///< a change of voters counts when it is committed
    two_changes,               ///< a second change begins before the first is committed
    read_without_round,        ///< a leader answers reads without asking whether it still leads
    failed_sync_forgotten,     ///< after a failed sync it goes on
    batch_cut_open,            ///< half of a batch is acknowledged
    round_without_promise,     ///< a follower answers before its promise is durable
};

inline seeded_fault active_fault = seeded_fault::none;

}  // namespace vecstore::replication
#define VECSTORE_SEEDED(name) (::vecstore::replication::active_fault == ::vecstore::replication::seeded_fault::name)
#else
#define VECSTORE_SEEDED(name) false
#endif
