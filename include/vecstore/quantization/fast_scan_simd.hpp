/// The kernels of fast_scan.hpp, written once over an architecture tag. Every function is a template on its tag or
/// always inlined, so that two translation units built with different flags never emit one symbol with two meanings.
/// Sources that are built for one instruction set include this header and nothing else.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/fast_scan_arch.hpp>
#include <vecstore/quantization/fast_scan_signs.hpp>

#include <cstddef>
#include <cstdint>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization {

namespace detail {

template <class Vector>
VECSTORE_SIMD void load(Vector& to, const float* from) noexcept {
    __builtin_memcpy(&to, from, sizeof to);
}
template <class Vector>
VECSTORE_SIMD void store(float* to, const Vector& from) noexcept {
    __builtin_memcpy(to, &from, sizeof from);
}

template <class Arch>
std::size_t scan(const scan_input& in, std::size_t first_block, scan_output& out) noexcept {
    const auto bytes = block_bytes(in.subs), pairs = sub_pairs(in.subs);
    const auto blocks = (in.rows + block_rows - 1) / block_rows;
    constexpr std::size_t ahead = 4;
    std::uint16_t sums[block_rows];
    auto count = out.count;
    std::size_t b = first_block;
    for (; b < blocks && count + block_rows <= out.capacity; ++b) {
        // The processor's own prefetcher stops at the end of a page. What lies behind the last block is asked for, too:
        // mostly it is the next run, and a prefetch of no memory at all does nothing.
        for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(in.blocks + (b + ahead) * bytes + i);
        auto passing = Arch::block(in.blocks + b * bytes, pairs, in.tables, in.term_factor, in.threshold, sums);
        if (const auto rest = in.rows - b * block_rows; rest < block_rows) passing &= (1u << rest) - 1;
        if (in.wanted != nullptr) out.unwanted += keep_wanted(passing, in.wanted[b]);
        for (; passing != 0; passing &= passing - 1, ++count) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(passing));
            out.sums[count] = sums[lane];
            out.rows[count] = static_cast<std::uint32_t>(b * block_rows + lane);
        }
    }
    out.count = count;
    return b;
}

/// `Rows` rows against `Panels` panels; the sums stay in registers.
template <class Arch, std::size_t Rows, std::size_t Panels>
VECSTORE_SIMD void dots_tile(const float* rows, std::size_t row_stride, const float* panel, std::size_t dim, float* out,
                             std::size_t out_stride) noexcept {
    constexpr std::size_t parts = panel_rows / Arch::lanes, columns = Panels * parts;
    typename Arch::floats sums[Rows][columns] = {};
    for (std::size_t d = 0; d < dim; ++d, panel += panel_rows) {
        typename Arch::floats column[columns];
        for (std::size_t i = 0; i < columns; ++i)
            load(column[i], panel + i / parts * dim * panel_rows + i % parts * Arch::lanes);
        for (std::size_t r = 0; r < Rows; ++r) {
            const float x = rows[r * row_stride + d];
            for (std::size_t i = 0; i < columns; ++i) sums[r][i] += column[i] * x;
        }
    }
    for (std::size_t r = 0; r < Rows; ++r)
        for (std::size_t i = 0; i < columns; ++i) store(out + r * out_stride + i * Arch::lanes, sums[r][i]);
}

/// One row: enough panels at once that additions do not wait for each other.
template <class Arch>
VECSTORE_SIMD void dots_row(const float* row, const float* panels, std::size_t panel_count, std::size_t dim,
                            float* out) noexcept {
    constexpr std::size_t together = Arch::lanes >= 16 ? 4 : Arch::lanes >= 8 ? 2 : 1;
    std::size_t p = 0;
    for (; p + together <= panel_count; p += together)
        dots_tile<Arch, 1, together>(row, 0, panels + p * dim * panel_rows, dim, out + p * panel_rows, 0);
    for (; p < panel_count; ++p)
        dots_tile<Arch, 1, 1>(row, 0, panels + p * dim * panel_rows, dim, out + p * panel_rows, 0);
}

/// A panel stays in the first cache while a batch of rows passes by.
template <class Arch>
void dots(const float* rows, std::size_t row_count, std::size_t row_stride, const float* panels,
          std::size_t panel_count, std::size_t dim, float* out, std::size_t out_stride) noexcept {
    constexpr std::size_t batch = 64, tile = Arch::tile;
    for (std::size_t first = 0; first + tile <= row_count; first += batch) {
        const auto end = row_count - first < batch ? row_count : first + batch;
        for (std::size_t p = 0; p < panel_count; ++p)
            for (std::size_t r = first; r + tile <= end; r += tile)
                dots_tile<Arch, tile, 1>(rows + r * row_stride, row_stride, panels + p * dim * panel_rows, dim,
                                         out + r * out_stride + p * panel_rows, out_stride);
    }
    for (std::size_t first = 0; first < row_count; first += batch) {
        const auto end = row_count - first < batch ? row_count : first + batch;
        for (std::size_t r = first + (end - first) / tile * tile; r < end; ++r)
            dots_row<Arch>(rows + r * row_stride, panels, panel_count, dim, out + r * out_stride);
    }
}

template <class Arch>
std::size_t argmin(const float* values, std::size_t count) noexcept {
    constexpr auto lanes = Arch::lanes;
    std::size_t i = 0;
    float best = values[0];
    if (count >= lanes) {
        typename Arch::floats least, next;
        load(least, values);
        for (i = lanes; i + lanes <= count; i += lanes) {
            load(next, values + i);
            least = next < least ? next : least;
        }
        float each[lanes] = {};
        store(each, least);
        for (std::size_t lane = 0; lane < lanes; ++lane) best = each[lane] < best ? each[lane] : best;
    }
    for (; i < count; ++i) best = values[i] < best ? values[i] : best;
    for (i = 0; i + 1 < count && !(values[i] <= best); ++i) {
    }
    return i;
}

template <class Arch>
void encode(const float* turned, const float* codebook, std::size_t subs, std::uint8_t* codes) noexcept {
    for (std::size_t s = 0; s < subs; ++s, turned += 2 * block_rows, codebook += codebook_stride, codes += block_rows)
        for (std::size_t r = 0; r < block_rows; r += Arch::lanes) {
            typename Arch::floats x, y, best;
            load(x, turned + r);
            load(y, turned + block_rows + r);
            typename Arch::integers index = {};
            best = codebook[2 * codewords] - x * codebook[0] - y * codebook[codewords];
            for (std::size_t j = 1; j < codewords; ++j) {
                const typename Arch::floats far =
                    codebook[2 * codewords + j] - x * codebook[j] - y * codebook[codewords + j];
                const typename Arch::integers nearer = far < best;
                index = (index & ~nearer) | (nearer & static_cast<std::int32_t>(j));
                best = far < best ? far : best;
            }
            std::int32_t each[Arch::lanes] = {};
            __builtin_memcpy(each, &index, sizeof index);
            for (std::size_t lane = 0; lane < Arch::lanes; ++lane)
                codes[r + lane] = static_cast<std::uint8_t>(each[lane]);
        }
}

template <class Arch>
constexpr fast_scan_kernels make_fast_scan() noexcept {
    return {Arch::name, scan<Arch>, scan_signs<Arch>, dots<Arch>, argmin<Arch>, encode<Arch>};
}

}  // namespace detail

}  // namespace vecstore::quantization

#undef VECSTORE_SIMD
