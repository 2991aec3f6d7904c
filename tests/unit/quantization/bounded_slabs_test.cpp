#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/quantization/bounded_slabs.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr kernel_table plain = detail::make_code_kernels<code_arch::scalar>();

std::vector<const kernel_table*> all_tables() {
    std::vector<const kernel_table*> tables{&plain};
    for (const auto* table : available_kernels()) tables.push_back(table);
    return tables;
}

/// Rows of all sorts of sizes, encoded by one table.
struct encoded {
    std::size_t dim, lines, count;
    std::vector<std::vector<float>> rows;
    aligned_buffer<std::byte> slabs;

    encoded(const kernel_table& table, std::size_t dimension, std::size_t slab_count, bool squared)
        : dim(dimension),
          lines(slab_lines(dim)),
          count(slab_count * slab_rows),
          slabs(slab_count * bounded_slab_bytes(lines)) {
        random_source random(dim);
        std::vector<std::uint8_t> codes(bounded_row_floats(lines));
        for (std::size_t r = 0; r < count; ++r) {
            std::vector<float> row(bounded_row_floats(lines));
            const auto scale = static_cast<float>(std::pow(10.0, 30 * (random.unit() - 0.5)));
            for (std::size_t d = 0; d < dim; ++d) row[d] = scale * static_cast<float>(2 * random.unit() - 1);
            if (r % 7 == 0) std::fill(row.begin(), row.end(), 0.0f);
            if (r % 11 == 0) row[0] = 3e38f;
            if (r % 13 == 0) std::fill_n(row.begin(), dim, 1e-42f);
            table.encode_bounded(row.data(), lines, squared, r % slab_rows, codes.data(), slab_of(r));
            rows.push_back(std::move(row));
        }
    }
    std::byte* slab_of(std::size_t r) { return slabs.data() + r / slab_rows * bounded_slab_bytes(lines); }
    const bounded_terms& terms_of(std::size_t r) {
        return *reinterpret_cast<const bounded_terms*>(slab_of(r) + lines * code_line);
    }
    int code(std::size_t r, std::size_t d) {
        return std::to_integer<int>(slab_of(r)[d / 4 * code_line + r % slab_rows * 4 + d % 4]) - 128;
    }
};

}  // namespace

TEST_CASE("bounded slabs: what is kept of a row bounds what its code leaves out", "[quantization]") {
    for (const auto* table : all_tables())
        for (const std::size_t dim : {1u, 3u, 16u, 37u, 100u, 384u})
            for (const bool squared : {false, true}) {
                encoded e(*table, dim, 6, squared);
                INFO(std::string(table->name) << " dim " << dim);
                for (std::size_t r = 0; r < e.count; ++r) {
                    const auto& terms = e.terms_of(r);
                    const auto at = r % slab_rows;
                    double residual = 0, length = 0;
                    for (std::size_t d = 0; d < dim; ++d) {
                        const double value = double{terms.steps[at]} * e.code(r, d);
                        residual += (double{e.rows[r][d]} - value) * (double{e.rows[r][d]} - value);
                        length += value * value;
                    }
                    if (std::isinf(terms.errors[at])) continue;
                    CHECK(double{terms.errors[at]} >= std::sqrt(residual));
                    CHECK(double{terms.errors[at]} <= 0.51 * double{terms.steps[at]} * std::sqrt(double(dim)));
                    CHECK(double{terms.lengths[at]} == Approx(squared ? length : std::sqrt(length)).epsilon(1e-6));
                }
                const auto infinite = [&](std::size_t r) { return std::isinf(e.terms_of(r).errors[r % slab_rows]); };
                CHECK_FALSE(infinite(7));
                CHECK(infinite(11));
                CHECK(infinite(13));
            }
}

TEST_CASE("bounded slabs: a value that is not finite makes the code of its row say nothing", "[quantization]") {
    constexpr std::size_t dim = 37, lines = slab_lines(dim);
    const float strange[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity()};
    for (const auto* table : all_tables())
        for (const float value : strange)
            for (const float rest : {0.0f, 1.0f}) {
                INFO(std::string(table->name) << " " << value << " beside " << rest);
                std::vector<float> row(bounded_row_floats(lines), 0.0f);
                std::fill_n(row.begin(), dim, rest);
                row[dim - 1] = value;
                std::vector<std::uint8_t> codes(row.size());
                aligned_buffer<std::byte> slab(bounded_slab_bytes(lines));
                table->encode_bounded(row.data(), lines, false, 3, codes.data(), slab.data());
                const auto& terms = *reinterpret_cast<const bounded_terms*>(slab.data() + lines * code_line);
                CHECK(std::isinf(terms.errors[3]));
                CHECK(terms.lengths[3] == 0);
            }
}

TEST_CASE("bounded slabs: rows are ruled out as the formula says, whatever the table", "[quantization]") {
    for (const auto* table : all_tables())
        for (const std::size_t dim : {1u, 5u, 16u, 100u, 257u})
            for (const std::size_t slabs : {1u, 2u, 5u, 16u}) {
                encoded e(*table, dim, slabs, true);
                random_source random(slabs);
                std::vector<std::int8_t> weights(4 * e.lines);
                std::int32_t sum = 0;
                for (std::size_t d = 0; d < dim; ++d) {
                    weights[d] = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
                    sum += weights[d];
                }
                const bounded_query query{weights.data(), 128 * sum, -0.02f, 1, 1, -0.5f, -1};
                std::vector<std::uint32_t> found(e.count);
                found.resize(table->find_possible({e.slabs.data(), slabs, e.lines, 40}, query, found.data()));
                CHECK(std::is_sorted(found.begin(), found.end()));
                INFO(std::string(table->name) << " dim " << dim);
                for (std::size_t r = 0; r < e.count; ++r) {
                    const auto& terms = e.terms_of(r);
                    const auto at = r % slab_rows;
                    double dot = 0;
                    for (std::size_t d = 0; d < dim; ++d) dot += double(e.code(r, d)) * weights[d];
                    const double product = -0.02f * dot * double{terms.steps[at]}, error = terms.errors[at];
                    const double beyond = 1 + product + double{terms.lengths[at]} - 0.5 * error - error * error;
                    const double size = 1 + std::abs(product) + double{terms.lengths[at]} + error + error * error;
                    const bool possible =
                        std::binary_search(found.begin(), found.end(), static_cast<std::uint32_t>(40 + r));
                    if (std::isinf(error))
                        CHECK(possible);
                    else if (std::abs(beyond) > 1e-6 * size)
                        CHECK(possible == (beyond <= 0));
                }
            }
}
