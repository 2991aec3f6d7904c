/// A query for scalar codes in the form that their kernels read (code_kernels.hpp).
/// Thread safety: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::quantization {

/// Codes are whole lines, so that no kernel has a tail and no code shares a line with another.
inline constexpr std::size_t code_line = 64;

/// Sums of 32 bits hold every distance up to this many dimensions.
inline constexpr std::size_t codec_dim_max = 16'384;

/// A query as the kernels read it.
/// Shapes: u8 codes: narrow [64 lines] and wide [64 lines] hold the same query (narrow for dot alone), dimension by
///         dimension; u4 codes: narrow [128 lines], in byte 128 l + j the dimension of that number.
/// Alignment: 64 bytes.
struct code_query_view {
    const std::int8_t* narrow = nullptr;
    const std::int16_t* wide = nullptr;
    std::size_t lines = 0;  ///< of one code
    std::int32_t offset = 0;
    float scale = 1;
    float bias = 0;
};

}  // namespace vecstore::quantization
