/// What nodes say to each other, and the bytes of it (PROTOCOL.md). Spans are borrowed: from the caller when a message
/// is encoded, from the frame when it is decoded.
/// Thread safety: functions without state.
#pragma once

#include "frame.hpp"
#include "types.hpp"

#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>

#include <string>
#include <variant>
#include <vector>

namespace vecstore::replication {

inline constexpr std::size_t term_runs_max = 64;  ///< in one reject
inline constexpr std::size_t refusal_text_bytes_max = 512;

inline constexpr std::uint64_t feature_proof = 1;  ///< a hello's: who says it shows that it has the shared secret

/// First frame of each side on a new connection.
struct hello {
    std::uint16_t version_min = protocol_version;
    std::uint16_t version_max = protocol_version;
    node_id cluster{};
    node_id node{};
    std::uint64_t features = 0;
    std::uint64_t config_epoch = 0;
    std::uint64_t promised_term = 0;
    position last;
    std::uint64_t commit_lsn = 0;
    std::uint64_t checkpoint_lsn = 0;
    std::array<std::byte, 32> nonce{};  ///< of this connection, random
    friend bool operator==(const hello&, const hello&) = default;
};

/// Values are on the wire, do not renumber.
enum class refusal : std::uint16_t {
    wrong_cluster = 1,
    own_node = 2,  ///< both sides claim to be the same node
    no_common_version = 3,
    not_member = 4,
    not_authenticated = 5,
    malformed = 6,
    busy = 7,
};

struct refuse {
    refusal reason = refusal::malformed;
    std::string text;
    friend bool operator==(const refuse&, const refuse&) = default;
};

/// Shows that the sender has the shared secret (net/proof.hpp).
struct proof {
    std::array<std::byte, 32> mac{};
    friend bool operator==(const proof&, const proof&) = default;
};

/// Records behind `prev`, as in a log whose salt is 0. None: only whether `prev` is there.
struct append {
    position prev;
    std::uint64_t commit_lsn = 0;
    std::uint64_t round = 0;  ///< comes back in the answer
    byte_span records;
};

/// Answer to append and heartbeat.
struct append_ok {
    std::uint64_t round = 0;
    std::uint64_t durable_lsn = 0;  ///< synced here, and known to be the leader's log up to it
    std::uint64_t applied_lsn = 0;
    std::uint64_t credit_bytes = 0;  ///< what may be under way behind durable_lsn
    std::uint64_t hash_lsn = 0;      ///< of the last state_hash record applied; 0: none
    hash128 hash;                    ///< of the state there
    friend bool operator==(const append_ok&, const append_ok&) = default;
};

/// Values are on the wire, do not renumber.
enum class reject_reason : std::uint8_t {
    stale_term = 1,  ///< a later term, or another leader of this one, was promised
    conflict = 2,    ///< the log here does not have what the records follow
    released = 3,    ///< the log here begins behind what was asked for
};

struct reject {
    reject_reason reason = reject_reason::stale_term;
    std::uint64_t promised_term = 0;
    std::uint64_t asked_lsn = 0;  ///< `prev.lsn` of what is rejected
    std::uint64_t last_lsn = 0;   ///< of the log here
    std::uint64_t upto_lsn = 0;   ///< end of the last run
    std::vector<term_run> runs;   ///< of the log here up to upto_lsn, the last ones, ascending
    friend bool operator==(const reject&, const reject&) = default;
};

struct heartbeat {
    position last;  ///< of the leader's log
    std::uint64_t commit_lsn = 0;
    std::uint64_t round = 0;
    std::uint64_t hash_lsn = 0;
    hash128 hash;
    friend bool operator==(const heartbeat&, const heartbeat&) = default;
};

/// Follow nobody of an earlier term than this frame's any more.
struct fence {
    friend bool operator==(const fence&, const fence&) = default;
};

/// It is done, and durable; so is the log up to `last`.
struct promise {
    position last;
    std::uint64_t first_lsn = 1;  ///< that can be fetched
    std::uint64_t commit_lsn = 0;
    friend bool operator==(const promise&, const promise&) = default;
};

/// Asks who has promised for what stands in his log behind `prev`.
struct fetch {
    position prev;
    friend bool operator==(const fetch&, const fetch&) = default;
};

struct fetched {
    position prev;
    std::uint64_t last_lsn = 0;
    byte_span records;
};

/// The leader wants the receiver to lead, and leads no longer.
struct hand_over {
    friend bool operator==(const hand_over&, const hand_over&) = default;
};

/// Asks the leader for an lsn at which a read sees all that was acknowledged before.
struct read_index {
    std::uint64_t id = 0;  ///< of the asker's, comes back
    friend bool operator==(const read_index&, const read_index&) = default;
};

struct read_index_ok {
    std::uint64_t id = 0;
    bool done = false;      ///< false: who was asked does not lead, or cannot tell
    std::uint64_t lsn = 0;  ///< to read at
    friend bool operator==(const read_index_ok&, const read_index_ok&) = default;
};

using message = std::variant<hello, refuse, append, append_ok, reject, heartbeat, fence, promise, fetch, fetched, proof,
                             hand_over, read_index, read_index_ok>;

/// Appends the frame of `m` to `out`.
/// Precondition: runs, text and records are within the limits.
void encode(const message& m, std::uint64_t term, byte_writer& out);

/// Errors: corruption (bytes missing or left over, values out of range), unsupported (type or flags not known).
[[nodiscard]] result<message> decode(const frame& f);

}  // namespace vecstore::replication
