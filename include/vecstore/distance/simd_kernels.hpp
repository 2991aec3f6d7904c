/// The distance kernels, written once over an architecture tag; the tags wrap a few intrinsics each. Every function
/// here is a template on its tag or always inlined, so that two translation units built with different flags never
/// emit one symbol with two meanings. Sources that are built for one instruction set include this header and nothing
/// else (tests/tidy/isa_symbols.cmake checks their objects).
/// Thread safety: pure functions.
#pragma once

#include <vecstore/distance/kernel_table.hpp>

#include <cstddef>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::distance {

namespace arch {

/// One lane; the form for processors that no other tag knows.
struct scalar {
    using reg = float;
    static constexpr std::size_t lanes = 1;
    static constexpr const char* name = "baseline";
    VECSTORE_SIMD reg zero() noexcept { return 0; }
    VECSTORE_SIMD reg load(const float* p) noexcept { return *p; }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t) noexcept { return *p; }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return a + b; }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return a - b; }
    VECSTORE_SIMD reg abs(reg a) noexcept { return a < 0 ? -a : a; }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return a * b + c; }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        out[0] = a, out[1] = b, out[2] = c, out[3] = d;
    }
    VECSTORE_SIMD float sum(reg a) noexcept { return a; }
};

#if defined(__SSE2__)
struct sse2 {
    using reg = __m128;
    static constexpr std::size_t lanes = 4;
    static constexpr const char* name = "baseline";
    VECSTORE_SIMD reg zero() noexcept { return _mm_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm_loadu_ps(p); }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        return _mm_setr_ps(p[0], count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0);
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
};
#endif

#if defined(__AVX2__) && defined(__FMA__)
struct avx2 {
    using reg = __m256;
    static constexpr std::size_t lanes = 8;
    static constexpr const char* name = "avx2";
    VECSTORE_SIMD reg zero() noexcept { return _mm256_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm256_loadu_ps(p); }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        const auto lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane));
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
};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
struct avx512 {
    using reg = __m512;
    static constexpr std::size_t lanes = 16;
    static constexpr const char* name = "avx512";
    VECSTORE_SIMD reg zero() noexcept { return _mm512_setzero_ps(); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return _mm512_loadu_ps(p); }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return _mm512_sub_ps(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return _mm512_fmadd_ps(a, b, c); }
    /// Masked with all ones: the same instruction, without g++ 12's false warning of an uninitialised register.
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
};
#endif

#if defined(__ARM_NEON) && defined(__aarch64__)
struct neon {
    using reg = float32x4_t;
    static constexpr std::size_t lanes = 4;
    static constexpr const char* name = "neon";
    VECSTORE_SIMD reg zero() noexcept { return vdupq_n_f32(0); }
    VECSTORE_SIMD reg load(const float* p) noexcept { return vld1q_f32(p); }
    VECSTORE_SIMD reg load_first(const float* p, std::size_t count) noexcept {
        const float padded[4] = {p[0], count > 1 ? p[1] : 0, count > 2 ? p[2] : 0, 0};
        return vld1q_f32(padded);
    }
    VECSTORE_SIMD reg add(reg a, reg b) noexcept { return vaddq_f32(a, b); }
    VECSTORE_SIMD reg sub(reg a, reg b) noexcept { return vsubq_f32(a, b); }
    VECSTORE_SIMD reg abs(reg a) noexcept { return vabsq_f32(a); }
    VECSTORE_SIMD reg multiply_add(reg a, reg b, reg c) noexcept { return vfmaq_f32(c, a, b); }
    VECSTORE_SIMD void store_sums(reg a, reg b, reg c, reg d, float* out) noexcept {
        vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
    }
    VECSTORE_SIMD float sum(reg a) noexcept { return vaddvq_f32(a); }
};
#endif

/// The best tag that the flags of this translation unit allow.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
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

}  // namespace arch

namespace detail {

/// What a kernel adds to its sum for one register of each vector.
template <class Arch>
struct dot_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        return Arch::multiply_add(a, b, sum);
    }
};
template <class Arch>
struct l2_squared_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        const auto difference = Arch::sub(a, b);
        return Arch::multiply_add(difference, difference, sum);
    }
};
template <class Arch>
struct l1_step {
    VECSTORE_SIMD typename Arch::reg apply(typename Arch::reg a, typename Arch::reg b,
                                           typename Arch::reg sum) noexcept {
        return Arch::add(sum, Arch::abs(Arch::sub(a, b)));
    }
};

/// One pair of vectors, four independent sums so that additions do not wait for each other.
template <class Arch, template <class> class Step>
float one_to_one(const float* a, const float* b, std::size_t dim) noexcept {
    constexpr auto lanes = Arch::lanes;
    using step = Step<Arch>;
    auto s0 = Arch::zero(), s1 = Arch::zero(), s2 = Arch::zero(), s3 = Arch::zero();
    std::size_t i = 0;
    for (; i + 4 * lanes <= dim; i += 4 * lanes) {
        s0 = step::apply(Arch::load(a + i), Arch::load(b + i), s0);
        s1 = step::apply(Arch::load(a + i + lanes), Arch::load(b + i + lanes), s1);
        s2 = step::apply(Arch::load(a + i + 2 * lanes), Arch::load(b + i + 2 * lanes), s2);
        s3 = step::apply(Arch::load(a + i + 3 * lanes), Arch::load(b + i + 3 * lanes), s3);
    }
    for (; i + lanes <= dim; i += lanes) s0 = step::apply(Arch::load(a + i), Arch::load(b + i), s0);
    if (i < dim) s1 = step::apply(Arch::load_first(a + i, dim - i), Arch::load_first(b + i, dim - i), s1);
    return Arch::sum(Arch::add(Arch::add(s0, s1), Arch::add(s2, s3)));
}

/// Four rows against one query: each register of the query is loaded once. Two sums a row hide the latency of addition.
template <class Arch, template <class> class Step>
VECSTORE_SIMD void one_to_four(const float* query, const float* const* rows, std::size_t dim, float* out) noexcept {
    constexpr auto lanes = Arch::lanes;
    using step = Step<Arch>;
    const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    auto a0 = Arch::zero(), a1 = Arch::zero(), a2 = Arch::zero(), a3 = Arch::zero();
    auto b0 = Arch::zero(), b1 = Arch::zero(), b2 = Arch::zero(), b3 = Arch::zero();
    std::size_t i = 0;
    for (; i + 2 * lanes <= dim; i += 2 * lanes) {
        const auto q = Arch::load(query + i), p = Arch::load(query + i + lanes);
        a0 = step::apply(q, Arch::load(r0 + i), a0);
        a1 = step::apply(q, Arch::load(r1 + i), a1);
        a2 = step::apply(q, Arch::load(r2 + i), a2);
        a3 = step::apply(q, Arch::load(r3 + i), a3);
        b0 = step::apply(p, Arch::load(r0 + i + lanes), b0);
        b1 = step::apply(p, Arch::load(r1 + i + lanes), b1);
        b2 = step::apply(p, Arch::load(r2 + i + lanes), b2);
        b3 = step::apply(p, Arch::load(r3 + i + lanes), b3);
    }
    if (i + lanes <= dim) {
        const auto q = Arch::load(query + i);
        a0 = step::apply(q, Arch::load(r0 + i), a0);
        a1 = step::apply(q, Arch::load(r1 + i), a1);
        a2 = step::apply(q, Arch::load(r2 + i), a2);
        a3 = step::apply(q, Arch::load(r3 + i), a3);
        i += lanes;
    }
    if (i < dim) {
        const auto rest = dim - i;
        const auto q = Arch::load_first(query + i, rest);
        b0 = step::apply(q, Arch::load_first(r0 + i, rest), b0);
        b1 = step::apply(q, Arch::load_first(r1 + i, rest), b1);
        b2 = step::apply(q, Arch::load_first(r2 + i, rest), b2);
        b3 = step::apply(q, Arch::load_first(r3 + i, rest), b3);
    }
    Arch::store_sums(Arch::add(a0, b0), Arch::add(a1, b1), Arch::add(a2, b2), Arch::add(a3, b3), out);
}

/// Asks for the head of a row; the processor's own stream prefetcher follows a long row by itself.
template <class Arch>
VECSTORE_SIMD void prefetch_row(const float* row, std::size_t dim) noexcept {
    constexpr std::size_t line = 64 / sizeof(float), lines_max = 16;
    const auto end = dim < line * lines_max ? dim : line * lines_max;
    for (std::size_t i = 0; i < end; i += line) __builtin_prefetch(row + i);
}

template <class Arch, template <class> class Step>
void one_to_many(const float* query, const float* const* rows, std::size_t count, std::size_t dim,
                 float* out) noexcept {
    constexpr std::size_t ahead = 8;
    for (std::size_t r = 0; r < count && r < ahead; ++r) prefetch_row<Arch>(rows[r], dim);
    std::size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        for (std::size_t next = r + ahead; next < count && next < r + ahead + 4; ++next)
            prefetch_row<Arch>(rows[next], dim);
        one_to_four<Arch, Step>(query, rows + r, dim, out + r);
    }
    for (; r < count; ++r) out[r] = one_to_one<Arch, Step>(query, rows[r], dim);
}

template <class Arch>
constexpr kernel_table make_kernel_table() noexcept {
    return {Arch::name,
            one_to_one<Arch, dot_step>,
            one_to_one<Arch, l2_squared_step>,
            one_to_one<Arch, l1_step>,
            one_to_many<Arch, dot_step>,
            one_to_many<Arch, l2_squared_step>,
            one_to_many<Arch, l1_step>};
}

/// Header-only mode: the table and the list of one table, per tag.
template <class Arch>
inline constexpr kernel_table single_table = make_kernel_table<Arch>();
template <class Arch>
inline constexpr const kernel_table* single_list[] = {&single_table<Arch>};

}  // namespace detail

#ifndef VECSTORE_COMPILED
inline const kernel_table& active_kernels() noexcept { return detail::single_table<arch::best>; }
inline std::span<const kernel_table* const> available_kernels() noexcept { return detail::single_list<arch::best>; }
#endif

}  // namespace vecstore::distance

#undef VECSTORE_SIMD
