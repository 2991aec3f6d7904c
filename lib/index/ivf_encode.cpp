#include "index/ivf_encode.hpp"

#include "index/ivf_train.hpp"

#include <vecstore/quantization/fast_scan.hpp>

#include <algorithm>
#include <cmath>

namespace vecstore::index::detail {

using quantization::block_rows;
using quantization::codebook_stride;
using quantization::codewords;

result<std::vector<float>> train_codebook(const float* rows, std::size_t row_count, std::size_t dim,
                                          std::uint64_t seed) {
    constexpr std::size_t rows_max = 8192, rounds = 12;
    const auto step = std::max<std::size_t>(1, row_count / rows_max);
    const auto used = row_count / step;
    const auto count = std::min(codewords, used);
    std::vector<float> codebook(subs_of(dim) * codebook_stride), pairs(2 * used);
    for (std::size_t s = 0; s < subs_of(dim); ++s) {
        for (std::size_t i = 0; i < used; ++i) {
            const float* row = rows + i * step * dim;
            pairs[2 * i] = row[2 * s];
            pairs[2 * i + 1] = 2 * s + 1 < dim ? row[2 * s + 1] : 0;
        }
        VECSTORE_TRY(const auto words, train_centroids({2, count, rounds, seed, 1, false}, pairs.data(), used));
        float* to = codebook.data() + s * codebook_stride;
        for (std::size_t j = 0; j < codewords; ++j) {
            const float x = words[2 * (j % count)], y = words[2 * (j % count) + 1];
            to[j] = x;
            to[codewords + j] = y;
            to[2 * codewords + j] = (x * x + y * y) / 2;
        }
    }
    return codebook;
}

list_encoder::list_encoder(metric m, std::size_t dim, const float* centroid, const float* codebook)
    : metric_(m),
      dim_(dim),
      centroid_(centroid),
      codebook_(codebook),
      rows_(block_rows * dim),
      turned_(2 * subs_of(dim) * block_rows),
      codes_(subs_of(dim) * block_rows) {}

void list_encoder::add(const float* row, std::byte* blocks) {
    const auto lane = count_ % block_rows;
    std::copy_n(row, dim_, rows_.data() + lane * dim_);
    const bool residual = metric_ != metric::manhattan;
    for (std::size_t d = 0; d < dim_; ++d) turned_[d * block_rows + lane] = residual ? row[d] - centroid_[d] : row[d];
    if (++count_ % block_rows == 0) write_block(blocks);
}

void list_encoder::write_block(std::byte* blocks) {
    const auto subs = subs_of(dim_);
    const auto first = (count_ - 1) / block_rows * block_rows;
    quantization::active_fast_scan().encode(turned_.data(), codebook_, subs, codes_.data());
    auto* block = blocks + first / block_rows * quantization::block_bytes(subs);
    for (std::size_t s = 0; s < subs; ++s)
        for (std::size_t r = 0; r < block_rows; ++r) {
            const auto code = static_cast<unsigned>(codes_[s * block_rows + r]);
            auto& byte = block[s / 2 * block_rows + r];
            byte = s % 2 == 0 ? static_cast<std::byte>(code) : byte | static_cast<std::byte>(code << 4);
        }
    for (auto i = first; i < count_; ++i) terms_.push_back(term_of(rows_.data() + (i - first) * dim_, i - first));
}

/// What ivf.hpp's table of estimates says, for the row in `lane` of the block just coded.
float list_encoder::term_of(const float* row, std::size_t lane) {
    float errors = 0, error_along = 0, row_length = 0, code_length = 0, code_along = 0;
    for (std::size_t d = 0; d < dim_; ++d) {
        const auto code = codes_[d / 2 * block_rows + lane];
        const float word = codebook_[d / 2 * codebook_stride + d % 2 * codewords + code];
        const float e = turned_[d * block_rows + lane] - word;
        errors += e * e;
        error_along += e * row[d];
        row_length += row[d] * row[d];
        code_length += word * word;
        code_along += word * centroid_[d];
    }
    error_squares_ += static_cast<double>(errors);
    switch (metric_) {
        case metric::cosine:
        case metric::dot: return row_length > 0 ? -error_along / std::sqrt(row_length) : 0;
        case metric::euclid: return 2 * code_along + code_length - errors;
        case metric::manhattan:
        case metric::hamming: break;
    }
    return 0;
}

void list_encoder::finish(std::byte* blocks) {
    if (count_ % block_rows != 0) write_block(blocks);
    if (terms_.empty()) return;
    const auto [least, most] = std::minmax_element(terms_.begin(), terms_.end());
    least_ = *least;
    step_ = (*most - *least) / 255;
    const auto subs = subs_of(dim_);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        const float level = step_ > 0 ? (terms_[i] - least_) / step_ : 0;
        blocks[i / block_rows * quantization::block_bytes(subs) + quantization::sub_pairs(subs) * block_rows +
               i % block_rows] = static_cast<std::byte>(std::clamp(std::lround(level), 0l, 255l));
    }
}

}  // namespace vecstore::index::detail
