/// Training: k-means by FAISS, distances by our kernels.
#pragma once

#include <vecstore/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace vecstore::index::detail {

/// Centroids turned into panels, with half of their squared lengths, for the kernels of fast_scan.hpp.
struct centroid_panels {
    std::size_t dim = 0;
    std::size_t count = 0;
    std::vector<float> panels;      ///< [panel_count, dim, 32]
    std::vector<float> half_norms;  ///< [panel_count * 32], f32's maximum where there is no centroid

    [[nodiscard]] static centroid_panels make(const float* centroids, std::size_t count, std::size_t dim);
    [[nodiscard]] std::size_t stride() const noexcept { return half_norms.size(); }
    /// Half of the squared distance to each centroid, less a constant, of rows [row_count, dim] into
    /// out [row_count, stride()].
    void score(const float* rows, std::size_t row_count, float* out) const;
};

/// Runs `task(begin, end)` over [0, count) in pieces of `grain`, on `threads` threads.
void in_pieces(std::size_t count, std::size_t grain, std::size_t threads,
               const std::function<void(std::size_t, std::size_t)>& task);

struct train_options {
    std::size_t dim = 0;
    std::size_t count = 0;  ///< centroids wanted; at most as many as rows
    std::size_t rounds = 10;
    std::uint64_t seed = 0;
    std::size_t threads = 1;
    bool unit_length = false;  ///< of the centroids, for rows of unit length
};

/// k-means of rows [row_count, dim]; gives centroids [count, dim].
/// Errors: unsupported (built without FAISS), internal (FAISS threw).
[[nodiscard]] result<std::vector<float>> train_centroids(const train_options& options, const float* rows,
                                                         std::size_t row_count);

}  // namespace vecstore::index::detail
