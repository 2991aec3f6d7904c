/// The kernels of code_kernels.hpp, written once over an architecture tag. Every function is a template on its tag or
/// always inlined, so that two translation units built with different flags never emit one symbol with two meanings.
/// Sources that are built for one instruction set include this header and nothing else.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/simd_bounded_slabs.hpp>
#include <vecstore/quantization/simd_code_neon.hpp>
#include <vecstore/quantization/simd_code_scalar.hpp>
#include <vecstore/quantization/simd_code_slabs.hpp>
#include <vecstore/quantization/simd_code_x86.hpp>

#include <cstddef>
#include <cstdint>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization {

namespace code_arch {

/// The best tag that the flags of this translation unit allow.
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__) && \
    defined(__AVX512VNNI__)
using best = avx512_vnni;
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
using best = avx512;
#elif defined(__AVX2__) && defined(__FMA__)
using best = avx2;
#elif defined(__SSE2__)
using best = sse2;
#elif defined(__ARM_NEON) && defined(__aarch64__)
using best = neon;
#else
using best = scalar;
#endif

}  // namespace code_arch

namespace detail {

/// Four distances; `line_sum` is the function of the tag that adds the terms of a line.
template <class Arch, auto line_sum>
VECSTORE_SIMD void four_codes(const code_query_view& query, const std::byte* codes, std::size_t stride,
                              const row_id* rows, float* out) noexcept {
    const auto *r0 = codes + rows[0] * stride, *r1 = codes + rows[1] * stride;
    const auto *r2 = codes + rows[2] * stride, *r3 = codes + rows[3] * stride;
    auto s0 = Arch::zero(), s1 = Arch::zero(), s2 = Arch::zero(), s3 = Arch::zero();
    for (std::size_t line = 0; line < query.lines; ++line) {
        s0 = line_sum(r0 + code_line * line, query, line, s0);
        s1 = line_sum(r1 + code_line * line, query, line, s1);
        s2 = line_sum(r2 + code_line * line, query, line, s2);
        s3 = line_sum(r3 + code_line * line, query, line, s3);
    }
    Arch::store_four(s0, s1, s2, s3, query, out);
}

template <class Arch, auto line_sum>
void distances_to_codes(const code_query_view& query, const std::byte* codes, std::size_t stride, const row_id* rows,
                        std::size_t count, float* out) noexcept {
    std::size_t i = 0;
    for (; i + 4 <= count; i += 4) four_codes<Arch, line_sum>(query, codes, stride, rows + i, out + i);
    if (i == count) return;
    const row_id* rest = rows + i;
    const std::size_t left = count - i;
    const row_id padded[4] = {rest[0], rest[left > 1 ? 1 : 0], rest[left > 2 ? 2 : 0], rest[0]};
    float distances[4];
    four_codes<Arch, line_sum>(query, codes, stride, padded, distances);
    for (std::size_t j = 0; j < left; ++j) out[i + j] = distances[j];
}

template <class Arch>
std::size_t keep_nearest(nearest_pool& pool, const float* distances, const row_id* rows, std::size_t count,
                         row_id* kept) noexcept {
    std::size_t kept_count = 0;
    const auto last = pool.capacity - 1;
    for (std::size_t first = 0; first < count; first += Arch::lanes) {
        auto candidates = Arch::below(distances + first, count - first, pool.distances[last]);
        for (; candidates != 0; candidates &= candidates - 1) {
            const auto i = first + static_cast<std::size_t>(__builtin_ctz(candidates));
            const float distance = distances[i];
            if (!(distance < pool.distances[last])) continue;  // the bound has sunk since
            const auto place = Arch::place(pool.distances, pool.size, distance);
            if (pool.size == pool.capacity) --pool.size;
            Arch::move_up(pool.distances, place, pool.size);
            Arch::move_up(pool.rows, place, pool.size);
            pool.distances[place] = distance;
            pool.rows[place] = rows[i];
            ++pool.size;
            if (place < pool.next) pool.next = place;
            kept[kept_count++] = rows[i];
        }
    }
    return kept_count;
}

template <class Arch>
constexpr kernel_table make_code_kernels() noexcept {
    return {.name = Arch::name,
            .dot_u8 = distances_to_codes<Arch, Arch::dot_u8>,
            .l2_u8 = distances_to_codes<Arch, Arch::l2_u8>,
            .l1_u8 = distances_to_codes<Arch, Arch::l1_u8>,
            .dot_u4 = distances_to_codes<Arch, Arch::dot_u4>,
            .l2_u4 = distances_to_codes<Arch, Arch::l2_u4>,
            .l1_u4 = distances_to_codes<Arch, Arch::l1_u4>,
            .keep_nearest = detail::keep_nearest<Arch>,
            .scan_slabs = detail::scan_slabs<Arch>,
            .find_possible = detail::find_possible<Arch>,
            .encode_bounded = detail::encode_bounded<Arch>};
}

/// Header-only mode: the table and the list of one table, per tag.
template <class Arch>
inline constexpr kernel_table single_code_table = make_code_kernels<Arch>();
template <class Arch>
inline constexpr const kernel_table* single_code_list[] = {&single_code_table<Arch>};

}  // namespace detail

#ifndef VECSTORE_COMPILED
inline const kernel_table& active_kernels() noexcept { return detail::single_code_table<code_arch::best>; }
inline std::span<const kernel_table* const> available_kernels() noexcept {
    return detail::single_code_list<code_arch::best>;
}
#endif

}  // namespace vecstore::quantization

#undef VECSTORE_SIMD
