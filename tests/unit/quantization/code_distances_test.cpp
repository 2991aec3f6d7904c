#include <vecstore/core/random.hpp>
#include <vecstore/quantization/code_distances.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <span>
#include <string>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr metric metrics[] = {metric::cosine, metric::dot, metric::euclid, metric::manhattan};

double true_distance(metric m, const float* a, const float* b, std::size_t dim) {
    double sum = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        const double difference = double{a[d]} - b[d];
        switch (m) {
            case metric::euclid: sum += difference * difference; break;
            case metric::manhattan: sum += std::fabs(difference); break;
            default: sum -= double{a[d]} * b[d];
        }
    }
    return m == metric::cosine ? sum + 1 : sum;
}

/// Rows, their codes on lines, and the vectors that the codes stand for.
struct coded_rows {
    struct alignas(64) line {
        std::byte bytes[64];
    };
    std::size_t dim, count;
    std::vector<float> values, decoded;
    scalar_codec codec;
    std::vector<line> lines;

    coded_rows(code_type type, metric m, std::size_t d, std::size_t n, random_source& random)
        : dim(d), count(n), values(draw(d * n, random)), decoded(d * n), codec(train(type, m)) {
        lines.resize(count * codec.code_bytes() / 64);
        for (std::size_t row = 0; row < count; ++row) {
            codec.encode(values.data() + row * dim, code(row));
            codec.decode(code(row), decoded.data() + row * dim);
        }
    }
    static std::vector<float> draw(std::size_t size, random_source& random) {
        std::vector<float> all(size);
        for (auto& x : all) x = static_cast<float>(random.unit() * 2 - 1);
        return all;
    }
    [[nodiscard]] scalar_codec train(code_type type, metric m) const {
        return scalar_codec::train(type, m, dim, count, [&](std::size_t row, std::span<float> out) {
            std::copy_n(values.data() + row * dim, dim, out.begin());
        });
    }
    [[nodiscard]] std::byte* codes() { return reinterpret_cast<std::byte*>(lines.data()); }
    [[nodiscard]] std::byte* code(std::size_t row) { return codes() + row * codec.code_bytes(); }
    [[nodiscard]] const float* meant(std::size_t row) const { return decoded.data() + row * dim; }
};

/// How far rounding the query, whose numbers are in [-1, 1], can move a distance.
double query_error(code_type type, metric m, std::size_t dim) {
    const double n = static_cast<double>(dim);
    switch (m) {
        case metric::euclid: return 4.1 * n * (type == code_type::u8 ? 1.0 / 255 : 1.0 / 120);
        case metric::manhattan: return 1.1 * n * (type == code_type::u8 ? 1.0 / 255 : 1.0 / 120);
        default: return 1.1 * n * (type == code_type::u8 ? 0.5 / 127 : 1.0 / 127);
    }
}

std::string title(const kernel_table& table, code_type type, metric m, std::size_t dim) {
    return std::string(table.name) + (type == code_type::u8 ? ", u8, " : ", u4, ") + std::string(to_string(m)) +
           ", dim " + std::to_string(dim);
}

std::vector<std::size_t> dims() {
    std::vector<std::size_t> all;
    for (std::size_t dim = 1; dim <= 300; ++dim) all.push_back(dim);
    for (const std::size_t dim : {384u, 768u, 1000u, 1536u, 4096u}) all.push_back(dim);
    return all;
}

}  // namespace

TEST_CASE("code distances: between codes as between what they stand for, for any dimension", "[code_distances]") {
    random_source random(21);
    for (const auto dim : dims())
        for (const auto m : metrics) {
            coded_rows all(code_type::u8, m, dim, 7, random);
            code_query query;
            all.codec.prepare_row(all.code(3), query);
            for (const auto* table : available_kernels()) {
                INFO(title(*table, code_type::u8, m, dim));
                const code_distances distances(all.codec, all.codes(), query, *table);
                for (row_id row = 0; row < 7; ++row) {
                    const double expected = true_distance(m, all.meant(3), all.meant(row), dim);
                    REQUIRE(distances(row) == Approx(expected).epsilon(1e-5).margin(1e-4));
                }
            }
        }
}

TEST_CASE("code distances: from a user's query within its rounding, for any dimension", "[code_distances]") {
    random_source random(22);
    code_query query;
    for (const auto dim : dims())
        for (const auto type : {code_type::u8, code_type::u4})
            for (const auto m : metrics) {
                coded_rows all(type, m, dim, 9, random);
                const auto asked = coded_rows::draw(dim, random);
                all.codec.prepare(asked.data(), query);
                for (const auto* table : available_kernels()) {
                    INFO(title(*table, type, m, dim));
                    const code_distances distances(all.codec, all.codes(), query, *table);
                    const row_id ids[] = {8, 0, 7, 1, 6, 2, 5, 3, 4};
                    float out[9];
                    distances.many(ids, 9, out);
                    for (std::size_t i = 0; i < 9; ++i) {
                        distances.prefetch(ids[i]);
                        REQUIRE(out[i] == distances(ids[i]));
                        // few rows make narrow grids: the query may lie outside, where u4 cuts it off
                        if (type == code_type::u4 && (m == metric::euclid || m == metric::manhattan) && dim < 20)
                            continue;
                        const double expected = true_distance(m, asked.data(), all.meant(ids[i]), dim);
                        REQUIRE(std::fabs(out[i] - expected) <= query_error(type, m, dim) + 1e-4);
                    }
                }
            }
}

TEST_CASE("code distances: integers give exact distances", "[code_distances]") {
    random_source random(23);
    for (const auto m : metrics) {
        coded_rows all(code_type::u8, m, 128, 2, random);
        const int low = m == metric::dot || m == metric::cosine ? -127 : 0;
        const auto draw = [&] { return static_cast<float>(low + static_cast<int>(random.below(128))); };
        for (auto& x : all.values) x = draw();
        all.codec = all.train(code_type::u8, m);
        std::vector<float> asked(128);
        for (auto& x : asked) x = draw();
        code_query query;
        all.codec.prepare(asked.data(), query);
        for (row_id row = 0; row < 2; ++row) all.codec.encode(all.values.data() + row * 128, all.code(row));
        for (const auto* table : available_kernels())
            for (row_id row = 0; row < 2; ++row) {
                INFO(title(*table, code_type::u8, m, 128));
                const code_distances distances(all.codec, all.codes(), query, *table);
                CHECK(distances(row) == true_distance(m, asked.data(), all.values.data() + row * 128, 128));
            }
    }
}

TEST_CASE("code distances: queries far from all rows keep their order", "[code_distances]") {
    random_source random(24);
    for (const auto m : {metric::euclid, metric::manhattan}) {
        coded_rows all(code_type::u8, m, 32, 50, random);
        // all rows on one line away from the query
        for (std::size_t row = 0; row < 50; ++row)
            for (std::size_t d = 0; d < 32; ++d) all.values[row * 32 + d] = 0.01f * static_cast<float>(row);
        all.codec = all.train(code_type::u8, m);
        for (std::size_t row = 0; row < 50; ++row) all.codec.encode(all.values.data() + row * 32, all.code(row));
        const std::vector<float> asked(32, 3.0f);
        code_query query;
        all.codec.prepare(asked.data(), query);
        const code_distances distances(all.codec, all.codes(), query);
        for (row_id row = 1; row < 50; ++row) CHECK(distances(row) < distances(row - 1));
    }
}

TEST_CASE("code distances: a query may be filled again by another codec", "[code_distances]") {
    random_source random(25);
    code_query used;
    for (const std::size_t dim : {300u, 5u, 128u})
        for (const auto type : {code_type::u8, code_type::u4}) {
            coded_rows all(type, metric::cosine, dim, 4, random);
            const auto asked = coded_rows::draw(dim, random);
            code_query fresh;
            all.codec.prepare(asked.data(), used);
            all.codec.prepare(asked.data(), fresh);
            const code_distances a(all.codec, all.codes(), used), b(all.codec, all.codes(), fresh);
            for (row_id row = 0; row < 4; ++row) CHECK(a(row) == b(row));
        }
}
