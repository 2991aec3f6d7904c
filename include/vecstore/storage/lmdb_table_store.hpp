/// Tables in an LMDB environment: a copy-on-write B+ tree in one mapped file, synced at every commit.
/// MDB_NOSYNC and MDB_WRITEMAP are never used (the first can lose the whole file at a power cut, the second lets stray
/// writes reach it).
/// Damage: LMDB 0.9 has no checksums, and follows a flipped page number out of its map. So the pages are summed in a
/// file beside it, `sums`, after each commit, and checked at open before LMDB sees them; for what happens after that,
/// every value ends in a 4-byte checksum of key and value, checked at each read and not shown to the caller.
/// Cost of the sums: a commit reads again the 64 KiB blocks in which it used or freed pages, walks LMDB's list of free
/// pages and replaces `sums` (16 bytes for each block), which is two more syncs. An open reads all pages in use, about
/// 0.1 s of a processor for each GiB, or as fast as the disk is. That is the part of opening a database that grows with
/// it: nothing less protects LMDB, which would follow a damaged leaf as it does a branch.
/// Limit: after a crash between a commit and its sums, the pages written by that commit are taken as they are.
/// The file never shrinks by itself: `compact` copies what is in use and puts the copy's directory in the place of
/// `path` in one step (`<path>.compact` is there meanwhile, and is removed at the next open after a crash). Readers that
/// are active keep the old file, whose space is freed when they end; other processes go over with their next `read()`.
/// One process writes at a time, which the caller sees to (a database has a lock file); others may open read-only
/// meanwhile. Not for network file systems. Not usable in a child after fork().
/// Thread safety: as `table_store`.
#pragma once

#include <vecstore/storage/table_store.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::storage {

struct lmdb_options {
    /// Address space reserved, and the bound of the file; costs no memory or disk. When a commit meets it, it gives
    /// resource_exhausted, and the next `write()` that finds no reader active doubles it.
    std::uint64_t map_bytes = std::uint64_t{64} << 30;
    /// Opens what exists and never writes; works on a read-only medium (then without a reader table).
    bool read_only = false;
    /// Readers at one time, over all processes; effect only for the process that opens first.
    unsigned readers_max = 4096;
};

/// Opens the environment in directory `path`, making it and the tables when absent (unless read-only).
/// Opening the same directory twice in a process gives two stores over one environment; the first opener's options
/// rule, and a writable store over an environment opened read-only is refused.
/// Durability: each commit is synced. A database that was just made is durable with its first commit. When the sums of
/// a commit cannot be stored (disk full), the commit stands, and `write()` gives the error until they can.
/// Errors: not_found (read-only and absent), corruption (a page differs from its sum, with path and offset; truncated;
/// tables or sums missing or damaged; not an LMDB file), unsupported (sums of a newer version), invalid_argument (too
/// many names), unavailable (writable over read-only; read-only beside a writer that commits faster than the file is
/// checked), resource_exhausted, io.
/// Cost: one pass over the pages in use, at memory or disk speed; the second store over one environment costs nothing.
[[nodiscard]] result<std::unique_ptr<table_store>> open_lmdb(const std::string& path,
                                                             const std::vector<std::string>& names,
                                                             const lmdb_options& options = {});

}  // namespace vecstore::storage
