/// Codes of one to eight bits a dimension for rotated vectors, with an estimator of inner products that is right on
/// average and knows its error.
/// Papers: Gao & Long, "RaBitQ", arXiv:2405.12497 (one bit: the sign; Theorem 3.2, the error); Gao et al.,
/// arXiv:2409.09913 (more bits). Differs: the best scale of several bits is searched among a few, not among all.
///
/// A vector r is kept as levels l [dim] and two numbers: it stands near p = scale (l - middle), where the scale is such
/// that e = r - p is at right angles to r. For a query q
///     q.r = q.p + q.e,    q.e = 0 on average, with a standard deviation of about abs(q) abs(e) / sqrt(dim - 1),
/// since the rotation has made the direction of e random. Where q has a known part (say, the centroid c of a list), only
/// q - c counts: c.e can be computed when r is coded.
///
/// Against product codes (fast_scan.hpp): half the bits, nothing to train, and a bound instead of a number of candidates
/// to re-score; but a bit a dimension tells less than two bits that were trained, so more originals are compared.
/// Thread safety: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vecstore::quantization {

struct rotation_code {
    float scale = 0;  ///< 0 for the zero vector
    float error = 0;  ///< abs(e)
};

/// What is taken from a level.
[[nodiscard]] constexpr float level_middle(unsigned bits) noexcept { return static_cast<float>((1u << bits) - 1) / 2; }

/// About one standard deviation of the error of estimates, for a query whose unknown part has this length.
[[nodiscard]] inline float rotation_deviation(const rotation_code& code, float query_length, std::size_t dim) noexcept {
    return query_length * code.error / std::sqrt(static_cast<float>(std::max<std::size_t>(dim, 2) - 1));
}

namespace detail {

/// Levels on a grid of step 1 / inverse, and what they stand for.
inline rotation_code code_on_grid(std::span<const float> rotated, unsigned bits, float inverse,
                                  std::uint8_t* levels) noexcept {
    const float middle = level_middle(bits), top = 2 * middle;
    double length = 0, along = 0, size = 0;
    for (std::size_t d = 0; d < rotated.size(); ++d) {
        const float x = rotated[d];
        const float level =
            bits == 1 ? (x >= 0 ? 1.0f : 0.0f) : std::clamp(std::floor(x * inverse + middle + 0.5f), 0.0f, top);
        levels[d] = static_cast<std::uint8_t>(level);
        const double g = static_cast<double>(level - middle);
        length += static_cast<double>(x) * static_cast<double>(x);
        along += g * static_cast<double>(x);
        size += g * g;
    }
    if (!(along > 0)) return {0, static_cast<float>(std::sqrt(length))};
    const double scale = length / along;
    return {static_cast<float>(scale), static_cast<float>(std::sqrt(std::max(0.0, scale * scale * size - length)))};
}

}  // namespace detail

/// Codes a rotated vector [dim] into levels [dim], each below 2^bits. Preconditions: 1 <= bits <= 8, values are finite.
/// Cost: one pass for one bit, else 16.
inline rotation_code encode_rotated(std::span<const float> rotated, unsigned bits, std::uint8_t* levels) noexcept {
    if (bits == 1) return detail::code_on_grid(rotated, 1, 0, levels);
    float most = 0;
    for (const float x : rotated) most = std::max(most, std::fabs(x));
    if (!(most > 0)) return detail::code_on_grid(rotated, bits, 0, levels);
    const float widest = level_middle(bits) / most;  // all values inside; wider steps cost accuracy, narrower ones ends
    float best = widest, least = -1;
    for (int i = 0; i < 15; ++i) {
        const float inverse = widest * (1 + 0.1f * static_cast<float>(i));
        const auto code = detail::code_on_grid(rotated, bits, inverse, levels);
        if (code.scale > 0 && (least < 0 || code.error < least)) {
            least = code.error;
            best = inverse;
        }
    }
    return detail::code_on_grid(rotated, bits, best, levels);
}

/// The estimate of the inner product of a query [dim], rotated alike, and the vector that was coded.
[[nodiscard]] inline float estimate_product(std::span<const float> rotated_query, const std::uint8_t* levels,
                                            unsigned bits, const rotation_code& code) noexcept {
    const float middle = level_middle(bits);
    float sum = 0;
    for (std::size_t d = 0; d < rotated_query.size(); ++d)
        sum += rotated_query[d] * (static_cast<float>(levels[d]) - middle);
    return code.scale * sum;
}

}  // namespace vecstore::quantization
