/// Whether the process is still the one in which something was opened. After fork() the child has copies of handles whose
/// threads are gone and whose LMDB reader slots and locks are the parent's.
/// Thread safety: every function from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace vecstore::storage {

namespace detail {
extern std::atomic<std::uint32_t> fork_count;
}

/// The number of this process among its forefathers that called this. Cost: the first call registers a handler.
[[nodiscard]] std::uint32_t watch_forks() noexcept;

/// True in a child of the process that got `generation` from `watch_forks`.  Cost: one relaxed load.
[[nodiscard]] inline bool forked_since(std::uint32_t generation) noexcept {
    return detail::fork_count.load(std::memory_order_relaxed) != generation;
}

}  // namespace vecstore::storage
