#include <vecstore/core/random.hpp>
#include <vecstore/quantization/fast_scan.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

std::vector<float> random_floats(random_source& random, std::size_t count) {
    std::vector<float> values(count);
    for (auto& x : values) x = static_cast<float>(2 * random.unit() - 1);
    return values;
}

/// Blocks, tables and what a scan of them must give, all made the slow way.
struct scan_case {
    std::size_t subs, rows;
    std::vector<std::byte> blocks;
    std::vector<std::uint8_t> tables;
    std::vector<std::uint16_t> sums;

    scan_case(random_source& random, std::size_t sub_count, std::size_t row_count, std::uint16_t factor,
              unsigned entry_max)
        : subs(sub_count),
          rows(row_count),
          blocks((row_count + block_rows - 1) / block_rows * block_bytes(sub_count)),
          tables(table_bytes(sub_count)) {
        for (auto& byte : blocks) byte = static_cast<std::byte>(random.below(256));
        for (std::size_t s = 0; s < subs; ++s)
            for (std::size_t j = 0; j < codewords; ++j)
                tables[table_offset(s) + j] = tables[table_offset(s) + j + codewords] =
                    static_cast<std::uint8_t>(random.below(entry_max + 1));
        for (std::size_t row = 0; row < rows; ++row) {
            const auto* block = blocks.data() + row / block_rows * block_bytes(subs);
            const auto r = row % block_rows;
            unsigned sum = 0;
            for (std::size_t s = 0; s < subs; ++s) {
                const auto byte = static_cast<unsigned>(block[s / 2 * block_rows + r]);
                sum += tables[table_offset(s) + (s % 2 == 0 ? byte & 15 : byte >> 4)];
            }
            sum += static_cast<unsigned>(block[sub_pairs(subs) * block_rows + r]) * factor / 256;
            sums.push_back(static_cast<std::uint16_t>(std::min(sum, 65535u)));
        }
    }
};

}  // namespace

TEST_CASE("fast_scan: every table finds the rows whose sums are not above the threshold", "[fast_scan]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    INFO("seed " << seed);
    random_source random(seed);
    for (const auto* kernels : available_fast_scans())
        for (const std::size_t subs : {1u, 2u, 3u, 4u, 5u, 7u, 50u, 64u, 192u})
            for (const std::size_t rows : {1u, 31u, 32u, 33u, 200u}) {
                const auto factor = static_cast<std::uint16_t>(random.below(65536));
                const scan_case c(random, subs, rows, factor, 255);
                const auto threshold = c.sums[random.below(rows)];
                INFO(kernels->name << ", " << subs << " subs, " << rows << " rows");
                std::vector<std::uint16_t> sums(256);
                std::vector<std::uint32_t> found(256);
                scan_output out{sums.data(), found.data(), 256, 0, 0};
                const scan_input in{c.blocks.data(), rows, subs, c.tables.data(), factor, threshold};
                REQUIRE(kernels->scan(in, 0, out) == (rows + block_rows - 1) / block_rows);
                std::size_t expected = 0;
                for (std::size_t row = 0; row < rows; ++row) {
                    if (c.sums[row] > threshold) continue;
                    REQUIRE(expected < out.count);
                    REQUIRE(found[expected] == row);
                    REQUIRE(sums[expected++] == c.sums[row]);
                }
                REQUIRE(out.count == expected);
            }
}

TEST_CASE("fast_scan: a scan stops when there is no room, and goes on where it stopped", "[fast_scan]") {
    random_source random(7);
    const scan_case c(random, 6, 150, 9, 100);
    for (const auto* kernels : available_fast_scans()) {
        INFO(kernels->name);
        const scan_input in{c.blocks.data(), c.rows, c.subs, c.tables.data(), 9, 65535};
        std::vector<std::uint32_t> all;
        for (std::size_t block = 0; block < 5;) {
            std::uint16_t sums[70];
            std::uint32_t found[70];
            scan_output out{sums, found, 70, 0, 0};
            block = kernels->scan(in, block, out);
            REQUIRE(out.count > 0);
            all.insert(all.end(), found, found + out.count);
        }
        REQUIRE(all.size() == 150);
        for (std::uint32_t i = 0; i < 150; ++i) CHECK(all[i] == i);
    }
}

TEST_CASE("fast_scan: rows that are not wanted are counted and left out", "[fast_scan]") {
    random_source random(8);
    for (const auto* kernels : available_fast_scans())
        for (const std::size_t rows : {1u, 32u, 33u, 200u}) {
            INFO(kernels->name << ", " << rows << " rows");
            const scan_case c(random, 9, rows, 77, 100);
            scan_input in{c.blocks.data(), rows, c.subs, c.tables.data(), 77, c.sums[random.below(rows)], nullptr};
            std::uint16_t sums[256];
            std::uint32_t found[256], wanted[8];
            scan_output all{sums, found, 256, 0, 0};
            (void)kernels->scan(in, 0, all);
            CHECK(all.unwanted == 0);
            for (auto& word : wanted) word = static_cast<std::uint32_t>(random());
            std::vector<std::uint32_t> expected;
            for (std::size_t i = 0; i < all.count; ++i)
                if ((wanted[found[i] / 32] >> found[i] % 32 & 1) != 0) expected.push_back(found[i]);
            in.wanted = wanted;
            scan_output some{sums, found, 256, 0, 0};
            (void)kernels->scan(in, 0, some);
            CHECK(std::vector<std::uint32_t>(found, found + some.count) == expected);
            CHECK(some.unwanted == all.count - expected.size());
        }
}

TEST_CASE("fast_scan: every table finds the rows whose bounds over signs are not above the limit", "[fast_scan]") {
    random_source random(9);
    for (const auto* kernels : available_fast_scans())
        for (const std::size_t subs : {1u, 2u, 3u, 4u, 25u, 32u, 96u})
            for (const std::size_t rows : {1u, 31u, 33u, 200u}) {
                std::vector<std::byte> blocks((rows + 31) / 32 * sign_block_bytes(subs));
                for (auto& byte : blocks) byte = static_cast<std::byte>(random.below(256));
                std::vector<std::uint8_t> tables(table_bytes(subs));
                for (std::size_t s = 0; s < subs; ++s)
                    for (std::size_t j = 0; j < codewords; ++j)
                        tables[table_offset(s) + j] = tables[table_offset(s) + j + codewords] =
                            static_cast<std::uint8_t>(random.below(sign_entry_max + 1));
                sign_scan_input in{.blocks = blocks.data(),
                                   .rows = rows,
                                   .subs = subs,
                                   .tables = tables.data(),
                                   .term = {0.5f, 0.01f},
                                   .scale = {0.2f, 0.003f},
                                   .error = {0.1f, 0.02f},
                                   .dot = {-3, 0.01f}};
                std::vector<float> right;
                for (std::size_t row = 0; row < rows; ++row) {
                    const auto* block = blocks.data() + row / 32 * sign_block_bytes(subs) + row % 32;
                    const auto at = [&](std::size_t line) { return static_cast<unsigned>(block[32 * line]); };
                    unsigned sum = 0;
                    for (std::size_t s = 0; s < subs; ++s)
                        sum += tables[table_offset(s) + (s % 2 == 0 ? at(s / 2) & 15 : at(s / 2) >> 4)];
                    const auto level = [&](const level_scale& l, std::size_t line) {
                        return l.least + l.step * static_cast<float>(at(sub_pairs(subs) + line));
                    };
                    right.push_back(level(in.term, 0) + level(in.scale, 1) * (-3 + 0.01f * static_cast<float>(sum)) -
                                    level(in.error, 2));
                }
                in.limit = right[random.below(rows)];
                INFO(kernels->name << ", " << subs << " subs, " << rows << " rows");
                std::vector<float> bounds(256);
                std::vector<std::uint32_t> found(256);
                const auto scan = [&] {
                    sign_scan_output out{bounds.data(), found.data(), 256, 0, 0};
                    REQUIRE(kernels->scan_signs(in, 0, out) == (rows + 31) / 32);
                    std::size_t next = 0;
                    for (std::size_t row = 0; row < rows; ++row) {
                        const bool passes = next < out.count && found[next] == row;
                        if (passes) CHECK(bounds[next++] == Approx(right[row]).margin(1e-4));
                        if (right[row] < in.limit - 1e-4f) CHECK(passes);
                        if (right[row] > in.limit + 1e-4f) CHECK_FALSE(passes);
                    }
                    REQUIRE(next == out.count);
                };
                scan();
                std::vector<std::byte> signs, factors;  // the same where they lie apart
                const auto count = sub_pairs(subs) * block_rows;
                for (std::size_t at = 0; at < blocks.size(); at += sign_block_bytes(subs)) {
                    const auto* block = blocks.data() + at;
                    signs.insert(signs.end(), block, block + count);
                    factors.insert(factors.end(), block + count, block + sign_block_bytes(subs));
                }
                signs.resize(signs.size() + 32);
                in.blocks = signs.data();
                in.factors = factors.data();
                scan();
                in.limit = *std::min_element(right.begin(), right.end());
                scan();
                in.limit = -1e6f;
                scan();
            }
}

TEST_CASE("fast_scan: inner products with panels are those of the centroids", "[fast_scan]") {
    random_source random(11);
    for (const auto* kernels : available_fast_scans())
        for (const std::size_t dim : {1u, 3u, 16u, 100u})
            for (const std::size_t rows : {1u, 2u, 9u, 65u, 130u}) {
                constexpr std::size_t panels = 3;
                INFO(kernels->name << ", dim " << dim << ", rows " << rows);
                const auto vectors = random_floats(random, rows * (dim + 2));
                const auto centroids = random_floats(random, panels * dim * panel_rows);
                std::vector<float> out(rows * panels * panel_rows);
                kernels->dots(vectors.data(), rows, dim + 2, centroids.data(), panels, dim, out.data(),
                              panels * panel_rows);
                for (std::size_t r = 0; r < rows; ++r)
                    for (std::size_t c = 0; c < panels * panel_rows; ++c) {
                        double sum = 0;
                        for (std::size_t d = 0; d < dim; ++d)
                            sum += static_cast<double>(vectors[r * (dim + 2) + d]) *
                                   static_cast<double>(
                                       centroids[(c / panel_rows * dim + d) * panel_rows + c % panel_rows]);
                        REQUIRE(static_cast<double>(out[r * panels * panel_rows + c]) == Approx(sum).margin(1e-4));
                    }
            }
}

TEST_CASE("fast_scan: the smallest value is found, the first among equals", "[fast_scan]") {
    random_source random(13);
    for (const auto* kernels : available_fast_scans())
        for (std::size_t count = 1; count < 100; ++count) {
            std::vector<float> values(count);
            for (auto& x : values) x = static_cast<float>(random.below(20));
            INFO(kernels->name << ", " << count);
            const auto least = std::min_element(values.begin(), values.end()) - values.begin();
            CHECK(kernels->argmin(values.data(), count) == static_cast<std::size_t>(least));
        }
}

TEST_CASE("fast_scan: codes name the nearest codewords", "[fast_scan]") {
    random_source random(17);
    constexpr std::size_t subs = 5;
    auto codebook = random_floats(random, subs * codebook_stride);
    for (std::size_t s = 0; s < subs; ++s)
        for (std::size_t j = 0; j < codewords; ++j) {
            float* words = codebook.data() + s * codebook_stride;
            words[2 * codewords + j] = (words[j] * words[j] + words[codewords + j] * words[codewords + j]) / 2;
        }
    const auto turned = random_floats(random, 2 * subs * block_rows);
    for (const auto* kernels : available_fast_scans()) {
        INFO(kernels->name);
        std::vector<std::uint8_t> codes(subs * block_rows);
        kernels->encode(turned.data(), codebook.data(), subs, codes.data());
        for (std::size_t s = 0; s < subs; ++s)
            for (std::size_t r = 0; r < block_rows; ++r) {
                const float* words = codebook.data() + s * codebook_stride;
                const float x = turned[2 * s * block_rows + r], y = turned[(2 * s + 1) * block_rows + r];
                const auto distance = [&](std::size_t j) {
                    return (x - words[j]) * (x - words[j]) + (y - words[codewords + j]) * (y - words[codewords + j]);
                };
                const auto code = codes[s * block_rows + r];
                REQUIRE(code < codewords);
                for (std::size_t j = 0; j < codewords; ++j) REQUIRE(distance(code) <= distance(j) + 1e-5f);
            }
    }
}

TEST_CASE("fast_scan: the table in use is one that the processor can run", "[fast_scan]") {
    const auto tables = available_fast_scans();
    REQUIRE(std::find(tables.begin(), tables.end(), &active_fast_scan()) != tables.end());
    const char* forced = std::getenv("VECSTORE_FORCE_ARCH");
    const auto is_forced = [&](const auto* table) { return forced != nullptr && table->name == forced; };
    if (std::any_of(tables.begin(), tables.end(), is_forced)) CHECK(active_fast_scan().name == forced);
}
