#include "support/strange_rows.hpp"

#include <catch2/catch.hpp>
#include <collection/newest/bounded_codes.hpp>
#include <collection/newest/memtable.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::bounded_search;
using vs::detail::memtable;
using vs::detail::sketch_search;
using vs::detail::sketches;

namespace {

/// A table of `rows` rows at most, all sketched.
struct sketched_table {
    memtable table;
    const sketches* rows = nullptr;

    sketched_table(data kind, vs::metric m, vs::element_type type, std::size_t dim, std::size_t count)
        : table(dim, type, m) {
        vs::random_source random(static_cast<std::uint64_t>(kind) * 100 + dim);
        for (std::size_t i = 0; table.size() < count && i < 2 * count; ++i)
            if (const auto row = stored(draw(kind, dim, random, i), m, type)) table.append(table.size(), *row);
        rows = table.codes()->sketched(count);
    }
};

struct tally {
    std::size_t near = 0, missed = 0, asked = 0, rough = 0, fine = 0;
};

/// Asks for every `step`th row with its own distance as the limit, which is the hardest, and counts those that are missed.
void ask_at_the_limit(const sketched_table& s, vs::metric m, vs::element_type type, const std::vector<float>& query,
                      std::size_t step, tally& total) {
    const auto& codes = *s.table.codes();
    if (!bounded_search(codes, query.data()).bounds()) return;
    sketch_search search(*s.rows, query.data());
    const vs::distance_computer distance(m, type, query.data(), query.size());
    for (std::size_t run = 0; run < s.rows->runs(); ++run) {
        if (!search.knows(run)) continue;
        const auto first = static_cast<vs::row_id>(run * sketches::run_rows);
        for (vs::row_id r = first; r < first + sketches::run_rows; r += static_cast<vs::row_id>(step)) {
            const auto possible = search.possible(run, distance(s.table.vectors().at(r)));
            CHECK(std::is_sorted(possible.begin(), possible.end()));
            if (!possible.empty()) CHECK((possible.front() >= first && possible.back() < first + sketches::run_rows));
            ++total.near;
            auto row = r;
            total.missed += !std::binary_search(possible.begin(), possible.end(), r) ||
                            search.refine(&row, 1, distance(s.table.vectors().at(r))) == 0;
        }
    }
}

/// How many rows are left when the nearest ten are looked for.
void ask_for_ten(const sketched_table& s, vs::metric m, const std::vector<float>& query, tally& total) {
    const vs::distance_computer distance(m, query.data(), query.size());
    const auto count = static_cast<vs::row_id>(s.rows->runs() * sketches::run_rows);
    std::vector<float> exact(count);
    for (vs::row_id r = 0; r < count; ++r) exact[r] = distance(s.table.vectors().at(r));
    std::nth_element(exact.begin(), exact.begin() + 9, exact.end());
    sketch_search search(*s.rows, query.data());
    for (std::size_t run = 0; run < s.rows->runs(); ++run) {
        REQUIRE(search.knows(run));
        const auto possible = search.possible(run, exact[9]);
        std::vector<vs::row_id> left(possible.begin(), possible.end());
        const auto refined = search.refine(left.data(), left.size(), exact[9]);
        total.rough += left.size();
        total.fine += refined;
    }
    total.asked += count;
}

}  // namespace

TEST_CASE("sketches: fewer than 1 in 1,000 rows at the limit are ruled out, for any data", "[collection][one_thread]") {
    tally all;
    for (const auto m : {vs::metric::euclid, vs::metric::dot, vs::metric::cosine})
        for (const auto kind : all_data) {
            tally of_kind;
            for (const auto type : {vs::element_type::f32, vs::element_type::bf16})
                for (const std::size_t dim : {64u, 100u, 200u}) {
                    const sketched_table s(kind, m, type, dim, 600);
                    if (s.rows == nullptr) continue;
                    vs::random_source random(dim);
                    for (std::size_t q = 0; q < 8; ++q) {
                        auto query = draw(q == 7 ? data::even : kind, dim, random, q);
                        if (m == vs::metric::cosine && !vs::normalize(query)) continue;
                        ask_at_the_limit(s, m, type, query, 3, of_kind);
                    }
                }
            INFO(vs::to_string(m) << " data " << static_cast<int>(kind) << ": " << of_kind.missed << " of "
                                  << of_kind.near);
            CHECK(static_cast<double>(of_kind.missed) <= 5 + 0.001 * static_cast<double>(of_kind.near));
            all.near += of_kind.near;
            all.missed += of_kind.missed;
        }
    INFO(all.missed << " of " << all.near);
    CHECK(all.near > 100'000);
    CHECK(static_cast<double>(all.missed) < 0.001 * static_cast<double>(all.near));
}

TEST_CASE("sketches: most rows are ruled out", "[collection][one_thread]") {
    for (const auto m : {vs::metric::euclid, vs::metric::dot, vs::metric::cosine})
        for (const bool off_center : {false, true}) {
            constexpr std::size_t dim = 128;
            vs::random_source random(3);
            const auto make = [&] {
                auto row = random_vector(random, dim);
                for (auto& x : row) x += off_center ? 1.0f : 0.0f;
                if (m == vs::metric::cosine) (void)vs::normalize(row);
                return row;
            };
            sketched_table s(data::even, m, vs::element_type::f32, dim, 0);
            std::vector<std::vector<float>> queries;
            vs::ordinal_id next = 0;
            const auto append = [&](std::vector<float> row) {
                if (m == vs::metric::cosine) (void)vs::normalize(row);
                s.table.append(next++, std::as_bytes(std::span(row)));
            };
            while (next < 4'096) {
                auto row = make();
                if (next % 512 == 0) queries.push_back(row);
                while (next % 512 < 10) {  // ten are near
                    auto near = row;
                    for (auto& x : near) x += 0.2f * static_cast<float>(random.unit() - 0.5);
                    append(std::move(near));
                }
                append(std::move(row));
            }
            s.rows = s.table.codes()->sketched(100);
            tally total;
            for (const auto& query : queries) ask_for_ten(s, m, query, total);
            INFO(vs::to_string(m) << ": " << total.rough << ", then " << total.fine << " of " << total.asked);
            CHECK(total.rough < total.asked / 3);
            CHECK(total.fine < total.asked / 20);
        }
}

TEST_CASE("sketches: made a few runs at a time, of full runs, where there are dimensions enough",
          "[collection][one_thread]") {
    const sketched_table none(data::even, vs::metric::euclid, vs::element_type::f32, sketches::dim_least - 1, 600);
    CHECK(none.rows == nullptr);
    const auto few = [](std::size_t rows) {
        return sketched_table(data::even, vs::metric::euclid, vs::element_type::f32, 64, rows).rows != nullptr;
    };
    CHECK_FALSE(few(sketches::run_rows - 1));
    CHECK(few(sketches::run_rows));
    sketched_table s(data::even, vs::metric::euclid, vs::element_type::f32, 70, 0);
    vs::random_source random(1);
    for (vs::ordinal_id i = 0; i < 1'000; ++i) {
        const auto row = random_vector(random, 70);
        s.table.append(i, std::as_bytes(std::span(row)));
    }
    CHECK(s.table.codes()->sketched(0) == nullptr);
    const auto bytes = s.table.memory_bytes();
    CHECK(s.table.codes()->sketched(2)->runs() == 2);
    CHECK(s.table.codes()->sketched(0)->runs() == 2);
    CHECK(s.table.codes()->sketched(100)->runs() == 3);
    CHECK(s.table.memory_bytes() - bytes <= 3 * (sketches::run_rows * (96 / 8 * 3 + 23) + 64));
}

TEST_CASE("sketches: readers make and use them while one thread appends", "[collection]") {
    constexpr std::size_t dim = 64;
    constexpr float limit = 20;
    memtable table(dim, vs::element_type::f32, vs::metric::euclid);
    std::atomic<bool> done{false};
    std::atomic<std::size_t> near{0}, missed{0};
    const auto read = [&](std::uint64_t seed) {
        vs::random_source random(seed);
        for (std::size_t next = 0; !done; ++next) {
            const auto* rows = table.codes()->sketched(1);
            if (rows == nullptr) continue;
            const auto query = random_vector(random, dim);
            const vs::distance_computer distance(vs::metric::euclid, query.data(), dim);
            sketch_search search(*rows, query.data());
            const auto run = next % rows->runs();
            if (!search.knows(run)) continue;
            const auto possible = search.possible(run, limit);
            for (std::size_t i = 0; i < sketches::run_rows; ++i) {
                const auto row = static_cast<vs::row_id>(run * sketches::run_rows + i);
                if (distance(table.vectors().at(row)) > limit) continue;
                ++near;
                missed += !std::binary_search(possible.begin(), possible.end(), row);
            }
        }
    };
    std::thread one(read, 1), two(read, 2);
    vs::random_source random(5);
    for (vs::ordinal_id i = 0; i < 8'000; ++i) {
        const auto row = random_vector(random, dim);
        table.append(i, std::as_bytes(std::span(row)));
    }
    done = true;
    one.join();
    two.join();
    CHECK(missed <= 5 + near / 1'000);
}
