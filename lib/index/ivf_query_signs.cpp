#include <vecstore/index/ivf/query.hpp>
#include <vecstore/quantization/sign_codes.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace vecstore::index {

void ivf_query::make_sign_tables(const ivf_lists& lists) {
    const auto dim = lists.dim(), subs = lists.subs();
    rotated_.assign(4 * subs, 0);
    std::copy_n(query_.begin(), dim, rotated_.begin());
    lists.rotation().apply(rotated_.data());
    const auto product = quantization::make_sign_tables(rotated_, raw_tables_, tables_);
    bias_ = product.least;
    step_ = product.step;
}

/// For cosine and dot the part of the query along the centroid is known, for euclid the centroid itself.
void ivf_query::aim_signs(const ivf_lists& lists, std::uint32_t i, float slack) {
    const float product = scores_[i], square = 2 * lists.half_norms()[i];
    const bool euclid = lists.metric() == metric::euclid;
    const float along = euclid ? 1 : square > 0 ? product / square : 0;
    const float known = euclid ? 2 * product - square : along * product;
    const float apart = std::sqrt(std::max(0.0f, length_ * length_ - known));
    list_bias_ = euclid ? apart * apart : (lists.metric() == metric::cosine ? 1.0f : 0.0f) - product;
    const float sides = euclid ? 2.0f : 1.0f;
    const auto factors = lists.factors(i);
    const float deviation =
        slack * sides * apart / std::sqrt(static_cast<float>(std::max<std::size_t>(lists.dim(), 2) - 1));
    term_ = {list_bias_ + along * list_.least_term, along * list_.term_step};
    scale_ = factors.scale;
    dot_ = {sides * bias_, sides * step_};
    error_ = {deviation * factors.error.least, deviation * factors.error.step};
}

std::size_t ivf_query::scan_signs(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                                  const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const {
    std::array<float, ivf_chunk> bounds;
    std::array<std::uint32_t, ivf_chunk> rows;
    const auto* blocks = lists.blocks(list_) + first / quantization::block_rows * lists.code_block_bytes();
    quantization::sign_scan_output found{bounds.data(), rows.data(), ivf_chunk, 0, 0};
    quantization::active_fast_scan().scan_signs(
        {blocks, count, lists.subs(), tables_.data(), term_, scale_, error_, dot_, limit, wanted}, 0, found);
    const auto entry = static_cast<std::uint32_t>(ivf_lists::first_entry(list_) + first);
    const auto before = out.size();
    out.resize(before + found.count);
    for (std::size_t i = 0; i < found.count; ++i) out[before + i] = {bounds[i], entry + rows[i]};
    return found.unwanted;
}

}  // namespace vecstore::index
