/// Data for index tests.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/distance/computer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::test {

/// `usual`, or `sanitized` in builds with a sanitizer, where a walk takes ten to thirty times as long: what it looks at is
/// the same code for fewer rows.
[[nodiscard]] constexpr std::size_t fewer(std::size_t usual, std::size_t sanitized) noexcept {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return static_cast<void>(usual), sanitized;
#else
    return static_cast<void>(sanitized), usual;
#endif
}

/// Row `row` of rows of f32.
template <class Rows>
[[nodiscard]] const float* floats_of(const Rows& rows, row_id row) {
    return static_cast<const float*>(rows.at(row));
}

/// [rows, dim] row-major.
struct vectors {
    std::vector<float> values;
    std::size_t rows = 0;
    std::size_t dim = 0;
    [[nodiscard]] std::span<const float> operator[](std::size_t i) const { return {values.data() + i * dim, dim}; }
    [[nodiscard]] std::span<float> operator[](std::size_t i) { return {values.data() + i * dim, dim}; }
};

/// Uniform in a cube.
inline vectors random_vectors(std::size_t rows, std::size_t dim, std::uint64_t seed) {
    random_source random(seed);
    vectors v{std::vector<float>(rows * dim), rows, dim};
    for (auto& x : v.values) x = static_cast<float>(random.unit() * 2 - 1);
    return v;
}

/// `clusters` tight groups, far from each other: what breaks graphs whose links all point into the own group.
/// Queries for the same clusters: the same `center_seed`, another `seed`.
inline vectors clustered_vectors(std::size_t rows, std::size_t dim, std::size_t clusters, std::uint64_t center_seed,
                                 std::uint64_t seed) {
    const auto centers = random_vectors(clusters, dim, center_seed);
    auto v = random_vectors(rows, dim, seed);
    random_source random(seed + 1);
    for (std::size_t i = 0; i < rows; ++i) {
        const auto center = centers[random.below(clusters)];
        for (std::size_t d = 0; d < dim; ++d) v[i][d] = center[d] * 10 + v[i][d] * 0.05f;
    }
    return v;
}

/// Share of `right` that is in `found`.
inline double recall(std::span<const neighbor> found, std::span<const neighbor> right) {
    std::size_t hits = 0;
    for (const auto& r : right)
        hits += static_cast<std::size_t>(
            std::count_if(found.begin(), found.end(), [&](const neighbor& f) { return f.row == r.row; }));
    return right.empty() ? 1 : static_cast<double>(hits) / static_cast<double>(right.size());
}

}  // namespace vecstore::test
