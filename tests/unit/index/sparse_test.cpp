#include <vecstore/core/random.hpp>
#include <vecstore/core/sparse_vector.hpp>
#include <vecstore/index/sparse.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

using namespace vecstore;
using index::sparse_lists;
using index::sparse_view;

namespace {

sparse_view view_of(const sparse_vector& v) { return {v.indices, v.values}; }

index::sparse_arrays build(const std::vector<sparse_vector>& rows) {
    return index::build_sparse(static_cast<row_id>(rows.size()), [&](row_id row) { return view_of(rows[row]); })
        .value();
}

std::vector<neighbor> scan(const std::vector<sparse_vector>& rows, const sparse_vector& query, std::size_t k,
                           const std::function<bool(row_id)>& allow = {}, std::optional<float> radius = {}) {
    std::vector<neighbor> all;
    for (row_id row = 0; row < rows.size(); ++row) {
        std::map<std::uint32_t, float> values;
        for (std::size_t i = 0; i < rows[row].indices.size(); ++i) values[rows[row].indices[i]] = rows[row].values[i];
        double sum = 0;
        bool shared = false;
        for (std::size_t i = 0; i < query.indices.size(); ++i)
            if (const auto at = values.find(query.indices[i]); at != values.end()) {
                sum += double{query.values[i]} * double{at->second};
                shared = true;
            }
        const auto score = static_cast<float>(sum);
        if (shared && (!allow || allow(row)) && (!radius || -score <= *radius)) all.push_back({-score, row});
    }
    std::sort(all.begin(), all.end());
    all.resize(std::min(all.size(), k));
    return all;
}

/// `count` values of indexes below `dims`, low ones more often; a few values are so equal that scores tie.
sparse_vector random_vector(random_source& random, std::size_t count, std::uint32_t dims, bool negative) {
    std::map<std::uint32_t, float> values;
    for (std::size_t i = 0; i < count; ++i) {
        const auto share = random.unit();
        auto value = static_cast<float>(random.below(8)) * 0.25f;
        if (random.below(2) == 0) value = static_cast<float>(random.unit());
        values[static_cast<std::uint32_t>(share * share * share * dims) * 977] =
            negative && random.below(2) == 0 ? -value : value;
    }
    sparse_vector made;
    for (const auto& [at, value] : values) {
        made.indices.push_back(at);
        made.values.push_back(value);
    }
    return made;
}

std::string refusal(const index::sparse_sections& sections, row_id rows) {
    const auto opened = sparse_lists::open(sections, rows);
    return opened ? "" : opened.error().message;
}

}  // namespace

TEST_CASE("sparse: finds what a scan finds", "[index]") {
    random_source random(1);
    for (const bool negative : {false, true})
        for (const std::size_t count : {1u, 3u, 255u, 256u, 257u, 3'000u}) {
            std::vector<sparse_vector> rows;
            for (std::size_t i = 0; i < count; ++i)
                rows.push_back(random_vector(random, random.below(12), 300, negative));
            const auto arrays = build(rows);
            const auto lists = sparse_lists::open(arrays.sections(), static_cast<row_id>(count)).value();
            for (int i = 0; i < 40; ++i) {
                const auto query = random_vector(random, 1 + random.below(8), 320, negative);
                const std::size_t k = 1 + random.below(i % 4 == 0 ? 2 * count : 12);
                const auto odd = [](row_id row) { return row % 2 == 1; };
                index::sparse_cost cost;
                CHECK(lists.search(view_of(query), k, {}, {}, cost) == scan(rows, query, k));
                CHECK(lists.search(view_of(query), k, odd, {}, cost) == scan(rows, query, k, odd));
                CHECK(lists.search(view_of(query), k, {}, -0.5f, cost) == scan(rows, query, k, {}, -0.5f));
                CHECK(lists.search(view_of(query), k, {}, 0.5f, cost) == scan(rows, query, k, {}, 0.5f));
            }
        }
}

TEST_CASE("sparse: most windows are passed over when one index says it all", "[index]") {
    std::vector<sparse_vector> rows(20'000, {{1}, {0.1f}});
    for (std::size_t i = 0; i < 20; ++i) rows[i * 7] = {{1, 2}, {0.1f, 5}};
    const auto arrays = build(rows);
    const auto lists = sparse_lists::open(arrays.sections(), 20'000).value();
    index::sparse_cost cost;
    const sparse_vector query{{1, 2}, {1, 1}};
    CHECK(lists.search(view_of(query), 10, {}, {}, cost) == scan(rows, query, 10));
    CHECK(cost.windows_skipped > 70);
    CHECK(lists.frequency(1) == 20'000);
    CHECK(lists.frequency(2) == 20);
    CHECK(lists.frequency(3) == 0);
    std::vector<row_id> with;
    lists.for_each_row(2, [&](row_id row) { with.push_back(row); });
    REQUIRE(with.size() == 20);
    CHECK(with.back() == 19 * 7);
}

TEST_CASE("sparse: rows that share an index are hits, whatever their score", "[index]") {
    const std::vector<sparse_vector> rows = {{{1}, {-1}}, {{1}, {0}}, {{2}, {9}}, {{1, 2}, {-3, 1}}, {}};
    const auto arrays = build(rows);
    const auto lists = sparse_lists::open(arrays.sections(), 5).value();
    index::sparse_cost cost;
    const auto found = [&](const sparse_vector& query) { return lists.search(view_of(query), 10, {}, {}, cost); };
    CHECK(found({{1}, {1}}) == std::vector<neighbor>{{0, 1}, {1, 0}, {3, 3}});
    CHECK(found({{1}, {0}}) == std::vector<neighbor>{{0, 0}, {0, 1}, {0, 3}});
    CHECK(found({{1}, {-1}}) == std::vector<neighbor>{{-3, 3}, {-1, 0}, {0, 1}});
    CHECK(found({{7}, {1}}).empty());
    CHECK(found({}).empty());
    CHECK(lists.search(view_of(rows[2]), 0, {}, {}, cost).empty());
}

TEST_CASE("sparse: the largest values do not break bounds", "[index]") {
    constexpr auto most = std::numeric_limits<float>::max();
    const std::vector<sparse_vector> rows = {{{1, 2}, {most, -most}}, {{1}, {most}}, {{2}, {most}}, {{1}, {1e-45f}}};
    const auto arrays = build(rows);
    const auto lists = sparse_lists::open(arrays.sections(), 4).value();
    index::sparse_cost cost;
    for (const auto& query : {sparse_vector{{1, 2}, {1, 1}}, {{1, 2}, {most, most}}, {{1, 2}, {-1, most}}})
        CHECK(lists.search(view_of(query), 4, {}, {}, cost) == scan(rows, query, 4));
}

TEST_CASE("sparse: a dot product is over shared indexes alone", "[index]") {
    const sparse_vector a{{1, 5, 9}, {1, 2, 3}}, b{{5, 9, 11}, {10, 100, 7}}, none{{2}, {1}};
    CHECK(index::sparse_dot(view_of(a), view_of(b)) == 320.0f);
    CHECK(index::sparse_dot(view_of(a), view_of(none)) == std::nullopt);
    CHECK(index::sparse_dot(view_of(a), {}) == std::nullopt);
}

TEST_CASE("sparse: inverse document frequency is that of the paper, with one added", "[index]") {
    CHECK(index::inverse_document_frequency(10, 3) == Approx(std::log(7.5 / 3.5 + 1)));
    CHECK(index::inverse_document_frequency(10, 10) == Approx(std::log(0.5 / 10.5 + 1)));
    CHECK(index::inverse_document_frequency(0, 0) == Approx(std::log(2.0)));
}

TEST_CASE("sparse: the bytes are as described", "[index]") {
    const auto arrays = build({{{7}, {1.5f}}, {{3, 7}, {-1.00390625f, 2.0f}}});
    const auto hex = [](byte_span bytes) {
        std::string text;
        for (const auto byte : bytes) {
            constexpr auto digits = "0123456789abcdef";
            text += digits[std::to_integer<unsigned>(byte) >> 4];
            text += digits[std::to_integer<unsigned>(byte) & 15];
        }
        return text;
    };
    CHECK(hex(arrays.terms) == "0300000007000000");
    CHECK(hex(arrays.starts) == "000000000100000002000000");
    // -1.00390625 is 0xBF808000, so its bounds are 0xBF80 and 0xBF81.
    CHECK(hex(arrays.blocks) ==
          "000000000000000080bf81bf"
          "00000000010000000040c03f");
    CHECK(hex(arrays.rows) == "010001");
    CHECK(hex(arrays.values) ==
          "008080bf"
          "0000c03f"
          "00000040");
}

TEST_CASE("sparse: no rows, and rows without values", "[index]") {
    for (const std::vector<sparse_vector>& rows : {std::vector<sparse_vector>{}, std::vector<sparse_vector>(3)}) {
        const auto arrays = build(rows);
        const auto lists = sparse_lists::open(arrays.sections(), static_cast<row_id>(rows.size())).value();
        index::sparse_cost cost;
        CHECK(lists.search(view_of({{1}, {1}}), 3, {}, {}, cost).empty());
    }
}

TEST_CASE("sparse: damaged bytes are refused", "[index]") {
    const auto right = build({{{7}, {1.5f}}, {{3, 7}, {-1, 2}}});
    CHECK(refusal(right.sections(), 2).empty());
    CHECK(refusal(right.sections(), 1) == "inverted lists: a row is out of range");
    CHECK(refusal({}, 0) == "inverted lists: sections have the wrong size");
    const auto changed = [&](byte_vector index::sparse_arrays::*array, std::size_t at, std::uint8_t value) {
        auto copy = right;
        (copy.*array)[at] = std::byte{value};
        return refusal(copy.sections(), 2);
    };
    CHECK(changed(&index::sparse_arrays::terms, 4, 3) == "inverted lists: terms are out of order");
    CHECK(changed(&index::sparse_arrays::starts, 4, 0) == "inverted lists: a term has no blocks");
    CHECK(changed(&index::sparse_arrays::starts, 8, 3) == "inverted lists: terms do not cover the blocks");
    CHECK(changed(&index::sparse_arrays::blocks, 12, 9) == "inverted lists: a row is out of range");
    CHECK(changed(&index::sparse_arrays::blocks, 16, 9) == "inverted lists: a block has no postings");
    CHECK(changed(&index::sparse_arrays::blocks, 9, 0xC0) == "inverted lists: a value is out of bounds");
    CHECK(changed(&index::sparse_arrays::rows, 2, 0) == "inverted lists: rows are out of order");
    CHECK(changed(&index::sparse_arrays::values, 3, 0x7F) == "inverted lists: a value is out of bounds");
}

TEST_CASE("sparse: building can be cancelled", "[index]") {
    const sparse_vector row{{1}, {1}};
    std::size_t calls = 0;
    const auto built = index::build_sparse(
        10'000, [&](row_id) { return view_of(row); }, [&](std::size_t, std::size_t) { return ++calls < 3; });
    REQUIRE(!built);
    CHECK(built.error().code == errc::cancelled);
}
