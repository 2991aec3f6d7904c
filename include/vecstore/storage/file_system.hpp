/// The seam between the store and the operating system: every byte that vecstore itself writes goes through here, so
/// that tests can fail, tear or drop any operation. (LMDB is behind `table_store` and does its own I/O.)
/// Exemplars: leveldb's Env, TigerBeetle's storage simulator.
/// Paths are plain strings with '/', interpreted by the file system; relative ones start at the working directory.
/// Errors common to all: not_found (no such file or directory), already_exists, resource_exhausted (disk or quota full,
/// too many open files), io (everything else the system refused: permission, read-only medium, device error; the
/// message has its reason). `error::path` names the file.
/// Thread safety: a file_system may be used from any thread. A file may be read from any thread; writes, truncate and
/// allocate need one thread at a time.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::storage {

enum class open_mode : std::uint8_t {
    read,        ///< must exist; writing to it is an error
    read_write,  ///< must exist
    create,      ///< made empty when absent, kept as it is when present
    create_new,  ///< must not exist (already_exists)
};

/// An open file. Closed by its destructor, which reports nothing: what must be on disk needs `sync()`.
class file {
public:
    file() = default;
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    virtual ~file() = default;

    /// Writes all bytes at `offset`, growing the file when needed (a gap reads as zero).
    /// After an error any part of the range may have been written. Interrupted and short writes are continued inside.
    /// Durability: none before `sync()`.
    /// Errors: resource_exhausted, io.
    virtual result<void> write_at(std::uint64_t offset, byte_span bytes) = 0;

    /// Fills `into` from `offset`; gives the count read, which is short only at the end of the file.
    /// Errors: io.
    virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;

    /// Makes the contents and the size durable (fdatasync). Never retry after an error: the kernel may have dropped the
    /// pages, and a second call would succeed without them.
    /// Does not make the file's name durable: that is `file_system::sync_directory`.
    /// Errors: resource_exhausted, io.
    virtual result<void> sync() = 0;

    /// Errors: io.
    [[nodiscard]] virtual result<std::uint64_t> size() const = 0;

    /// Sets the size; growing reads as zero.
    /// Errors: resource_exhausted, io.
    virtual result<void> truncate(std::uint64_t bytes) = 0;

    /// Grows the file to `bytes` with zeros that are really written, so that later writes there neither run out of
    /// space nor change metadata (which makes their `sync()` cheaper). No effect on a file that is as large already.
    /// Errors: resource_exhausted, io.
    virtual result<void> allocate(std::uint64_t bytes) = 0;

    /// Asks the system to forget what it keeps of the range, so that the next `read_at` sees the medium. What another
    /// process maps, or is not written yet, it keeps.
    virtual void drop_cached(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) const noexcept {}

    /// Sets at least `bytes` aside for this file without writing them, where the file system can (fallocate); `size()` may
    /// stay as it is. What later writes into the file is not promised to be fast, as after `allocate`.
    /// Errors: resource_exhausted, unsupported, io.
    virtual result<void> reserve([[maybe_unused]] std::uint64_t bytes) {
        return error{errc::unsupported, "reserve", path(), 0};
    }

    [[nodiscard]] virtual const std::string& path() const noexcept = 0;
};

/// Read-only bytes of a whole file as it was when mapped. The file must not be shortened while mapped.
class mapping {
public:
    mapping() = default;
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;
    virtual ~mapping() = default;

    /// Page-aligned on disk file systems, 16-byte aligned in memory. Lifetime: that of the mapping.
    [[nodiscard]] virtual byte_span bytes() const noexcept = 0;

    /// Gives back the memory that what was read of a range has taken; it is read from the file again when it is touched.
    virtual void release(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) const noexcept {}

    /// True when bytes are there only after `fetch` of their range (a file that is decrypted as it is touched).
    [[nodiscard]] virtual bool on_demand() const noexcept { return false; }

    /// Makes sure that the range can be read through `bytes`. Any number of threads; one of them works for all.
    /// Errors: corruption, io.
    [[nodiscard]] virtual result<void> fetch(std::uint64_t /*offset*/, std::uint64_t /*bytes*/) const { return {}; }
};

/// An exclusive lock, given back by the destructor (or by the death of the process).
class file_lock {
public:
    file_lock() = default;
    file_lock(const file_lock&) = delete;
    file_lock& operator=(const file_lock&) = delete;
    virtual ~file_lock() = default;
};

class file_system {
public:
    file_system() = default;
    file_system(const file_system&) = delete;
    file_system& operator=(const file_system&) = delete;
    virtual ~file_system() = default;

    /// Errors: not_found, already_exists (create_new), resource_exhausted, io.
    virtual result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) = 0;

    /// Maps a whole file read-only. An empty file gives an empty span. The mapping outlives a `remove` of its file.
    /// Errors: not_found, resource_exhausted, io.
    virtual result<std::shared_ptr<const mapping>> map(const std::string& path) = 0;

    /// Atomically gives `from` the name `to`, replacing what had it. Durable after `sync_directory` of both parents.
    /// Errors: not_found, resource_exhausted, io.
    virtual result<void> rename(const std::string& from, const std::string& to) = 0;

    /// A second name for the same file; falls to a copy where the file system has no links.
    /// Errors: not_found, already_exists, resource_exhausted, io.
    virtual result<void> link(const std::string& from, const std::string& to) = 0;

    /// Removes a file, or an empty directory.
    /// Errors: not_found, io.
    virtual result<void> remove(const std::string& path) = 0;

    /// Removes a directory with all below it, or a file; success when there is nothing.
    /// Errors: io.
    virtual result<void> remove_all(const std::string& path) = 0;

    /// Makes the directory and its missing parents; success when it is there. New entries are synced into their
    /// parents.
    /// Errors: resource_exhausted, io.
    virtual result<void> create_directories(const std::string& path) = 0;

    /// Makes the names in a directory durable: files created, renamed and removed there.
    /// Errors: not_found, io.
    virtual result<void> sync_directory(const std::string& path) = 0;

    /// Names of the files and directories in `path`, sorted bytewise, without "." and "..".
    /// Errors: not_found, io.
    virtual result<std::vector<std::string>> list(const std::string& path) = 0;

    /// True for a file or a directory. False also when it cannot be told.
    [[nodiscard]] virtual bool exists(const std::string& path) = 0;

    /// Errors: not_found, io.
    virtual result<std::uint64_t> file_size(const std::string& path) = 0;

    /// The kind of the network file system that `path` lies on, e.g. "nfs"; empty when it is none, or cannot be told.
    /// There, locks may be granted twice, a mapped page may be older than a written one, and a sync may promise nothing.
    [[nodiscard]] virtual std::string network_kind([[maybe_unused]] const std::string& path) { return {}; }

    /// Locks a file exclusively, making it when absent; does not wait. The lock belongs to the object returned, so that
    /// a second lock in the same process is refused too.
    /// Errors: unavailable (held; the message names the holder's process id when it is known), resource_exhausted, io.
    virtual result<std::unique_ptr<file_lock>> lock(const std::string& path) = 0;
};

/// The operating system's files. One object for the process; lives until exit.
[[nodiscard]] file_system& posix_file_system() noexcept;

/// The whole contents of a file.
/// Errors: as `file_system::open` and `file::read_at`.
[[nodiscard]] result<byte_vector> read_file(file_system& files, const std::string& path);

/// Replaces a file atomically: writes `<path>.tmp`, syncs, renames, syncs the directory.
/// Durability: when this returns without error the new contents survive a crash; before that the old ones do.
/// Errors: as the operations named; the temporary file is removed.
result<void> write_file(file_system& files, const std::string& path, byte_span bytes);

/// "a" and "b" give "a/b"; an empty part is left out.
[[nodiscard]] std::string join_path(std::string_view directory, std::string_view name);

/// The directory part: "a/b" gives "a", "/a" gives "/", "a" gives ".".
[[nodiscard]] std::string parent_directory(std::string_view path);

}  // namespace vecstore::storage
