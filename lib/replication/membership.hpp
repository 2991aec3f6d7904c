/// Who belongs to a cluster, and what a majority of it is. Changes are records of type `config` in the log, one voter at
/// a time.
/// Paper: Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 4.1, with the condition found later that a
/// leader first commits a record of its own term. Differs: while the leader that began a
/// change has not committed it, what it commits needs a majority of the old voters, too.
/// Thread safety: plain values.
#pragma once

#include "types.hpp"

#include <vecstore/core/result.hpp>

#include <functional>
#include <vector>

namespace vecstore::replication {

inline constexpr std::size_t voters_max = 9;
inline constexpr std::size_t learners_max = 64;

struct membership {
    std::uint64_t epoch = 0;
    std::vector<node_id> voters;
    std::vector<node_id> learners;  ///< get the log, and are not counted

    [[nodiscard]] bool is_voter(const node_id& id) const noexcept;
    [[nodiscard]] bool is_learner(const node_id& id) const noexcept;
    /// True when a majority of the voters satisfies `counts`.
    [[nodiscard]] bool majority(const std::function<bool(const node_id&)>& counts) const;
    /// The largest value that a majority of the voters has reached.
    [[nodiscard]] std::uint64_t reached(const std::function<std::uint64_t(const node_id&)>& value) const;
    friend bool operator==(const membership&, const membership&) = default;
};

/// Payload of a config record: epoch (8), count of voters (2), of learners (2), then ids of 16 bytes.
[[nodiscard]] byte_vector encode_membership(const membership& members);
/// Errors: corruption (bytes missing or left over, nobody votes, too many, somebody twice).
[[nodiscard]] result<membership> decode_membership(byte_span payload);

/// Whether one change may lead from `from` to `to`.
/// Errors: invalid_argument (nobody votes, too many, somebody twice, voters differ by more than one, a new voter that was
/// no learner).
[[nodiscard]] result<void> check_change(const membership& from, const membership& to);

}  // namespace vecstore::replication
