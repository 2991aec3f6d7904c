/// A copy of another member's database on its way into the place of this one. A snapshot (snapshot_manifest.hpp) is put together in
/// `<directory>/incoming`; when it is complete and right, it becomes a database of its own and is marked as ready; whoever opens
/// the directory for writing next puts it in place, before anything else is read.
///
/// `incoming/READY`, written last (little-endian; values are on disk, do not renumber):
///   offset  bytes  field
///   0       8      magic "VSSEED01"
///   8       8      lsn: the copy holds all writes up to here
///   16      8      term of that record
///   24      4      chain of that record
///   28      4      zero
///   32      8      XXH3-64 of what stands before
/// A crash leaves `incoming` without READY, which counts for nothing, or with it: then installing is begun again, and each of its steps
/// is passed over when it was done. The file `replica` stays as it is: the node and its promise are the same.
/// Thread safety: one thread at a time for each directory.
#pragma once

#include "archive.hpp"

#include <vecstore/core/result.hpp>
#include <vecstore/database/options.hpp>
#include <vecstore/storage/file_system.hpp>

#include <memory>
#include <string>

namespace vecstore::detail {

inline constexpr const char* incoming_name = "incoming";
inline constexpr const char* incoming_ready_name = "incoming/READY";

/// Makes a ready copy of the snapshot in `incoming`; gives what it holds.
/// Durability: synced when this returns without error.
/// Errors: not_found, corruption (a file is not what the manifest says, or the points are not), resource_exhausted, io.
/// Cost: reads the snapshot twice.
result<log_position> prepare_seed(const std::shared_ptr<storage::file_system>& files, const std::string& directory);

/// True when there is a copy to be put in place.
[[nodiscard]] bool seed_is_ready(storage::file_system& files, const std::string& directory);

/// Puts a copy that is ready in place, unless what is there has caught up with it meanwhile: then the copy is removed, since records
/// behind it may have been acknowledged. The log that was there goes to `diverged/log-before-<lsn>`.
/// Precondition: nobody else has the directory open for writing.
/// Durability: as above. Idempotent: yes.  Errors: corruption (READY, the log that is there), io.
result<void> install_seed(storage::file_system& files, const std::string& directory);

}  // namespace vecstore::detail
