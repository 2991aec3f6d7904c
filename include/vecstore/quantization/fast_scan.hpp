/// The kernels of inverted lists: scores against many centroids, 4-bit product codes, and the scan of such codes with
/// the look-up tables held in registers.
/// Paper: Andre, Kermarrec, Le Scouarnec, "Quicker ADC", arXiv:1812.09162 (tables in registers, groups of rows); the
/// blocks, the correction term beside the codes and the threshold in place are our own arrangement.
///
/// A product code cuts a vector into pairs of values and names, for each pair, the nearest of 16 codewords: 4 bits for
/// two values. A *sub* is one such pair of values; two subs share a byte.
///
/// A *block* holds `block_rows` rows, `block_bytes(subs)` bytes. The values are on disk, do not renumber.
/// | offset | what |
/// |---|---|
/// | 32 i, i < (subs + 1) / 2 | byte r: code of row r in sub 2 i (low half) and in sub 2 i + 1 (high half, 0 if none) |
/// | 32 ((subs + 1) / 2) | byte r: the correction term of row r |
///
/// A *sign block* holds the signs of `block_rows` rotated rows (rotation_code.hpp), `sign_block_bytes(subs)` bytes; there
/// a sub is four signs, the lowest bit of the half byte being the first of them.
/// | offset | what |
/// |---|---|
/// | 32 i, i < (subs + 1) / 2 | byte r: signs of row r in sub 2 i (low half) and in sub 2 i + 1 (high half, 0 if none) |
/// | 32 ((subs + 1) / 2) | byte r: the correction term of row r |
/// | 32 ((subs + 1) / 2 + 1) | byte r: the scale of row r |
/// | 32 ((subs + 1) / 2 + 2) | byte r: the error of row r |
///
/// A *codebook* is [subs, 3, 16] f32: the first values of the 16 codewords, their second values, and half of their
/// squared lengths. A *panel* is a group of `panel_rows` centroids, turned: [dim, panel_rows] f32.
///
/// Thread safety: tables are constant; every function may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vecstore::quantization {

inline constexpr std::size_t block_rows = 32;
inline constexpr std::size_t codewords = 16;
inline constexpr std::size_t codebook_stride = 3 * codewords;  ///< floats of one sub
inline constexpr std::size_t panel_rows = 32;

[[nodiscard]] constexpr std::size_t sub_pairs(std::size_t subs) noexcept { return (subs + 1) / 2; }
[[nodiscard]] constexpr std::size_t block_bytes(std::size_t subs) noexcept {
    return (sub_pairs(subs) + 1) * block_rows;
}
[[nodiscard]] constexpr std::size_t sign_block_bytes(std::size_t subs) noexcept {
    return (sub_pairs(subs) + 3) * block_rows;
}
/// Of a sign block, the terms, scales and errors.
inline constexpr std::size_t sign_factor_bytes = 3 * block_rows;
/// The largest entry of tables for signs: so small that several are added as bytes.
inline constexpr unsigned sign_entry_max = 31;
/// Bytes of the look-up tables of one query: two pairs of subs share 128 bytes, each table twice, so that every width
/// of register loads them as they are: tables of subs 4 g, 4 g, 4 g + 2, 4 g + 2, then of 4 g + 1, 4 g + 1, 4 g + 3,
/// 4 g + 3. Tables of subs that do not exist are zero.
[[nodiscard]] constexpr std::size_t table_bytes(std::size_t subs) noexcept { return (sub_pairs(subs) + 1) / 2 * 128; }
/// Where the two copies (16 bytes each, adjacent) of a sub's table lie.
[[nodiscard]] constexpr std::size_t table_offset(std::size_t sub) noexcept {
    return sub / 4 * 128 + sub % 2 * 64 + sub / 2 % 2 * 32;
}

/// One run of blocks and what a row needs to be let through.
struct scan_input {
    const std::byte* blocks = nullptr;
    std::size_t rows = 0;  ///< the last block may be partly filled
    std::size_t subs = 0;
    const std::uint8_t* tables = nullptr;   ///< [table_bytes(subs)]; the sums of all tables stay below 2^16
    std::uint16_t term_factor = 0;          ///< a term t adds t * term_factor / 256, rounded down
    std::uint16_t threshold = 0;            ///< rows whose sum is not above are let through
    const std::uint32_t* wanted = nullptr;  ///< [blocks] bit r of word b: row r of block b may go out; null: all may
};

/// Where rows that are let through go. Precondition: room for `block_rows` more at each call.
struct scan_output {
    std::uint16_t* sums = nullptr;
    std::uint32_t* rows = nullptr;  ///< counted from the first row of the run
    std::size_t capacity = 0;
    std::size_t count = 0;
    std::size_t unwanted = 0;  ///< rows that were let through and are not wanted
};

/// A number for each of 256 levels.
struct level_scale {
    float least = 0;
    float step = 0;
};

/// One run of sign blocks. The bound of a row is
///     term + scale * (dot.least + dot.step * sum of its table entries) - error.
/// Preconditions: dot.step > 0; scales are not negative; 32 bytes behind the last signs can be read.
struct sign_scan_input {
    const std::byte* blocks = nullptr;
    std::size_t rows = 0;  ///< the last block may be partly filled
    std::size_t subs = 0;
    const std::uint8_t* tables = nullptr;  ///< [table_bytes(subs)], up to sign_entry_max; sums stay below 2^16
    level_scale term, scale, error;
    level_scale dot;
    float limit = 0;                        ///< rows whose bound is not above are let through
    const std::uint32_t* wanted = nullptr;  ///< as `scan_input`
    /// [blocks, sign_factor_bytes]: terms, scales and errors where they do not lie in the blocks, which then are signs
    /// alone. Rows that are not near are passed over without them.
    const std::byte* factors = nullptr;
    std::size_t ahead = 0;  ///< bytes from a block to what is asked for beside it; 0 = four blocks
};

/// As `scan_output`.
struct sign_scan_output {
    float* bounds = nullptr;
    std::uint32_t* rows = nullptr;
    std::size_t capacity = 0;
    std::size_t count = 0;
    std::size_t unwanted = 0;
};

/// Alignment: none needed; 64-byte aligned blocks and tables are fastest.
/// Accuracy:  `scan` and `encode` are exact and equal in every table, up to ties that rounding makes; `dots` sums in
/// f32.
struct fast_scan_kernels {
    std::string_view name;
    /// Sums the tables over each row from block `first_block` on; a sum with its term saturates at 65535. Returns the
    /// number of the block it stopped at for want of room, or the number of blocks.
    std::size_t (*scan)(const scan_input& in, std::size_t first_block, scan_output& out) noexcept;
    /// The same over sign blocks; bounds are computed in f32. First comes what the sum alone can tell, whatever a row's
    /// term, scale and error may be; most blocks end there.
    std::size_t (*scan_signs)(const sign_scan_input& in, std::size_t first_block, sign_scan_output& out) noexcept;
    /// out[r * out_stride + c] = the inner product of row r [dim] and centroid c of `panels`.
    void (*dots)(const float* rows, std::size_t row_count, std::size_t row_stride, const float* panels,
                 std::size_t panel_count, std::size_t dim, float* out, std::size_t out_stride) noexcept;
    /// The index of the smallest of `count` values, the first among equals. Precondition: count > 0, no NaN.
    std::size_t (*argmin)(const float* values, std::size_t count) noexcept;
    /// The nearest codewords (squared distance) of `block_rows` rows: turned [2 subs, block_rows] ->
    /// codes [subs, block_rows].
    void (*encode)(const float* turned, const float* codebook, std::size_t subs, std::uint8_t* codes) noexcept;
};

/// The kernels in use; chosen at the first call as those of distance/kernel_table.hpp are (VECSTORE_FORCE_ARCH).
[[nodiscard]] const fast_scan_kernels& active_fast_scan() noexcept;

/// All that this processor can run, the plainest first; for tests and benchmarks.
[[nodiscard]] std::span<const fast_scan_kernels* const> available_fast_scans() noexcept;

}  // namespace vecstore::quantization
