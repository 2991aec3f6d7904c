/// Codes of a byte in the form in which many queries are compared with many rows: a matrix product in registers.
/// A *slab* holds 16 rows, turned: line g (64 bytes) has dimensions 4 g to 4 g + 3 of row 0, then those of row 1, and so
/// on. One instruction that multiplies bytes in fours then adds a line to the sums of 16 rows, without a sum across a register,
/// and a line that was loaded once serves several queries.
/// Slabs are made when a batch needs them, and are on no disk.
/// Thread safety: plain values, and functions without state.
#pragma once

#include <vecstore/quantization/code_query_view.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace vecstore::quantization {

inline constexpr std::size_t slab_rows = 16;
/// Queries that are compared together.
inline constexpr std::size_t slab_queries = 4;
/// Rows of a run, at most.
inline constexpr std::size_t slab_run_rows = 256;

/// Lines of a slab: one for four dimensions.
[[nodiscard]] constexpr std::size_t slab_lines(std::size_t dim) noexcept { return (dim + 3) / 4; }
[[nodiscard]] constexpr std::size_t slab_bytes(std::size_t dim) noexcept { return slab_lines(dim) * code_line; }

/// Slabs one after another.
struct slab_run {
    const std::byte* slabs = nullptr;  ///< [count][slab_bytes], on lines
    const float* terms = nullptr;  ///< [count][16]: what a row adds to its distances; infinity where there is no row
    std::size_t count = 0;         ///< of slabs, at most slab_run_rows / slab_rows
    std::size_t lines = 0;         ///< of a slab
    std::uint32_t first = 0;       ///< number of the first row
};

/// A query, and what has been found for it: rows whose distance is below the limit.
/// distance = term of the row + scale * (sum over dimensions of code * weight) + bias
struct slab_query {
    const std::int8_t* weights = nullptr;  ///< [4 lines], zero beyond the dimensions
    float scale = 0;
    float bias = 0;
    float limit = std::numeric_limits<float>::infinity();
    std::uint32_t count = 0;           ///< of what was found
    float* distances = nullptr;        ///< [count], and room for slab_run_rows + 16 more at each call
    std::uint32_t* numbers = nullptr;  ///< beside them: numbers of rows
};

/// Compares all rows of `run` with `slab_queries` queries; what is below a query's limit is added to it, in the order of rows.
/// The same query must not be given twice; a query that is missing is null.
/// Accuracy: sums are integers and exact up to codec_dim_max; the last step is in f32.
using scan_slabs_function = void (*)(const slab_run& run, slab_query* const* queries) noexcept;

/// Writes one slab. `rows`: `count` <= 16 pointers to codes, each [4 lines] readable.
/// Cost: 4 bytes at a time; the rows travel at the same time.
inline void pack_slab(const std::byte* const* rows, std::size_t count, std::size_t lines, std::byte* slab) noexcept {
    for (std::size_t r = 0; r < count; ++r)
        for (std::size_t g = 0; g < lines; ++g) std::memcpy(slab + g * code_line + 4 * r, rows[r] + 4 * g, 4);
    for (std::size_t r = count; r < slab_rows; ++r)
        for (std::size_t g = 0; g < lines; ++g) std::memset(slab + g * code_line + 4 * r, 0, 4);
}

}  // namespace vecstore::quantization
