/// The scans of blocks of codes: every table against sums that are taken one by one.
/// The first byte chooses: product codes, or signs with their factors in the blocks or apart.
#include <vecstore/core/bytes.hpp>
#include <vecstore/quantization/fast_scan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

void require(bool condition) {
    if (!condition) __builtin_trap();
}

void fill(byte_reader& in, void* to, std::size_t size) {
    const auto bytes = in.get_bytes(std::min(in.remaining(), size));
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

/// What is scanned: `rows` rows, tables with entries up to `entry_max`.
struct codes {
    std::size_t rows, subs, blocks;
    std::vector<std::uint8_t> tables;

    codes(byte_reader& in, unsigned entry_max)
        : rows(1 + in.get<std::uint8_t>()),
          subs(1 + in.get<std::uint8_t>() % 100),
          blocks((rows + block_rows - 1) / block_rows),
          tables(table_bytes(subs)) {
        for (std::size_t s = 0; s < subs; ++s)
            for (std::size_t j = 0; j < codewords; ++j)
                tables[table_offset(s) + j] = tables[table_offset(s) + j + codewords] =
                    static_cast<std::uint8_t>(in.get<std::uint8_t>() % (entry_max + 1));
    }
    [[nodiscard]] unsigned sum(const std::byte* lane) const {
        unsigned sum = 0;
        for (std::size_t s = 0; s < subs; ++s) {
            const auto code = std::to_integer<unsigned>(lane[s / 2 * block_rows]);
            sum += tables[table_offset(s) + (s % 2 == 0 ? code & 15 : code >> 4)];
        }
        return sum;
    }
};

/// Of what is left of the input: nothing, which makes all rows wanted, or bits.
struct wanted_rows {
    std::vector<std::uint32_t> words;

    wanted_rows(byte_reader& in, std::size_t blocks) {
        if (in.remaining() == 0) return;
        words.resize(blocks);
        fill(in, words.data(), words.size() * sizeof words[0]);
    }
    [[nodiscard]] const std::uint32_t* bits() const { return words.empty() ? nullptr : words.data(); }
    [[nodiscard]] bool has(std::size_t row) const {
        return words.empty() || (words[row / block_rows] >> row % block_rows & 1) != 0;
    }
};

void compare_products(byte_reader& in) {
    const codes c(in, 255);
    scan_input scan;
    scan.rows = c.rows;
    scan.subs = c.subs;
    scan.tables = c.tables.data();
    scan.term_factor = in.get<std::uint16_t>();
    scan.threshold = in.get<std::uint16_t>();
    std::vector<std::byte> blocks(c.blocks * block_bytes(c.subs));
    fill(in, blocks.data(), blocks.size());
    scan.blocks = blocks.data();
    const wanted_rows wanted(in, c.blocks);
    scan.wanted = wanted.bits();
    for (const auto* kernels : available_fast_scans()) {
        std::vector<std::uint16_t> sums(c.rows + block_rows);
        std::vector<std::uint32_t> rows(sums.size());
        scan_output out{sums.data(), rows.data(), sums.size(), 0, 0};
        require(kernels->scan(scan, 0, out) == c.blocks);
        std::size_t next = 0, unwanted = 0;
        for (std::size_t r = 0; r < c.rows; ++r) {
            const auto* lane = blocks.data() + r / block_rows * block_bytes(c.subs) + r % block_rows;
            const auto term = std::to_integer<unsigned>(lane[sub_pairs(c.subs) * block_rows]);
            const auto sum = std::min(65535u, c.sum(lane) + term * scan.term_factor / 256);
            if (sum > scan.threshold) continue;
            if (!wanted.has(r)) {
                ++unwanted;
                continue;
            }
            require(next < out.count && rows[next] == r && sums[next] == sum);
            ++next;
        }
        require(next == out.count && unwanted == out.unwanted);
    }
}

/// Whole numbers that f32 holds, and sums of them, so that no table has anything to round.
void compare_signs(byte_reader& in, bool apart) {
    const codes c(in, sign_entry_max);
    sign_scan_input scan;
    scan.rows = c.rows;
    scan.subs = c.subs;
    scan.tables = c.tables.data();
    const auto small = [&] { return static_cast<float>(in.get<std::int8_t>()); };
    scan.term = {small(), small()};
    scan.scale = {std::fabs(small()), static_cast<float>(in.get<std::uint8_t>() % 4)};
    scan.error = {std::fabs(small()), std::fabs(small())};
    scan.dot = {8 * small(), static_cast<float>(1 + in.get<std::uint8_t>() % 2)};
    scan.limit = static_cast<float>(in.get<std::int16_t>()) * 8;
    const auto signs = sub_pairs(c.subs) * block_rows, whole = sign_block_bytes(c.subs);
    std::vector<std::byte> blocks(c.blocks * whole), signs_alone, factors;
    fill(in, blocks.data(), blocks.size());
    scan.blocks = blocks.data();
    const wanted_rows wanted(in, c.blocks);
    scan.wanted = wanted.bits();
    if (apart) {
        for (std::size_t at = 0; at < blocks.size(); at += whole) {
            const auto* block = blocks.data() + at;
            signs_alone.insert(signs_alone.end(), block, block + signs);
            factors.insert(factors.end(), block + signs, block + whole);
        }
        signs_alone.resize(signs_alone.size() + block_rows);
        scan.blocks = signs_alone.data();
        scan.factors = factors.data();
    }
    for (const auto* kernels : available_fast_scans()) {
        std::vector<float> bounds(c.rows + block_rows);
        std::vector<std::uint32_t> rows(bounds.size());
        sign_scan_output out{bounds.data(), rows.data(), bounds.size(), 0, 0};
        require(kernels->scan_signs(scan, 0, out) == c.blocks);
        std::size_t next = 0, unwanted = 0;
        for (std::size_t r = 0; r < c.rows; ++r) {
            const auto* lane = blocks.data() + r / block_rows * whole + r % block_rows;
            const auto level = [&](const level_scale& l, std::size_t line) {
                return l.least +
                       l.step * static_cast<float>(std::to_integer<unsigned>(lane[signs + line * block_rows]));
            };
            const float dot = scan.dot.least + scan.dot.step * static_cast<float>(c.sum(lane));
            const float bound = level(scan.term, 0) + level(scan.scale, 1) * dot - level(scan.error, 2);
            if (bound > scan.limit) continue;
            if (!wanted.has(r)) {
                ++unwanted;
                continue;
            }
            require(next < out.count && rows[next] == r && bounds[next] == bound);
            ++next;
        }
        require(next == out.count && unwanted == out.unwanted);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    byte_reader in(byte_span{reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    switch (data[0] % 3) {
        case 0: compare_products(in); break;
        case 1: compare_signs(in, false); break;
        default: compare_signs(in, true);
    }
    return 0;
}
