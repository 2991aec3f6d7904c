#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/sealed_hnsw.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <vector>

using namespace vecstore;
using namespace vecstore::index;
using quantization::code_type;

namespace {

constexpr std::size_t dim = 20;

contiguous_rows rows_of(const test::vectors& data) {
    return {data.values.data(), data.dim, data.dim, static_cast<row_id>(data.rows)};
}

test::vectors unit_vectors(std::size_t rows, unsigned seed) {
    auto data = test::random_vectors(rows, dim, seed);
    for (std::size_t i = 0; i < rows; ++i) REQUIRE(normalize({data.values.data() + i * dim, dim}));
    return data;
}

}  // namespace

TEST_CASE("sealed_hnsw: finds what an exact scan finds, with exact distances, over both kinds of codes",
          "[hnsw][sealed]") {
    const auto data = unit_vectors(3000, 1), queries = test::random_vectors(50, dim, 2);
    flat exact(dim, metric::cosine);
    for (std::size_t i = 0; i < data.rows; ++i) (void)exact.insert(data[i]).value();
    for (const auto codes : {code_type::u8, code_type::u4}) {
        const auto index = sealed_hnsw::build({.codes = codes}, rows_of(data)).value();
        CHECK(index.size() == 3000);
        double sum = 0;
        for (std::size_t q = 0; q < queries.rows; ++q) {
            const auto found = index.search(queries[q], 10, 100).value();
            const auto truth = exact.search(queries[q], 10).value();
            sum += test::recall(found, truth);
            CHECK(found[0].distance == Approx(truth[0].distance).margin(1e-5));
        }
        CHECK(sum / 50 > 0.97);
    }
}

TEST_CASE("sealed_hnsw: half a byte takes less memory than a byte", "[hnsw][sealed]") {
    const auto data = test::random_vectors(1000, 128, 3);
    const auto eight = sealed_hnsw::build({.metric = metric::euclid, .codes = code_type::u8}, rows_of(data)).value();
    const auto four = sealed_hnsw::build({.metric = metric::euclid, .codes = code_type::u4}, rows_of(data)).value();
    CHECK(eight.memory_bytes() - four.memory_bytes() == Approx(1000 * 64).margin(200));
}

TEST_CASE("sealed_hnsw: only rows that a predicate accepts are returned", "[hnsw][sealed]") {
    const auto data = test::random_vectors(2000, dim, 5);
    const auto index = sealed_hnsw::build({.metric = metric::euclid}, rows_of(data)).value();
    for (const auto& n : index.search(data[7], 10, 100, 0, [](row_id row) { return row % 3 == 0; }).value())
        CHECK(n.row % 3 == 0);
}

TEST_CASE("sealed_hnsw: rows of any numeric type", "[hnsw][sealed]") {
    const auto data = test::random_vectors(500, dim, 6);
    const auto stride = row_stride(element_type::f16, dim);
    std::vector<std::byte> packed(500 * stride);
    for (std::size_t i = 0; i < 500; ++i)
        REQUIRE(
            pack(element_type::f16, data[i], std::span(packed).subspan(i * stride, row_bytes(element_type::f16, dim))));
    const contiguous_rows rows(packed.data(), element_type::f16, stride, dim, 500);
    const auto index = sealed_hnsw::build({.metric = metric::euclid}, rows).value();
    for (row_id i = 0; i < 500; i += 31) CHECK(index.search(data[i], 1, 50).value()[0].row == i);
}

TEST_CASE("sealed_hnsw: what makes no sense is an invalid argument that says what", "[hnsw][sealed]") {
    const auto data = test::random_vectors(100, dim, 7);
    const auto refused = [&](const sealed_hnsw_options& options, const contiguous_rows& rows) {
        const auto built = sealed_hnsw::build(options, rows);
        return !built && built.error().code == errc::invalid_argument && !built.error().message.empty();
    };
    CHECK(refused({.m = 1}, rows_of(data)));
    CHECK(refused({.m = 1000}, rows_of(data)));
    CHECK(refused({.build = {.ef_construct = 3}}, rows_of(data)));
    CHECK(refused({}, contiguous_rows(data.values.data(), dim, dim, 0)));
    CHECK(refused({.metric = metric::hamming}, rows_of(data)));
    CHECK(refused({.metric = metric::hamming}, {data.values.data(), element_type::binary, 64, 512, 10}));

    const auto unit = unit_vectors(100, 8);
    const auto index = sealed_hnsw::build({}, rows_of(unit)).value();
    const std::vector<float> zero(dim), wrong(dim + 1, 1.0f), bad(dim, std::numeric_limits<float>::infinity());
    for (const auto& query : {zero, wrong, bad})
        CHECK(index.search(query, 1, 10).error().code == errc::invalid_argument);
    CHECK(index.search(data[0], ef_max + 1, 10).error().code == errc::invalid_argument);
    CHECK(index.search(data[0], 0, 10).value().empty());
    CHECK(index.search(data[0], 500, 500).value().size() == 100);
}
