/// How far apart two vectors are: the metrics, their names, and the two scales on which they are told.
/// Inside the store a *distance* is smaller when nearer; a user sees a *score*, which for cosine and dot is larger when
/// nearer.
/// Thread safety: plain values and pure functions.
#pragma once

#include <vecstore/core/result.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore {

/// | metric    | distance             | score           |
/// |-----------|----------------------|-----------------|
/// | cosine    | 1 - dot(a, b), both of unit length | cos, [-1, 1], larger is nearer |
/// | dot       | -dot(a, b)           | dot, larger is nearer |
/// | euclid    | sum (a - b)^2        | its square root, smaller is nearer |
/// | manhattan | sum abs(a - b)       | the same        |
/// | hamming   | bits that differ     | the same; binary vectors only (element_type.hpp) |
/// The values are on disk, do not renumber.
enum class metric : std::uint8_t { cosine = 1, dot = 2, euclid = 3, manhattan = 4, hamming = 5 };

/// The name as `parse_metric` reads it; "unknown" for a value outside the enumeration.
[[nodiscard]] constexpr std::string_view to_string(metric m) noexcept {
    switch (m) {
        case metric::cosine: return "cosine";
        case metric::dot: return "dot";
        case metric::euclid: return "euclid";
        case metric::manhattan: return "manhattan";
        case metric::hamming: return "hamming";
    }
    return "unknown";
}

/// Reads what `to_string` gives, lower case.
/// Errors: invalid_argument (no such metric).
[[nodiscard]] inline result<metric> parse_metric(std::string_view name) {
    for (const auto m : {metric::cosine, metric::dot, metric::euclid, metric::manhattan, metric::hamming})
        if (to_string(m) == name) return m;
    return invalid_argument("metric \"" + std::string(name) + "\" is none of cosine, dot, euclid, manhattan, hamming");
}

/// True for a value of the enumeration.
[[nodiscard]] constexpr bool known(metric m) noexcept { return m >= metric::cosine && m <= metric::hamming; }

/// True when a larger score means nearer.
[[nodiscard]] constexpr bool larger_is_better(metric m) noexcept { return m == metric::cosine || m == metric::dot; }

/// Distance -> score.
[[nodiscard]] inline float to_score(metric m, float distance) noexcept {
    switch (m) {
        case metric::cosine: return 1.0f - distance;
        case metric::dot: return -distance;
        case metric::euclid: return std::sqrt(distance);
        case metric::manhattan:
        case metric::hamming: return distance;
    }
    return distance;
}

/// Score -> distance, the inverse of `to_score` up to rounding; used for score thresholds.
[[nodiscard]] inline float to_distance(metric m, float score) noexcept {
    switch (m) {
        case metric::cosine: return 1.0f - score;
        case metric::dot: return -score;
        case metric::euclid: return score * score;
        case metric::manhattan:
        case metric::hamming: return score;
    }
    return score;
}

}  // namespace vecstore
