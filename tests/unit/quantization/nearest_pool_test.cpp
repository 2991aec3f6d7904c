#include <vecstore/core/random.hpp>
#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/nearest_pool.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr kernel_table scalar_table = detail::make_code_kernels<code_arch::scalar>();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<const kernel_table*> all_tables() {
    std::vector<const kernel_table*> tables{&scalar_table};
    for (const auto* table : available_kernels()) tables.push_back(table);
    return tables;
}

struct owned_pool {
    std::vector<float> distances;
    std::vector<row_id> rows;
    nearest_pool pool;
    explicit owned_pool(std::size_t capacity)
        : distances(pool_slots(capacity)), rows(pool_slots(capacity)), pool{distances.data(), rows.data()} {
        pool.start(capacity);
    }
    [[nodiscard]] std::vector<std::pair<float, row_id>> content() const {
        std::vector<std::pair<float, row_id>> all;
        for (std::size_t i = 0; i < pool.size; ++i) all.emplace_back(pool.distances[i], pool.rows[i]);
        return all;
    }
};

/// The same by the definition: a stable sort by distance, cut off.
struct model {
    std::vector<std::pair<float, row_id>> content;
    std::size_t capacity, next = 0;

    std::vector<row_id> keep(const std::vector<float>& distances, const std::vector<row_id>& rows) {
        std::vector<row_id> kept;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const float bound = content.size() < capacity ? infinity : content.back().first;
            if (!(distances[i] < bound)) continue;
            content.emplace_back(distances[i], rows[i]);
            std::stable_sort(content.begin(), content.end(), [](auto& a, auto& b) { return a.first < b.first; });
            const auto at = std::find(content.begin(), content.end(), std::pair(distances[i], rows[i]));
            next = std::min(next, static_cast<std::size_t>(at - content.begin()));
            if (content.size() > capacity) content.pop_back();
            kept.push_back(rows[i]);
        }
        return kept;
    }
};

}  // namespace

TEST_CASE("nearest pool: keeps what a sort would keep, in its order", "[nearest_pool]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    for (const auto* table : all_tables())
        for (const std::size_t capacity : {1u, 2u, 3u, 7u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 100u, 300u}) {
            INFO(std::string(table->name) << ", capacity " << capacity);
            random_source random(seed * 1000 + capacity);
            owned_pool owned(capacity);
            model expected{{}, capacity};
            row_id row = 0;
            for (int hop = 0; hop < 60; ++hop) {
                const auto count = static_cast<std::size_t>(random.below(41));
                std::vector<float> distances(count);
                std::vector<row_id> rows(count), kept(count + 1, 77);
                for (std::size_t i = 0; i < count; ++i) {
                    // few values, so that many are equal; some negative, some infinite
                    distances[i] = static_cast<float>(random.below(200)) - 50;
                    if (random.below(20) == 0) distances[i] = infinity;
                    rows[i] = row++ | (random.below(2) == 0 ? 0x8000'0000u : 0u);
                }
                // as if the walk had looked at some
                owned.pool.next = expected.next = static_cast<std::size_t>(random.below(owned.pool.size + 1));
                const auto kept_count =
                    table->keep_nearest(owned.pool, distances.data(), rows.data(), count, kept.data());
                const auto wanted = expected.keep(distances, rows);
                REQUIRE(std::vector(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(kept_count)) == wanted);
                REQUIRE(kept.back() == 77);
                REQUIRE(owned.content() == expected.content);
                REQUIRE(owned.pool.next == expected.next);
                for (auto i = owned.pool.size; i < pool_slots(capacity); ++i) REQUIRE(owned.distances[i] == infinity);
            }
        }
}

TEST_CASE("nearest pool: neither infinity nor what is no number is kept", "[nearest_pool]") {
    for (const auto* table : all_tables()) {
        INFO(std::string(table->name));
        owned_pool owned(4);
        const float distances[] = {infinity, std::numeric_limits<float>::quiet_NaN(), 1, -infinity};
        const row_id rows[] = {1, 2, 3, 4};
        row_id kept[4];
        REQUIRE(table->keep_nearest(owned.pool, distances, rows, 4, kept) == 2);
        REQUIRE(owned.content() == std::vector<std::pair<float, row_id>>{{-infinity, 4}, {1.0f, 3}});
        CHECK(owned.pool.bound() == infinity);
    }
}

TEST_CASE("nearest pool: starting again forgets everything", "[nearest_pool]") {
    owned_pool owned(40);
    const float distances[] = {3, 1, 2};
    const row_id rows[] = {1, 2, 3};
    row_id kept[3];
    active_kernels().keep_nearest(owned.pool, distances, rows, 3, kept);
    REQUIRE(owned.pool.size == 3);
    owned.pool.start(2);
    CHECK(owned.pool.size == 0);
    CHECK(owned.pool.bound() == infinity);
    active_kernels().keep_nearest(owned.pool, distances, rows, 3, kept);
    CHECK(owned.content() == std::vector<std::pair<float, row_id>>{{1.0f, 2}, {2.0f, 3}});
}
