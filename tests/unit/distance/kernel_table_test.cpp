#include "support.hpp"

#include <catch2/catch.hpp>

using namespace vecstore;
using namespace vecstore::test;
using distance::kernel_table;
using distance::operation;

namespace {

constexpr operation operations[] = {operation::dot, operation::l2_squared, operation::l1};

}  // namespace

TEST_CASE("kernels: there is a table, and the active one is among those available", "[distance]") {
    const auto all = distance::available_kernels();
    REQUIRE(!all.empty());
    bool found = false;
    for (const auto* table : all) found = found || table->name == distance::active_kernels().name;
    CHECK(found);
}

TEST_CASE("kernels: f32 agrees with the reference for all dimensions to 2048, unaligned too", "[distance]") {
    random_source random(7);
    for (std::size_t dim = 0; dim <= 2048; ++dim) {
        const placed_row query(element_type::f32, dim, 4 * (dim % 5), random);
        const placed_row row(element_type::f32, dim, 4 * (dim / 5 % 7), random);
        for (const auto* table : distance::available_kernels())
            for (const auto o : operations) check_one(*table, element_type::f32, o, query, row);
    }
}

TEST_CASE("kernels: every type and operation agrees with the reference for dimensions 0 to 300", "[distance]") {
    random_source random(17);
    for (const auto type : {element_type::f16, element_type::bf16, element_type::int8})
        for (std::size_t dim = 0; dim <= 300; ++dim) {
            const placed_row query(element_type::f32, dim, 4 * (dim % 3), random), row(type, dim, dim % 7, random);
            for (const auto* table : distance::available_kernels()) {
                for (const auto o : operations) check_one(*table, type, o, query, row);
                if (type == element_type::int8) check_one(*table, type, operation::by_length, query, row);
            }
        }
}

TEST_CASE("kernels: hamming counts differing bits for dimensions 0 to 1100 exactly", "[distance]") {
    random_source random(18);
    for (std::size_t dim = 0; dim <= 1100; ++dim) {
        const placed_row query(element_type::binary, dim, dim % 3, random);
        const placed_row row(element_type::binary, dim, dim % 5, random);
        for (const auto* table : distance::available_kernels())
            check_one(*table, element_type::binary, operation::l1, query, row);
    }
}

TEST_CASE("kernels: one against many agrees with the reference, for every type", "[distance]") {
    random_source random(8);
    for (const auto type :
         {element_type::f32, element_type::f16, element_type::bf16, element_type::int8, element_type::binary})
        for (const std::size_t dim : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 100, 128, 384, 769})
            for (const std::size_t count : {0, 1, 3, 4, 5, 8, 9, 13, 32}) {
                const auto query_type = type == element_type::binary ? type : element_type::f32;
                const placed_row query(query_type, dim, 4, random);
                std::vector<placed_row> rows;
                for (std::size_t i = 0; i < count; ++i) rows.emplace_back(type, dim, 4 * (i % 3), random);
                for (const auto* table : distance::available_kernels()) {
                    for (const auto o : operations) check_many(*table, type, o, query, rows);
                    if (type == element_type::int8) check_many(*table, type, operation::by_length, query, rows);
                }
            }
}

TEST_CASE("kernels: all numbers of two bytes and of one are widened exactly", "[distance]") {
    for (const auto type : {element_type::f16, element_type::bf16, element_type::int8}) {
        const std::size_t size = type == element_type::int8 ? 1 : 2,
                          numbers = type == element_type::int8 ? 256 : 65'536;
        for (const auto* table : distance::available_kernels())
            for (std::size_t first = 0; first < numbers; first += 16)
                for (std::size_t lane = 0; lane < 16; ++lane) {
                    // One number at a time, the others masked by zeros in the query.
                    std::byte row[64];
                    for (std::size_t i = 0; i < 16; ++i) {
                        const auto number = first + (i == lane ? i : 0);
                        for (std::size_t b = 0; b < size; ++b)
                            row[size * i + b] = static_cast<std::byte>(i == lane ? number >> 8 * b : 0);
                    }
                    float expected[16], query[16] = {};
                    query[lane] = 1;
                    unpack(type, row, expected);
                    const auto got = table->of(type, operation::dot).one(query, row, 16);
                    const bool same = std::isnan(expected[lane]) ? std::isnan(got) : got == expected[lane];
                    if (!same) FAIL(table->name << " " << to_string(type) << " number " << first + lane);
                }
    }
}

TEST_CASE("kernels: equal vectors have distance zero exactly", "[distance]") {
    random_source random(9);
    for (const auto type : {element_type::f32, element_type::f16, element_type::bf16, element_type::int8}) {
        const placed_row row(type, 333, 0, random);
        std::vector<float> query(333);
        unpack(type, row.data(), query);
        for (const auto* table : distance::available_kernels()) {
            CHECK(table->of(type, operation::l2_squared).one(query.data(), row.data(), 333) == 0.0f);
            CHECK(table->of(type, operation::l1).one(query.data(), row.data(), 333) == 0.0f);
        }
    }
}

TEST_CASE("kernels: a zero row has no direction, and no length to divide by", "[distance]") {
    const std::vector<float> query(20, 1.0f);
    const std::vector<std::int8_t> row(20, 0);
    for (const auto* table : distance::available_kernels())
        CHECK(table->of(element_type::int8, operation::by_length).one(query.data(), row.data(), 20) == 0.0f);
}
