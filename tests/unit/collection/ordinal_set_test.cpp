#include <vecstore/core/random.hpp>

#include <catch2/catch.hpp>
#include <collection/ordinal_set.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace vs = vecstore;
using vs::detail::ordinal_set;

TEST_CASE("ordinal_set: holds what was inserted and nothing else", "[collection]") {
    ordinal_set set;
    std::set<vs::ordinal_id> expected;
    vs::random_source random(3);
    for (int i = 0; i < 500; ++i) {
        const auto ordinal = static_cast<vs::ordinal_id>(random.below(40'000));
        expected.insert(ordinal);
        set.insert(ordinal);
        set.insert(ordinal);
    }
    for (vs::ordinal_id ordinal = 0; ordinal < 50'000; ++ordinal)
        REQUIRE(set.contains(ordinal) == (expected.count(ordinal) == 1));
    CHECK_FALSE(set.contains(~vs::ordinal_id{0}));
}

TEST_CASE("ordinal_set: a page comes back as it was, bit by bit", "[collection]") {
    ordinal_set set, copy;
    for (const vs::ordinal_id ordinal : {4'096u, 4'105u, 8'191u, 8'192u}) set.insert(ordinal);
    const auto bytes = set.page(1);
    CHECK(bytes[0] == std::byte{1});
    CHECK(bytes[1] == std::byte{2});
    CHECK(bytes[511] == std::byte{0x80});
    CHECK(set.page(7) == ordinal_set::page_bytes{});
    copy.insert_page(1, bytes);
    CHECK(copy.page(1) == bytes);
    CHECK_FALSE(copy.contains(8'192));
}

TEST_CASE("ordinal_set: readers see what was inserted before they were told", "[collection]") {
    ordinal_set set;
    std::atomic<vs::ordinal_id> told{0};
    std::atomic<bool> missed{false};
    std::thread reader([&] {
        for (vs::ordinal_id end = 0; end < 20'000;) {
            end = told.load(std::memory_order_acquire);
            if (end > 0 && !set.contains((end - 1) * 7)) missed = true;
        }
    });
    for (vs::ordinal_id i = 0; i < 20'000; ++i) {
        set.insert(i * 7);
        told.store(i + 1, std::memory_order_release);
    }
    reader.join();
    CHECK_FALSE(missed);
}
