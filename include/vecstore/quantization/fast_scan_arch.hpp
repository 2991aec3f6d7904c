/// The architecture tags of the kernels of fast_scan.hpp: sums of table entries over blocks of codes.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/fast_scan.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization {

namespace arch {

/// A tag gives `floats` and `integers`, vectors of the compilers' own kind (+ - * and comparisons work lane by lane; the
/// attribute must not depend on a template argument, g++ 12 drops it then), `tile` (rows that `dots` takes at once) and
/// `block`: writes the sums of a block's rows, terms added, and gives a bit for each that is not above the threshold.

/// For processors that no other tag knows, and x86 without a byte shuffle.
struct portable {
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned factor, unsigned threshold, std::uint16_t* sums) noexcept {
        unsigned total[block_rows] = {};
        for (std::size_t p = 0; p < pairs; ++p, block += block_rows) {
            const auto* even = tables + p / 2 * 128 + p % 2 * 32;
            for (std::size_t r = 0; r < block_rows; ++r) {
                const auto code = static_cast<unsigned>(block[r]);
                total[r] += static_cast<unsigned>(even[code & 15]) + even[64 + (code >> 4)];
            }
        }
        std::uint32_t passing = 0;
        for (std::size_t r = 0; r < block_rows; ++r) {
            const auto sum = total[r] + static_cast<unsigned>(block[r]) * factor / 256;
            sums[r] = static_cast<std::uint16_t>(sum < 65535 ? sum : 65535);
            passing |= static_cast<std::uint32_t>(sums[r] <= threshold) << r;
        }
        return passing;
    }
};

struct scalar : portable {
    using floats = float __attribute__((vector_size(16)));
    using integers = std::int32_t __attribute__((vector_size(16)));
    static constexpr std::size_t lanes = 4, tile = 1;
    static constexpr const char* name = "baseline";
};

#if defined(__SSE2__)
struct sse2 : portable {
    using floats = float __attribute__((vector_size(16)));
    using integers = std::int32_t __attribute__((vector_size(16)));
    static constexpr std::size_t lanes = 4, tile = 1;
    static constexpr const char* name = "baseline";
};
#endif

#if defined(__AVX2__) && defined(__FMA__)
struct avx2 {
    using floats = float __attribute__((vector_size(32)));
    using integers = std::int32_t __attribute__((vector_size(32)));
    static constexpr std::size_t lanes = 8, tile = 3;
    static constexpr const char* name = "avx2";
    /// Bytes are added as 16-bit numbers twice: as they are, which spoils the low half of a pair by the carries of the
    /// high half, and the high halves alone; taking the second from the first in the end leaves the low halves.
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned factor, unsigned threshold, std::uint16_t* sums) noexcept {
        const auto low4 = _mm256_set1_epi8(15);
        auto both = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
        for (std::size_t p = 0; p < pairs; ++p, block += block_rows) {
            const auto* table = reinterpret_cast<const __m256i*>(tables + p / 2 * 128 + p % 2 * 32);
            const auto codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
            const auto a = _mm256_shuffle_epi8(_mm256_loadu_si256(table), _mm256_and_si256(codes, low4));
            const auto b =
                _mm256_shuffle_epi8(_mm256_loadu_si256(table + 2), _mm256_and_si256(_mm256_srli_epi16(codes, 4), low4));
            both = _mm256_add_epi16(both, _mm256_add_epi16(a, b));
            odd = _mm256_add_epi16(odd, _mm256_add_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)));
        }
        const auto even = _mm256_sub_epi16(both, _mm256_slli_epi16(odd, 8));
        const auto low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
        const auto terms = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
        const auto first = finish(_mm256_permute2x128_si256(low, high, 0x20), _mm256_castsi256_si128(terms), factor);
        const auto second =
            finish(_mm256_permute2x128_si256(low, high, 0x31), _mm256_extracti128_si256(terms, 1), factor);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), first);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 16), second);
        const auto limit = _mm256_set1_epi16(static_cast<short>(threshold));
        const auto packed = _mm256_packs_epi16(_mm256_cmpeq_epi16(_mm256_min_epu16(first, limit), first),
                                               _mm256_cmpeq_epi16(_mm256_min_epu16(second, limit), second));
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(packed, 0xD8)));
    }
    VECSTORE_SIMD __m256i finish(__m256i sums, __m128i terms, unsigned factor) noexcept {
        const auto wide = _mm256_slli_epi16(_mm256_cvtepu8_epi16(terms), 8);
        return _mm256_adds_epu16(sums, _mm256_mulhi_epu16(wide, _mm256_set1_epi16(static_cast<short>(factor))));
    }
};
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__)
struct avx512 {
    using floats = float __attribute__((vector_size(64)));
    using integers = std::int32_t __attribute__((vector_size(64)));
    static constexpr std::size_t lanes = 16, tile = 8;
    static constexpr const char* name = "avx512";
    /// As avx2, two pairs of subs at once, one in each half. When their number is odd, the last half reads the terms
    /// as codes; the tables there are zero.
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned factor, unsigned threshold, std::uint16_t* sums) noexcept {
        const auto low4 = _mm512_set1_epi8(15);
        auto both = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
        const auto* terms = block + pairs * block_rows;
        for (std::size_t p = 0; p < pairs; p += 2, block += 2 * block_rows, tables += 128) {
            const auto codes = _mm512_loadu_si512(block);
            const auto a = _mm512_shuffle_epi8(_mm512_loadu_si512(tables), _mm512_and_si512(codes, low4));
            const auto b = _mm512_shuffle_epi8(_mm512_loadu_si512(tables + 64),
                                               _mm512_and_si512(_mm512_srli_epi16(codes, 4), low4));
            both = _mm512_add_epi16(both, _mm512_add_epi16(a, b));
            odd = _mm512_add_epi16(odd, _mm512_add_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8)));
        }
        const auto even = halves(_mm512_sub_epi16(both, _mm512_slli_epi16(odd, 8)));
        const auto other = halves(odd);
        const auto low = _mm256_unpacklo_epi16(even, other), high = _mm256_unpackhi_epi16(even, other);
        auto all =
            _mm512_maskz_inserti64x4(0xFF, _mm512_setzero_si512(), _mm256_permute2x128_si256(low, high, 0x20), 0);
        all = _mm512_maskz_inserti64x4(0xFF, all, _mm256_permute2x128_si256(low, high, 0x31), 1);
        const auto wide =
            _mm512_slli_epi16(_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(terms))), 8);
        all = _mm512_adds_epu16(all, _mm512_mulhi_epu16(wide, _mm512_set1_epi16(static_cast<short>(factor))));
        _mm512_storeu_si512(sums, all);
        return _mm512_cmple_epu16_mask(all, _mm512_set1_epi16(static_cast<short>(threshold)));
    }
    /// Masked with all ones: the same instruction, without g++ 12's false warning of an uninitialised register.
    VECSTORE_SIMD __m256i halves(__m512i a) noexcept {
        return _mm256_add_epi16(_mm512_maskz_extracti64x4_epi64(0xFF, a, 0),
                                _mm512_maskz_extracti64x4_epi64(0xFF, a, 1));
    }
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
struct neon {
    using floats = float __attribute__((vector_size(16)));
    using integers = std::int32_t __attribute__((vector_size(16)));
    static constexpr std::size_t lanes = 4, tile = 2;
    static constexpr const char* name = "neon";
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned factor, unsigned threshold, std::uint16_t* sums) noexcept {
        const auto low4 = vdupq_n_u8(15);
        uint16x8_t s0 = vdupq_n_u16(0), s1 = s0, s2 = s0, s3 = s0;
        for (std::size_t p = 0; p < pairs; ++p, block += block_rows) {
            const auto* table = tables + p / 2 * 128 + p % 2 * 32;
            const auto even = vld1q_u8(table), odd = vld1q_u8(table + 64);
            const auto c0 = vld1q_u8(reinterpret_cast<const std::uint8_t*>(block));
            const auto c1 = vld1q_u8(reinterpret_cast<const std::uint8_t*>(block) + 16);
            const auto a0 = vqtbl1q_u8(even, vandq_u8(c0, low4)), b0 = vqtbl1q_u8(odd, vshrq_n_u8(c0, 4));
            const auto a1 = vqtbl1q_u8(even, vandq_u8(c1, low4)), b1 = vqtbl1q_u8(odd, vshrq_n_u8(c1, 4));
            s0 = vaddq_u16(s0, vaddl_u8(vget_low_u8(a0), vget_low_u8(b0)));
            s1 = vaddq_u16(s1, vaddl_high_u8(a0, b0));
            s2 = vaddq_u16(s2, vaddl_u8(vget_low_u8(a1), vget_low_u8(b1)));
            s3 = vaddq_u16(s3, vaddl_high_u8(a1, b1));
        }
        const auto t0 = vld1q_u8(reinterpret_cast<const std::uint8_t*>(block));
        const auto t1 = vld1q_u8(reinterpret_cast<const std::uint8_t*>(block) + 16);
        vst1q_u16(sums, finish(s0, vmovl_u8(vget_low_u8(t0)), factor));
        vst1q_u16(sums + 8, finish(s1, vmovl_high_u8(t0), factor));
        vst1q_u16(sums + 16, finish(s2, vmovl_u8(vget_low_u8(t1)), factor));
        vst1q_u16(sums + 24, finish(s3, vmovl_high_u8(t1), factor));
        std::uint32_t passing = 0;
        const auto limit = vdupq_n_u16(static_cast<std::uint16_t>(threshold));
        const std::uint16_t weights[8] = {1, 2, 4, 8, 16, 32, 64, 128};
        for (unsigned i = 0; i < 4; ++i) {
            const auto below = vcleq_u16(vld1q_u16(sums + 8 * i), limit);
            passing |= static_cast<std::uint32_t>(vaddvq_u16(vandq_u16(below, vld1q_u16(weights)))) << (8 * i);
        }
        return passing;
    }
    VECSTORE_SIMD uint16x8_t finish(uint16x8_t sums, uint16x8_t terms, unsigned factor) noexcept {
        const auto by = static_cast<std::uint16_t>(factor);
        const auto low = vshrn_n_u32(vmull_n_u16(vget_low_u16(terms), by), 8);
        return vqaddq_u16(sums, vcombine_u16(low, vshrn_n_u32(vmull_n_u16(vget_high_u16(terms), by), 8)));
    }
};
#endif

}  // namespace arch

}  // namespace vecstore::quantization

#undef VECSTORE_SIMD
