/// The distance kernels of one instruction set as a table of functions, chosen once and called through plain pointers.
/// Compiled mode (VECSTORE_COMPILED, the library): the best table that this processor can run, or the one that the
/// environment variable VECSTORE_FORCE_ARCH (baseline, avx2, avx512, neon) names; an unknown or unavailable name is
/// ignored. Header-only mode: the one table that the flags of this translation unit allow.
/// Thread safety: tables are constant; every function may be called from any thread.
#pragma once

#include <vecstore/distance/element_type.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vecstore::distance {

/// One operation on rows of one type.
/// Shapes:    query [dim] f32, for hamming [dim] bits; row [dim] of its type; rows [count] pointers; out [count].
/// Alignment: that of the element (1 for all but f32); rows on 64-byte boundaries are fastest.
/// Tail:      dim % lanes by a masked load (avx2, avx512) or a padded copy; nothing is read beyond `dim`. Unused bits in
///            the last byte of binary rows and queries must be zero.
/// Accuracy:  elements are widened to f32 exactly; sums in f32 with several accumulators, within
///            dim * 2^-24 * sum |terms| of reference.hpp. Hamming is exact.
/// Cost:      `many` shares query loads between rows and prefetches the rows to come.
struct kernel {
    using one_to_one = float (*)(const void* query, const void* row, std::size_t dim) noexcept;
    using one_to_many = void (*)(const void* query, const void* const* rows, std::size_t count, std::size_t dim,
                                 float* out) noexcept;
    one_to_one one = nullptr;
    one_to_many many = nullptr;
};

/// `by_length` is dot / |row|, for the one type whose rows are kept as they came under cosine, int8.
enum class operation : std::uint8_t { dot, l2_squared, l1, by_length };

struct kernel_table {
    std::string_view name;
    kernel numeric[4][3];  ///< [f32, f16, bf16, int8][dot, l2_squared, l1]
    kernel int8_cosine;
    kernel hamming;

    /// For binary, hamming whatever the operation; otherwise precondition: the operation is one of the type.
    [[nodiscard]] constexpr const kernel& of(element_type type, operation o) const noexcept {
        if (type == element_type::binary) return hamming;
        if (o == operation::by_length) return int8_cosine;
        return numeric[static_cast<std::size_t>(type) - 1][static_cast<std::size_t>(o)];
    }
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
