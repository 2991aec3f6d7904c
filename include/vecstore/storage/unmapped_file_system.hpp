/// A file system whose "mappings" are copies in memory, read with pread. A mapped file that another process cuts short
/// answers with SIGBUS; a host that may not die of that pays with memory and with the time to read.
/// Thread safety: as the file system inside.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <memory>

namespace vecstore::storage {

/// `inner`, but for `map`: it reads the whole file into memory, and `release` gives nothing back.
/// Errors of `map`: as `file_system::open`; corruption (the file became shorter while it was read); resource_exhausted
/// (also memory).
[[nodiscard]] std::shared_ptr<file_system> without_mappings(std::shared_ptr<file_system> inner);

}  // namespace vecstore::storage
