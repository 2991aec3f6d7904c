#include <catch2/catch.hpp>
#include <collection/search/query_sampler.hpp>

#include <cstring>
#include <set>
#include <thread>

using vecstore::detail::query_sampler;
using vecstore::detail::sampled_queries_max;
using vecstore::detail::sampled_queries_min;

namespace {

std::uint64_t number_of(const vecstore::detail::asked_query& query) {
    std::uint64_t number = 0;
    std::memcpy(&number, query.vector.data(), sizeof number);
    return number;
}

}  // namespace

TEST_CASE("query sampler: nothing is kept before it is started", "[collection]") {
    query_sampler sampler;
    const std::uint64_t query = 1;
    sampler.note(&query, 10);
    CHECK(sampler.seen() == 0);
    CHECK(sampler.size() == 0);
    CHECK(sampler.memory_bytes() == 0);
    CHECK(sampler.latest().empty());
}

TEST_CASE("query sampler: the first are all kept, later ones by a draw, in the place of the oldest", "[collection]") {
    query_sampler sampler;
    sampler.start(sizeof(std::uint64_t));
    std::uint64_t query = 0;
    for (; query < sampled_queries_max; ++query) sampler.note(&query, 10 + query % 3);
    auto kept = sampler.latest();
    REQUIRE(kept.size() == sampled_queries_max);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        CHECK(number_of(kept[i]) == i);
        CHECK(kept[i].k == 10 + i % 3);
    }
    constexpr std::uint64_t all = 100'000;
    for (; query < all; ++query) sampler.note(&query, 10);
    CHECK(sampler.seen() == all);
    kept = sampler.latest();
    REQUIRE(kept.size() == sampled_queries_max);
    std::set<std::uint64_t> remainders;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (i > 0) CHECK(number_of(kept[i]) > number_of(kept[i - 1]));
        CHECK(number_of(kept[i]) > all - 32 * sampled_queries_max);
        remainders.insert(number_of(kept[i]) % 16);
    }
    CHECK(remainders.size() == 16);
    const auto few = sampler.latest(10);
    REQUIRE(few.size() == 10);
    for (std::size_t i = 0; i < few.size(); ++i) CHECK(number_of(few[i]) == number_of(kept[kept.size() - 10 + i]));
}

TEST_CASE("query sampler: of long queries it keeps fewer", "[collection]") {
    for (const std::size_t bytes : {std::size_t{8'192}, std::size_t{65'536}}) {
        query_sampler sampler;
        sampler.start(bytes);
        const std::vector<std::byte> query(bytes);
        for (std::size_t i = 0; i < 700; ++i) sampler.note(query.data(), 10);
        CHECK(sampler.size() == std::max<std::size_t>(sampled_queries_min, (4u << 20) / bytes));
        CHECK(sampler.memory_bytes() >= sampler.size() * bytes);
    }
}

TEST_CASE("query sampler: any number of threads note and look", "[collection][threads]") {
    query_sampler sampler;
    sampler.start(sizeof(std::uint64_t));
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                const auto query = t << 32 | i;
                sampler.note(&query, 10);
            }
        });
    for (int i = 0; i < 100; ++i)
        for (const auto& query : sampler.latest()) CHECK(number_of(query) >> 32 < 3);
    for (auto& thread : threads) thread.join();
    CHECK(sampler.seen() == 60'000);
}
