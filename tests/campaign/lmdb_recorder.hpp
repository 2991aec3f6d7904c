/// Records what this process does to the files below a directory: every write, sync, truncation, rename and removal, in
/// order, LMDB's own included. The system calls are interposed in this executable, so that libraries call us first.
/// Thread safety: recording is for one thread; other threads may use files elsewhere meanwhile.
#pragma once

#include <vecstore/core/bytes.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::test {

struct recorded_call {
    enum class kind : std::uint8_t { write, sync, truncate, rename, remove, sync_directory };
    kind what = kind::write;
    std::string path = {};     ///< relative to the directory recorded
    std::string to = {};       ///< of a rename
    std::uint64_t offset = 0;  ///< of a write; the new size of a truncation
    byte_vector bytes = {};    ///< of a write
    bool synced = false;       ///< a write through O_DSYNC: it is on the disk when the call returns
};

/// Starts to record; `directory` must be absolute and without links.
void start_recording(const std::string& directory);
/// Ends it and gives what was recorded.
[[nodiscard]] std::vector<recorded_call> stop_recording();
/// Calls recorded so far.
[[nodiscard]] std::size_t recorded_calls();

}  // namespace vecstore::test
