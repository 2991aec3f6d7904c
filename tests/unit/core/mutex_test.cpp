#include <vecstore/core/mutex.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstddef>
#include <new>
#include <thread>
#include <vector>

TEST_CASE("mutex: one at a time", "[core][threads]") {
    vecstore::mutex mutex;
    int count = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1'000; ++i) {
                const vecstore::lock_guard lock(mutex);
                ++count;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(count == 4'000);
    const auto is_free = [&] {
        if (!mutex.try_lock()) return false;
        mutex.unlock();
        return true;
    };
    CHECK(is_free());
    const vecstore::lock_guard lock(mutex);
    bool seen_free = true;
    std::thread([&] { seen_free = is_free(); }).join();
    CHECK_FALSE(seen_free);
}

TEST_CASE("condition: wakes one, wakes all, and gives up waiting", "[core][threads]") {
    vecstore::mutex mutex;
    vecstore::condition changed;
    int turn = 0;
    std::vector<std::thread> threads;
    for (int t = 1; t <= 3; ++t)
        threads.emplace_back([&, t] {
            const vecstore::lock_guard lock(mutex);
            while (turn != t) changed.wait(mutex);
            ++turn;
            changed.notify_all();
        });
    {
        const vecstore::lock_guard lock(mutex);
        turn = 1;
        changed.notify_all();
        while (turn != 4) changed.wait(mutex);
        changed.wait_for(mutex, std::chrono::milliseconds(1));
    }
    for (auto& thread : threads) thread.join();
    CHECK(turn == 4);
}

// Fails under the thread sanitizer when destroyed mutexes are not forgotten.
TEST_CASE("mutex: one in the place of another has no history", "[core]") {
    alignas(vecstore::mutex) std::byte places[2][sizeof(vecstore::mutex)];
    for (const auto first : {0, 1}) {
        auto* a = new (places[first]) vecstore::mutex;
        auto* b = new (places[1 - first]) vecstore::mutex;
        {
            const vecstore::lock_guard outer(*a);
            const vecstore::lock_guard inner(*b);
        }
        b->~mutex();
        a->~mutex();
    }
    SUCCEED("no report of an order of locks");
}
