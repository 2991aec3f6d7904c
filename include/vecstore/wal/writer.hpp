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

class writer {
public:
    /// Goes on at `end`. The first append makes a segment when there is none. `files` must outlive the writer, the
    /// directory must exist, and `recover` must have run (its repair is what makes the tail writable).
    /// Errors: not_found, corruption (the segment is shorter than `end` says), resource_exhausted, io.
    [[nodiscard]] static result<writer> open(storage::file_system& files, std::string directory,
                                             const writer_options& options, const log_end& end);

    writer(writer&&) noexcept = default;
    writer& operator=(writer&&) noexcept = default;
    ~writer() = default;

    /// Writes the drafts as records with the next lsns and gives the lsn of the last. A call holds one or more whole
    /// batches: its last draft must not have `flag_batch_continues`.
    /// Durability: none before `sync`.
    /// Errors: invalid_argument (no drafts, open batch, payload above record_bytes_max), resource_exhausted (nothing
    /// was appended, try again later), io or any error of the roll's sync (poisoned), unavailable (poisoned before).
    /// Cost: one copy of the payloads, one write; sometimes a roll (two syncs) or a step of zero-filling.
    [[nodiscard]] result<std::uint64_t> append(std::span<const draft> drafts);

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
    result<void> check_drafts(std::span<const draft> drafts) const;
    result<void> adopt_segments();
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
    std::unique_ptr<storage::file> file_;  ///< the segment being written; null before the first append
    std::vector<kept_segment> segments_;   ///< by first lsn; the last is the one being written
    std::uint64_t allocated_ = 0;          ///< zero-filled up to here
    std::uint64_t durable_lsn_ = 0;
    std::uint64_t term_ = 0;
    byte_vector buffer_;  ///< of append, kept for its capacity
    bool poisoned_ = false;
    error cause_;
};

}  // namespace vecstore::wal
