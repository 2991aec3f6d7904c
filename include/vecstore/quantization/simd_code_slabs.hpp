/// The scan of slabs (code_slabs.hpp) over the architecture tags of scalar codes.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/code_slabs.hpp>
#include <vecstore/quantization/simd_code_neon.hpp>
#include <vecstore/quantization/simd_code_scalar.hpp>
#include <vecstore/quantization/simd_code_x86.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::detail {

/// Steps for a tag: `add` is called for each line, then `found` (or `store`, on a line) for each slab. `together` slabs share the weights that were
/// loaded for `queries` queries. This is the plain one.
template <class Arch, class = void>
struct slab_steps {
    static constexpr std::size_t queries = 1, together = 1;
    struct sums {
        std::int32_t of[slab_rows];
    };
    struct weights {
        const std::int8_t* of;
    };
    struct codes {
        const std::byte* of;
    };
    VECSTORE_SIMD void clear(sums& a) noexcept {
        for (auto& x : a.of) x = 0;
    }
    VECSTORE_SIMD weights load_weights(const std::int8_t* from) noexcept { return {from}; }
    VECSTORE_SIMD codes load_codes(const std::byte* from) noexcept { return {from}; }
    VECSTORE_SIMD void add(sums& a, const codes& c, const weights& w) noexcept {
        for (std::size_t r = 0; r < slab_rows; ++r)
            for (std::size_t j = 0; j < 4; ++j) a.of[r] += static_cast<std::int32_t>(c.of[4 * r + j]) * w.of[j];
    }
    VECSTORE_SIMD void store(const sums& a, std::int32_t* out) noexcept {
        for (std::size_t r = 0; r < slab_rows; ++r) out[r] = a.of[r];
    }
    VECSTORE_SIMD void found(const sums& a, const float* terms, std::uint32_t first, slab_query& q) noexcept {
        for (std::size_t r = 0; r < slab_rows; ++r) {
            const float distance = static_cast<float>(a.of[r]) * q.scale + terms[r] + q.bias;
            q.distances[q.count] = distance;
            q.numbers[q.count] = first + static_cast<std::uint32_t>(r);
            q.count += static_cast<std::uint32_t>(distance < q.limit);
        }
    }
};

#if defined(__AVX2__) && defined(__FMA__)
/// Products of numbers of 16 bits, in twos: those of bytes would leave 16 bits.
struct slab_steps_avx2 {
    static constexpr std::size_t queries = 2, together = 1;
    struct sums {
        __m256i of[4];
    };
    using weights = __m256i;
    struct codes {
        __m256i of[4];
    };
    VECSTORE_SIMD void clear(sums& a) noexcept {
        for (auto& x : a.of) x = _mm256_setzero_si256();
    }
    VECSTORE_SIMD weights load_weights(const std::int8_t* from) noexcept {
        std::int32_t four;
        std::memcpy(&four, from, sizeof four);
        return _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
    }
    VECSTORE_SIMD codes load_codes(const std::byte* from) noexcept {
        codes c;
        for (std::size_t i = 0; i < 4; ++i)
            c.of[i] = _mm256_cvtepu8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(from + 16 * i)));
        return c;
    }
    VECSTORE_SIMD void add(sums& a, const codes& c, const weights& w) noexcept {
        for (std::size_t i = 0; i < 4; ++i) a.of[i] = _mm256_add_epi32(a.of[i], _mm256_madd_epi16(c.of[i], w));
    }
    VECSTORE_SIMD void store(const sums& a, std::int32_t* out) noexcept {
        for (std::size_t i = 0; i < 4; i += 2)
            _mm256_store_si256(reinterpret_cast<__m256i*>(out + 4 * i),
                               _mm256_permute4x64_epi64(_mm256_hadd_epi32(a.of[i], a.of[i + 1]), 0xD8));
    }
    VECSTORE_SIMD void found_eight(__m256i a, __m256i b, const float* terms, std::uint32_t first,
                                   slab_query& q) noexcept {
        const auto all = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xD8);
        const auto shifted = _mm256_add_ps(_mm256_loadu_ps(terms), _mm256_set1_ps(q.bias));
        const auto distance = _mm256_fmadd_ps(_mm256_cvtepi32_ps(all), _mm256_set1_ps(q.scale), shifted);
        auto mask =
            static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(distance, _mm256_set1_ps(q.limit), _CMP_LT_OQ)));
        if (mask == 0) return;
        alignas(32) float distances[8];
        _mm256_store_ps(distances, distance);
        for (; mask != 0; mask &= mask - 1) {
            const auto i = static_cast<std::uint32_t>(__builtin_ctz(mask));
            q.distances[q.count] = distances[i];
            q.numbers[q.count++] = first + i;
        }
    }
    VECSTORE_SIMD void found(const sums& a, const float* terms, std::uint32_t first, slab_query& q) noexcept {
        found_eight(a.of[0], a.of[1], terms, first, q);
        found_eight(a.of[2], a.of[3], terms + 8, first + 8, q);
    }
};
template <>
struct slab_steps<code_arch::avx2> : slab_steps_avx2 {};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
template <>
struct slab_steps<code_arch::avx512> : slab_steps_avx2 {};

template <>
struct slab_steps<code_arch::avx512_vnni> {
    static constexpr std::size_t queries = 4, together = 4;
    using sums = __m512i;
    using weights = __m512i;
    using codes = __m512i;

    VECSTORE_SIMD void clear(sums& a) noexcept { a = _mm512_setzero_si512(); }
    VECSTORE_SIMD weights load_weights(const std::int8_t* from) noexcept {
        std::int32_t four;
        std::memcpy(&four, from, sizeof four);
        return _mm512_set1_epi32(four);
    }
    VECSTORE_SIMD codes load_codes(const std::byte* from) noexcept { return _mm512_loadu_si512(from); }
    VECSTORE_SIMD void add(sums& a, codes c, weights w) noexcept { a = code_arch::avx512_vnni::add_bytes(a, c, w); }
    VECSTORE_SIMD void store(sums a, std::int32_t* out) noexcept { _mm512_store_si512(out, a); }
    VECSTORE_SIMD void found(sums a, const float* terms, std::uint32_t first, slab_query& q) noexcept {
        const auto shifted = _mm512_add_ps(_mm512_loadu_ps(terms), _mm512_set1_ps(q.bias));
        const auto distance = _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xFFFF, a), _mm512_set1_ps(q.scale), shifted);
        const auto mask = _mm512_cmp_ps_mask(distance, _mm512_set1_ps(q.limit), _CMP_LT_OQ);
        if (mask == 0) return;
        const auto lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const auto numbers = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(first)));
        // Packed in registers: storing packed is slow on some processors.
        _mm512_storeu_ps(q.distances + q.count, _mm512_maskz_compress_ps(mask, distance));
        _mm512_storeu_si512(q.numbers + q.count, _mm512_maskz_compress_epi32(mask, numbers));
        q.count += static_cast<std::uint32_t>(__builtin_popcount(mask));
    }
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
template <>
struct slab_steps<code_arch::neon> {
    static constexpr std::size_t queries = 1, together = 1;
    struct sums {
        int32x4_t of[slab_rows];  ///< of a row each
    };
    using weights = int16x8_t;
    struct codes {
        const std::byte* of;
    };
    VECSTORE_SIMD void clear(sums& a) noexcept {
        for (auto& x : a.of) x = vdupq_n_s32(0);
    }
    VECSTORE_SIMD weights load_weights(const std::int8_t* from) noexcept {
        std::int32_t four;
        std::memcpy(&four, from, sizeof four);
        return vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    }
    VECSTORE_SIMD codes load_codes(const std::byte* from) noexcept { return {from}; }
    VECSTORE_SIMD void add(sums& a, const codes& c, weights w) noexcept {
        for (std::size_t r = 0; r < slab_rows; r += 2) {
            const auto two = vld1_u8(reinterpret_cast<const std::uint8_t*>(c.of + 4 * r));
            const auto wide = vreinterpretq_s16_u16(vmovl_u8(two));
            a.of[r] = vmlal_s16(a.of[r], vget_low_s16(wide), vget_low_s16(w));
            a.of[r + 1] = vmlal_high_s16(a.of[r + 1], wide, w);
        }
    }
    VECSTORE_SIMD void store(const sums& a, std::int32_t* out) noexcept {
        for (std::size_t r = 0; r < slab_rows; ++r) out[r] = vaddvq_s32(a.of[r]);
    }
    VECSTORE_SIMD void found(const sums& a, const float* terms, std::uint32_t first, slab_query& q) noexcept {
        for (std::size_t r = 0; r < slab_rows; r += 4) {
            const auto all = vpaddq_s32(vpaddq_s32(a.of[r], a.of[r + 1]), vpaddq_s32(a.of[r + 2], a.of[r + 3]));
            const auto shifted = vaddq_f32(vld1q_f32(terms + r), vdupq_n_f32(q.bias));
            float distances[4];
            vst1q_f32(distances, vfmaq_f32(shifted, vcvtq_f32_s32(all), vdupq_n_f32(q.scale)));
            for (std::size_t i = 0; i < 4; ++i) {
                q.distances[q.count] = distances[i];
                q.numbers[q.count] = first + static_cast<std::uint32_t>(r + i);
                q.count += static_cast<std::uint32_t>(distances[i] < q.limit);
            }
        }
    }
};
#endif

/// `slabs` slabs against `Steps::queries` queries.
template <class Steps, std::size_t slabs>
VECSTORE_SIMD void scan_tile(const slab_run& run, std::size_t at, slab_query* const* queries) noexcept {
    constexpr auto count = Steps::queries;
    const std::byte* from = run.slabs + at * run.lines * code_line;
    typename Steps::sums sums[count][slabs];
    for (std::size_t q = 0; q < count; ++q)
        for (std::size_t s = 0; s < slabs; ++s) Steps::clear(sums[q][s]);
    const std::int8_t* weights[count];
    for (std::size_t q = 0; q < count; ++q) weights[q] = queries[queries[q] != nullptr ? q : 0]->weights;
    for (std::size_t line = 0; line < run.lines; ++line) {
        typename Steps::codes codes[slabs];
        for (std::size_t s = 0; s < slabs; ++s) codes[s] = Steps::load_codes(from + (s * run.lines + line) * code_line);
        for (std::size_t q = 0; q < count; ++q) {
            const auto w = Steps::load_weights(weights[q] + 4 * line);
            for (std::size_t s = 0; s < slabs; ++s) Steps::add(sums[q][s], codes[s], w);
        }
    }
    for (std::size_t q = 0; q < count; ++q)
        for (std::size_t s = 0; s < slabs; ++s)
            if (queries[q] != nullptr)
                Steps::found(sums[q][s], run.terms + (at + s) * slab_rows,
                             run.first + static_cast<std::uint32_t>((at + s) * slab_rows), *queries[q]);
}

template <class Arch>
void scan_slabs(const slab_run& run, slab_query* const* queries) noexcept {
    using steps = slab_steps<Arch>;
    for (std::size_t q = 0; q < slab_queries; q += steps::queries) {
        if (queries[q] == nullptr) continue;  // none behind it either
        std::size_t at = 0;
        for (; at + steps::together <= run.count; at += steps::together)
            scan_tile<steps, steps::together>(run, at, queries + q);
        if constexpr (steps::together > 2)
            for (; at + 2 <= run.count; at += 2) scan_tile<steps, 2>(run, at, queries + q);
        for (; at < run.count; ++at) scan_tile<steps, 1>(run, at, queries + q);
    }
}

}  // namespace vecstore::quantization::detail

#undef VECSTORE_SIMD
