/// Ordered key/value tables with snapshot reads and atomic, durable commits: the checkpoint's home.
/// Implementations: `lmdb_table_store.hpp` (on disk), `memory_table_store.hpp` (no directory).
/// Keys are 1 to 511 bytes and sort as unsigned bytes; values are up to 1 GiB, and may be empty.
/// Errors common to all: invalid_argument (key length, value length, table number), corruption (path; a value whose
/// checksum differs, a damaged page), resource_exhausted (disk or map full, too many readers), io.
/// Thread safety: a table_store may be used from any thread. A reader, a cursor and a writer belong to one thread at a
/// time; a writer to the thread that made it. Any number of readers run beside one writer; a second writer waits.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace vecstore::storage {

/// Index of a table in the list of names given at open.
using table_id = std::uint32_t;

inline constexpr std::size_t table_key_bytes_max = 511;
inline constexpr std::size_t table_value_bytes_max = 1u << 30;

/// Walks one table in key order. Starts invalid: seek first. Must be destroyed before its reader.
class table_cursor {
public:
    table_cursor() = default;
    table_cursor(const table_cursor&) = delete;
    table_cursor& operator=(const table_cursor&) = delete;
    virtual ~table_cursor() = default;

    /// Goes to the first key >= `key` (an empty key means the first of all); invalid when there is none.
    /// Errors: corruption, io.
    virtual result<void> seek(byte_span key) = 0;

    /// Goes to the next key; invalid after the last. Precondition: valid().
    /// Errors: corruption, io.
    virtual result<void> next() = 0;

    [[nodiscard]] virtual bool valid() const noexcept = 0;
    /// Precondition: valid(). Lifetime: that of the reader.
    [[nodiscard]] virtual byte_span key() const noexcept = 0;
    /// Precondition: valid(). Lifetime: until the cursor moves.
    [[nodiscard]] virtual byte_span value() const noexcept = 0;
};

/// A snapshot of all tables: sees every commit before its creation and none after. Cheap to make (a query has its own).
/// A reader that lives long keeps old pages from being reused: make one for a query, not one for a session.
class table_reader {
public:
    table_reader() = default;
    table_reader(const table_reader&) = delete;
    table_reader& operator=(const table_reader&) = delete;
    virtual ~table_reader() = default;

    /// The value of a key, or nothing. Lifetime: that of the reader.
    /// Errors: invalid_argument, corruption, io.
    [[nodiscard]] virtual result<std::optional<byte_span>> get(table_id table, byte_span key) = 0;

    /// Errors: invalid_argument, resource_exhausted.
    [[nodiscard]] virtual result<std::unique_ptr<table_cursor>> cursor(table_id table) = 0;
};

/// Changes that become visible and durable together at `commit()`, or never: the destructor drops them.
/// After an error other than invalid_argument the writer can only be destroyed.
class table_writer {
public:
    table_writer() = default;
    table_writer(const table_writer&) = delete;
    table_writer& operator=(const table_writer&) = delete;
    virtual ~table_writer() = default;

    /// Sets a value, replacing the one before. `key` and `value` must not point into what this writer's `get` returned.
    /// Errors: invalid_argument, corruption, resource_exhausted, io.
    virtual result<void> put(table_id table, byte_span key, byte_span value) = 0;

    /// Removes a key; success when it is absent.
    /// Errors: invalid_argument, corruption, resource_exhausted, io.
    virtual result<void> erase(table_id table, byte_span key) = 0;

    /// Removes the keys in [first, last); an empty `last` means no upper end.
    /// Errors: corruption, resource_exhausted, io.
    virtual result<void> erase_range(table_id table, byte_span first, byte_span last) = 0;

    /// The value as this writer sees it, its own changes included. Lifetime: until its next change.
    /// Errors: invalid_argument, corruption, io.
    [[nodiscard]] virtual result<std::optional<byte_span>> get(table_id table, byte_span key) = 0;

    /// Makes all changes visible to later readers. Ends the writer, and with it the wait of the next one: any later
    /// change gives `unavailable`.
    /// Durability: on disk (synced) when this returns without error. After an error none of the changes are visible.
    /// Errors: corruption, resource_exhausted, io.
    virtual result<void> commit() = 0;

    /// Removes the keys that start with `prefix`.
    /// Errors: as `erase_range`.
    result<void> erase_prefix(table_id table, byte_span prefix);
};

class table_store {
public:
    table_store() = default;
    table_store(const table_store&) = delete;
    table_store& operator=(const table_store&) = delete;
    virtual ~table_store() = default;

    /// A snapshot of now. Readers must be destroyed before the store.
    /// Errors: resource_exhausted (too many readers), io.
    /// Threads: any; never waits for a writer.
    [[nodiscard]] virtual result<std::unique_ptr<table_reader>> read() = 0;

    /// Waits for the writer before to end.
    /// Errors: unsupported (opened read-only), resource_exhausted, io.
    [[nodiscard]] virtual result<std::unique_ptr<table_writer>> write() = 0;

    /// Bytes taken on disk, or in memory.
    /// Errors: io.
    [[nodiscard]] virtual result<std::uint64_t> size_bytes() = 0;

    /// Of `size_bytes`, what holds nothing since the last commit; later commits use it again. 0 when not known.
    [[nodiscard]] virtual std::uint64_t free_bytes() noexcept { return 0; }

    /// Written by this process since the store was opened, about. 0 when not known.
    [[nodiscard]] virtual std::uint64_t written_bytes() noexcept { return 0; }

    /// Gives `free_bytes` back to the file system. Readers go on; writers wait. Nothing to do where nothing is kept.
    /// Durability: what was committed stays durable, whatever this returns; a crash leaves the old file or the new one.
    /// Errors: resource_exhausted (it needs as much again as is in use, for a while), unsupported (read-only; a file
    /// system that cannot exchange two names), corruption, io. Cost: one pass over what is in use, and a few syncs.
    virtual result<void> compact() { return {}; }

    /// To be called now and then, by any thread: lets go of what readers in processes that died have kept.
    virtual void tidy() {}
};

}  // namespace vecstore::storage
