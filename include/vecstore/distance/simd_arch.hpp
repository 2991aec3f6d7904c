/// Architecture tags: a few intrinsics each under common names, so that kernels are written once (simd_kernels.hpp).
/// Every type of row has a `load` that widens to f32; `load_first` loads the last, incomplete register and reads nothing
/// behind it.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/distance/element_type.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::distance::arch {

/// `T` in memory without its type, so that any address will do.
template <class To, class From>
VECSTORE_SIMD To load_bytes(const From* p) noexcept {
    To value;
    __builtin_memcpy(&value, p, sizeof value);
    return value;
}

/// The first `count` < lanes elements, zeros behind them; copies of fixed size only, which need no call.
template <std::size_t lanes, class T>
struct padded_elements {
    T values[lanes] = {};
    [[gnu::always_inline]] inline padded_elements(const T* p, std::size_t count) noexcept {
        T* to = values;
        if constexpr (lanes > 4)
            if (count & 4) __builtin_memcpy(to, p, 4 * sizeof(T)), to += 4, p += 4;
        if (count & 2) __builtin_memcpy(to, p, 2 * sizeof(T)), to += 2, p += 2;
        if (count & 1) __builtin_memcpy(to, p, sizeof(T));
    }
};

/// Bits that differ, word by word; `Count` counts those of a u64.
template <class Count>
VECSTORE_SIMD std::uint64_t differing_bits(const unsigned char* a, const unsigned char* b, std::size_t bytes,
                                           const Count& count) noexcept {
    std::uint64_t sum = 0;
    std::size_t i = 0;
    for (; i + 8 <= bytes; i += 8) sum += count(load_bytes<std::uint64_t>(a + i) ^ load_bytes<std::uint64_t>(b + i));
    for (; i < bytes; ++i) sum += count(static_cast<std::uint64_t>(a[i] ^ b[i]));
    return sum;
}

/// One lane; the form for processors that no other tag knows.
struct scalar {
    using reg = float;
    static constexpr std::size_t lanes = 1;
    static constexpr const char* name = "baseline";
    VECSTORE_SIMD reg zero() noexcept { return 0; }
    VECSTORE_SIMD reg load(const float* p) noexcept { return *p; }
    VECSTORE_SIMD reg load(const std::int8_t* p) noexcept { return static_cast<float>(*p); }
    VECSTORE_SIMD reg load(const bf16_value* p) noexcept {
        const auto bits = std::uint32_t{load_bytes<std::uint16_t>(p)} << 16;
        return load_bytes<float>(&bits);
    }
    VECSTORE_SIMD reg load(const f16_value* p) noexcept {
        const std::uint32_t half = load_bytes<std::uint16_t>(p), magnitude = half & 0x7FFFu;
        const float small = static_cast<float>(magnitude) * 0x1p-24f;
        auto bits = (magnitude << 13) + (112u << 23);
        if (magnitude > 0x7BFFu) bits |= 0x7F80'0000u;
        const float value = magnitude < 0x400u ? small : load_bytes<float>(&bits);
        return (half & 0x8000u) != 0 ? -value : value;
    }
    template <class T>
    VECSTORE_SIMD reg load_first(const T* p, std::size_t) noexcept {
        return load(p);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return a + b; }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return a - b; }
    VECSTORE_SIMD reg abs(reg a) noexcept { return a < 0 ? -a : a; }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return a * b + c; }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        out[0] = a, out[1] = b, out[2] = c, out[3] = d;
    }
    VECSTORE_SIMD float sum(reg a) noexcept { return a; }
    /// Sums of neighbouring bits, then pairs, nibbles and bytes: no instruction, no table.
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
        return differing_bits(
            a, b, bytes, [](std::uint64_t x) __attribute__((always_inline)) {
                x -= x >> 1 & 0x5555'5555'5555'5555u;
                x = (x & 0x3333'3333'3333'3333u) + (x >> 2 & 0x3333'3333'3333'3333u);
                return ((x + (x >> 4)) & 0x0F0F'0F0F'0F0F'0F0Fu) * 0x0101'0101'0101'0101u >> 56;
            });
    }
};

#if defined(__SSE2__)
struct sse2 {
    using reg = __m128;
    static constexpr std::size_t lanes = 4;
    static constexpr const char* name = "baseline";
    VECSTORE_SIMD reg zero() noexcept { return _mm_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm_loadu_ps(p); }
    VECSTORE_SIMD reg load(const std::int8_t* p) noexcept {
        const __m128i bytes = _mm_cvtsi32_si128(load_bytes<std::int32_t>(p));
        const __m128i pairs = _mm_unpacklo_epi8(bytes, bytes);
        return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(pairs, pairs), 24));
    }
    VECSTORE_SIMD reg load(const bf16_value* p) noexcept {
        const __m128i bits = _mm_cvtsi64_si128(load_bytes<long long>(p));
        return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), bits));
    }
    /// As scalar, without branches: small numbers are counted in units of 2^-24, others get another exponent.
    VECSTORE_SIMD reg load(const f16_value* p) noexcept {
        const __m128i half = _mm_unpacklo_epi16(_mm_cvtsi64_si128(load_bytes<long long>(p)), _mm_setzero_si128());
        const __m128i magnitude = _mm_and_si128(half, _mm_set1_epi32(0x7FFF));
        const __m128i sign = _mm_slli_epi32(_mm_xor_si128(half, magnitude), 16);
        const __m128i small = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(magnitude), _mm_set1_ps(0x1p-24f)));
        const __m128i moved = _mm_add_epi32(_mm_slli_epi32(magnitude, 13), _mm_set1_epi32(112 << 23));
        const __m128i infinite =
            _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7BFF)), _mm_set1_epi32(0x7F80'0000));
        const __m128i is_small = _mm_cmpgt_epi32(_mm_set1_epi32(0x400), magnitude);
        const __m128i chosen =
            _mm_or_si128(_mm_and_si128(is_small, small), _mm_andnot_si128(is_small, _mm_or_si128(moved, infinite)));
        return _mm_castsi128_ps(_mm_or_si128(chosen, sign));
    }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        return _mm_setr_ps(p[0], count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0);
    }
    template <class T>
    VECSTORE_SIMD reg load_first(const T* p, std::size_t count) noexcept {
        const padded_elements<lanes, T> padded(p, count);
        return load(padded.values);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return _mm_add_ps(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return _mm_sub_ps(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return _mm_add_ps(_mm_mul_ps(a, b), c); }
    /// The four horizontal sums by one transposition.
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        const reg ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        const reg cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        _mm_storeu_ps(out, _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)));
    }
    VECSTORE_SIMD float sum(reg a) noexcept {
        const reg pairs = _mm_add_ps(a, _mm_movehl_ps(a, a));
        return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
    }
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
        return scalar::differing(a, b, bytes);
    }
};
#endif

#if defined(__AVX2__) && defined(__FMA__)
struct avx2 {
    using reg = __m256;
    static constexpr std::size_t lanes = 8;
    static constexpr const char* name = "avx2";
    VECSTORE_SIMD reg zero() noexcept { return _mm256_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm256_loadu_ps(p); }
    VECSTORE_SIMD reg load(const std::int8_t* p) noexcept {
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(load_bytes<long long>(p))));
    }
    VECSTORE_SIMD reg load(const bf16_value* p) noexcept {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_bytes<__m128i>(p)), 16));
    }
    VECSTORE_SIMD reg load(const f16_value* p) noexcept {
#if defined(__F16C__)
        return _mm256_cvtph_ps(load_bytes<__m128i>(p));
#else
        return _mm256_set_m128(sse2::load(p + 4), sse2::load(p));
#endif
    }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        const auto lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane));
    }
    template <class T>
    VECSTORE_SIMD reg load_first(const T* p, std::size_t count) noexcept {
        const padded_elements<lanes, T> padded(p, count);
        return load(padded.values);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return _mm256_add_ps(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return _mm256_sub_ps(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return _mm256_fmadd_ps(a, b, c); }
    VECSTORE_SIMD __m128 halves(reg a) noexcept {
        return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        const reg ab = _mm256_hadd_ps(a, b), cd = _mm256_hadd_ps(c, d);
        _mm_storeu_ps(out, halves(_mm256_hadd_ps(ab, cd)));
    }
    VECSTORE_SIMD float sum(reg a) noexcept {
        const __m128 half = halves(a);
        const __m128 pairs = _mm_add_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
    }
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
#if defined(__POPCNT__)
        return differing_bits(
            a, b, bytes, [](std::uint64_t x) __attribute__((always_inline)) {
                return static_cast<std::uint64_t>(__builtin_popcountll(x));
            });
#else
        return scalar::differing(a, b, bytes);
#endif
    }
};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
struct avx512 {
    using reg = __m512;
    static constexpr std::size_t lanes = 16;
    static constexpr const char* name = "avx512";
    VECSTORE_SIMD __mmask16 mask(std::size_t count) noexcept { return static_cast<__mmask16>((1u << count) - 1); }
    /// Masked with all ones: the same instruction, without g++ 12's false warning of an uninitialised register.
    VECSTORE_SIMD reg widen_f16(__m256i x) noexcept { return _mm512_maskz_cvtph_ps(0xFFFF, x); }
    VECSTORE_SIMD reg widen_bf16(__m256i x) noexcept {
        const __m512i wide = _mm512_maskz_cvtepu16_epi32(0xFFFF, x);
        return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xFFFF, wide, 16));
    }
    VECSTORE_SIMD reg widen_int8(__m128i x) noexcept {
        return _mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepi8_epi32(0xFFFF, x));
    }
    VECSTORE_SIMD reg zero() noexcept { return _mm512_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm512_loadu_ps(p); }
    VECSTORE_SIMD reg load(const std::int8_t* p) noexcept { return widen_int8(load_bytes<__m128i>(p)); }
    VECSTORE_SIMD reg load(const bf16_value* p) noexcept { return widen_bf16(load_bytes<__m256i>(p)); }
    VECSTORE_SIMD reg load(const f16_value* p) noexcept { return widen_f16(load_bytes<__m256i>(p)); }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        return _mm512_maskz_loadu_ps(mask(count), p);
    }
    VECSTORE_SIMD reg load_first(const std::int8_t* p, std::size_t count) noexcept {
        return widen_int8(_mm_maskz_loadu_epi8(mask(count), p));
    }
    VECSTORE_SIMD reg load_first(const bf16_value* p, std::size_t count) noexcept {
        return widen_bf16(_mm256_maskz_loadu_epi16(mask(count), p));
    }
    VECSTORE_SIMD reg load_first(const f16_value* p, std::size_t count) noexcept {
        return widen_f16(_mm256_maskz_loadu_epi16(mask(count), p));
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return _mm512_sub_ps(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return _mm512_fmadd_ps(a, b, c); }
    VECSTORE_SIMD __m256 halves(reg a) noexcept {
        return _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xFF, a, 0), _mm512_maskz_extractf32x8_ps(0xFF, a, 1));
    }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        const __m256 ab = _mm256_hadd_ps(halves(a), halves(b)), cd = _mm256_hadd_ps(halves(c), halves(d));
        const __m256 all = _mm256_hadd_ps(ab, cd);
        _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
    }
    VECSTORE_SIMD float sum(reg a) noexcept {
        const __m256 half = halves(a);
        const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
        const __m128 pairs = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
        return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
    }
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
        return differing_bits(
            a, b, bytes, [](std::uint64_t x) __attribute__((always_inline)) {
                return static_cast<std::uint64_t>(__builtin_popcountll(x));
            });
    }
};
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VPOPCNTDQ__)
/// The one thing that a processor with VPOPCNTDQ does better than `avx512`.
struct avx512_popcount {
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
        auto sums = _mm512_setzero_si512();
        std::size_t i = 0;
        for (; i + 64 <= bytes; i += 64) {
            const auto bits = _mm512_xor_si512(load_bytes<__m512i>(a + i), load_bytes<__m512i>(b + i));
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(bits));
        }
        if (i < bytes) {
            const auto rest = (std::uint64_t{1} << (bytes - i)) - 1;
            const auto bits =
                _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, a + i), _mm512_maskz_loadu_epi8(rest, b + i));
            sums = _mm512_add_epi64(sums, _mm512_popcnt_epi64(bits));
        }
        alignas(64) std::uint64_t lanes[8];
        _mm512_store_si512(lanes, sums);
        return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
struct neon {
    using reg = float32x4_t;
    static constexpr std::size_t lanes = 4;
    static constexpr const char* name = "neon";
    VECSTORE_SIMD reg zero() noexcept { return vdupq_n_f32(0); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return vld1q_f32(p); }
    VECSTORE_SIMD reg load(const std::int8_t* p) noexcept {
        const int8x8_t bytes = vcreate_s8(load_bytes<std::uint32_t>(p));
        return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
    }
    VECSTORE_SIMD reg load(const bf16_value* p) noexcept {
        return vreinterpretq_f32_u32(vshll_n_u16(vcreate_u16(load_bytes<std::uint64_t>(p)), 16));
    }
    VECSTORE_SIMD reg load(const f16_value* p) noexcept {
        return vcvt_f32_f16(vreinterpret_f16_u64(vcreate_u64(load_bytes<std::uint64_t>(p))));
    }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        const float padded[4] = {p[0], count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0};
        return vld1q_f32(padded);
    }
    template <class T>
    VECSTORE_SIMD reg load_first(const T* p, std::size_t count) noexcept {
        const padded_elements<lanes, T> padded(p, count);
        return load(padded.values);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return vaddq_f32(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return vsubq_f32(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return vabsq_f32(a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return vfmaq_f32(c, a, b); }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
    }
    VECSTORE_SIMD float sum(reg a) noexcept { return vaddvq_f32(a); }
    VECSTORE_SIMD std::uint64_t differing(const unsigned char* a, const unsigned char* b, std::size_t bytes) noexcept {
        auto sums = vdupq_n_u64(0);
        std::size_t i = 0;
        for (; i + 16 <= bytes; i += 16)
            sums = vpadalq_u32(sums, vpaddlq_u16(vpaddlq_u8(vcntq_u8(veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i))))));
        return vaddvq_u64(sums) + scalar::differing(a + i, b + i, bytes - i);
    }
};
#endif

/// The best tag that the flags of this translation unit allow.
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
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

}  // namespace vecstore::distance::arch
