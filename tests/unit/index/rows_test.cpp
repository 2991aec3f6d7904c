#include "support.hpp"

#include <vecstore/index/rows.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;

TEST_CASE("growing_rows: keeps what was appended, aligned, at addresses that stay", "[rows]") {
    const auto data = test::random_vectors(5000, 19, 1);
    growing_rows rows(19);
    CHECK(rows.append(data[0]) == 0);
    const auto* first = rows.at(0);
    for (std::size_t i = 1; i < data.rows; ++i) REQUIRE(rows.append(data[i]) == i);
    CHECK(rows.size() == 5000);
    CHECK(rows.at(0) == first);
    for (row_id i = 0; i < rows.size(); ++i) {
        REQUIRE(std::equal(data[i].begin(), data[i].end(), test::floats_of(rows, i)));
        REQUIRE(reinterpret_cast<std::uintptr_t>(rows.at(i)) % 64 == 0);
    }
}

TEST_CASE("growing_rows: many threads append while others read whole rows", "[rows]") {
    constexpr std::size_t dim = 24, per_thread = 3000;
    growing_rows rows(dim);
    std::atomic<bool> torn{false}, done{false};
    std::thread reader([&] {
        while (!done) {
            const auto count = rows.size();
            for (row_id i = count > 100 ? count - 100 : 0; i < count; ++i)
                for (std::size_t d = 1; d < dim; ++d)
                    if (test::floats_of(rows, i)[d] != test::floats_of(rows, i)[0]) torn = true;
        }
    });
    std::vector<std::thread> writers;
    for (int t = 0; t < 3; ++t)
        writers.emplace_back([&, t] {
            for (std::size_t i = 0; i < per_thread; ++i) {
                const std::vector<float> row(dim, static_cast<float>(t * 1'000'000 + static_cast<int>(i)));
                (void)rows.append(row);
            }
        });
    for (auto& writer : writers) writer.join();
    done = true;
    reader.join();
    CHECK_FALSE(torn);
    CHECK(rows.size() == 3 * per_thread);
    std::vector<float> all;
    for (row_id i = 0; i < rows.size(); ++i) all.push_back(test::floats_of(rows, i)[0]);
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("contiguous_rows: follows the stride", "[rows]") {
    const float data[] = {1, 2, -1, 3, 4, -1};
    const contiguous_rows rows{data, 3, 2, 2};
    static_assert(row_source<contiguous_rows> && row_source<growing_rows>);
    CHECK(test::floats_of(rows, 1)[1] == 4);
    CHECK(rows.size() == 2);
    CHECK(rows.dim() == 2);
}
