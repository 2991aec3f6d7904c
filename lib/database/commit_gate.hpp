/// Who decides what is committed where a database is one of several copies: `replication` implements it. The database knows
/// neither nodes nor networks; without a gate every record is committed as soon as it is in its own log.
/// Thread safety: the functions are called by the writer (database_state.hpp), one at a time.
#pragma once

#include "archive.hpp"

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/hash128.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/wal/record.hpp>

#include <cstdint>
#include <span>

namespace vecstore::detail {

class commit_gate {
public:
    commit_gate() = default;
    commit_gate(const commit_gate&) = delete;
    commit_gate& operator=(const commit_gate&) = delete;
    virtual ~commit_gate() = default;

    /// A group of writes takes its turn. Gives the lsn up to which the log has to be applied before anything is written, and
    /// waits until that is committed.
    /// Errors: not_leader, unavailable (nobody may write now); nothing will be written.
    virtual result<std::uint64_t> begin() = 0;
    /// Appends whole batches to the log and waits until they are committed; gives the position of the last record. Between what is
    /// applied and the first of them there may be records that change no points.
    /// Errors: unknown_outcome (they are in a log, and others will decide), all others: surely not done.
    virtual result<log_position> commit(std::span<const wal::draft> drafts) = 0;
    /// The turn that `begin` has opened is over; the log is applied up to `lsn`.
    virtual void end(std::uint64_t lsn) noexcept = 0;

    /// Appends the bytes of records from `from_lsn` on, salt 0: at least one.
    /// Precondition: from_lsn is in the log.  Errors: not_found, corruption, io.
    [[nodiscard]] virtual result<std::uint64_t> read(std::uint64_t from_lsn, byte_writer& out) const = 0;
    /// The hash of all collections at a record of type state_hash, which is being applied.
    virtual void state_hashed(std::uint64_t lsn, const hash128& hash) = 0;
};

}  // namespace vecstore::detail
