/// How a database is opened, and what it says of itself.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/hash128.hpp>
#include <vecstore/storage/encryption_key.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

namespace storage {
class file_system;
class table_store;
}  // namespace storage

/// When what is on the disk is held against its checksums.
enum class verification : std::uint8_t {
    /// Opening reads footers, the tables and what is small; each 64 KiB block of a part is checked when it is touched
    /// first, an index when it is first searched or by the background thread, whoever comes first. So opening does not
    /// wait for the data; the first query waits for its index.
    first_touch,
    /// Opening reads everything. A damaged part is then found by `open`.
    on_open,
};

struct database_options {
    /// Make the directory and an empty database in it when there is none.
    bool create = true;

    /// Look, change nothing: no lock, no thread, no repair. Sees the state at opening, and moves to a newer one when
    /// the writing process has written a checkpoint.
    bool read_only = false;

    /// Opens what can be opened of a damaged database; implies `read_only`, but needs that nobody has it open for
    /// writing. The log counts up to its first bad record. Points and vectors that cannot be read are not found by
    /// queries; asked for by their ids they give `corruption`. What is missing stands in `database_stats::missing`.
    /// Costs memory for damaged tables and parts, whose readable rest is copied, and a pass over all points.
    bool salvage = false;

    /// NFS, SMB, 9p, FUSE and their like do not promise what is needed of locks, mappings and syncs, so that databases
    /// there are refused with `unsupported`. True: open it all the same, at your own risk.
    bool allow_network_file_system = false;

    /// 0 or 1. With 1 the database has a thread of its own that writes checkpoints, merges parts and builds graphs.
    /// With 0 it starts none: the write that passes `checkpoint_bytes` writes the checkpoint, and graphs come from
    /// `database::optimize`.
    unsigned background_threads = 1;

    /// Threads that build one graph, 1 to 256; more are started only while a graph is built, and only if this is above
    /// 1.
    unsigned build_threads = 1;

    /// How much of one processor the merging of parts and the building of graphs may take, above 0 and up to 1; the rest
    /// of the time it sleeps. Below 1, one thread builds. For `database::optimize` too.
    double optimizer_cpu_share = 1.0;

    /// How fast merging and building may write, on average over a job; 0 = as fast as the disk takes it.
    std::uint64_t optimizer_bytes_per_second = 0;

    /// Log bytes after which a checkpoint is due. Less: faster reopening after a crash and less memory. More: fewer
    /// rewrites.
    std::uint64_t checkpoint_bytes = 32u << 20;

    /// With a background thread: an age of log after which a checkpoint is due, so that a store which is written to now and
    /// then does not keep a log to replay. When nothing was written for as long, the disk is tidied once: the log is cut,
    /// free pages of the tables are given back. 0: only its size counts, and only `optimize` tidies.
    std::uint64_t checkpoint_interval_ms = 60'000;

    /// How long a write with `durability::async` may wait for the disk. With no background thread such writes reach the
    /// disk with the next `sync` write, `flush`, checkpoint or `close`.
    std::uint64_t flush_interval_ms = 100;

    /// How often the background thread looks for points that have expired. Without one, `database::expire_due` does it.
    std::uint64_t expire_interval_ms = 1'000;

    /// Log that is kept although a checkpoint has passed it, for `database::changes`. Whole files go, of up to 64 MiB,
    /// so there is more of it at times.
    std::uint64_t log_retention_bytes = 0;

    /// Log that is kept at most for readers named by `database::keep_log_for`. A reader that falls behind it has to
    /// start anew.
    std::uint64_t log_hold_bytes_max = std::uint64_t{1} << 30;

    /// Disk space set aside, so that a full disk can be got out of: when it is full, upserts are refused with
    /// `resource_exhausted`, and the reserve is given back so that erasing, dropping and checkpoints go on. It is set aside
    /// again, and upserts are taken again, as soon as there is room. This is the most of it: a small store keeps as much
    /// as its log and tables, and 1 MiB. 0: none.
    std::uint64_t reserve_bytes = 64u << 20;

    /// Address space reserved for the tables (ids and payloads), not memory used. Tables that meet it double it, as soon as
    /// no read is under way; the write or checkpoint that met it gives `resource_exhausted` and is tried again.
    std::uint64_t tables_bytes_max = std::uint64_t{64} << 30;

    /// A directory of backups (database/backup.hpp) in which each log segment is kept before the database lets go of it;
    /// empty = none. While that fails (disk full, say) the log grows, and database_stats::last_error tells why. Every
    /// checkpoint ends a segment then, so that what is kept reaches to the last checkpoint.
    std::string archive_directory{};

    /// Either way a damaged block gives `errc::corruption` with path and offset to whoever needs it, never a wrong
    /// answer; a damaged index is left out, and built again.
    verification verify = verification::first_touch;

    /// Read parts through mappings. A mapped file that someone cuts short kills the process that reads it with SIGBUS
    /// (a file that is too short when it is opened is corruption). With false, files of parts are read into memory when
    /// they are opened, which takes their size in memory and time, and implies `on_open`. The tables are LMDB's, which
    /// knows mappings alone; nobody else may write to the directory's `state`.
    bool mapped = true;

    /// How fast the background thread, when there is one, reads all files of parts and indexes again to find what has
    /// rotted since; once a day, from the disk and not from the cache. 0 = never.
    std::uint64_t scrub_bytes_per_second = 10u << 20;

    /// With a key, a database that is made is encrypted (database/encryption.hpp says what is, and what is not); one that is
    /// opened must have been made with this key. Without a key it must not be encrypted. Else: `wrong_key`.
    /// Not for databases in memory, which leave nothing at rest.
    encryption_key encryption = {};

    /// Keep up to 1,000 of the latest queries for each named vector (256 to 1,000, about 4 MiB), and measure with them what
    /// searches find: then `query::recall` holds for what is really asked, and not for rows as queries alone. They are in
    /// memory only, never on a disk, and gone when the database is closed. The background thread measures when that takes less
    /// than a fiftieth of the time that searches have taken since; `database::optimize` always. False: no query is kept.
    bool sample_queries = true;
};

/// The seams to the operating system; tests and simulations bring their own. Null = the real one.
struct database_environment {
    std::shared_ptr<storage::file_system> files;
    std::shared_ptr<storage::table_store> tables;
    /// Milliseconds since 1970; says when points expire.
    std::function<std::uint64_t()> clock = {};
    /// Milliseconds since any moment, never going back; says when the time of a query is up. Called by any thread.
    std::function<std::uint64_t()> steady_clock = {};
};

/// Bytes that this process has written for a database since it opened it.
struct database_traffic {
    std::uint64_t user = 0;    ///< operations as they are encoded: ids, vectors, payloads
    std::uint64_t log = 0;     ///< records of the log, headers and padding included
    std::uint64_t parts = 0;   ///< parts and indexes, by checkpoints and by merging
    std::uint64_t tables = 0;  ///< pages of the tables, compaction included; 0 for tables in memory

    /// Bytes written for each byte that came in; 0 before the first. About 3 to 4 is usual for vectors that are
    /// written once: log, part, and each merge that a row goes through (one for every fourfold size). Small payloads
    /// under ids in random order cost more, as each checkpoint writes whole pages of the tables.
    [[nodiscard]] double amplification() const noexcept {
        return user == 0 ? 0 : static_cast<double>(log + parts + tables) / static_cast<double>(user);
    }
};

/// What looking for damage has found, since the database was opened.
struct scrub_stats {
    std::uint64_t bytes = 0;             ///< read by scrubs
    std::uint64_t passes = 0;            ///< scrubs that came to the end
    std::int64_t last_pass_age_s = -1;   ///< seconds since the last one did; -1 = none has
    std::uint64_t findings = 0;          ///< damaged blocks that scrubs met, each pass anew
    std::uint64_t damaged_blocks = 0;    ///< of parts in use: known now, by scrubs and by queries
    std::uint64_t damaged_indexes = 0;   ///< of parts in use: known now, not yet built again
    std::uint64_t unverified_bytes = 0;  ///< of parts and indexes in use: not touched yet
};

/// Sizes in bytes, positions in the log as lsn.
struct database_stats {
    std::uint64_t lsn = 0;             ///< last write applied
    std::uint64_t durable_lsn = 0;     ///< last write on the disk
    std::uint64_t checkpoint_lsn = 0;  ///< last write in the tables and parts
    std::uint64_t log_bytes = 0;       ///< of the log files; whole files go when a checkpoint has passed them
    std::uint64_t tables_bytes = 0;
    std::uint64_t tables_free_bytes = 0;  ///< of these, hold nothing: for later writes, or for `optimize` to give back
    database_traffic written;
    std::size_t collections = 0;
    /// Of all points at `lsn`: sum of the collections' (collection_info::state_hash). Two databases with the same log
    /// agree, whatever their checkpoints and parts. Nothing when that of a collection is not known.
    std::optional<hash128> state_hash = std::nullopt;
    bool disk_full = false;  ///< upserts are refused until there is room again
    bool poisoned = false;   ///< a sync failed: reads go on, writes are refused until reopened
    std::string last_error;  ///< of the background thread or the failed sync; empty = none
    scrub_stats scrub;
    /// Of a database open for salvage: what could not be read, a line each, and how much of it can be counted.
    std::vector<std::string> missing;
    std::uint64_t missing_points = 0;
    std::uint64_t missing_vectors = 0;
};

/// How far a long task is. `total` = 0 while it is not known.
struct progress {
    std::string_view task;  ///< e.g. "building graph of docs"
    std::size_t done = 0;
    std::size_t total = 0;
};

/// Return false to cancel the task. Called by the thread that works; it must not call `optimize` or `close` itself.
using progress_callback = std::function<bool(const progress&)>;

}  // namespace vecstore
