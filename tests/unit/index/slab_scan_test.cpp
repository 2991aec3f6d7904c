#include "ivf_support.hpp"

#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/ivf/slab_batch.hpp>
#include <vecstore/index/slab_scan.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using namespace vecstore::test;

namespace {

struct asked {
    std::vector<distance_computer> computers;
    std::vector<std::vector<neighbor>> found;
    std::vector<std::size_t> unsure;
    contiguous_rows rows;

    explicit asked(const sample& s) : found(s.query_count()), rows(s.source()) {
        for (std::size_t i = 0; i < s.query_count(); ++i) computers.emplace_back(s.m, s.query(i).data(), s.dim);
    }
    [[nodiscard]] auto distances() const {
        return [this](std::size_t i) { return exact_distances(rows, computers[i]); };
    }
    [[nodiscard]] auto note() {
        return [this](std::size_t i) { unsure.push_back(i); };
    }
    template <class Allow>
    [[nodiscard]] double recall(const sample& s, std::size_t k, const Allow& allow) const {
        std::size_t hits = 0, wanted = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            const auto truth = s.nearest(i, k, allow);
            wanted += truth.size();
            for (const auto& n : truth)
                hits += static_cast<std::size_t>(
                    std::count_if(found[i].begin(), found[i].end(), [&](const neighbor& f) { return f.row == n.row; }));
        }
        return static_cast<double>(hits) / static_cast<double>(wanted);
    }
};

const auto odd = [](row_id row) { return row % 2 == 1; };

}  // namespace

TEST_CASE("slab scan: all rows for many queries at once give the nearest, and only allowed ones", "[slabs]") {
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid);
    CAPTURE(to_string(m));
    const sample s(m, 24, 3'000, 3);
    const auto coded = encode_rows(quantization::code_type::u8, m, s.source());
    const code_array codes(coded.codes.data(), coded.codec.code_bytes());
    for (const std::size_t k : {1, 10, 100}) {
        asked all(s);
        const auto compared = scan_all_slabs(coded.codec, codes, s.rows, s.queries, all.distances(), {.k = k},
                                             allow_all{}, all.found.data(), all.note());
        CHECK(all.recall(s, k, allow_all{}) >= 0.995);
        CHECK(compared >= k * s.query_count());
        CHECK(all.unsure.size() <= s.query_count() / 4);
        asked some(s);
        (void)scan_all_slabs(coded.codec, codes, s.rows, s.queries, some.distances(), {.k = k}, odd, some.found.data(),
                             some.note());
        CHECK(some.recall(s, k, odd) >= 0.995);
        for (const auto& found : some.found)
            for (const auto& n : found) CHECK(odd(n.row));
    }
}

TEST_CASE("slab scan: rows that codes cannot tell apart make a query unsure", "[slabs]") {
    sample s(metric::euclid, 4, 2'000, 4);
    for (std::size_t i = 0; i < s.values.size(); ++i) s.values[i] = i < 8 ? 1000 : s.values[i] * 1e-3f;
    for (auto& x : s.queries) x *= 1e-3f;
    const auto coded = encode_rows(quantization::code_type::u8, s.m, contiguous_rows{s.values.data(), 4, 4, s.rows});
    // A grid that has been made for rows far apart.
    const auto read = [&](std::size_t row, std::span<float> to) {
        std::fill(to.begin(), to.end(), row % 2 ? 0.f : 1e3f);
    };
    const auto codec = quantization::scalar_codec::train(quantization::code_type::u8, s.m, 4, 100, read);
    aligned_buffer<std::byte> codes(s.rows * codec.code_bytes());
    for (row_id r = 0; r < s.rows; ++r) codec.encode(s.values.data() + r * 4, codes.data() + r * codec.code_bytes());
    asked all(s);
    (void)scan_all_slabs(codec, code_array(codes.data(), codec.code_bytes()), s.rows, s.queries, all.distances(), {},
                         allow_all{}, all.found.data(), all.note());
    CHECK(all.unsure.size() == s.query_count());
}

TEST_CASE("slab batch: lists scanned for all queries together find what single searches find", "[slabs]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::dot, metric::euclid);
    const auto code = GENERATE(ivf_code::int8, ivf_code::pq4, ivf_code::flat);
    CAPTURE(to_string(m), static_cast<int>(code));
    const sample s(m, 20, 4'000, 17);
    const auto b = built::make(s, {.lists = 60, .code = code});
    const auto& lists = b.index.lists();
    const auto coded = encode_rows(quantization::code_type::u8, m, s.source());
    const row_codes codes(lists, coded.codes.data(), coded.codec.code_bytes());
    REQUIRE(slabs_fit(lists, coded.codec));
    for (const std::size_t nprobe : {1, 5, 30, 60, 1000}) {
        asked together(s);
        ivf_search_stats stats;
        search_slabs(lists, coded.codec, codes, s.queries, together.distances(), {.k = 10, .nprobe = nprobe},
                     allow_all{}, together.found.data(), stats, together.note());
        CHECK(together.recall(s, 10, allow_all{}) >= b.recall(s, {.k = 10, .nprobe = nprobe}) - 0.01);
        CHECK(stats.lists == s.query_count() * std::min<std::size_t>(nprobe, 60));
    }
    asked some(s);
    ivf_search_stats stats;
    search_slabs(lists, coded.codec, codes, s.queries, some.distances(), {.k = 10, .nprobe = 60}, odd,
                 some.found.data(), stats, some.note());
    CHECK(some.recall(s, 10, odd) >= 0.99);
}

TEST_CASE("ivf: many queries at once over codes of a byte find what each finds alone, filtered as well", "[slabs]") {
    if (!can_build()) return;
    const auto m = GENERATE(metric::cosine, metric::euclid);
    const sample s(m, 20, 4'000, 18);
    const auto b = built::make(s, {.lists = 60, .code = ivf_code::int8});
    const auto rare = [](row_id row) { return row % 100 == 3; };
    asked all(s);
    for (const std::size_t nprobe : {2, 20}) {
        ivf_search_stats stats;
        all.found = b.index.search_many(s.queries, all.distances(), {.nprobe = nprobe}, allow_all{}, &stats).value();
        CHECK(all.recall(s, 10, allow_all{}) >= b.recall(s, {.nprobe = nprobe}) - 0.01);
        CHECK(stats.distances >= 10 * s.query_count());
        all.found = b.index.search_many(s.queries, all.distances(), {.nprobe = nprobe}, rare).value();
        for (std::size_t i = 0; i < s.query_count(); ++i) CHECK(all.found[i].size() == 10);
    }
}
