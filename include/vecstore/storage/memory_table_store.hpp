/// Tables in memory: sorted chunks that are copied when changed, so that a snapshot is one pointer copy and a commit
/// rewrites only the chunks that it touches (and the list of chunks of a touched table).
/// For databases without a directory, and for tests. Nothing survives the process.
/// Thread safety: as `table_store`.
#pragma once

#include <vecstore/storage/table_store.hpp>

#include <memory>
#include <string>
#include <vector>

namespace vecstore::storage {

/// A store with the given tables, all empty. Never fails but for memory.
[[nodiscard]] std::unique_ptr<table_store> make_memory_table_store(const std::vector<std::string>& names);

}  // namespace vecstore::storage
