/// The scan and the making of bounded slabs (bounded_slabs.hpp) over the architecture tags of scalar codes. What is written
/// as plain loops over 16 is left to the compiler, which turns them into the registers of each tag's flags.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/quantization/bounded_slabs.hpp>
#include <vecstore/quantization/simd_code_slabs.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define VECSTORE_SIMD [[gnu::always_inline]] static inline

namespace vecstore::quantization::detail {

/// The rows of one slab that are not ruled out, as bits. `sums` [16].
template <class Arch>
VECSTORE_SIMD unsigned possible_rows(const std::int32_t* sums, const bounded_terms& terms,
                                     const bounded_query& query) noexcept {
    float beyond[slab_rows];
    int some = 0;
    for (std::size_t r = 0; r < slab_rows; ++r) {
        const float sum = static_cast<float>(sums[r] - query.offset) * query.scale;
        const float error = terms.errors[r];
        beyond[r] = (query.of_error_squared * error + query.of_error) * error +
                    (terms.lengths[r] * query.of_length + (sum * terms.steps[r] + query.bias));
        some |= !(beyond[r] > 0);
    }
    if (some == 0) return 0;
    unsigned bits = 0;
    for (std::size_t r = 0; r < slab_rows; ++r) bits |= static_cast<unsigned>(!(beyond[r] > 0)) << r;
    return bits;
}

/// Slabs one by one: rows are read once, so what counts is that memory is read in order, and ahead.
template <class Arch>
std::size_t find_possible(const bounded_run& run, const bounded_query& query, std::uint32_t* numbers) noexcept {
    using steps = slab_steps<Arch>;
    const auto stride = bounded_slab_bytes(run.lines);
    std::size_t count = 0;
    for (std::size_t at = 0; at < run.count; ++at) {
        const auto* const slab = run.slabs + at * stride;
        typename steps::sums sums;
        steps::clear(sums);
        for (std::size_t line = 0; line < run.lines; ++line) {
            const auto* const codes = slab + line * code_line;
            __builtin_prefetch(codes + 2 * stride);
            steps::add(sums, steps::load_codes(codes), steps::load_weights(query.weights + 4 * line));
        }
        alignas(code_line) std::int32_t totals[slab_rows];
        steps::store(sums, totals);
        const auto* const terms = reinterpret_cast<const bounded_terms*>(slab + run.lines * code_line);
        const auto first = run.first + static_cast<std::uint32_t>(at * slab_rows);
        for (auto bits = possible_rows<Arch>(totals, *terms, query); bits != 0; bits &= bits - 1)
            numbers[count++] = first + static_cast<std::uint32_t>(__builtin_ctz(bits));
    }
    return count;
}

template <class Arch>
VECSTORE_SIMD float sum_of_lanes(const float* lanes) noexcept {
    double sum = 0;
    for (std::size_t j = 0; j < 16; ++j) sum += static_cast<double>(lanes[j]);
    return static_cast<float>(sum);
}

template <class Arch>
void encode_bounded(const float* values, std::size_t lines, bool lengths_squared, std::size_t place,
                    std::uint8_t* codes, std::byte* slab) noexcept {
    constexpr float least = 1e-9f, most = 1e17f, half_ulp = 0x1p-24f;
    constexpr float to_integer = 0x1.8p23f;  // adding it, and taking it away, rounds to an integer
    const auto padded = bounded_row_floats(lines);
    float peaks[16] = {}, nothings[16] = {};  // 0 for each finite value, no number for others
    for (std::size_t i = 0; i < padded; i += 16)
        for (std::size_t j = 0; j < 16; ++j) {
            const float size = __builtin_fabsf(values[i + j]);
            peaks[j] = size > peaks[j] ? size : peaks[j];
            nothings[j] += values[i + j] * 0;
        }
    float peak = 0;
    for (const float p : peaks) peak = p > peak ? p : peak;
    const bool finite = sum_of_lanes<Arch>(nothings) == 0;
    const bool coded = finite && peak >= least && peak <= most;
    const float step = coded ? peak / 127 : 0, inverse = coded ? 127 / peak : 0;
    float residuals[16] = {}, squares[16] = {};  // squares of codes: integers below 2^24 up to codec_dim_max
    for (std::size_t i = 0; i < padded; i += 16)
        for (std::size_t j = 0; j < 16; ++j) {
            const float value = finite ? values[i + j] : 0;
            const float code = (value * inverse + to_integer) - to_integer;
            const float rest = value - code * step;
            residuals[j] += rest * rest;
            squares[j] += code * code;
            codes[i + j] = static_cast<std::uint8_t>(static_cast<std::int32_t>(code) + 128);
        }
    auto* const terms = reinterpret_cast<bounded_terms*>(slab + lines * code_line);
    const float square = sum_of_lanes<Arch>(squares) * step * step;
    // Rounding of the sum, then that of the products, which is relative to the peak.
    const auto size = static_cast<float>(padded);
    const float error = __builtin_sqrtf(sum_of_lanes<Arch>(residuals)) * (1 + (size + 16) * half_ulp) +
                        256 * half_ulp * step * __builtin_sqrtf(size);
    terms->steps[place] = step;
    terms->lengths[place] = lengths_squared ? square : __builtin_sqrtf(square);
    terms->errors[place] = coded ? error : finite && peak == 0 ? 0 : __builtin_inff();
    for (std::size_t g = 0; g < lines; ++g) std::memcpy(slab + g * code_line + 4 * place, codes + 4 * g, 4);
}

}  // namespace vecstore::quantization::detail

#undef VECSTORE_SIMD
