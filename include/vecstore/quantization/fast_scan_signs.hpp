/// The scan of sign blocks over the architecture tags of fast_scan_arch.hpp.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/fast_scan_arch.hpp>

#include <cstddef>
#include <cstdint>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::detail {

/// A bit for each byte that is not zero but one.
VECSTORE_SIMD std::uint32_t bits_of(const std::uint8_t* flags) noexcept {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < block_rows; i += 8) {
        std::uint64_t eight = 0;
        for (std::size_t j = 0; j < 8; ++j) eight |= std::uint64_t{flags[i + j]} << (8 * j);
        bits |= static_cast<std::uint32_t>((eight * 0x0102'0408'1020'4080u) >> 56) << i;
    }
    return bits;
}

/// Writes the sums of a block's rows and gives a bit for each that is not above `most`; when none is, sums may be left.
template <class Arch>
struct sign_sums {
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned most, std::uint16_t* sums) noexcept {
        return Arch::block(block, pairs, tables, 0, most, sums);
    }
    /// A bit for each of a block's bounds that is not above the limit.
    VECSTORE_SIMD std::uint32_t not_above(const float* bounds, float limit) noexcept {
        std::uint8_t flags[block_rows];
        for (std::size_t r = 0; r < block_rows; ++r) flags[r] = bounds[r] <= limit ? 1 : 0;
        return bits_of(flags);
    }
};

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
/// Entries are so small that those of eight subs are added as bytes, before low and high halves of pairs part.
template <>
struct sign_sums<arch::avx512> {
    VECSTORE_SIMD std::uint32_t block(const std::byte* block, std::size_t pairs, const std::uint8_t* tables,
                                      unsigned most, std::uint16_t* sums) noexcept {
        static_assert(8 * sign_entry_max < 256);
        auto even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
        std::size_t p = 0;
        for (; p + 7 < pairs; p += 8, block += 8 * block_rows, tables += 4 * 128) {
            auto bytes = two_pairs(block, tables);
            bytes = _mm512_add_epi8(bytes, two_pairs(block + 2 * block_rows, tables + 128));
            bytes = _mm512_add_epi8(bytes, two_pairs(block + 4 * block_rows, tables + 256));
            bytes = _mm512_add_epi8(bytes, two_pairs(block + 6 * block_rows, tables + 384));
            add(bytes, even, odd);
        }
        for (; p < pairs; p += 2, block += 2 * block_rows, tables += 128) add(two_pairs(block, tables), even, odd);
        const auto evens = arch::avx512::halves(even), odds = arch::avx512::halves(odd);
        const auto limit = _mm256_set1_epi16(static_cast<short>(most));
        if ((_mm256_cmple_epu16_mask(evens, limit) | _mm256_cmple_epu16_mask(odds, limit)) == 0) return 0;
        const auto low = _mm256_unpacklo_epi16(evens, odds), high = _mm256_unpackhi_epi16(evens, odds);
        const auto first = _mm256_permute2x128_si256(low, high, 0x20);
        const auto second = _mm256_permute2x128_si256(low, high, 0x31);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), first);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + 16), second);
        return _mm256_cmple_epu16_mask(first, limit) |
               static_cast<std::uint32_t>(_mm256_cmple_epu16_mask(second, limit)) << 16;
    }
    VECSTORE_SIMD std::uint32_t not_above(const float* bounds, float limit) noexcept {
        const auto all = _mm512_set1_ps(limit);
        const auto low = _mm512_cmp_ps_mask(_mm512_loadu_ps(bounds), all, _CMP_LE_OQ);
        const auto high = _mm512_cmp_ps_mask(_mm512_loadu_ps(bounds + block_rows / 2), all, _CMP_LE_OQ);
        return low | static_cast<std::uint32_t>(high) << 16;
    }
    /// When the number of pairs is odd, the last half reads what follows as codes; the tables there are zero.
    VECSTORE_SIMD __m512i two_pairs(const std::byte* block, const std::uint8_t* tables) noexcept {
        const auto low4 = _mm512_set1_epi8(15);
        const auto codes = _mm512_loadu_si512(block);
        const auto a = _mm512_shuffle_epi8(_mm512_loadu_si512(tables), _mm512_and_si512(codes, low4));
        const auto b =
            _mm512_shuffle_epi8(_mm512_loadu_si512(tables + 64), _mm512_and_si512(_mm512_srli_epi16(codes, 4), low4));
        return _mm512_add_epi8(a, b);
    }
    VECSTORE_SIMD void add(__m512i bytes, __m512i& even, __m512i& odd) noexcept {
        even = _mm512_add_epi16(even, _mm512_and_si512(bytes, _mm512_set1_epi16(255)));
        odd = _mm512_add_epi16(odd, _mm512_srli_epi16(bytes, 8));
    }
};
#endif

/// The largest sum of a row that may be let through, whatever its term, scale and error; -1 when there is none. It is
/// taken a little high, so that rounding lets nothing be lost.
template <class Arch>
VECSTORE_SIMD int sign_sum_most(const sign_scan_input& in) noexcept {
    const float term_range = 255 * in.term.step, error_range = 255 * in.error.step;
    const float term = in.term.least + (term_range < 0 ? term_range : 0);
    const float error = in.error.least + (error_range > 0 ? error_range : 0);
    const float room = in.limit - term + error;
    const float scale = room >= 0 ? in.scale.least : in.scale.least + 255 * in.scale.step;
    const float dot = room / scale;
    const float size = __builtin_fabsf(dot) + __builtin_fabsf(in.dot.least) +
                       (__builtin_fabsf(in.limit) + __builtin_fabsf(term) + __builtin_fabsf(error)) / scale;
    const float sum = (dot - in.dot.least + 1e-5f * size) / in.dot.step + 1;
    if (sum < 0) return -1;
    return sum < 65535.0f ? static_cast<int>(sum) : 65535;  // what is no number rules nothing out
}

/// The bounds of a block's rows, and a bit for each that is not above the limit.
template <class Arch>
VECSTORE_SIMD std::uint32_t sign_bounds(const sign_scan_input& in, const std::uint16_t* sums, const std::byte* factors,
                                        float* bounds) noexcept {
    const auto* levels = reinterpret_cast<const std::uint8_t*>(factors);
    for (std::size_t r = 0; r < block_rows; ++r) {
        const float dot = in.dot.least + in.dot.step * static_cast<float>(sums[r]);
        const float term = in.term.least + in.term.step * static_cast<float>(levels[r]);
        const float scale = in.scale.least + in.scale.step * static_cast<float>(levels[r + block_rows]);
        const float error = in.error.least + in.error.step * static_cast<float>(levels[r + 2 * block_rows]);
        bounds[r] = term + scale * dot - error;
    }
    return sign_sums<Arch>::not_above(bounds, in.limit);
}

/// Takes the rows that are not wanted out of `passing`; gives their number.
VECSTORE_SIMD std::size_t keep_wanted(std::uint32_t& passing, std::uint32_t wanted) noexcept {
    const auto rest = passing & ~wanted;
    passing &= wanted;
    return static_cast<std::size_t>(__builtin_popcount(rest));
}

template <class Arch>
std::size_t scan_signs(const sign_scan_input& in, std::size_t first_block, sign_scan_output& out) noexcept {
    const auto pairs = sub_pairs(in.subs), signs = pairs * block_rows;
    const bool apart = in.factors != nullptr;
    const auto stride = apart ? signs : sign_block_bytes(in.subs);
    const auto factor_stride = apart ? sign_factor_bytes : stride;
    const auto* const factors = apart ? in.factors : in.blocks + signs;
    const auto ahead = in.ahead != 0 ? in.ahead : 4 * stride;
    const auto blocks = (in.rows + block_rows - 1) / block_rows;
    const int most = sign_sum_most<Arch>(in);
    if (most < 0) return blocks;
    std::uint16_t sums[block_rows];
    float bounds[block_rows];
    auto count = out.count;
    std::size_t b = first_block;
    for (; b < blocks && count + block_rows <= out.capacity; ++b) {
        const auto* block = in.blocks + b * stride;
        for (std::size_t i = 0; i < stride; i += 64) __builtin_prefetch(block + ahead + i);
        auto passing = sign_sums<Arch>::block(block, pairs, in.tables, static_cast<unsigned>(most), sums);
        if (passing == 0) continue;
        passing &= sign_bounds<Arch>(in, sums, factors + b * factor_stride, bounds);
        if (const auto rest = in.rows - b * block_rows; rest < block_rows) passing &= (1u << rest) - 1;
        if (in.wanted != nullptr) out.unwanted += keep_wanted(passing, in.wanted[b]);
        for (; passing != 0; passing &= passing - 1, ++count) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(passing));
            out.bounds[count] = bounds[lane];
            out.rows[count] = static_cast<std::uint32_t>(b * block_rows + lane);
        }
    }
    out.count = count;
    return b;
}

}  // namespace vecstore::quantization::detail

#undef VECSTORE_SIMD
