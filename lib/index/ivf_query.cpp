#include <vecstore/core/log2_about.hpp>
#include <vecstore/index/ivf/members.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/sign_codes.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace vecstore::index {

using quantization::codebook_stride;
using quantization::codewords;
using quantization::panel_rows;

namespace {

bool by_inner_product(metric m) noexcept { return m == metric::cosine || m == metric::dot; }

/// How much of the cosine between a row and a query is there for the row's own term: a near query is not the row.
constexpr float term_share = 0.6f;

}  // namespace

void ivf_query::start(const ivf_lists& lists, std::span<const float> query, const ivf_members* members) {
    const auto centered = center(lists, query);
    const auto padded = lists.panel_count() * panel_rows;
    products_.resize(padded);
    quantization::active_fast_scan().dots(centered.data(), 1, lists.dim(), lists.centroids(), lists.panel_count(),
                                          lists.dim(), products_.data(), padded);
    start_with(lists, query, products_.data(), members);
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
                           const ivf_members* members) {
    scores_.assign(products, products + lists.list_count());
    set_keys(lists, members);
    if (members != nullptr) rank_by_members(*members);
    sort_by_bins();
    if (lists.code() == ivf_code::pq4) make_tables(lists);
    if (lists.code() == ivf_code::rabitq) make_sign_tables(lists);
    if (lists.code() == ivf_code::int8) lists.codec().prepare(query.data(), bytes_);
}

/// Distances, less what all lists share. What is no number (of values near the end of f32) is as far as can be.
void ivf_query::set_keys(const ivf_lists& lists, const ivf_members* members) {
    constexpr float most = std::numeric_limits<float>::max() / 4;
    const auto count = lists.list_count();
    keys_.resize(count);
    numbers_.resize(count);
    const float weight = by_inner_product(lists.metric()) ? 0.0f : 1.0f;
    const float* half_norms = lists.half_norms();
    for (std::size_t i = 0; i < count; ++i) {
        const float distance = weight * half_norms[i] - scores_[i];
        const float at_most = distance < most ? distance : most;
        keys_[i] = at_most > -most ? at_most : -most;
        numbers_[i] = static_cast<std::uint32_t>(i);
    }
    if (members == nullptr) return;
    std::size_t ranked = 0;
    for (std::size_t i = 0; i < count; ++i) {
        keys_[ranked] = keys_[i];
        numbers_[ranked] = static_cast<std::uint32_t>(i);
        ranked += static_cast<std::size_t>(members->any_in(i));
    }
    keys_.resize(ranked);
    numbers_.resize(ranked);
}

/// Ranks need be known roughly: as the place of a bin in a histogram of distances.
void ivf_query::rank_by_members(const ivf_members& members) {
    const auto bins = bins_for(keys_);
    std::array<std::uint32_t, bin_count> counts{};
    for (const float key : keys_) ++counts[bins.of(key)];
    std::array<float, bin_count> ranks;  // their logarithms
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < bin_count; before += counts[i++])
        ranks[i] = log2_about(static_cast<float>(before) + 0.5f * static_cast<float>(counts[i] + 1));
    for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i] = ranks[bins.of(keys_[i])] + members.delay_of(numbers_[i]);
}

ivf_query::key_bins ivf_query::bins_for(std::span<const float> keys) noexcept {
    constexpr std::size_t lanes = 16;  // side by side, so that no comparison waits for the one before
    if (keys.empty()) return {};
    std::array<float, lanes> least, most;
    least.fill(keys[0]);
    most.fill(keys[0]);
    std::size_t i = 0;
    for (; i + lanes <= keys.size(); i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) {
            least[j] = keys[i + j] < least[j] ? keys[i + j] : least[j];
            most[j] = keys[i + j] > most[j] ? keys[i + j] : most[j];
        }
    for (; i < keys.size(); ++i) {
        least[0] = std::min(least[0], keys[i]);
        most[0] = std::max(most[0], keys[i]);
    }
    const float from = *std::min_element(least.begin(), least.end()), to = *std::max_element(most.begin(), most.end());
    return {from, to > from ? static_cast<float>(bin_count - 1) / (to - from) : 0};
}

/// A counting sort. What a bin holds is sorted when it is asked for: most are never.
void ivf_query::sort_by_bins() {
    bins_ = bins_for(keys_);
    std::array<std::uint32_t, bin_count> starts{};
    for (const float key : keys_) ++starts[bins_.of(key)];
    std::uint32_t before = 0;
    for (auto& start : starts) before += std::exchange(start, before);
    order_.resize(keys_.size());
    for (std::size_t i = 0; i < keys_.size(); ++i) order_[starts[bins_.of(keys_[i])]++] = {keys_[i], numbers_[i]};
    sorted_ = 0;
}

void ivf_query::sort_next_bin() {
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    const auto bin = bins_.of(first->key);
    const auto last = std::find_if(first, order_.end(), [&](const ranked_list& l) { return bins_.of(l.key) != bin; });
    std::sort(first, last, [](const ranked_list& a, const ranked_list& b) {
        return a.key < b.key || (a.key == b.key && a.list < b.list);
    });
    sorted_ = static_cast<std::size_t>(last - order_.begin());
}

std::uint32_t ivf_query::list_at(std::size_t rank) {
    while (rank >= sorted_) sort_next_bin();
    return order_[rank].list;
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

std::size_t ivf_query::scan(const ivf_lists& lists, std::size_t chunk, float limit, const ivf_members* members,
                            std::vector<ivf_candidate>& out) const {
    const auto first = chunk * ivf_chunk;
    const auto count = std::min(ivf_chunk, list_.entries - first);
    const auto* const wanted = members == nullptr ? nullptr : members->from(ivf_lists::first_entry(list_) + first);
    if (lists.code() == ivf_code::int8) return scan_bytes(lists, first, count, limit, wanted, out);
    if (lists.code() == ivf_code::rabitq) return scan_signs(lists, first, count, limit, wanted, out);
    return scan_sums(lists, first, count, limit, wanted, out);
}

std::size_t ivf_query::scan_sums(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                                 const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const {
    const int threshold = sum_at(limit);
    if (threshold < 0) return 0;
    std::array<std::uint16_t, ivf_chunk> sums;
    std::array<std::uint32_t, ivf_chunk> rows;
    const auto* blocks = lists.blocks(list_) + first / quantization::block_rows * lists.code_block_bytes();
    quantization::scan_output found{sums.data(), rows.data(), ivf_chunk, 0, 0};
    quantization::active_fast_scan().scan(
        {blocks, count, lists.subs(), tables_.data(), term_factor_, static_cast<std::uint16_t>(threshold), wanted}, 0,
        found);
    const auto entry = static_cast<std::uint32_t>(ivf_lists::first_entry(list_) + first);
    const auto before = out.size();
    out.resize(before + found.count);
    for (std::size_t i = 0; i < found.count; ++i)
        out[before + i] = {list_bias_ + step_ * static_cast<float>(sums[i]), entry + rows[i]};
    return found.unwanted;
}

std::size_t ivf_query::scan_bytes(const ivf_lists& lists, std::size_t first, std::size_t count, float limit,
                                  const std::uint32_t* wanted, std::vector<ivf_candidate>& out) const {
    std::array<row_id, ivf_chunk> entries;
    std::array<float, ivf_chunk> distances;
    const auto entry = static_cast<std::uint32_t>(first);
    for (std::uint32_t i = 0; i < count; ++i) entries[i] = entry + i;
    quantization::code_distances(lists.codec(), lists.blocks(list_), bytes_)
        .many(entries.data(), count, distances.data());
    const auto base = static_cast<std::uint32_t>(ivf_lists::first_entry(list_));
    std::size_t size = out.size(), unwanted = 0;
    out.resize(size + count);
    for (std::size_t i = 0; i < count; ++i) {
        const float estimate = distances[i] + list_bias_;
        const bool near = estimate <= limit;
        const bool asked =
            wanted == nullptr || (wanted[i / quantization::block_rows] >> i % quantization::block_rows & 1);
        out[size] = {estimate, base + entries[i]};
        size += static_cast<std::size_t>(near && asked);
        unwanted += static_cast<std::size_t>(near && !asked);
    }
    out.resize(size);
    return unwanted;
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
           (keys_.capacity() + numbers_.capacity()) * sizeof(float) + order_.capacity() * sizeof(ranked_list) +
           tables_.capacity();
}

}  // namespace vecstore::index
