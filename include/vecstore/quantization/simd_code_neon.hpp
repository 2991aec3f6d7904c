/// The tag of simd_code_scalar.hpp for NEON as every AArch64 processor has it.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/core/types.hpp>
#include <vecstore/quantization/simd_code_scalar.hpp>

#include <cstddef>
#include <cstdint>

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::code_arch {

#if defined(__ARM_NEON) && defined(__aarch64__)
struct neon {
    using sums = int32x4_t;
    static constexpr const char* name = "neon";

    VECSTORE_SIMD sums zero() noexcept { return vdupq_n_s32(0); }
    VECSTORE_SIMD uint8x16_t load(const std::byte* code) noexcept {
        return vld1q_u8(reinterpret_cast<const std::uint8_t*>(code));
    }
    VECSTORE_SIMD sums add_unsigned(sums a, uint16x8_t x) noexcept {
        return vreinterpretq_s32_u32(vpadalq_u16(vreinterpretq_u32_s32(a), x));
    }
    /// Eight codes as numbers of 16 bits; `i` a multiple of eight.
    VECSTORE_SIMD int16x8_t widen(const std::byte* code) noexcept {
        return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(code))));
    }
    VECSTORE_SIMD sums dot_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 8) {
            const auto c = widen(code + i), w = vld1q_s16(q + i);
            a = vmlal_high_s16(vmlal_s16(a, vget_low_s16(c), vget_low_s16(w)), c, w);
        }
        return a;
    }
    VECSTORE_SIMD sums l2_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 8) {
            const auto d = vsubq_s16(widen(code + i), vld1q_s16(q + i));
            a = vmlal_high_s16(vmlal_s16(a, vget_low_s16(d), vget_low_s16(d)), d, d);
        }
        return a;
    }
    VECSTORE_SIMD sums l1_u8(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.wide + 64 * line;
        for (std::size_t i = 0; i < 64; i += 8)
            a = add_unsigned(a, vreinterpretq_u16_s16(vabdq_s16(widen(code + i), vld1q_s16(q + i))));
        return a;
    }
    /// Sixteen products of at most 15 * 128 fit 16 bits.
    VECSTORE_SIMD sums dot_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        const auto* q = query.narrow + 128 * line;
        auto products = vdupq_n_s16(0);
        for (std::size_t i = 0; i < 64; i += 16) {
            const auto c = load(code + i);
            const auto low = vreinterpretq_s8_u8(vandq_u8(c, vdupq_n_u8(15)));
            const auto high = vreinterpretq_s8_u8(vshrq_n_u8(c, 4));
            const auto w0 = vld1q_s8(q + i), w1 = vld1q_s8(q + 64 + i);
            products = vmlal_high_s8(vmlal_s8(products, vget_low_s8(low), vget_low_s8(w0)), low, w0);
            products = vmlal_high_s8(vmlal_s8(products, vget_low_s8(high), vget_low_s8(w1)), high, w1);
        }
        return vpadalq_s16(a, products);
    }
    /// abs(8 c - q) of the low and the high halves.
    struct differences {
        uint8x16_t low, high;
        [[gnu::always_inline]] inline differences(const std::byte* code, const std::int8_t* q) noexcept {
            const auto c = load(code), mask = vdupq_n_u8(0x78);
            const auto c0 = vandq_u8(vshlq_n_u8(c, 3), mask), c1 = vandq_u8(vshrq_n_u8(c, 1), mask);
            low = vreinterpretq_u8_s8(vabdq_s8(vreinterpretq_s8_u8(c0), vld1q_s8(q)));
            high = vreinterpretq_u8_s8(vabdq_s8(vreinterpretq_s8_u8(c1), vld1q_s8(q + 64)));
        }
    };
    VECSTORE_SIMD sums add_squares(sums a, uint8x16_t d) noexcept {
        a = add_unsigned(a, vmull_u8(vget_low_u8(d), vget_low_u8(d)));
        return add_unsigned(a, vmull_high_u8(d, d));
    }
    VECSTORE_SIMD sums l2_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        for (std::size_t i = 0; i < 64; i += 16) {
            const differences d(code + i, query.narrow + 128 * line + i);
            a = add_squares(add_squares(a, d.low), d.high);
        }
        return a;
    }
    VECSTORE_SIMD sums l1_u4(const std::byte* code, const code_query_view& query, std::size_t line, sums a) noexcept {
        for (std::size_t i = 0; i < 64; i += 16) {
            const differences d(code + i, query.narrow + 128 * line + i);
            a = add_unsigned(a, vpadalq_u8(vpaddlq_u8(d.low), d.high));
        }
        return a;
    }
    VECSTORE_SIMD void store_four(sums a, sums b, sums c, sums d, const code_query_view& query, float* out) noexcept {
        const auto all = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
        const auto whole = vcvtq_f32_s32(vaddq_s32(all, vdupq_n_s32(query.offset)));
        vst1q_f32(out, vfmaq_f32(vdupq_n_f32(query.bias), whole, vdupq_n_f32(query.scale)));
    }

    static constexpr std::size_t lanes = 4;
    VECSTORE_SIMD unsigned below(const float* distances, std::size_t count, float bound) noexcept {
        if (count >= lanes) {
            constexpr std::uint32_t bits[4] = {1, 2, 4, 8};
            return vaddvq_u32(vandq_u32(vcltq_f32(vld1q_f32(distances), vdupq_n_f32(bound)), vld1q_u32(bits)));
        }
        unsigned mask = 0;
        for (std::size_t i = 0; i < count; ++i) mask |= static_cast<unsigned>(distances[i] < bound) << i;
        return mask;
    }
    VECSTORE_SIMD std::size_t place(const float* distances, std::size_t size, float x) noexcept {
        auto counts = vdupq_n_u32(0);
        for (std::size_t i = 0; i < size; i += lanes)
            counts = vsubq_u32(counts, vcleq_f32(vld1q_f32(distances + i), vdupq_n_f32(x)));
        return vaddvq_u32(counts);
    }
    VECSTORE_SIMD void move_four(float* to, const float* from) noexcept { vst1q_f32(to, vld1q_f32(from)); }
    VECSTORE_SIMD void move_four(row_id* to, const row_id* from) noexcept { vst1q_u32(to, vld1q_u32(from)); }
    template <class T>
    VECSTORE_SIMD void move_up(T* values, std::size_t first, std::size_t last) noexcept {
        for (; last >= first + lanes; last -= lanes) move_four(values + last - lanes + 1, values + last - lanes);
        scalar::move_up(values, first, last);
    }
};
#endif

}  // namespace vecstore::quantization::code_arch

#undef VECSTORE_SIMD
