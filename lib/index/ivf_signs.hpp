/// Sign codes of the rows of one list.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/quantization/rotation.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::index::detail {

/// Takes rows one after another; `finish` writes all blocks, since the levels of factors depend on all rows.
class sign_encoder {
public:
    /// Lifetime: borrows rotation and centroid [dim].
    sign_encoder(metric m, const quantization::rotation& rotation, const float* centroid);

    /// `row` [dim], less the mean.
    void add(const float* row);
    /// Into the zeroed blocks of the list; sets the terms of `list` and gives its factors.
    [[nodiscard]] ivf_lists::sign_factors finish(std::byte* blocks, ivf_lists::list& list) const;

    /// As that of `list_encoder`.
    [[nodiscard]] double error_squares() const noexcept { return error_squares_; }

private:
    metric metric_;
    const quantization::rotation& rotation_;
    const float* centroid_;
    std::vector<float> rotated_centroid_, rotated_;
    std::vector<std::uint8_t> levels_;  ///< [rows, dim]
    std::vector<float> terms_, scales_, errors_;
    double error_squares_ = 0;
};

}  // namespace vecstore::index::detail
