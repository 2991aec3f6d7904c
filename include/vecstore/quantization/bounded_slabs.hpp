/// Rows as codes of a byte whose error is known, so that a scan of codes can leave out rows for certain: the distances of
/// what remains decide, and the answer is that of a scan of originals.
/// A row x is kept as x^ = step * code, with a step of its own and without training; beside it |x^| and |x - x^|. The
/// inequalities of Cauchy-Schwarz and of the triangle then bound the distance to any query. The codes lie in slabs
/// (code_slabs.hpp), each followed by what is kept of its rows.
/// Thread safety: plain values, and functions without state.
#pragma once

#include <vecstore/quantization/code_slabs.hpp>

#include <cstddef>
#include <cstdint>

namespace vecstore::quantization {

/// What is kept of the rows of a slab besides their codes.
struct alignas(code_line) bounded_terms {
    float steps[slab_rows];    ///< the value of one unit of a code
    float lengths[slab_rows];  ///< |x^|, or its square
    float errors[slab_rows];   ///< at least |x - x^|; infinity: the code says nothing of the row
};

/// Bytes of a slab with its terms. `lines`: slab_lines(dim).
[[nodiscard]] constexpr std::size_t bounded_slab_bytes(std::size_t lines) noexcept {
    return lines * code_line + sizeof(bounded_terms);
}
/// Floats that a row is padded to, with zeros, before it is encoded.
[[nodiscard]] constexpr std::size_t bounded_row_floats(std::size_t lines) noexcept {
    return (4 * lines + 15) / 16 * 16;
}

/// Slabs one after another.
struct bounded_run {
    const std::byte* slabs = nullptr;  ///< [count][bounded_slab_bytes], on lines
    std::size_t count = 0;             ///< of slabs
    std::size_t lines = 0;             ///< of a slab
    std::uint32_t first = 0;           ///< number of the first row
};

/// A query as codes and the bound of what is looked for. A row is ruled out when
///   bias + scale * step * (sum over dimensions of (code + 128) * weight - offset) + of_length * length
///        + (of_error + of_error_squared * error) * error > 0
struct bounded_query {
    const std::int8_t* weights = nullptr;  ///< [4 lines], zero beyond the dimensions
    std::int32_t offset = 0;               ///< 128 * sum of the weights
    float scale = 0;
    float bias = 0;
    float of_length = 0;
    float of_error = 0;
    float of_error_squared = 0;
};

/// Writes the numbers of the rows that are not ruled out, ascending, and returns how many they are; a term that is no number
/// rules nothing out. `numbers` [16 count].
/// Accuracy: sums are integers and exact up to codec_dim_max; the rest is in f32, a few roundings.
using find_possible_function = std::size_t (*)(const bounded_run& run, const bounded_query& query,
                                               std::uint32_t* numbers) noexcept;

/// Encodes one row as row `place` of a slab. `lengths_squared`: keep |x^|^2.
/// Shapes: values [bounded_row_floats(lines)]; codes: room for as many bytes; slab [bounded_slab_bytes(lines)].
/// Rows whose largest value is beyond [1e-9, 1e17] (but not all zero) get an error of infinity: their squares could
/// leave f32. So do rows with a value that is not finite.
using encode_bounded_function = void (*)(const float* values, std::size_t lines, bool lengths_squared,
                                         std::size_t place, std::uint8_t* codes, std::byte* slab) noexcept;

}  // namespace vecstore::quantization
