/// Reading the log: recovery after a start, and a cursor for those who follow it.
/// Recovery decides what the first bad record means. It is **corruption** when a later record proves that it had been
/// synced (its durable_upto reaches that far), when a later segment exists, or when the caller knows of its durability;
/// else it is a torn tail: the write that was under way at the crash, which nobody was promised.
/// Paper: Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018: damage in exactly the
/// last batch of a lone node cannot be told from a torn write; `known_durable_lsn` narrows that to one batch.
/// Thread safety: one thread at a time for each object; a cursor may run beside a writer.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/record.hpp>
#include <vecstore/wal/segment.hpp>
#include <vecstore/wal/writer.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace vecstore::wal {

namespace detail {
class segment_reader;
}

/// Torn tails kept in the directory `diverged`. A store that is killed often must not fill its disk with them.
inline constexpr std::size_t torn_copies_max = 64;

struct recover_options {
    std::uint64_t checkpoint_lsn = 0;     ///< records up to here are not visited, and need not be in the log
    std::uint64_t known_durable_lsn = 0;  ///< records up to here must be in the log (control file, checkpoint, a peer)
    bool read_only = false;               ///< repair nothing; a torn tail is left where it is
    bool salvage = false;                 ///< with read_only: what is before the first bad record counts as the log
    bool log_may_be_absent = false;      ///< no segment at all is right although checkpoint_lsn > 0 (restored snapshot)
    std::uint64_t checkpoint_term = 0;   ///< for log_end when the log is absent
    std::uint32_t checkpoint_chain = 0;  ///< for log_end when the log is absent
    std::string diverged_directory{};    ///< where torn tails are kept; empty: "diverged" beside the log's directory
};

struct log_scan {
    log_end end;                    ///< give it to writer::open
    std::uint64_t first_lsn = 1;    ///< first lsn in the log; end.last_lsn + 1 when it holds none
    std::uint64_t visited = 0;      ///< records given to the visitor
    std::uint64_t torn_bytes = 0;   ///< cut from the tail (or, read-only, ignored there)
    std::string torn_path{};        ///< the copy of them; empty when there is none
    std::optional<error> damage{};  ///< with `salvage`: why the log was not read further
};

/// Called for each record in order; an error ends the recovery with that error. The payload lives for the call.
using record_visitor = std::function<result<void>(const record&)>;

/// Checks the log, repairs its tail, then gives every record above the checkpoint to `visit`. Nothing is visited before
/// the whole tail has been judged. Torn bytes are copied to `torn-<lsn>-<n>.bin`, never just dropped.
/// A batch whose last record is missing is torn as a whole. Of the copies the `torn_copies_max` with
/// the largest lsns are kept.
/// Durability: afterwards all records visited and the repair are synced (unless read-only).
/// Idempotent: yes. A missing directory is an empty log.
/// Errors: corruption (file, offset; also a missing segment), io, resource_exhausted, and those of `visit`.
/// Cost: two passes over the segments that hold records above the checkpoint, in windows of 1 MiB.
[[nodiscard]] result<log_scan> recover(storage::file_system& files, const std::string& directory,
                                       const recover_options& options, const record_visitor& visit);

/// Gives each record of one segment file to `visit`, whatever the file's name: of what `writer::cut` has kept, say.
/// Errors: corruption (it is not whole; what is before the damage has been visited), unsupported, not_found, io, and those of `visit`.
result<void> read_segment(storage::file_system& files, const std::string& path, const record_visitor& visit);

/// Reads the log record by record from an lsn, across segments, beside a running writer.
class cursor {
public:
    /// Stands before `from_lsn`. `files` must outlive the cursor.
    /// Errors: not_found (released: the log begins later), corruption, io.
    /// Cost: reads the headers of the records before `from_lsn` in its segment.
    [[nodiscard]] static result<cursor> open(storage::file_system& files, std::string directory,
                                             std::uint64_t from_lsn);

    cursor(cursor&&) noexcept;
    cursor& operator=(cursor&&) noexcept;
    ~cursor();

    /// The next record, or nothing when its lsn is above `upto_lsn`. The caller says how far the log is known to be
    /// whole: beside a writer, its durable_lsn(). The payload lives until the next call.
    /// Errors: not_found (released meanwhile), corruption (a record up to `upto_lsn` is damaged or missing), io.
    [[nodiscard]] result<std::optional<record>> next(std::uint64_t upto_lsn);

    [[nodiscard]] std::uint64_t next_lsn() const noexcept { return next_lsn_; }

private:
    cursor(storage::file_system& files, std::string directory);
    result<void> enter_segment();

    storage::file_system* files_;
    std::string directory_;
    std::uint64_t next_lsn_ = 1;
    std::unique_ptr<detail::segment_reader> segment_;
};

}  // namespace vecstore::wal
