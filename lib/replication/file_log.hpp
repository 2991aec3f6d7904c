/// What a replica asks of its log, over the log's files: `database_log` calls this while nobody else uses the writer, the
/// simulator over a file system in memory. Syncing is theirs.
/// The latest records stay in memory as they are shipped; older ones are read from files, by a few readers that go on where
/// they were.
/// Thread safety: one thread at a time.
#pragma once

#include "types.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/wal/reader.hpp>
#include <vecstore/wal/writer.hpp>

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::replication {

class file_log {
public:
    /// `files` must outlive it.
    file_log(storage::file_system& files, std::string directory, std::size_t recent_bytes)
        : files_(files), directory_(std::move(directory)), recent_bytes_max_(recent_bytes) {}

    // As in replica_log. Precondition of all: log.keep_positions().
    [[nodiscard]] static position last(const wal::writer& log);
    [[nodiscard]] static std::uint64_t first_lsn(const wal::writer& log) { return log.first_position_lsn(); }
    [[nodiscard]] static std::optional<position> at(const wal::writer& log, std::uint64_t lsn);
    result<void> append(wal::writer& log, std::span<const wal::record> records);
    result<void> cut(wal::writer& log, std::uint64_t lsn);
    /// Also records that are not durable.
    result<std::uint64_t> read(const wal::writer& log, std::uint64_t from_lsn, std::size_t bytes_max, byte_writer& out);

private:
    static constexpr std::size_t readers_max = 4;
    /// A place in the files: `held` is the encoded record `next_lsn`, when it has been read already.
    struct reader {
        wal::cursor cursor;
        std::uint64_t next_lsn = 0;
        byte_vector held;
    };
    result<std::uint64_t> read_files(const wal::writer& log, std::uint64_t from_lsn, std::size_t bytes_max,
                                     byte_writer& out);
    result<reader> reader_at(std::uint64_t lsn);

    storage::file_system& files_;
    std::string directory_;
    std::size_t recent_bytes_max_;
    std::deque<byte_vector> recent_;  ///< the last of them is the log's last record
    std::size_t recent_bytes_ = 0;
    std::deque<reader> readers_;  ///< the latest used last
};

}  // namespace vecstore::replication
