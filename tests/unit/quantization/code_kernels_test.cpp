#include <vecstore/core/random.hpp>
#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr kernel_table scalar_table = detail::make_code_kernels<code_arch::scalar>();

std::vector<const kernel_table*> all_tables() {
    std::vector<const kernel_table*> tables{&scalar_table};
    for (const auto* table : available_kernels()) tables.push_back(table);
    return tables;
}

enum class term { dot, l2, l1 };

struct kernel_case {
    const char* name;
    code_distances_function kernel_table::*kernel;
    bool u8;
    term kind;
};

constexpr kernel_case kernel_cases[] = {
    {"dot_u8", &kernel_table::dot_u8, true, term::dot}, {"l2_u8", &kernel_table::l2_u8, true, term::l2},
    {"l1_u8", &kernel_table::l1_u8, true, term::l1},    {"dot_u4", &kernel_table::dot_u4, false, term::dot},
    {"l2_u4", &kernel_table::l2_u4, false, term::l2},   {"l1_u4", &kernel_table::l1_u4, false, term::l1},
};

/// Codes and a query whose numbers are drawn by `pick(lowest, highest)`.
struct input {
    std::size_t lines;
    std::vector<std::byte> codes;
    std::vector<std::int8_t> narrow;
    std::vector<std::int16_t> wide;

    template <class Pick>
    input(const kernel_case& c, std::size_t code_lines, std::size_t rows, const Pick& pick)
        : lines(code_lines), codes(rows * stride()), narrow(128 * code_lines), wide(64 * code_lines) {
        for (auto& byte : codes) byte = static_cast<std::byte>(pick(0, 255));
        const int reach = static_cast<int>(std::min(16'000.0, std::sqrt(2'147'483'647.0 / (64.0 * double(lines)))));
        if (!c.u8)
            for (auto& q : narrow) q = static_cast<std::int8_t>(c.kind == term::dot ? pick(-127, 127) : pick(-7, 127));
        else if (c.kind != term::dot)
            for (auto& q : wide) q = static_cast<std::int16_t>(pick(255 - reach, reach));
        else
            for (std::size_t i = 0; i < wide.size(); ++i) {
                wide[i] = static_cast<std::int16_t>(pick(-128, 127));
                narrow[i] = static_cast<std::int8_t>(wide[i]);
            }
    }
    [[nodiscard]] std::size_t stride() const { return code_line * lines; }
    [[nodiscard]] code_query_view view() const { return {narrow.data(), wide.data(), lines, 0, 1, 0}; }

    [[nodiscard]] double expected(const kernel_case& c, row_id row) const {
        const auto* code = codes.data() + row * stride();
        const auto one = [&](int value, int query) -> double {
            if (c.kind == term::dot) return double(value) * query;
            const double difference = (c.u8 ? value : 8 * value) - query;
            return c.kind == term::l2 ? difference * difference : std::fabs(difference);
        };
        double sum = 0;
        for (std::size_t i = 0; i < stride(); ++i) {
            const auto byte = static_cast<int>(code[i]);
            if (c.u8) {
                sum += one(byte, wide[i]);
            } else {
                const auto at = i / 64 * 128 + i % 64;
                sum += one(byte & 15, narrow[at]) + one(byte >> 4, narrow[at + 64]);
            }
        }
        return sum;
    }
};

void check(const kernel_case& c, const input& in, const std::vector<row_id>& rows) {
    for (const auto* table : all_tables()) {
        INFO(c.name << " of " << std::string(table->name) << ", " << in.lines << " lines, " << rows.size() << " rows");
        std::vector<float> out(rows.size() + 1, -5.0f);
        (table->*c.kernel)(in.view(), in.codes.data(), in.stride(), rows.data(), rows.size(), out.data());
        for (std::size_t i = 0; i < rows.size(); ++i) REQUIRE(out[i] == static_cast<float>(in.expected(c, rows[i])));
        REQUIRE(out.back() == -5.0f);
    }
}

}  // namespace

TEST_CASE("code kernels: sums are exact for any number of lines", "[code_kernels]") {
    random_source random(11);
    const auto pick = [&](int low, int high) {
        return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low) + 1));
    };
    for (const auto& c : kernel_cases)
        for (const std::size_t lines : {1u, 2u, 3u, 4u, 5u, 7u, 12u, 33u, 128u, 256u}) {
            if (lines * (c.u8 ? 64 : 128) > codec_dim_max) continue;
            const input in(c, lines, 5, pick);
            check(c, in, {4, 0, 2, 1, 3, 3});
        }
}

TEST_CASE("code kernels: the largest numbers do not overflow", "[code_kernels]") {
    for (const auto& c : kernel_cases)
        for (const std::size_t lines : {1u, 2u, 128u, 256u})
            for (int code_high = 0; code_high < 2; ++code_high)
                for (int query_high = 0; query_high < 2; ++query_high) {
                    if (lines * (c.u8 ? 64 : 128) > codec_dim_max) continue;
                    const auto pick = [&](int low, int high) {
                        const bool is_code = low == 0 && high == 255;
                        return (is_code ? code_high : query_high) != 0 ? high : low;
                    };
                    check(c, input(c, lines, 2, pick), {0, 1, 1, 0, 1});
                }
}

TEST_CASE("code kernels: any count and order of rows", "[code_kernels]") {
    random_source random(12);
    const auto pick = [&](int low, int high) {
        return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low) + 1));
    };
    for (const auto& c : kernel_cases) {
        const input in(c, 2, 50, pick);
        for (std::size_t count = 0; count <= 40; ++count) {
            std::vector<row_id> rows(count);
            for (auto& row : rows) row = static_cast<row_id>(random.below(50));
            check(c, in, rows);
        }
    }
}

TEST_CASE("code kernels: offset, scale and bias are applied in this order", "[code_kernels]") {
    random_source random(13);
    const auto pick = [&](int low, int high) {
        return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low) + 1));
    };
    for (const auto& c : kernel_cases) {
        const input in(c, 1, 6, pick);
        auto view = in.view();
        view.offset = -1234;
        view.scale = -0.5f;
        view.bias = 1;
        const row_id rows[] = {5, 4, 3, 2, 1, 0};
        for (const auto* table : all_tables()) {
            INFO(c.name << " of " << std::string(table->name));
            float out[6];
            (table->*c.kernel)(view, in.codes.data(), in.stride(), rows, 6, out);
            for (std::size_t i = 0; i < 6; ++i)
                REQUIRE(out[i] == Approx(1 - 0.5 * (in.expected(c, rows[i]) - 1234)).epsilon(1e-6));
        }
    }
}

TEST_CASE("code kernels: the active table is among the available ones, the first of which is the baseline",
          "[code_kernels]") {
    const auto tables = available_kernels();
    REQUIRE(!tables.empty());
    CHECK(tables.front()->name == "baseline");
    CHECK(std::find(tables.begin(), tables.end(), &active_kernels()) != tables.end());
}
