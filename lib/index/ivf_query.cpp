#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/take_least.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace vecstore::index {

using quantization::codebook_stride;
using quantization::codewords;
using quantization::panel_rows;

namespace {

bool by_inner_product(metric m) noexcept { return m == metric::cosine || m == metric::dot; }

/// How much of the cosine between a row and a query is there for the row's own term: a near query is not the row.
constexpr float term_share = 0.6f;

}  // namespace

void ivf_query::start(const ivf_lists& lists, std::span<const float> query, std::size_t lists_expected) {
    const auto dim = lists.dim();
    query_.assign((dim + 1) / 2 * 2, 0);
    const float* mean = lists.mean();
    double length = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        query_[d] = query[d] - mean[d];
        length += static_cast<double>(query_[d]) * static_cast<double>(query_[d]);
    }
    length_ = static_cast<float>(std::sqrt(length));
    const auto padded = lists.panel_count() * panel_rows;
    scores_.resize(padded);
    quantization::active_fast_scan().dots(query_.data(), 1, dim, lists.centroids(), lists.panel_count(), dim,
                                          scores_.data(), padded);
    rest_.resize(lists.list_count());
    const float* half_norms = lists.half_norms();
    const bool inner = by_inner_product(lists.metric());
    for (std::size_t i = 0; i < rest_.size(); ++i)
        rest_[i] = {(inner ? 0 : half_norms[i]) - scores_[i], static_cast<std::uint32_t>(i)};
    order_.clear();
    order_lists(lists_expected + 1);
    if (lists.code() == ivf_code::pq4) make_tables(lists);
}

std::uint32_t ivf_query::list_at(std::size_t rank) {
    if (rank >= order_.size()) order_lists(std::max(order_.size(), std::size_t{32}));
    return order_[rank].list;
}

void ivf_query::order_lists(std::size_t more) {
    const auto distance = [](const ranked_list& l) { return l.distance; };
    take_least(rest_, std::min(more, rest_.size()), taken_, distance);
    std::sort(taken_.begin(), taken_.end(), [](const ranked_list& a, const ranked_list& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.list < b.list);
    });
    order_.insert(order_.end(), taken_.begin(), taken_.end());
}

/// Tables in f32, each less its smallest entry; then one step for all of them, so fine that the largest entry is 255
/// unless the sums of all of them would leave 16 bits.
void ivf_query::make_tables(const ivf_lists& lists) {
    constexpr float sums_max = 49'000, term_levels = 64;
    const auto subs = lists.subs();
    const auto m = lists.metric();
    raw_tables_.resize(subs * codewords);
    const float scale = by_inner_product(m) ? -1.0f : -2.0f;
    term_weight_ = by_inner_product(m) ? term_share * length_ : 1.0f;
    bias_ = m == metric::cosine ? 1.0f : m == metric::euclid ? length_ * length_ : 0.0f;
    float range_max = 0, range_sum = 0;
    for (std::size_t s = 0; s < subs; ++s) {
        const float* words = lists.codebook() + s * codebook_stride;
        const float a = query_[2 * s], b = query_[2 * s + 1];
        float* table = raw_tables_.data() + s * codewords;
        if (m == metric::manhattan) {
            for (std::size_t j = 0; j < codewords; ++j)
                table[j] = std::abs(a - words[j]) + std::abs(b - words[codewords + j]);
        } else {
            for (std::size_t j = 0; j < codewords; ++j) table[j] = scale * (a * words[j] + b * words[codewords + j]);
        }
        const float least = *std::min_element(table, table + codewords);
        const float range = *std::max_element(table, table + codewords) - least;
        for (std::size_t j = 0; j < codewords; ++j) table[j] -= least;
        bias_ += least;
        range_max = std::max(range_max, range);
        range_sum += range;
    }
    step_ = std::max({range_max / 255, range_sum / sums_max, term_weight_ * lists.term_step_max() / term_levels});
    if (!(step_ > 0) || !std::isfinite(step_)) step_ = 1;
    tables_.assign(quantization::table_bytes(subs), 0);
    const float inverse = 1 / step_;
    for (std::size_t s = 0; s < subs; ++s) {
        auto* to = tables_.data() + quantization::table_offset(s);
        for (std::size_t j = 0; j < codewords; ++j)
            to[j] = to[j + codewords] =
                static_cast<std::uint8_t>(std::min(255.0f, raw_tables_[s * codewords + j] * inverse + 0.5f));
    }
}

void ivf_query::aim(const ivf_lists& lists, const ivf_lists::list& l, std::size_t rank, quantization::scan_input& in) {
    const auto i = order_[rank].list;
    in.blocks = lists.blocks(l);
    in.rows = l.entries;
    in.subs = lists.subs();
    in.tables = tables_.data();
    const float factor = term_weight_ * l.term_step / step_ * 256 + 0.5f;
    in.term_factor = static_cast<std::uint16_t>(factor < 65535.0f ? factor : 65535.0f);
    list_bias_ = bias_ + term_weight_ * l.least_term;
    if (by_inner_product(lists.metric()))
        list_bias_ -= scores_[i];
    else if (lists.metric() == metric::euclid)
        list_bias_ += 2 * (lists.half_norms()[i] - scores_[i]);
}

int ivf_query::limit(float distance) const noexcept {
    const float sum = (distance - list_bias_) / step_;
    if (!(sum >= 0)) return -1;
    return sum < 65535.0f ? static_cast<int>(sum) : 65535;
}

float ivf_query::spread(const ivf_lists& lists, float distance) const noexcept {
    const auto dim = static_cast<float>(lists.dim());
    const float rounding = step_ * std::sqrt(static_cast<float>(lists.subs()) / 12);
    float apart = 0;
    switch (lists.metric()) {
        case metric::cosine: apart = std::sqrt(std::max(0.0f, distance * (2 - distance))); break;
        case metric::dot: apart = length_; break;
        case metric::euclid: apart = 2 * std::sqrt(std::max(0.0f, distance)); break;
        case metric::manhattan:
        case metric::hamming: return std::numeric_limits<float>::infinity();
    }
    const float coding = apart * lists.code_error() / std::sqrt(dim);
    return std::sqrt(coding * coding + rounding * rounding);
}

std::size_t ivf_query::memory_bytes() const noexcept {
    return (query_.capacity() + scores_.capacity() + raw_tables_.capacity()) * sizeof(float) +
           (order_.capacity() + rest_.capacity() + taken_.capacity()) * sizeof(ranked_list) + tables_.capacity();
}

}  // namespace vecstore::index
