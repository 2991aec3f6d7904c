#include <vecstore/index/ivf/members.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/take_least.hpp>
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/sign_codes.hpp>

#include <algorithm>
#include <array>
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

void ivf_query::start(const ivf_lists& lists, std::span<const float> query, std::size_t lists_expected,
                      const ivf_members* members) {
    const auto centered = center(lists, query);
    const auto padded = lists.panel_count() * panel_rows;
    products_.resize(padded);
    quantization::active_fast_scan().dots(centered.data(), 1, lists.dim(), lists.centroids(), lists.panel_count(),
                                          lists.dim(), products_.data(), padded);
    start_with(lists, query, products_.data(), lists_expected, members);
}

std::span<const float> ivf_query::center(const ivf_lists& lists, std::span<const float> query) {
    const auto dim = lists.dim();
    query_.assign((dim + 1) / 2 * 2, 0);
    const float* mean = lists.mean();
    double length = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        query_[d] = query[d] - mean[d];
        length += static_cast<double>(query_[d]) * static_cast<double>(query_[d]);
    }
    length_ = static_cast<float>(std::sqrt(length));
    return {query_.data(), dim};
}

void ivf_query::start_with(const ivf_lists& lists, std::span<const float> query, const float* products,
                           std::size_t lists_expected, const ivf_members* members) {
    scores_.resize(lists.list_count());
    rest_.resize(lists.list_count());
    const float* half_norms = lists.half_norms();
    const bool inner = by_inner_product(lists.metric());
    std::size_t ranked = 0;
    for (std::size_t i = 0; i < scores_.size(); ++i) {
        scores_[i] = products[i];
        rest_[ranked] = {(inner ? 0 : half_norms[i]) - products[i], static_cast<std::uint32_t>(i)};
        ranked += static_cast<std::size_t>(members == nullptr || members->any_in(i));
    }
    rest_.resize(ranked);
    if (members != nullptr) rank_by_members(*members);
    order_.clear();
    order_lists(lists_expected + 1);
    if (lists.code() == ivf_code::pq4) make_tables(lists);
    if (lists.code() == ivf_code::rabitq) make_sign_tables(lists);
    if (lists.code() == ivf_code::int8) lists.codec().prepare(query.data(), bytes_);
}

/// Ranks need be known roughly: as the place of a bin in a histogram of distances.
void ivf_query::rank_by_members(const ivf_members& members) {
    constexpr std::size_t bins = 512;
    if (rest_.empty()) return;
    const auto nearer = [](const ranked_list& a, const ranked_list& b) { return a.distance < b.distance; };
    const auto [nearest, farthest] = std::minmax_element(rest_.begin(), rest_.end(), nearer);
    const float least = nearest->distance, span = farthest->distance - least;
    const float scale = span > 0 ? static_cast<float>(bins - 1) / span : 0;
    const auto bin_of = [&](const ranked_list& l) { return static_cast<std::size_t>((l.distance - least) * scale); };
    std::array<std::uint32_t, bins> counts{};
    for (const auto& l : rest_) ++counts[bin_of(l)];
    std::array<float, bins> ranks;  // their logarithms
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < bins; before += counts[i++])
        ranks[i] = std::log(static_cast<float>(before) + 0.5f * static_cast<float>(counts[i] + 1));
    for (auto& l : rest_) l.distance = ranks[bin_of(l)] + members.delay_of(l.list);
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
    constexpr float term_levels = 64;
    const auto subs = lists.subs();
    const auto m = lists.metric();
    raw_tables_.resize(subs * codewords);
    const float scale = by_inner_product(m) ? -1.0f : -2.0f;
    term_weight_ = by_inner_product(m) ? term_share * length_ : 1.0f;
    bias_ = m == metric::cosine ? 1.0f : m == metric::euclid ? length_ * length_ : 0.0f;
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
    }
    const auto rounded =
        quantization::round_tables(raw_tables_, 255, term_weight_ * lists.term_step_max() / term_levels, tables_);
    bias_ += rounded.least;
    step_ = rounded.step;
}

void ivf_query::aim(const ivf_lists& lists, std::uint32_t i, float slack) {
    list_ = lists.at(i);
    if (lists.code() == ivf_code::rabitq) return aim_signs(lists, i, slack);
    if (lists.code() == ivf_code::int8) {
        // Both the row and the query were rounded, which makes a squared distance longer.
        list_bias_ = lists.metric() == metric::euclid ? -2 * lists.code_error() * lists.code_error() : 0;
        return;
    }
    const float factor = term_weight_ * list_.term_step / step_ * 256 + 0.5f;
    term_factor_ = static_cast<std::uint16_t>(factor < 65535.0f ? factor : 65535.0f);
    list_bias_ = bias_ + term_weight_ * list_.least_term;
    if (by_inner_product(lists.metric()))
        list_bias_ -= scores_[i];
    else if (lists.metric() == metric::euclid)
        list_bias_ += 2 * (lists.half_norms()[i] - scores_[i]);
}

int ivf_query::sum_at(float distance) const noexcept {
    const float sum = (distance - list_bias_) / step_ + 1;
    if (!(sum >= 0)) return -1;
    return sum < 65535.0f ? static_cast<int>(sum) : 65535;
}

void ivf_query::scan(const ivf_lists& lists, std::size_t chunk, float limit, std::vector<ivf_candidate>& out) const {
    const auto first = chunk * ivf_chunk;
    const auto count = std::min(ivf_chunk, list_.entries - first);
    if (lists.code() == ivf_code::int8)
        scan_bytes(lists, first, count, limit, out);
    else if (lists.code() == ivf_code::rabitq)
        scan_signs(lists, first, count, limit, out);
    else
        scan_sums(lists, first, count, limit, out);
}

void ivf_query::scan_sums(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                          std::vector<ivf_candidate>& out) const {
    const int threshold = sum_at(limit);
    if (threshold < 0) return;
    std::array<std::uint16_t, ivf_chunk> sums;
    std::array<std::uint32_t, ivf_chunk> rows;
    const auto* blocks = lists.blocks(list_) + first / quantization::block_rows * lists.code_block_bytes();
    quantization::scan_output found{sums.data(), rows.data(), ivf_chunk, 0};
    quantization::active_fast_scan().scan(
        {blocks, count, lists.subs(), tables_.data(), term_factor_, static_cast<std::uint16_t>(threshold)}, 0, found);
    const auto entry = static_cast<std::uint32_t>(ivf_lists::first_entry(list_) + first);
    const auto before = out.size();
    out.resize(before + found.count);
    for (std::size_t i = 0; i < found.count; ++i)
        out[before + i] = {list_bias_ + step_ * static_cast<float>(sums[i]), entry + rows[i]};
}

void ivf_query::scan_bytes(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                           std::vector<ivf_candidate>& out) const {
    std::array<row_id, ivf_chunk> entries;
    std::array<float, ivf_chunk> distances;
    const auto entry = static_cast<std::uint32_t>(first);
    for (std::uint32_t i = 0; i < count; ++i) entries[i] = entry + i;
    quantization::code_distances(lists.codec(), lists.blocks(list_), bytes_)
        .many(entries.data(), count, distances.data());
    const auto base = static_cast<std::uint32_t>(ivf_lists::first_entry(list_));
    auto size = out.size();
    out.resize(size + count);
    for (std::size_t i = 0; i < count; ++i) {
        const float estimate = distances[i] + list_bias_;
        out[size] = {estimate, base + entries[i]};
        size += static_cast<std::size_t>(estimate <= limit);
    }
    out.resize(size);
}

/// Rounding makes an error of one size in row and query, and in all dimensions alike.
float ivf_query::spread_of_bytes(const ivf_lists& lists, float distance) const noexcept {
    const float both = lists.code_error() * std::sqrt(2.0f);
    const float each = both / std::sqrt(static_cast<float>(lists.dim()));
    switch (lists.metric()) {
        case metric::cosine: return each;
        case metric::dot: return each * length_;
        case metric::euclid: return 2 * std::sqrt(std::max(0.0f, distance)) * each;
        case metric::manhattan:
        case metric::hamming: break;
    }
    return both;
}

float ivf_query::spread(const ivf_lists& lists, float distance) const noexcept {
    const auto dim = static_cast<float>(lists.dim());
    if (lists.code() == ivf_code::rabitq) return 0;  // its estimates are bounds
    if (lists.code() == ivf_code::int8) return spread_of_bytes(lists, distance);
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
    return (query_.capacity() + products_.capacity() + scores_.capacity() + raw_tables_.capacity()) * sizeof(float) +
           (order_.capacity() + rest_.capacity() + taken_.capacity()) * sizeof(ranked_list) + tables_.capacity();
}

}  // namespace vecstore::index
