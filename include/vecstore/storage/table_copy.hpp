/// Copies of tables: into other tables, or into a file and back.
/// Why not a copy of LMDB's pages: reading the entries checks each of them, drops free pages, and does the same for any
/// kind of store. A page copy would be faster, and would carry damage along.
///
/// The file is a block file of kind "VTBL", version 1, with one section "ROWS", little-endian:
///   for each entry, by table, then by key: u32 table, u32 key bytes, key, u32 value bytes, value
/// These are bytes on disk: a change needs a new version.
/// Thread safety: functions without state; a reader belongs to one thread.
#pragma once

#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/table_store.hpp>

#include <string>

namespace vecstore::storage {

/// Puts all entries of the tables 0 to `count` - 1 into `to`, which should be empty. Commits in steps of 64 MiB.
/// Durability: that of `to`'s commits.  Errors: corruption, resource_exhausted, io.
result<void> copy_tables(table_reader& from, table_id count, table_store& to);

/// Writes the entries into a file.  Durability: synced under its name.  Errors: corruption, resource_exhausted, io.
result<void> dump_tables(table_reader& from, table_id count, file_system& files, const std::string& path);

/// Puts what a file of `dump_tables` has into `to`, in one commit.
/// Errors: not_found, corruption (path, offset), unsupported (newer version), invalid_argument (a table that `to` does
/// not have), resource_exhausted, io.
result<void> load_tables(file_system& files, const std::string& path, table_store& to);

}  // namespace vecstore::storage
