// top_k and chunked_array.
#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/core/top_k.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <set>
#include <thread>

using vecstore::neighbor;

TEST_CASE("top_k: keeps the k nearest, ties by row, whatever the order of arrival", "[core]") {
    vecstore::random_source random(2);
    for (const std::size_t k : {0u, 1u, 5u, 100u, 5'000u}) {
        std::vector<neighbor> all;
        for (vecstore::row_id row = 0; row < 1'000; ++row) all.push_back({static_cast<float>(random.below(50)), row});
        for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.below(i)]);
        vecstore::top_k<> nearest(k);
        for (const auto& n : all) {
            nearest.push(n);
            CHECK(nearest.full() ==
                  (nearest.size() == std::min<std::size_t>(k, nearest.size()) && nearest.size() >= k));
        }
        std::sort(all.begin(), all.end());
        all.resize(std::min(k, all.size()));
        if (!all.empty()) CHECK(nearest.worst() == all.back());
        CHECK(nearest.take_sorted() == all);
        CHECK(nearest.size() == 0);
    }
}

TEST_CASE("chunked_array: grows without moving, atomics start as zero", "[core]") {
    vecstore::chunked_array<std::atomic<int>, 2> numbers;
    CHECK(numbers.memory_bytes() == 0);
    numbers.ensure(0);
    std::vector<std::atomic<int>*> addresses;
    for (std::size_t i = 0; i < 1'000; ++i) {
        numbers.ensure(i + 1);
        CHECK(numbers[i] == 0);
        numbers[i] = static_cast<int>(i);
        addresses.push_back(&numbers[i]);
    }
    for (std::size_t i = 0; i < 1'000; ++i) {
        REQUIRE(&numbers[i] == addresses[i]);
        REQUIRE(numbers[i] == static_cast<int>(i));
    }
    CHECK(numbers.memory_bytes() >= 1'000 * sizeof(int));
    vecstore::chunked_array<float> groups(7);
    groups.ensure(3'000);
    CHECK(groups.group() == 7);
    for (std::size_t i = 0; i < 3'000; ++i) std::fill(groups.at(i), groups.at(i) + 7, static_cast<float>(i));
    for (std::size_t i = 0; i < 3'000; ++i) REQUIRE(groups.at(i)[6] == static_cast<float>(i));
}

TEST_CASE("chunked_array: readers use what was announced while it grows", "[core][threads]") {
    vecstore::chunked_array<std::uint64_t, 3> numbers;
    std::atomic<std::size_t> size{0};
    std::atomic<int> wrong{0};
    std::thread reader([&] {
        for (std::size_t seen = 0; seen < 20'000;) {
            seen = size.load(std::memory_order_acquire);
            if (seen > 0 && (numbers[seen - 1] != seen || numbers[seen / 2] != seen / 2 + 1)) ++wrong;
        }
    });
    for (std::size_t i = 0; i < 20'000; ++i) {
        numbers.ensure(i + 1);
        numbers[i] = i + 1;
        size.store(i + 1, std::memory_order_release);
    }
    reader.join();
    CHECK(wrong == 0);
}
