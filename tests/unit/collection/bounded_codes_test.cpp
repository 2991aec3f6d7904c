#include "support/strange_rows.hpp"

#include <vecstore/distance/computer.hpp>

#include <catch2/catch.hpp>
#include <collection/newest/bounded_codes.hpp>
#include <collection/newest/memtable.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace vs = vecstore;
using vs::detail::bounded_codes;
using vs::detail::bounded_search;
using vs::detail::memtable;
using vs::test::all_data;
using vs::test::data;
using vs::test::draw;
using vs::test::stored;

namespace {

struct ruled_out {
    std::size_t rows = 0, out = 0;
};

/// Checks that no row is ruled out that is at the limit or nearer, for limits at which rows lie exactly.
ruled_out check(data kind, vs::metric m, vs::element_type type, std::size_t dim, std::size_t rows) {
    vs::random_source random(static_cast<std::uint64_t>(kind) * 100 + dim);
    memtable table(dim, type, m);
    for (std::size_t i = 0; table.size() < rows && i < 2 * rows; ++i)
        if (const auto row = stored(draw(kind, dim, random, i), m, type)) table.append(table.size(), *row);
    ruled_out total;
    if (table.size() < vs::quantization::slab_rows) return total;
    const auto codes = table.codes();
    REQUIRE(codes != nullptr);
    REQUIRE(codes->slabs() == table.size() / vs::quantization::slab_rows);
    const auto coded = static_cast<vs::row_id>(codes->slabs() * vs::quantization::slab_rows);
    for (std::size_t q = 0; q < 8; ++q) {
        auto query = draw(q == 7 ? data::even : kind, dim, random, q);
        if (m == vs::metric::cosine && !vs::normalize(query)) continue;
        bounded_search search(*codes, query.data());
        if (!search.bounds()) continue;
        for (const auto* kernels : vs::distance::available_kernels()) {
            const vs::distance_computer distance(m, type, query.data(), dim, *kernels);
            std::vector<float> exact(coded), sorted;
            for (vs::row_id r = 0; r < coded; ++r) exact[r] = distance(table.vectors().at(r));
            sorted = exact;
            std::sort(sorted.begin(), sorted.end());
            for (const std::size_t rank : {std::size_t{0}, std::size_t{9}, sorted.size() / 2, sorted.size() - 1}) {
                const float limit = sorted[std::min(rank, sorted.size() - 1)];
                std::vector<bool> possible(coded);
                for (std::size_t first = 0; first < codes->slabs(); first += bounded_codes::run_slabs)
                    for (const auto r :
                         search.possible(first, std::min(bounded_codes::run_slabs, codes->slabs() - first), limit))
                        possible[r] = true;
                for (vs::row_id r = 0; r < coded; ++r)
                    if (!possible[r] && !(exact[r] > limit)) FAIL("row " << r << " at " << exact[r] << " is lost");
                if (rank != 9) continue;
                total.rows += coded;
                total.out += static_cast<std::size_t>(std::count(possible.begin(), possible.end(), false));
            }
        }
    }
    return total;
}

}  // namespace

TEST_CASE("bounded codes: rows are ruled out only when they are beyond the limit, for any data", "[collection]") {
    for (const auto m : {vs::metric::euclid, vs::metric::dot, vs::metric::cosine})
        for (const auto type : {vs::element_type::f32, vs::element_type::f16, vs::element_type::bf16})
            for (const auto kind : all_data)
                for (const std::size_t dim : {1u, 7u, 33u, 100u}) {
                    INFO(vs::to_string(m)
                         << " " << vs::to_string(type) << " data " << static_cast<int>(kind) << " dim " << dim);
                    (void)check(kind, m, type, dim, 700);
                }
}

TEST_CASE("bounded codes: most rows are ruled out", "[collection]") {
    for (const auto m : {vs::metric::euclid, vs::metric::dot, vs::metric::cosine}) {
        const auto found = check(data::even, m, vs::element_type::f32, 64, 2'000);
        INFO(vs::to_string(m) << ": " << found.out << " of " << found.rows);
        CHECK(found.out > found.rows * 8 / 10);
    }
}

TEST_CASE("bounded codes: there are none for other metrics and elements", "[collection]") {
    CHECK(bounded_codes::fit(vs::metric::euclid, vs::element_type::f16, 3));
    CHECK_FALSE(bounded_codes::fit(vs::metric::manhattan, vs::element_type::f32, 3));
    CHECK_FALSE(bounded_codes::fit(vs::metric::euclid, vs::element_type::int8, 3));
    CHECK_FALSE(bounded_codes::fit(vs::metric::hamming, vs::element_type::binary, 3));
    CHECK_FALSE(bounded_codes::fit(vs::metric::euclid, vs::element_type::f32, vs::dim_max));
    CHECK(memtable(3, vs::element_type::f32, vs::metric::manhattan).codes() == nullptr);
    CHECK(memtable(3).codes() == nullptr);
}

TEST_CASE("bounded codes: queries that cannot be bounded say so", "[collection]") {
    const bounded_codes codes(vs::metric::euclid, vs::element_type::f32, 2);
    for (const float x : {0.0f, 1e-12f, 1e20f}) {
        const float query[] = {x, 0};
        CHECK_FALSE(bounded_search(codes, query).bounds());
    }
    const float query[] = {1, 2};
    CHECK(bounded_search(codes, query).bounds());
}

TEST_CASE("bounded codes: readers see whole slabs while one thread appends", "[collection]") {
    constexpr std::size_t dim = 20;
    memtable table(dim, vs::element_type::f32, vs::metric::euclid);
    std::atomic<bool> done{false};
    std::atomic<std::size_t> wrong{0};
    const auto read = [&](std::uint64_t seed) {
        vs::random_source random(seed);
        const auto query = vs::test::random_vector(random, dim);
        const vs::distance_computer distance(vs::metric::euclid, query.data(), dim);
        bounded_search search(*table.codes(), query.data());
        while (!done) {
            const auto slabs = std::min(table.size() / vs::quantization::slab_rows, table.codes()->slabs());
            if (slabs == 0) continue;
            const auto last = (slabs - 1) / bounded_codes::run_slabs * bounded_codes::run_slabs;
            const auto possible = search.possible(last, slabs - last, 3.0f);
            for (auto r = last * vs::quantization::slab_rows; r < slabs * vs::quantization::slab_rows; ++r) {
                const auto row = static_cast<vs::row_id>(r);
                if (!std::binary_search(possible.begin(), possible.end(), row))
                    wrong += !(distance(table.vectors().at(row)) > 3.0f);
            }
        }
    };
    std::thread one(read, 1), two(read, 2);
    vs::random_source random(5);
    for (vs::ordinal_id i = 0; i < 5'000; ++i) {
        const auto row = vs::test::random_vector(random, dim);
        table.append(i, std::as_bytes(std::span(row)));
    }
    done = true;
    one.join();
    two.join();
    CHECK(wrong == 0);
}
