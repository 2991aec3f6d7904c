/// Distances in double precision by plain loops: the oracle of every kernel test, and of exact truth in benchmarks.
/// Shapes: a, b [dim] f32.
/// Thread safety: pure functions.
#pragma once

#include <vecstore/distance/metric.hpp>

#include <cmath>
#include <cstddef>

namespace vecstore::distance::reference {

[[nodiscard]] inline double dot(const float* a, const float* b, std::size_t dim) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

[[nodiscard]] inline double l2_squared(const float* a, const float* b, std::size_t dim) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) {
        const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += difference * difference;
    }
    return sum;
}

[[nodiscard]] inline double l1(const float* a, const float* b, std::size_t dim) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    return sum;
}

/// The internal distance of `metric`; for cosine both vectors must have unit length, for hamming they
/// hold zeros and ones.
[[nodiscard]] inline double distance_of(metric m, const float* a, const float* b, std::size_t dim) noexcept {
    switch (m) {
        case metric::cosine: return 1.0 - dot(a, b, dim);
        case metric::dot: return -dot(a, b, dim);
        case metric::euclid: return l2_squared(a, b, dim);
        case metric::manhattan:
        case metric::hamming: return l1(a, b, dim);
    }
    return 0;
}

}  // namespace vecstore::distance::reference
