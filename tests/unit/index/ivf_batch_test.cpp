#include "ivf_support.hpp"

#include <vecstore/index/ivf.hpp>

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using namespace vecstore::test;

namespace {

/// The queries of a sample, several times over: more than one group, and one that is not full.
struct repeated {
    std::vector<float> values;
    std::vector<distance_computer> computers;

    explicit repeated(const sample& s) {
        for (int i = 0; i < 7; ++i) values.insert(values.end(), s.queries.begin(), s.queries.end());
        for (std::size_t i = 0; i * s.dim < values.size(); ++i)
            computers.emplace_back(s.m, values.data() + i * s.dim, s.dim);
    }
};

}  // namespace

TEST_CASE("ivf: many queries at once give what each gives alone", "[ivf]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid, metric::manhattan);
    const auto code = GENERATE(ivf_code::flat, ivf_code::pq4, ivf_code::rabitq);
    if (m == metric::manhattan && code == ivf_code::rabitq) return;
    CAPTURE(to_string(m), static_cast<int>(code));
    const sample s(m, 20, 4000, 17);
    const auto b = built::make(s, {.lists = 60, .code = code});
    const auto rows = s.source();
    const repeated queries(s);
    const auto distances_of = [&](std::size_t i) { return exact_distances(rows, queries.computers[i]); };
    const auto compare = [&](const ivf_search_options& options, const auto& allow) {
        ivf_search_stats together, alone, one;
        const auto found = b.index.search_many(queries.values, distances_of, options, allow, &together).value();
        REQUIRE(found.size() == queries.computers.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            CHECK(found[i] == b.search(s, i % s.query_count(), options, allow, &one));
            alone.distances += one.distances;
            alone.codes += one.codes;
        }
        CHECK(together.distances == alone.distances);
        CHECK(together.codes == alone.codes);
    };
    const auto tenth = [](row_id row) { return row % 10 == 3; };
    for (const std::size_t nprobe : {1, 5, 30, 60}) {
        compare({.k = 10, .nprobe = nprobe}, allow_all{});
        compare({.k = 3, .nprobe = nprobe, .rescore = 10}, tenth);
    }
}

TEST_CASE("ivf: many queries at once are checked as one is", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::euclid, 8, 100, 18);
    const auto b = built::make(s, {.lists = 4});
    const auto rows = s.source();
    const repeated queries(s);
    const auto distances_of = [&](std::size_t i) { return exact_distances(rows, queries.computers[i]); };
    const std::span<const float> all(queries.values);
    CHECK(b.index.search_many({}, distances_of, {}).value().empty());
    CHECK(b.index.search_many(all.first(19), distances_of, {}).error().code == errc::invalid_argument);
    CHECK(b.index.search_many(all, distances_of, {.k = 0}).error().code == errc::invalid_argument);
    CHECK(b.index.search_many(all, distances_of, {.nprobe = 0}).error().code == errc::invalid_argument);
}

TEST_CASE("ivf: many threads search many queries at once", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::cosine, 16, 2000, 16);
    const auto b = built::make(s, {.lists = 32, .code = ivf_code::int8});
    const auto rows = s.source();
    const repeated queries(s);
    const auto search = [&] {
        return b.index
            .search_many(queries.values, [&](std::size_t i) { return exact_distances(rows, queries.computers[i]); },
                         {.k = 5, .nprobe = 12})
            .value();
    };
    const auto alone = search();
    std::vector<int> right(6);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
        threads.emplace_back([&, t] { right[t] = static_cast<int>(search() == alone); });
    for (auto& thread : threads) thread.join();
    CHECK(right == std::vector<int>(6, 1));
    CHECK(b.index.memory_bytes() > 0);
}
