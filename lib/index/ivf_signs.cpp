#include "index/ivf_signs.hpp"

#include <vecstore/quantization/rotation_code.hpp>
#include <vecstore/quantization/sign_codes.hpp>

namespace vecstore::index::detail {

using quantization::block_rows;
using quantization::level_of;
using quantization::levels_of;

sign_encoder::sign_encoder(metric m, const quantization::rotation& rotation, const float* centroid)
    : metric_(m),
      rotation_(rotation),
      centroid_(centroid),
      rotated_centroid_(centroid, centroid + rotation.dim()),
      rotated_(rotation.dim()) {
    rotation_.apply(rotated_centroid_.data());
}

/// What rotation_code.hpp says, with the centroid as the known part of the query.
void sign_encoder::add(const float* row) {
    const auto dim = rotation_.dim();
    for (std::size_t d = 0; d < dim; ++d) rotated_[d] = row[d] - centroid_[d];
    rotation_.apply(rotated_.data());
    const auto first = levels_.size();
    levels_.resize(first + dim);
    const auto code = quantization::encode_rotated(rotated_, 1, levels_.data() + first);
    float length = 0, centroid_along = 0, code_along = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        length += rotated_[d] * rotated_[d];
        centroid_along += rotated_centroid_[d] * rotated_[d];
        code_along += rotated_centroid_[d] * (static_cast<float>(levels_[first + d]) - 0.5f);
    }
    code_along *= code.scale;
    terms_.push_back(metric_ == metric::euclid ? length + 2 * code_along : code_along - centroid_along);
    scales_.push_back(code.scale);
    errors_.push_back(code.error);
    error_squares_ += static_cast<double>(code.error) * static_cast<double>(code.error);
}

ivf_lists::sign_factors sign_encoder::finish(std::byte* blocks, ivf_lists::list& list) const {
    if (terms_.empty()) return {};
    const auto dim = rotation_.dim(), subs = (dim + 3) / 4, pairs = quantization::sub_pairs(subs);
    const auto terms = levels_of(terms_), scales = levels_of(scales_), errors = levels_of(errors_);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        auto* lane = blocks + i / block_rows * quantization::sign_block_bytes(subs) + i % block_rows;
        for (std::size_t d = 0; d < dim; ++d)
            lane[d / 8 * block_rows] |= static_cast<std::byte>(levels_[i * dim + d] << d % 8);
        lane[pairs * block_rows] = static_cast<std::byte>(level_of(terms_[i], terms, false));
        lane[(pairs + 1) * block_rows] = static_cast<std::byte>(level_of(scales_[i], scales, false));
        lane[(pairs + 2) * block_rows] = static_cast<std::byte>(level_of(errors_[i], errors, true));
    }
    list.least_term = terms.least;
    list.term_step = terms.step;
    return {scales, errors};
}

}  // namespace vecstore::index::detail
