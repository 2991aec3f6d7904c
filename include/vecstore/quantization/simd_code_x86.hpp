/// The tags of simd_code_scalar.hpp for SSE2, AVX2 and AVX-512, as far as the flags of the translation unit allow.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/simd_code_scalar.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::code_arch {

#if defined(__SSE2__)
struct sse2 {
    using sums = __m128i;
    static constexpr const char* name = "baseline";

    VECSTORE_SIMD sums zero() noexcept { return _mm_setzero_si128(); }
    template <class T>
    VECSTORE_SIMD __m128i load(const T* from) noexcept {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    }
    VECSTORE_SIMD __m128i magnitude(__m128i x) noexcept { return _mm_max_epi16(x, _mm_sub_epi16(zero(), x)); }
    /// Calls add(codes, queries, sums) with eight numbers of 16 bits each, for all of a line.
    template <class Add>
    VECSTORE_SIMD sums each_u8(const std::byte* code, const std::int16_t* q, sums a, const Add& add) noexcept {
        for (std::size_t i = 0; i < 64; i += 16) {
            const auto c = load(code + i);
            a = add(_mm_unpacklo_epi8(c, zero()), load(q + i), a);
            a = add(_mm_unpackhi_epi8(c, zero()), load(q + i + 8), a);
        }
        return a;
    }
    /// The same for halves of bytes, moved up by `shift`.
    template <int shift, class Add>
    VECSTORE_SIMD sums each_u4(const std::byte* code, const std::int8_t* q, sums a, const Add& add) noexcept {
        const auto mask = _mm_set1_epi8(15 << shift);
        for (std::size_t i = 0; i < 64; i += 16) {
            const auto c = load(code + i);
            const __m128i halves[2] = {_mm_and_si128(_mm_slli_epi16(c, shift), mask),
                                       _mm_and_si128(_mm_srli_epi16(c, 4 - shift), mask)};
            for (std::size_t h = 0; h < 2; ++h) {
                const auto narrow = load(q + i + 64 * h);
                const auto even = _mm_srai_epi16(_mm_unpacklo_epi8(narrow, narrow), 8);
                const auto odd = _mm_srai_epi16(_mm_unpackhi_epi8(narrow, narrow), 8);
                a = add(_mm_unpacklo_epi8(halves[h], zero()), even, a);
                a = add(_mm_unpackhi_epi8(halves[h], zero()), odd, a);
            }
        }
        return a;
    }
    struct add_dot {
        [[gnu::always_inline]] inline sums operator()(__m128i c, __m128i q, sums a) const noexcept {
            return _mm_add_epi32(a, _mm_madd_epi16(c, q));
        }
    };
    struct add_l2 {
        [[gnu::always_inline]] inline sums operator()(__m128i c, __m128i q, sums a) const noexcept {
            const auto d = _mm_sub_epi16(c, q);
            return _mm_add_epi32(a, _mm_madd_epi16(d, d));
        }
    };
    struct add_l1 {
        [[gnu::always_inline]] inline sums operator()(__m128i c, __m128i q, sums a) const noexcept {
            return _mm_add_epi32(a, _mm_madd_epi16(magnitude(_mm_sub_epi16(c, q)), _mm_set1_epi16(1)));
        }
    };
    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u8(code, query.wide + 64 * line, a, add_dot{});
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u8(code, query.wide + 64 * line, a, add_l2{});
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u8(code, query.wide + 64 * line, a, add_l1{});
    }
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u4<0>(code, query.narrow + 128 * line, a, add_dot{});
    }
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u4<3>(code, query.narrow + 128 * line, a, add_l2{});
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return each_u4<3>(code, query.narrow + 128 * line, a, add_l1{});
    }
    VECSTORE_SIMD void store_sums(__m128i all, const code_query_view& query, float* out) noexcept {
        const auto whole = _mm_cvtepi32_ps(_mm_add_epi32(all, _mm_set1_epi32(query.offset)));
        _mm_storeu_ps(out, _mm_add_ps(_mm_mul_ps(whole, _mm_set1_ps(query.scale)), _mm_set1_ps(query.bias)));
    }
    /// The four horizontal sums by one transposition.
    VECSTORE_SIMD void store_four(sums a, sums b, sums c, sums d, const code_query_view& query, float* out) noexcept {
        const auto ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        const auto cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        store_sums(_mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd)), query, out);
    }

    static constexpr std::size_t lanes = 4;
    VECSTORE_SIMD unsigned below(const float* distances, std::size_t count, float bound) noexcept {
        if (count >= lanes)
            return static_cast<unsigned>(_mm_movemask_ps(_mm_cmplt_ps(_mm_loadu_ps(distances), _mm_set1_ps(bound))));
        unsigned mask = 0;
        for (std::size_t i = 0; i < count; ++i) mask |= static_cast<unsigned>(distances[i] < bound) << i;
        return mask;
    }
    VECSTORE_SIMD std::size_t place(const float* distances, std::size_t size, float x) noexcept {
        auto counts = zero();
        for (std::size_t i = 0; i < size; i += lanes)
            counts = _mm_sub_epi32(counts, _mm_castps_si128(_mm_cmple_ps(_mm_loadu_ps(distances + i), _mm_set1_ps(x))));
        const auto pairs = _mm_add_epi32(counts, _mm_shuffle_epi32(counts, 0x4E));
        return static_cast<std::size_t>(_mm_cvtsi128_si32(_mm_add_epi32(pairs, _mm_shuffle_epi32(pairs, 0xB1))));
    }
    template <class T>
    VECSTORE_SIMD void move_up(T* values, std::size_t first, std::size_t last) noexcept {
        for (; last >= first + lanes; last -= lanes)
            _mm_storeu_si128(reinterpret_cast<__m128i*>(values + last - lanes + 1), load(values + last - lanes));
        scalar::move_up(values, first, last);
    }
};
#endif

#if defined(__AVX2__) && defined(__FMA__)
struct avx2 {
    using sums = __m256i;
    static constexpr const char* name = "avx2";

    VECSTORE_SIMD sums zero() noexcept { return _mm256_setzero_si256(); }
    template <class T>
    VECSTORE_SIMD __m256i load(const T* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    VECSTORE_SIMD __m256i widen(const std::byte* code) noexcept {
        return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(code)));
    }
    /// Sums of neighbours.
    VECSTORE_SIMD __m256i pairs(__m256i x) noexcept { return _mm256_madd_epi16(x, _mm256_set1_epi16(1)); }

    // Not vpmaddubsw for bytes: its sums of 16 bits are too small for them.
    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 16)
            a = _mm256_add_epi32(a, _mm256_madd_epi16(widen(code + i), load(q + i)));
        return a;
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 16) {
            const auto d = _mm256_sub_epi16(widen(code + i), load(q + i));
            a = _mm256_add_epi32(a, _mm256_madd_epi16(d, d));
        }
        return a;
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 16)
            a = _mm256_add_epi32(a, pairs(_mm256_abs_epi16(_mm256_sub_epi16(widen(code + i), load(q + i)))));
        return a;
    }
    /// Eight sums of at most 15 * 128 fit 16 bits.
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        const auto mask = _mm256_set1_epi8(15);
        auto products = zero();
        for (std::size_t i = 0; i < 64; i += 32) {
            const auto c = load(code + i);
            const auto low = _mm256_and_si256(c, mask), high = _mm256_and_si256(_mm256_srli_epi16(c, 4), mask);
            products = _mm256_add_epi16(products, _mm256_maddubs_epi16(low, load(q + i)));
            products = _mm256_add_epi16(products, _mm256_maddubs_epi16(high, load(q + 64 + i)));
        }
        return _mm256_add_epi32(a, pairs(products));
    }
    /// abs(8 c - q) of the low and the high halves.
    struct differences {
        __m256i low, high;
        [[gnu::always_inline]] inline differences(const std::byte* code, const std::int8_t* q) noexcept {
            const auto c = load(code), mask = _mm256_set1_epi8(0x78);
            low = _mm256_abs_epi8(_mm256_sub_epi8(_mm256_and_si256(_mm256_slli_epi16(c, 3), mask), load(q)));
            high = _mm256_abs_epi8(_mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(c, 1), mask), load(q + 64)));
        }
    };
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        for (std::size_t i = 0; i < 64; i += 32) {
            const differences d(code + i, query.narrow + 128 * line + i);
            a = _mm256_add_epi32(a, pairs(_mm256_maddubs_epi16(d.low, d.low)));
            a = _mm256_add_epi32(a, pairs(_mm256_maddubs_epi16(d.high, d.high)));
        }
        return a;
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto ones = _mm256_set1_epi8(1);
        for (std::size_t i = 0; i < 64; i += 32) {
            const differences d(code + i, query.narrow + 128 * line + i);
            const auto low = _mm256_maddubs_epi16(d.low, ones), high = _mm256_maddubs_epi16(d.high, ones);
            a = _mm256_add_epi32(a, pairs(_mm256_add_epi16(low, high)));
        }
        return a;
    }
    VECSTORE_SIMD void store_four(sums a, sums b, sums c, sums d, const code_query_view& query, float* out) noexcept {
        const auto all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        sse2::store_sums(_mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)), query, out);
    }

    static constexpr std::size_t lanes = 8;
    VECSTORE_SIMD __m256i first_lanes(std::size_t count) noexcept {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < lanes ? count : lanes)),
                                  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    VECSTORE_SIMD unsigned below(const float* distances, std::size_t count, float bound) noexcept {
        const auto mask = first_lanes(count);
        const auto nearer = _mm256_cmp_ps(_mm256_maskload_ps(distances, mask), _mm256_set1_ps(bound), _CMP_LT_OQ);
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_and_ps(nearer, _mm256_castsi256_ps(mask))));
    }
    VECSTORE_SIMD std::size_t place(const float* distances, std::size_t size, float x) noexcept {
        auto counts = zero();
        for (std::size_t i = 0; i < size; i += lanes) {
            const auto before = _mm256_cmp_ps(_mm256_loadu_ps(distances + i), _mm256_set1_ps(x), _CMP_LE_OQ);
            counts = _mm256_sub_epi32(counts, _mm256_castps_si256(before));
        }
        const auto fours = _mm_add_epi32(_mm256_castsi256_si128(counts), _mm256_extracti128_si256(counts, 1));
        const auto twos = _mm_add_epi32(fours, _mm_shuffle_epi32(fours, 0x4E));
        return static_cast<std::size_t>(_mm_cvtsi128_si32(_mm_add_epi32(twos, _mm_shuffle_epi32(twos, 0xB1))));
    }
    template <class T>
    VECSTORE_SIMD void move_up(T* values, std::size_t first, std::size_t last) noexcept {
        for (; last >= first + lanes; last -= lanes)
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(values + last - lanes + 1), load(values + last - lanes));
        const auto mask = first_lanes(last - first);
        const auto rest = _mm256_maskload_epi32(reinterpret_cast<const int*>(values + first), mask);
        _mm256_maskstore_epi32(reinterpret_cast<int*>(values + first + 1), mask, rest);
    }
};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
struct avx512 {
    using sums = __m512i;
    static constexpr const char* name = "avx512";

    VECSTORE_SIMD sums zero() noexcept { return _mm512_setzero_si512(); }
    VECSTORE_SIMD __m512i widen(const std::byte* code) noexcept {
        return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(code)));
    }
    VECSTORE_SIMD __m512i pairs(__m512i x) noexcept { return _mm512_madd_epi16(x, _mm512_set1_epi16(1)); }

    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        a = _mm512_add_epi32(a, _mm512_madd_epi16(widen(code), _mm512_loadu_si512(q)));
        return _mm512_add_epi32(a, _mm512_madd_epi16(widen(code + 32), _mm512_loadu_si512(q + 32)));
    }
    VECSTORE_SIMD __m512i difference(const std::byte* code, const std::int16_t* q) noexcept {
        return _mm512_sub_epi16(widen(code), _mm512_loadu_si512(q));
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        const auto d = difference(code, q), e = difference(code + 32, q + 32);
        return _mm512_add_epi32(_mm512_add_epi32(a, _mm512_madd_epi16(d, d)), _mm512_madd_epi16(e, e));
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        const auto d = _mm512_abs_epi16(difference(code, q)), e = _mm512_abs_epi16(difference(code + 32, q + 32));
        return _mm512_add_epi32(_mm512_add_epi32(a, pairs(d)), pairs(e));
    }
    struct halves {
        __m512i low, high;
        [[gnu::always_inline]] inline explicit halves(const std::byte* code) noexcept {
            const auto c = _mm512_loadu_si512(code), mask = _mm512_set1_epi8(15);
            low = _mm512_and_si512(c, mask);
            high = _mm512_and_si512(_mm512_srli_epi16(c, 4), mask);
        }
    };
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        const halves c(code);
        const auto low = _mm512_maddubs_epi16(c.low, _mm512_loadu_si512(q));
        const auto high = _mm512_maddubs_epi16(c.high, _mm512_loadu_si512(q + 64));
        return _mm512_add_epi32(a, pairs(_mm512_add_epi16(low, high)));
    }
    /// abs(8 c - q) of the low and the high halves.
    struct differences {
        __m512i low, high;
        [[gnu::always_inline]] inline differences(const std::byte* code, const std::int8_t* q) noexcept {
            const auto c = _mm512_loadu_si512(code), mask = _mm512_set1_epi8(0x78);
            const auto c0 = _mm512_and_si512(_mm512_slli_epi16(c, 3), mask);
            const auto c1 = _mm512_and_si512(_mm512_srli_epi16(c, 1), mask);
            low = _mm512_abs_epi8(_mm512_sub_epi8(c0, _mm512_loadu_si512(q)));
            high = _mm512_abs_epi8(_mm512_sub_epi8(c1, _mm512_loadu_si512(q + 64)));
        }
    };
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const differences d(code, query.narrow + 128 * line);
        a = _mm512_add_epi32(a, pairs(_mm512_maddubs_epi16(d.low, d.low)));
        return _mm512_add_epi32(a, pairs(_mm512_maddubs_epi16(d.high, d.high)));
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const differences d(code, query.narrow + 128 * line);
        const auto low = _mm512_maddubs_epi16(d.low, _mm512_set1_epi8(1));
        const auto high = _mm512_maddubs_epi16(d.high, _mm512_set1_epi8(1));
        return _mm512_add_epi32(a, pairs(_mm512_add_epi16(low, high)));
    }
    /// Masked with all ones: the same instruction, without g++ 12's false warning of an uninitialised register.
    VECSTORE_SIMD __m256i fold(__m512i a) noexcept {
        return _mm256_add_epi32(_mm512_maskz_extracti32x8_epi32(0xFF, a, 0),
                                _mm512_maskz_extracti32x8_epi32(0xFF, a, 1));
    }
    VECSTORE_SIMD void store_four(sums a, sums b, sums c, sums d, const code_query_view& query, float* out) noexcept {
        avx2::store_four(fold(a), fold(b), fold(c), fold(d), query, out);
    }

    static constexpr std::size_t lanes = 16;
    VECSTORE_SIMD __mmask16 first_lanes(std::size_t count) noexcept {
        return static_cast<__mmask16>(count < lanes ? (1u << count) - 1 : 0xFFFFu);
    }
    VECSTORE_SIMD unsigned below(const float* distances, std::size_t count, float bound) noexcept {
        const auto mask = first_lanes(count);
        return _mm512_mask_cmp_ps_mask(mask, _mm512_maskz_loadu_ps(mask, distances), _mm512_set1_ps(bound), _CMP_LT_OQ);
    }
    VECSTORE_SIMD std::size_t place(const float* distances, std::size_t size, float x) noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < size; i += lanes) {
            const unsigned before = _mm512_cmp_ps_mask(_mm512_loadu_ps(distances + i), _mm512_set1_ps(x), _CMP_LE_OQ);
            count += static_cast<std::size_t>(__builtin_popcount(before));
        }
        return count;
    }
    template <class T>
    VECSTORE_SIMD void move_up(T* values, std::size_t first, std::size_t last) noexcept {
        for (; last >= first + lanes; last -= lanes)
            _mm512_storeu_si512(values + last - lanes + 1, _mm512_loadu_si512(values + last - lanes));
        const auto mask = first_lanes(last - first);
        _mm512_mask_storeu_epi32(values + first + 1, mask, _mm512_maskz_loadu_epi32(mask, values + first));
    }
};

/// avx512 with the products of four bytes in one instruction. Where the flags do not allow that instruction it is
/// written as assembly, so that one object file serves both tags.
struct avx512_vnni : avx512 {
    static constexpr const char* name = "avx512_vnni";

    /// a + the products of unsigned with signed bytes, in fours.
    VECSTORE_SIMD sums add_bytes(sums a, __m512i u, __m512i s) noexcept {
#if defined(__AVX512VNNI__)
        return _mm512_dpbusd_epi32(a, u, s);
#else
        __asm__("vpdpbusd {%2, %1, %0|%0, %1, %2}" : "+v"(a) : "v"(u), "v"(s));
        return a;
#endif
    }
    /// a + the products of signed numbers of 16 bits, in twos.
    VECSTORE_SIMD sums add_words(sums a, __m512i x, __m512i y) noexcept {
#if defined(__AVX512VNNI__)
        return _mm512_dpwssd_epi32(a, x, y);
#else
        __asm__("vpdpwssd {%2, %1, %0|%0, %1, %2}" : "+v"(a) : "v"(x), "v"(y));
        return a;
#endif
    }
    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        return add_bytes(a, _mm512_loadu_si512(code), _mm512_loadu_si512(query.narrow + 64 * line));
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        const auto d = difference(code, q), e = difference(code + 32, q + 32);
        return add_words(add_words(a, d, d), e, e);
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        const auto ones = _mm512_set1_epi16(1);
        a = add_words(a, _mm512_abs_epi16(difference(code, q)), ones);
        return add_words(a, _mm512_abs_epi16(difference(code + 32, q + 32)), ones);
    }
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        const halves c(code);
        return add_bytes(add_bytes(a, c.low, _mm512_loadu_si512(q)), c.high, _mm512_loadu_si512(q + 64));
    }
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const differences d(code, query.narrow + 128 * line);
        return add_bytes(add_bytes(a, d.low, d.low), d.high, d.high);
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const differences d(code, query.narrow + 128 * line);
        return add_bytes(add_bytes(a, d.low, _mm512_set1_epi8(1)), d.high, _mm512_set1_epi8(1));
    }
};
#endif

}  // namespace vecstore::quantization::code_arch

#undef VECSTORE_SIMD
