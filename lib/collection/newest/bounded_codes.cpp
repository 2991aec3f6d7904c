#include "bounded_codes.hpp"

#include <vecstore/distance/pack.hpp>

#include <algorithm>
#include <cmath>
#include <new>

namespace vecstore::detail {
namespace {

constexpr float half_ulp = 0x1p-24f;
constexpr float to_integer =
    0x1.8p23f;  // adding it, and taking it away, rounds to an integer: faster than the library's

}  // namespace

bool bounded_codes::fit(vecstore::metric m, element_type type, std::size_t dim) noexcept {
    const bool known = m == metric::euclid || m == metric::dot || m == metric::cosine;
    const bool real = type == element_type::f32 || type == element_type::f16 || type == element_type::bf16;
    return known && real && (m != metric::cosine || stored_as_unit(m, type)) && dim >= 1 &&
           dim <= quantization::codec_dim_max;
}

bounded_codes::bounded_codes(vecstore::metric m, element_type type, std::size_t dim)
    : metric_(m),
      type_(type),
      dim_(dim),
      records_(quantization::bounded_slab_bytes(quantization::slab_lines(dim))),
      sketches_(m, dim) {}

bool bounded_codes::make_room() noexcept {
    if (stopped_) return false;
    try {
        values_.resize(quantization::bounded_row_floats(lines()));
        codes_.resize(values_.size());
        records_.ensure(slabs() + 1);
    } catch (const std::bad_alloc&) {
        stopped_ = true;
    }
    return !stopped_;
}

void bounded_codes::encode(std::size_t place, const void* packed) noexcept {
    unpack(type_, packed, std::span(values_).first(dim_));
    quantization::active_kernels().encode_bounded(values_.data(), lines(), metric_ == metric::euclid, place,
                                                  codes_.data(), records_.at(slabs()));
}

bounded_search::bounded_search(const bounded_codes& codes, const float* query)
    : codes_(codes), weights_(4 * codes.lines()) {
    constexpr float least = 1e-9f, most = 1e17f;
    float peak = 0;
    for (std::size_t d = 0; d < codes.dim(); ++d) peak = std::max(peak, std::fabs(query[d]));
    bounds_ = peak >= least && peak <= most;
    if (!bounds_) return;
    const float step = peak / 127, inverse = 127 / peak;
    double length = 0, residual = 0;
    std::int32_t sum = 0, squares = 0;  // at most 127^2 * codec_dim_max
    for (std::size_t d = 0; d < codes.dim(); ++d) {
        const float code = (query[d] * inverse + to_integer) - to_integer;
        const double rest = double{query[d]} - double{code} * double{step};
        const auto weight = static_cast<std::int32_t>(code);
        weights_[d] = static_cast<std::int8_t>(weight);
        length += double{query[d]} * double{query[d]};
        residual += rest * rest;
        sum += weight;
        squares += weight * weight;
    }
    constexpr double up = 1 + 4 * double{half_ulp};
    length_ = static_cast<float>(std::sqrt(length) * up);
    error_ = static_cast<float>(std::sqrt(residual) * up);
    code_square_ = static_cast<float>(static_cast<double>(squares) * double{step} * double{step});
    query_.weights = weights_.data();
    query_.offset = 128 * sum;
    query_.scale = codes.metric() == metric::euclid ? -2 * step : -step;
}

/// A row is ruled out when even the least distance that it can have, and that a kernel can compute of it, is beyond the limit.
/// A kernel's sum over n dimensions is off by at most n + 3 half units in the last place of the sum of magnitudes; the few
/// roundings of the test itself are within 64 of those of its terms.
void bounded_search::set_limit(float limit) noexcept {
    const auto of_sum = static_cast<float>(codes_.dim() + 16) * half_ulp;
    constexpr float of_test = 64 * half_ulp;
    if (codes_.metric() == metric::euclid) {
        // |q - x| >= |q^ - x^| - |q - q^| - |x - x^|
        const float reach = (std::sqrt(limit) * (1 + of_sum) + error_) * (1 + of_test);
        query_.bias = code_square_ * (1 - of_test) - reach * reach;
        query_.of_length = 1 - of_test;
        query_.of_error = -2 * reach;
        query_.of_error_squared = -1;
    } else {
        // q.x <= q^.x^ + |q| |x - x^| + |q - q^| |x^|
        const float one = codes_.metric() == metric::cosine ? 1 : 0;
        query_.bias = one - limit - of_test * (1 + std::fabs(limit));
        query_.of_length = -(error_ + (of_sum + of_test) * length_);
        query_.of_error = -length_ * (1 + of_sum + of_test);
        query_.of_error_squared = 0;
    }
}

std::span<const row_id> bounded_search::possible(std::size_t first_slab, std::size_t count, float limit) noexcept {
    set_limit(limit);
    const auto found =
        quantization::active_kernels().find_possible(codes_.run(first_slab, count), query_, found_.data());
    return std::span<const row_id>(found_).first(found);
}

}  // namespace vecstore::detail
