#include "ivf_support.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using namespace vecstore::test;

TEST_CASE("ivf: the nearest rows are found, under every metric and code", "[ivf]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid, metric::manhattan);
    const auto code = GENERATE(ivf_code::flat, ivf_code::int8, ivf_code::pq4, ivf_code::rabitq);
    if (m == metric::manhattan && code == ivf_code::rabitq) return;
    const auto dim = GENERATE(16u, 33u);
    CAPTURE(to_string(m), static_cast<int>(code), dim);
    const sample s(m, dim, 4000, 5);
    const auto b = built::make(s, {.lists = 50, .code = code});
    CHECK(b.recall(s, {.k = 10, .nprobe = 50, .rescore = 400}) > 0.97);
    CHECK(b.recall(s, {.k = 10, .nprobe = 20, .rescore = 200}) > 0.9);
}

TEST_CASE("ivf: distances are exact, ordered, and of different rows", "[ivf]") {
    if (!can_build()) return;
    const auto second = GENERATE(false, true);
    const sample s(metric::euclid, 24, 3000, 6);
    const auto b = built::make(s, {.lists = 40, .second_assignment = second});
    CHECK(b.index.lists().entry_count() == (second ? 6000 : 3000));
    for (std::size_t i = 0; i < s.query_count(); ++i) {
        ivf_search_stats stats;
        const auto found = b.search(s, i, {.k = 20, .nprobe = 10, .rescore = 100}, allow_all{}, &stats);
        REQUIRE(found.size() == 20);
        CHECK(std::is_sorted(found.begin(), found.end()));
        CHECK(stats.lists == 10);
        CHECK(stats.distances >= 20);
        CHECK(stats.codes >= stats.allowed);
        std::set<row_id> rows;
        const distance_computer distance(s.m, s.query(i).data(), s.dim);
        for (const auto& n : found) {
            rows.insert(n.row);
            CHECK(n.distance == Approx(distance(s.values.data() + n.row * s.dim)).epsilon(1e-4));
        }
        CHECK(rows.size() == 20);
    }
}

TEST_CASE("ivf: a second list for each row finds more with as many probes", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::cosine, 12, 6000, 8);
    const auto one = built::make(s, {.lists = 96});
    const auto two = built::make(s, {.lists = 96, .second_assignment = true});
    const ivf_search_options options{.k = 10, .nprobe = 2, .rescore = 200};
    CHECK(two.recall(s, options) > one.recall(s, options));
}

TEST_CASE("ivf: a filter never makes a search stop short of rows that it allows", "[ivf]") {
    if (!can_build()) return;
    const auto code = GENERATE(ivf_code::flat, ivf_code::int8, ivf_code::pq4, ivf_code::rabitq);
    const sample s(metric::cosine, 20, 3000, 9);
    const auto b = built::make(s, {.lists = 60, .code = code});
    const auto few = [](row_id row) { return row % 500 == 7; };
    for (std::size_t i = 0; i < s.query_count(); ++i) {
        ivf_search_stats stats;
        CHECK(agree(b.search(s, i, {.k = 10, .nprobe = 1}, few, &stats), s.nearest(i, 10, few)));
        CHECK(stats.lists == b.index.lists().list_count());
    }
    const auto tenth = [](row_id row) { return row % 10 == 3; };
    CHECK(b.recall(s, {.k = 10, .nprobe = 20, .rescore = 300}, tenth) > 0.97);
    const auto none = [](row_id) { return false; };
    CHECK(b.search(s, 0, {.k = 10, .nprobe = 1}, none).empty());
}

TEST_CASE("ivf: fewer rows than asked for are all returned", "[ivf]") {
    if (!can_build()) return;
    const auto rows = GENERATE(1u, 2u, 15u, 33u);
    const auto m = GENERATE(metric::cosine, metric::euclid, metric::manhattan);
    const sample s(m, 5, rows, 10);
    const auto b = built::make(s, {.second_assignment = true});
    for (std::size_t i = 0; i < s.query_count(); ++i)
        CHECK(agree(b.search(s, i, {.k = 40, .nprobe = 1}), s.nearest(i, 40, allow_all{})));
}

TEST_CASE("ivf: equal rows are coded and found", "[ivf]") {
    if (!can_build()) return;
    const float values[] = {1, 2, 3};
    std::vector<float> rows;
    for (int i = 0; i < 100; ++i) rows.insert(rows.end(), values, values + 3);
    const contiguous_rows source(rows.data(), 3, 3, 100);
    for (const auto m : {metric::dot, metric::euclid, metric::manhattan}) {
        const auto bytes = build_ivf({.dim = 3, .metric = m, .lists = 4}, source).value();
        const auto index = ivf::open(bytes.header, bytes.model, bytes.codes, bytes.ids, 100).value();
        const distance_computer distance(m, values, 3);
        CHECK(index.search(values, exact_distances(source, distance), {.k = 7, .nprobe = 4}).value().size() == 7);
    }
}

TEST_CASE("ivf: values so large that sums overflow cost order, not safety", "[ivf]") {
    if (!can_build()) return;
    random_source random(12);
    std::vector<float> rows(300 * 4);
    for (auto& x : rows) x = static_cast<float>(random.unit() - 0.5) * 3e38f;
    const contiguous_rows source(rows.data(), 4, 4, 300);
    for (const auto m : {metric::dot, metric::euclid, metric::manhattan}) {
        const auto bytes = build_ivf({.dim = 4, .metric = m, .lists = 4}, source);
        if (!bytes) continue;
        const auto index = ivf::open(bytes->header, bytes->model, bytes->codes, bytes->ids, 300);
        REQUIRE(index);
        const distance_computer distance(m, rows.data(), 4);
        INFO(to_string(m));
        CHECK(index->search({rows.data(), 4}, exact_distances(source, distance), {.k = 7, .nprobe = 4}));
    }
}

TEST_CASE("ivf: the same seed gives the same bytes, on any number of threads", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::cosine, 16, 3000, 13);
    const ivf_options options{.dim = 16, .metric = s.m, .lists = 32, .second_assignment = true, .seed = 5};
    const auto bytes = build_ivf(options, s.source()).value();
    CHECK(same(bytes, build_ivf(options, s.source()).value()));
    auto threads = options;
    threads.threads = 3;
    CHECK(same(bytes, build_ivf(threads, s.source()).value()));
    auto other = options;
    other.seed = 6;
    CHECK_FALSE(same(bytes, build_ivf(other, s.source()).value()));
}

TEST_CASE("ivf: progress rises to its total, and a build can be cancelled at every step of it", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::euclid, 8, 500, 14);
    const ivf_options options{.dim = 8, .metric = s.m, .lists = 8};
    std::uint64_t last = 0, end = 0, calls = 0;
    const auto all = build_ivf(options, s.source(), [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done >= last);
        CHECK(done <= total);
        last = done;
        end = total;
        ++calls;
        return true;
    });
    REQUIRE(all);
    CHECK(last == end);
    for (std::uint64_t stop = 0; stop < calls; ++stop) {
        std::uint64_t left = stop;
        const auto stopped = build_ivf(options, s.source(), [&](auto, auto) { return left-- > 0; });
        REQUIRE_FALSE(stopped);
        CHECK(stopped.error().code == errc::cancelled);
    }
}

TEST_CASE("ivf: wrong options are refused", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::euclid, 8, 100, 15);
    const auto code_of = [&](const ivf_options& options, row_id rows) {
        const auto made =
            build_ivf(options, rows, [&](row_id, std::size_t n, float* out) { std::fill_n(out, n * 8, 1.0f); });
        return made ? errc::internal : made.error().code;
    };
    CHECK(code_of({.dim = 0}, 100) == errc::invalid_argument);
    CHECK(code_of({.dim = 1u << 20}, 100) == errc::invalid_argument);
    CHECK(code_of({.dim = 8}, 0) == errc::invalid_argument);
    CHECK(code_of({.dim = 8, .lists = 1u << 20}, 100) == errc::invalid_argument);
    CHECK(code_of({.dim = 8, .metric = metric::hamming}, 100) == errc::unsupported);
    CHECK(code_of({.dim = 8, .code = static_cast<ivf_code>(9)}, 100) == errc::invalid_argument);
    CHECK(code_of({.dim = 8, .code = static_cast<ivf_code>(0)}, 100) == errc::invalid_argument);
    CHECK(code_of({.dim = 8, .metric = metric::manhattan, .code = ivf_code::rabitq}, 100) == errc::unsupported);
    CHECK(code_of({.dim = 20'000, .code = ivf_code::int8}, 1) == errc::unsupported);
    const auto b = built::make(s, {.lists = 4});
    const auto rows = s.source();
    const distance_computer distance(s.m, s.query(0).data(), 8);
    const exact_distances distances(rows, distance);
    CHECK(b.index.search(s.query(0).first(7), distances, {}).error().code == errc::invalid_argument);
    CHECK(b.index.search(s.query(0), distances, {.k = 0}).error().code == errc::invalid_argument);
    CHECK(b.index.search(s.query(0), distances, {.nprobe = 0}).error().code == errc::invalid_argument);
}

TEST_CASE("ivf: bounds of rabitq miss hardly a row of the lists probed, and spare most of the distances", "[ivf]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid);
    CAPTURE(to_string(m));
    const sample s(m, 96, 4000, 19);
    const auto b = built::make(s, {.lists = 10, .code = ivf_code::rabitq});
    CHECK(b.recall(s, {.k = 10, .nprobe = 10, .slack = 3}) > 0.99);
    ivf_search_stats stats;
    (void)b.search(s, 0, {.k = 10, .nprobe = 10}, allow_all{}, &stats);
    CHECK(stats.codes == 4000);
    CHECK(stats.distances < 2000);
}

TEST_CASE("ivf: rows of small integers are kept exactly by int8", "[ivf]") {
    if (!can_build()) return;
    random_source random(18);
    std::vector<float> values(2000 * 8);
    for (auto& x : values) x = static_cast<float>(random.below(200));
    const contiguous_rows rows(values.data(), 8, 8, 2000);
    const auto bytes =
        build_ivf({.dim = 8, .metric = metric::euclid, .lists = 20, .code = ivf_code::int8}, rows).value();
    const auto index = ivf::open(bytes.header, bytes.model, bytes.codes, bytes.ids, 2000).value();
    CHECK(index.lists().code_error() == 0);
    for (row_id row = 0; row < 2000; row += 100) {
        const std::span<const float> query(values.data() + row * 8, 8);
        const distance_computer distance(metric::euclid, query.data(), 8);
        ivf_search_stats stats;
        const auto found =
            index.search(query, exact_distances(rows, distance), {.k = 1, .nprobe = 20}, allow_all{}, &stats).value();
        CHECK(found.front().distance == 0);
        CHECK(stats.distances <= 20);
    }
}

TEST_CASE("ivf: many threads search at once", "[ivf]") {
    if (!can_build()) return;
    const sample s(metric::cosine, 16, 2000, 16);
    const auto b = built::make(s, {.lists = 32});
    std::vector<std::vector<neighbor>> alone;
    for (std::size_t i = 0; i < s.query_count(); ++i) alone.push_back(b.search(s, i, {.k = 5, .nprobe = 8}));
    std::vector<int> wrong(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i < s.query_count(); ++i)
                wrong[t] += static_cast<int>(b.search(s, i, {.k = 5, .nprobe = 8}) != alone[i]);
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(4));
    CHECK(b.index.memory_bytes() > 0);
}
