/// Product codes of the rows of one list.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/metric.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::index::detail {

/// Pairs of values of a row; the last is padded with 0 when `dim` is odd.
[[nodiscard]] constexpr std::size_t subs_of(std::size_t dim) noexcept { return (dim + 1) / 2; }

/// 16 codewords for each pair of values of rows [row_count, dim]: the codebook of fast_scan.hpp.
/// Errors: as `train_centroids`.
[[nodiscard]] result<std::vector<float>> train_codebook(const float* rows, std::size_t row_count, std::size_t dim,
                                                        std::uint64_t seed);

/// Codes rows one after another, a block at a time; terms, whose scale is known at the end, are written by `finish`.
class list_encoder {
public:
    /// Lifetime: borrows centroid [dim] and codebook.
    list_encoder(metric m, std::size_t dim, const float* centroid, const float* codebook);

    /// `row` [dim]; `blocks` are those of the list, at every call.
    void add(const float* row, std::byte* blocks);
    void finish(std::byte* blocks);

    [[nodiscard]] float least_term() const noexcept { return least_; }
    [[nodiscard]] float term_step() const noexcept { return step_; }
    /// Sum over the rows of the squared length of (row - what its code stands for).
    [[nodiscard]] double error_squares() const noexcept { return error_squares_; }

private:
    void write_block(std::byte* blocks);
    [[nodiscard]] float term_of(const float* row, std::size_t lane);

    metric metric_;
    std::size_t dim_;
    const float* centroid_;
    const float* codebook_;
    std::size_t count_ = 0;
    std::vector<float> rows_;          ///< [block_rows, dim]
    std::vector<float> turned_;        ///< [2 subs, block_rows], what is coded
    std::vector<std::uint8_t> codes_;  ///< [subs, block_rows]
    std::vector<float> terms_;         ///< of all rows so far
    float least_ = 0;
    float step_ = 0;
    double error_squares_ = 0;
};

}  // namespace vecstore::index::detail
