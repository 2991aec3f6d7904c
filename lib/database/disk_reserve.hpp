/// Space that is set aside for the moment when the disk is full: given back, it lets erasing and checkpoints go on, which
/// is how a full store becomes smaller.
/// The file `reserve` has blocks, but no bytes (where the file system knows how; else it is filled with zeros).
/// Thread safety: every function from any thread.
#pragma once

#include <vecstore/core/mutex.hpp>
#include <vecstore/storage/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace vecstore::detail {

class disk_reserve {
public:
    /// `bytes_max` 0: none is kept.
    disk_reserve(storage::file_system& files, std::string path, std::uint64_t bytes_max)
        : files_(files), path_(std::move(path)), bytes_max_(bytes_max) {}

    /// Sets aside what a checkpoint of a store with `live_bytes` in log and tables may need: as much again and 1 MiB, at
    /// most `bytes_max`. Never shrinks. True when that much is held, or none is wanted, or the file system cannot.
    /// Idempotent: yes; no system call when nothing is missing.
    bool ensure(std::uint64_t live_bytes) VECSTORE_EXCLUDES(mutex_);

    /// Gives the space back to the file system; from now on the disk counts as full, until `ensure` succeeds.
    /// False when there was nothing to give.
    bool release() VECSTORE_EXCLUDES(mutex_);

    /// Only what frees space may be written.
    [[nodiscard]] bool disk_full() const noexcept { return full_.load(std::memory_order_acquire); }

private:
    storage::file_system& files_;
    const std::string path_;
    const std::uint64_t bytes_max_;
    mutex mutex_;
    std::uint64_t held_ VECSTORE_GUARDED_BY(mutex_) = 0;
    std::uint64_t wanted_ VECSTORE_GUARDED_BY(mutex_) = 0;
    std::atomic<bool> full_{false};
};

}  // namespace vecstore::detail
