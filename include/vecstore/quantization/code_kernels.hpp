/// Distances from a prepared query to scalar codes (scalar_codec.hpp), and the step of a walk that keeps the nearest: the
/// kernels of one instruction set as a table of functions, chosen once and called through plain pointers.
/// Compiled mode (VECSTORE_COMPILED, the library): the best table that this processor can run, or the one that the
/// environment variable VECSTORE_FORCE_ARCH (baseline, avx2, avx512, avx512_vnni, neon) names; an unknown or unavailable
/// name is ignored. Header-only mode: the one table that the flags of this translation unit allow.
/// Thread safety: tables are constant; every function may be called from any thread.
#pragma once

#include <vecstore/core/types.hpp>
#include <vecstore/quantization/bounded_slabs.hpp>
#include <vecstore/quantization/code_query_view.hpp>
#include <vecstore/quantization/code_slabs.hpp>
#include <vecstore/quantization/nearest_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vecstore::quantization {

/// out[i] = scale * (sum + offset) + bias, where sum runs over the padded dimensions of row rows[i].
/// Shapes:    codes [any][stride] bytes, on lines; rows [count]; out [count]. Nothing but the rows' codes is read.
/// Accuracy:  the sums are integers and exact; the last step is in f32.
/// Cost:      four rows at a time, their sums turned into four distances at once. Nothing is prefetched.
using code_distances_function = void (*)(const code_query_view& query, const std::byte* codes, std::size_t stride,
                                         const row_id* rows, std::size_t count, float* out) noexcept;

/// | kernel | term of a dimension, code c   | query                            |
/// |--------|-------------------------------|----------------------------------|
/// | dot_u8 | c q                           | narrow and wide, [-128, 127]     |
/// | l2_u8  | (c - q)^2                     | wide; the sum must fit 31 bits   |
/// | l1_u8  | abs(c - q)                    | wide, the same                   |
/// | dot_u4 | c q                           | narrow, [-127, 127]              |
/// | l2_u4  | (8 c - q)^2                   | narrow, [-7, 127]                |
/// | l1_u4  | abs(8 c - q)                  | narrow, [-7, 127]                |
struct kernel_table {
    std::string_view name;
    code_distances_function dot_u8 = nullptr;
    code_distances_function l2_u8 = nullptr;
    code_distances_function l1_u8 = nullptr;
    code_distances_function dot_u4 = nullptr;
    code_distances_function l2_u4 = nullptr;
    code_distances_function l1_u4 = nullptr;
    keep_nearest_function keep_nearest = nullptr;
    scan_slabs_function scan_slabs = nullptr;
    find_possible_function find_possible = nullptr;
    encode_bounded_function encode_bounded = nullptr;
};

#ifdef VECSTORE_COMPILED
/// The table in use; the choice is made at the first call and never changes.
[[nodiscard]] const kernel_table& active_kernels() noexcept;

/// Every table that this processor can run, the plainest first; for tests and benchmarks.
[[nodiscard]] std::span<const kernel_table* const> available_kernels() noexcept;
#else
[[nodiscard]] inline const kernel_table& active_kernels() noexcept;
[[nodiscard]] inline std::span<const kernel_table* const> available_kernels() noexcept;
#endif

}  // namespace vecstore::quantization

#ifndef VECSTORE_COMPILED
#include <vecstore/quantization/simd_code_kernels.hpp>
#endif
