#include <catch2/catch.hpp>
#include <collection/newest/skip_list.hpp>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

namespace vs = vecstore;
using vs::detail::arena;
using list = vs::detail::skip_list<std::uint64_t, std::atomic<std::uint64_t>>;

TEST_CASE("skip_list: finds, orders and bounds as a map does", "[collection]") {
    arena memory;
    list made(memory);
    CHECK(made.first() == nullptr);
    CHECK(made.find(0) == nullptr);
    CHECK(made.lower_bound(0) == nullptr);
    std::map<std::uint64_t, std::uint64_t> wanted;
    vs::random_source random(1);
    for (std::uint64_t i = 0; i < 3'000; ++i) {
        const auto key = random.below(2'000);
        made.insert(key).value = i;
        wanted[key] = i;
    }
    CHECK(made.size() == wanted.size());
    auto expected = wanted.begin();
    for (const auto* node = made.first(); node != nullptr; node = node->next(), ++expected) {
        REQUIRE(node->key == expected->first);
        REQUIRE(node->value == expected->second);
    }
    CHECK(expected == wanted.end());
    for (std::uint64_t key = 0; key < 2'010; ++key) {
        REQUIRE((made.find(key) != nullptr) == wanted.contains(key));
        const auto bound = wanted.lower_bound(key);
        const auto* node = made.lower_bound(key);
        REQUIRE((node == nullptr) == (bound == wanted.end()));
        if (node != nullptr) REQUIRE(node->key == bound->first);
    }
}

TEST_CASE("skip_list: inserting a key again gives the same node", "[collection]") {
    arena memory;
    list made(memory);
    auto* const first = &made.insert(7);
    CHECK(&made.insert(7) == first);
    CHECK(made.size() == 1);
}

TEST_CASE("skip_list: readers beside the writer see sorted, complete nodes", "[collection][threads]") {
    arena memory;
    list made(memory);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::atomic<std::uint64_t> inserted{0};
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t)
        readers.emplace_back([&, t] {
            vs::random_source random(static_cast<std::uint64_t>(t));
            while (!stop) {
                const auto upto = inserted.load(std::memory_order_acquire);
                std::uint64_t last = 0, seen = 0;
                for (const auto* node = made.first(); node != nullptr; node = node->next()) {
                    if (seen > 0 && node->key <= last) ++wrong;
                    last = node->key;
                    ++seen;
                }
                if (seen < upto) ++wrong;
                if (upto > 0 && made.find(vs::mix64(random.below(upto))) == nullptr) ++wrong;
            }
        });
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        made.insert(vs::mix64(i)).value = i;
        inserted.store(i + 1, std::memory_order_release);
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    CHECK(wrong == 0);
}

TEST_CASE("arena: pieces are aligned, apart, and counted", "[collection]") {
    arena memory;
    CHECK(memory.memory_bytes() == 0);
    std::vector<std::pair<std::byte*, std::size_t>> pieces;
    for (std::size_t bytes : {1u, 16u, 100u, 3'000'000u, 7u, 200'000u, 200'000u}) {
        auto* const piece = memory.allocate(bytes);
        CHECK(reinterpret_cast<std::uintptr_t>(piece) % alignof(std::max_align_t) == 0);
        std::fill(piece, piece + bytes, static_cast<std::byte>(pieces.size()));
        pieces.emplace_back(piece, bytes);
    }
    std::size_t total = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        total += pieces[i].second;
        CHECK(std::all_of(pieces[i].first, pieces[i].first + pieces[i].second,
                          [&](std::byte b) { return b == static_cast<std::byte>(i); }));
    }
    CHECK(memory.memory_bytes() >= total);
}
