#include "fork_generation.hpp"

#include <pthread.h>

namespace vecstore::storage {

namespace detail {
std::atomic<std::uint32_t> fork_count{0};
}

namespace {
extern "C" void count_fork() { detail::fork_count.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

std::uint32_t watch_forks() noexcept {
    // A failure (no memory) leaves forks unnoticed, and everything else as it is.
    static const int registered = ::pthread_atfork(nullptr, nullptr, &count_fork);
    (void)registered;
    return detail::fork_count.load(std::memory_order_relaxed);
}

}  // namespace vecstore::storage
