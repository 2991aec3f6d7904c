/// The end of the log that grows. Appends are contiguous writes; `sync` makes them durable; segments roll by size.
/// Segments are zero-filled ahead in steps, so that a sync rarely changes metadata (several times cheaper on ext4).
/// A write that failed cleanly (disk full) is cut off again and the writer goes on. After a failed sync nothing is
/// known about the tail, so the writer is poisoned: every later call gives `unavailable` with the first cause.
/// Exemplar: leveldb db_impl.cc, "bad record after a failed sync".
/// Thread safety: one thread at a time.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/record.hpp>
#include <vecstore/wal/segment.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::wal {

/// Where a log ends: what `recover` found, and where a writer goes on. Default: an empty log whose first lsn is 1.
struct log_end {
    std::uint64_t last_lsn = 0;
    std::uint64_t term = 0;    ///< of the last record
    std::uint32_t chain = 0;   ///< of the last record
    bool has_segment = false;  ///< the members below mean something
    segment_header segment;    ///< the segment that holds the end
    std::uint64_t offset = 0;  ///< in that segment, behind the last record
};

struct writer_options {
    /// Size at which a segment ends; one append that is larger gets a segment of its own size.
    std::uint64_t segment_bytes = 64u << 20;
    /// Zero-filled ahead at a time; 0 switches it off. Larger: fewer slow syncs, each slower.
    std::uint64_t allocate_bytes = 4u << 20;
    std::array<std::byte, 16> database_uuid{};
    std::array<std::byte, 16> node_uuid{};
    std::uint64_t term = 0;          ///< of the records to come; raised to log_end::term when smaller
    std::uint64_t salt_seed = 0;     ///< 0 takes one from the system; tests give one
    bool start_new_segment = false;  ///< do not write behind the end found (after a failed sync)
};

/// What tells one record at a place from another: an equal chain means an equal log up to it.
struct record_position {
    std::uint64_t term = 0;
    std::uint32_t chain = 0;
    friend bool operator==(const record_position&, const record_position&) = default;
};

/// A sync that runs while the writer goes on: whoever holds it syncs `file`.
struct sync_point {
    std::shared_ptr<storage::file> file;  ///< null: nothing to sync
    std::uint64_t lsn = 0;                ///< durable afterwards
    std::uint64_t cuts = 0;               ///< of the log before
};

namespace detail {
class position_index;
}

class writer {
public:
    /// Goes on at `end`. The first append makes a segment when there is none. `files` must outlive the writer, the
    /// directory must exist, and `recover` must have run (its repair is what makes the tail writable).
    /// Errors: not_found, corruption (the segment is shorter than `end` says), resource_exhausted, io.
    [[nodiscard]] static result<writer> open(storage::file_system& files, std::string directory,
                                             const writer_options& options, const log_end& end);

    writer(writer&&) noexcept;
    writer& operator=(writer&&) noexcept;
    ~writer();

    /// Writes the drafts as records with the next lsns and gives the lsn of the last. A call holds one or more whole
    /// batches: its last draft must not have `flag_batch_continues`.
    /// Durability: none before `sync`.
    /// Errors: invalid_argument (no drafts, open batch, payload above record_bytes_max), resource_exhausted (nothing
    /// was appended, try again later), io or any error of the roll's sync (poisoned), unavailable (poisoned before).
    /// Cost: one copy of the payloads, one write; sometimes a roll (two syncs) or a step of zero-filling.
    [[nodiscard]] result<std::uint64_t> append(std::span<const draft> drafts);

    /// The same for records of another's log: type, flags, payload and term are taken from them, and lsn, chain and all
    /// else is this log's. Terms must not fall; they may differ within a call.
    /// Errors: as `append`; invalid_argument (a term that falls).
    [[nodiscard]] result<std::uint64_t> append_records(std::span<const record> records);

    /// Takes the records behind `lsn` off the log; they are kept first, in `diverged/cut-<from>-<to>-<chain>.wal` beside the
    /// log's directory (a segment file). Of the segment that holds `lsn` what stays is copied, since a file that is cut in
    /// place can be found half cut after a crash, which looks like damage.
    /// Durability: on return the cut is durable, and all that is left. A crash on the way leaves a log that ends between `lsn` and
    ///   where it ended, with a whole batch.
    /// Errors: invalid_argument (`lsn` is not in the log), resource_exhausted, io, corruption; poisoned if the log has been
    ///         touched. unavailable (poisoned before).
    /// Cost: copies one segment and the tail; each later segment is removed with a sync of the directory.
    result<void> cut(std::uint64_t lsn);

    /// For a sync that another thread does while this one appends: all that has been appended so far.
    [[nodiscard]] sync_point begin_sync() const;
    /// What came of it. Nothing when the log was cut meanwhile.
    /// Errors: `outcome`'s (poisoned), unavailable (poisoned before).
    result<void> end_sync(const sync_point& point, result<void> outcome);

    /// From now on `position_at` knows every record that is in the log. `before`: position of the record `before_lsn`, of use
    /// when that is the one before the first.
    /// Errors: corruption, io.  Cost: reads the log once; then 4 bytes of memory for each record.
    result<void> keep_positions(std::uint64_t before_lsn, const record_position& before);
    /// Of a record from `first_position_lsn()` - 1 to `last_lsn()`; nothing outside. Precondition: keep_positions().
    [[nodiscard]] std::optional<record_position> position_at(std::uint64_t lsn) const;
    /// First lsn in the log of whose predecessor the position is known.
    [[nodiscard]] std::uint64_t first_position_lsn() const noexcept;

    /// Makes all appended records durable. No system call when they are.
    /// Errors: io, resource_exhausted (both poison), unavailable (poisoned before).
    result<void> sync();

    /// Ends the segment being written and begins the next, so that the one before never changes again. Nothing when
    /// no record is in it.
    /// Errors: resource_exhausted (nothing has changed), io (poisoned), unavailable (poisoned before).
    result<void> start_segment();

    /// Removes the segments whose records are all below `lsn`; never the one being written, and only as long as
    /// `keep_bytes` of log are left.
    /// Errors: io; the segments not yet removed stay for the next call.
    result<void> release_before(std::uint64_t lsn, std::uint64_t keep_bytes = 0);

    /// Term of the records to come. Precondition: not smaller than before.
    void set_term(std::uint64_t term) noexcept { term_ = term; }

    [[nodiscard]] std::uint64_t last_lsn() const noexcept { return end_.last_lsn; }
    [[nodiscard]] std::uint64_t durable_lsn() const noexcept { return durable_lsn_; }
    [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
    /// Chain of the last record.
    [[nodiscard]] std::uint32_t chain() const noexcept { return end_.chain; }
    /// First lsn that is still in the log; last_lsn() + 1 when it is empty.
    [[nodiscard]] std::uint64_t first_lsn() const noexcept;
    /// Bytes of records and headers in the segments that are kept (zero-filled space not counted).
    [[nodiscard]] std::uint64_t bytes() const noexcept;
    [[nodiscard]] bool poisoned() const noexcept { return poisoned_; }

private:
    struct kept_segment {
        segment_name name;
        std::uint64_t bytes;
    };

    writer(storage::file_system& files, std::string directory, const writer_options& options, const log_end& end);
    template <class Draft>
    [[nodiscard]] static result<void> check_batches(std::span<const Draft> drafts);
    template <class Draft, class TermOf>
    result<std::uint64_t> write(std::span<const Draft> drafts, const TermOf& term_of);
    result<void> adopt_segments();
    result<void> keep_tail(std::uint64_t lsn);
    result<log_end> write_front(std::size_t segment, std::uint64_t lsn, const std::string& path);
    result<void> roll();
    result<void> ensure_allocated(std::uint64_t bytes);
    result<void> cut_back(const error& cause);
    error poison(error cause);
    [[nodiscard]] error refusal() const;
    [[nodiscard]] std::string path_of(const segment_name& name) const;

    storage::file_system* files_;
    std::string directory_;
    writer_options options_;
    log_end end_;
    std::shared_ptr<storage::file> file_;  ///< the segment being written; null before the first append
    std::vector<kept_segment> segments_;   ///< by first lsn; the last is the one being written
    std::uint64_t allocated_ = 0;          ///< zero-filled up to here
    std::uint64_t durable_lsn_ = 0;
    std::uint64_t term_ = 0;
    std::uint64_t cuts_ = 0;
    byte_vector buffer_;  ///< of append, kept for its capacity
    std::unique_ptr<detail::position_index> positions_;
    bool poisoned_ = false;
    error cause_;
};

}  // namespace vecstore::wal
