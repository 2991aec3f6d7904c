/// A loop over several threads, for building and for searching.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace vecstore::bench {

/// Calls `work(i)` for i in [0, count) from `threads` threads; in order, on the caller's thread, when there is one.
template <class Work>
void in_parallel(std::size_t count, std::size_t threads, const Work& work) {
    if (threads <= 1) {
        for (std::size_t i = 0; i < count; ++i) work(i);
        return;
    }
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> pool;
    for (std::size_t t = 0; t < threads; ++t)
        pool.emplace_back([&] {
            for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
        });
    for (auto& thread : pool) thread.join();
}

}  // namespace vecstore::bench
