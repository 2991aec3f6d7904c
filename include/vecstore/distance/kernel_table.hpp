/// The distance kernels of one instruction set as a table of functions, chosen once and called through plain pointers.
/// Compiled mode (VECSTORE_COMPILED, the library): the best table that this processor can run, or the one that the
/// environment variable VECSTORE_FORCE_ARCH (baseline, avx2, avx512, neon) names; an unknown or unavailable name is
/// ignored. Header-only mode: the one table that the flags of this translation unit allow.
/// Thread safety: tables are constant; every function may be called from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace vecstore::distance {

/// Shapes:    a, b, query [dim] f32; rows [count] pointers to [dim] f32; out [count].
/// Alignment: none needed; rows on 64-byte boundaries are fastest.
/// Tail:      dim % lanes by a masked load (avx2, avx512) or a padded copy; nothing is read beyond `dim`.
/// Accuracy:  sums in f32 with several accumulators, within dim * 2^-24 * sum |terms| of reference.hpp.
/// Cost:      the `_many` forms share query loads between rows and prefetch the rows to come.
struct kernel_table {
    using one_to_one = float (*)(const float* a, const float* b, std::size_t dim) noexcept;
    using one_to_many = void (*)(const float* query, const float* const* rows, std::size_t count, std::size_t dim,
                                 float* out) noexcept;

    std::string_view name;
    one_to_one dot;
    one_to_one l2_squared;
    one_to_one l1;
    one_to_many dot_many;
    one_to_many l2_squared_many;
    one_to_many l1_many;
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

}  // namespace vecstore::distance

#ifndef VECSTORE_COMPILED
#include <vecstore/distance/simd_kernels.hpp>
#endif
