#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/code_slabs.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr kernel_table plain = detail::make_code_kernels<code_arch::scalar>();
constexpr float infinity = std::numeric_limits<float>::infinity();

std::vector<const kernel_table*> all_tables() {
    std::vector<const kernel_table*> tables{&plain};
    for (const auto* table : available_kernels()) tables.push_back(table);
    return tables;
}

/// Coded rows in slabs, and queries for them.
struct coded {
    std::size_t dim, rows;
    scalar_codec codec;
    aligned_buffer<std::byte> codes, slabs;
    std::vector<float> terms, queries;

    coded(metric m, std::size_t dimension, std::size_t row_count, random_source& random)
        : dim(dimension),
          rows(row_count),
          codec(train(m, random)),
          codes(rows * codec.code_bytes()),
          slabs(slab_count() * slab_bytes(dim)),
          terms(slab_count() * slab_rows, infinity) {
        std::vector<float> values(dim);
        for (std::size_t r = 0; r < rows; ++r) {
            draw(values, random);
            codec.encode(values.data(), codes.data() + r * codec.code_bytes());
            terms[r] = codec.slab_term(codes.data() + r * codec.code_bytes());
        }
        for (std::size_t s = 0; s < slab_count(); ++s) {
            std::array<const std::byte*, slab_rows> from{};
            const auto count = std::min(slab_rows, rows - s * slab_rows);
            for (std::size_t i = 0; i < count; ++i) from[i] = codes.data() + (s * slab_rows + i) * codec.code_bytes();
            pack_slab(from.data(), count, slab_lines(dim), slabs.data() + s * slab_bytes(dim));
        }
        for (std::size_t q = 0; q < slab_queries; ++q) {
            draw(values, random);
            queries.insert(queries.end(), values.begin(), values.end());
        }
    }
    [[nodiscard]] std::size_t slab_count() const { return (rows + slab_rows - 1) / slab_rows; }
    [[nodiscard]] slab_run run() const { return {slabs.data(), terms.data(), slab_count(), slab_lines(dim), 7}; }
    /// The distance that single queries compute.
    [[nodiscard]] float distance(std::size_t query, std::size_t row) const {
        code_query prepared;
        codec.prepare(queries.data() + query * dim, prepared);
        return code_distances(codec, codes.data(), prepared, plain)(static_cast<row_id>(row));
    }

private:
    static void draw(std::vector<float>& values, random_source& random) {
        for (auto& x : values) x = static_cast<float>(random.unit()) * 2 - 0.7f;
    }
    [[nodiscard]] scalar_codec train(metric m, random_source& random) const {
        return scalar_codec::train(code_type::u8, m, dim, 200, [&](std::size_t, std::span<float> to) {
            for (auto& x : to) x = static_cast<float>(random.unit()) * 2 - 0.7f;
        });
    }
};

/// What a table finds for `count` queries below `limit`.
struct found_by {
    std::array<std::vector<float>, slab_queries> distances;
    std::array<std::vector<std::uint32_t>, slab_queries> numbers;

    found_by(const kernel_table& table, const coded& of, std::size_t count, float limit) {
        std::array<slab_query, slab_queries> queries;
        std::array<slab_query*, slab_queries> four{};
        std::vector<std::int8_t> weights(slab_queries * 4 * slab_lines(of.dim));
        for (std::size_t i = 0; i < count; ++i) {
            queries[i].weights = weights.data() + i * 4 * slab_lines(of.dim);
            const auto scale =
                of.codec.prepare_slab(of.queries.data() + i * of.dim, weights.data() + i * 4 * slab_lines(of.dim));
            queries[i].scale = scale.scale;
            queries[i].bias = scale.bias;
            queries[i].limit = limit;
            distances[i].resize(slab_run_rows + 16);
            numbers[i].resize(slab_run_rows + 16);
            queries[i].distances = distances[i].data();
            queries[i].numbers = numbers[i].data();
            four[i] = &queries[i];
        }
        table.scan_slabs(of.run(), four.data());
        for (std::size_t i = 0; i < count; ++i) {
            distances[i].resize(queries[i].count);
            numbers[i].resize(queries[i].count);
        }
    }
};

}  // namespace

TEST_CASE("slabs: every table gives the distances of single queries, for any number of rows and queries",
          "[quantization]") {
    const std::uint64_t seed = 4;
    INFO("seed " << seed);
    random_source random(seed);
    for (const auto m : {metric::cosine, metric::dot, metric::euclid})
        for (const std::size_t dim : {1, 3, 4, 17, 100, 200})
            for (const std::size_t rows : {1, 16, 33, 50, 256}) {
                const coded of(m, dim, rows, random);
                CAPTURE(to_string(m), dim, rows);
                REQUIRE(of.codec.fits_slabs());
                for (const auto* table : all_tables()) {
                    CAPTURE(table->name);
                    const auto asked = 1 + rows % slab_queries;
                    const found_by all(*table, of, asked, infinity);
                    for (std::size_t q = 0; q < asked; ++q) {
                        REQUIRE(all.numbers[q].size() == rows);  // what is no row has no distance
                        double error = 0, size = 0;
                        for (std::size_t r = 0; r < rows; ++r) {
                            CHECK(all.numbers[q][r] == 7 + r);
                            const double wanted = of.distance(q, r);
                            error += std::abs(all.distances[q][r] - wanted);
                            size += std::abs(wanted);
                        }
                        CHECK(error <= 0.01 * size + 0.01 * static_cast<double>(rows));
                    }
                }
            }
}

TEST_CASE("slabs: only rows below the limit are found, the same by every table", "[quantization]") {
    random_source random(5);
    const coded of(metric::euclid, 40, 200, random);
    const found_by all(plain, of, 4, infinity);
    const auto limit = all.distances[0][77];
    const found_by some(plain, of, 4, limit);
    for (std::size_t q = 0; q < 4; ++q) {
        std::size_t below = 0;
        for (const auto d : all.distances[q]) below += d < limit;
        CHECK(some.numbers[q].size() == below);
        for (const auto d : some.distances[q]) CHECK(d < limit);
    }
    for (const auto* table : all_tables()) {
        CAPTURE(table->name);
        CHECK(found_by(*table, of, 3, -infinity).numbers[0].empty());
        // Away from the limit, which rounding may put on either side.
        CHECK(std::abs(static_cast<double>(found_by(*table, of, 4, limit).numbers[2].size()) -
                       static_cast<double>(some.numbers[2].size())) <= 1);
    }
}

TEST_CASE("slabs: a euclid query far beyond the grid is not cut off at its ends", "[quantization]") {
    random_source random(6);
    coded of(metric::euclid, 8, 20, random);
    for (std::size_t d = 0; d < 8; ++d) of.queries[d] = d % 2 == 0 ? 30.0f : -20.0f;
    const found_by found(active_kernels(), of, 1, infinity);
    for (std::size_t r = 0; r < 20; ++r) CHECK(found.distances[0][r] == Approx(of.distance(0, r)).epsilon(0.01));
}

TEST_CASE("slabs: manhattan and half bytes do not fit", "[quantization]") {
    const auto read = [](std::size_t row, std::span<float> to) { std::fill(to.begin(), to.end(), float(row)); };
    CHECK_FALSE(scalar_codec::train(code_type::u8, metric::manhattan, 4, 10, read).fits_slabs());
    CHECK_FALSE(scalar_codec::train(code_type::u4, metric::cosine, 4, 10, read).fits_slabs());
}
