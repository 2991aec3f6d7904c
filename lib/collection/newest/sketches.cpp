#include "sketches.hpp"

#include <vecstore/quantization/sign_codes.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace vecstore::detail {

using quantization::block_rows;
using quantization::bounded_terms;
using quantization::level_scale;
using quantization::slab_rows;

namespace {

/// What sums and products in f32 may be off, of the size of their terms.
constexpr float of_sums = 1e-5f;
/// Squares of rows that are shorter, or that are longer, could leave f32.
constexpr float square_least = 1e-24f, square_most = 1e30f;

const bounded_terms& terms_of(const std::byte* slab, std::size_t lines) noexcept {
    return *reinterpret_cast<const bounded_terms*>(slab + lines * quantization::code_line);
}

}  // namespace

sketches::sketches(vecstore::metric m, std::size_t dim) noexcept
    : metric_(m),
      dim_(dim),
      records_((levels_at() + sizeof(run_levels) + quantization::code_line - 1) / quantization::code_line *
               quantization::code_line),
      fine_(run_rows * fine_bytes()) {}

sketches::run_view sketches::run(std::size_t i) const noexcept {
    const auto* const record = records_.at(i);
    run_view view{record, record + run_rows / block_rows * sign_bytes(), {}};
    std::memcpy(&view.levels, record + levels_at(), sizeof view.levels);
    return view;
}

bool sketches::make_room() const noexcept {
    if (stopped_) return false;
    try {
        if (work_ == nullptr) work_ = std::make_unique<workspace>(bits());
        records_.ensure(runs() + 1);
        fine_.ensure(runs() + 1);
    } catch (const std::bad_alloc&) {
        stopped_ = true;
    }
    return !stopped_;
}

/// The rows of a slab, as their codes have them, into `turned`. False when a code says nothing of its row.
bool sketches::decode(const std::byte* slab, std::size_t lines) const noexcept {
    auto& turned = work_->turned;
    const auto& terms = terms_of(slab, lines);
    for (std::size_t line = 0; line < lines; ++line) {
        std::array<std::uint32_t, slab_rows> fours;
        std::memcpy(fours.data(), slab + line * quantization::code_line, sizeof fours);
        for (std::size_t j = 0; j < 4; ++j) {
            float* const out = turned.data() + (4 * line + j) * lanes;
            for (std::size_t r = 0; r < lanes; ++r)
                out[r] = static_cast<float>(static_cast<std::int32_t>(fours[r] >> 8 * j & 255) - 128) * terms.steps[r];
        }
    }
    std::fill(turned.begin() + static_cast<std::ptrdiff_t>(4 * lines * lanes), turned.end(), 0.0f);
    return std::all_of(terms.errors, terms.errors + slab_rows, [](float e) { return std::isfinite(e); });
}

/// The mean; a row along which much of all rows lies. Rows whose codes say nothing are zero in them.
std::size_t sketches::add_to_center(const quantization::bounded_run& codes) const noexcept {
    const auto stride = quantization::bounded_slab_bytes(codes.lines);
    for (std::size_t s = 0; s < codes.count; ++s) {
        (void)decode(codes.slabs + s * stride, codes.lines);
        for (std::size_t d = 0; d < bits(); ++d)
            for (std::size_t r = 0; r < lanes; ++r) work_->center[d] += work_->turned[d * lanes + r];
    }
    return codes.count * slab_rows;
}

void sketches::finish_center(std::size_t rows) const noexcept {
    double square = 0;
    for (auto& x : work_->center) {
        x /= static_cast<float>(rows);
        square += double{x} * double{x};
    }
    work_->center_square = static_cast<float>(square);
    if (work_->center_square >= square_least && work_->center_square <= square_most) return;
    std::fill(work_->center.begin(), work_->center.end(), 0.0f);
    work_->center_square = 0;
}

void sketches::make(const quantization::bounded_run& codes) const noexcept {
    auto* const record = records_.at(runs());
    std::memset(record, 0, records_.group());
    const auto stride = quantization::bounded_slab_bytes(codes.lines);
    work_->rows.known = true;
    for (std::size_t s = 0; s < codes.count; ++s)
        sketch_slab(codes.slabs + s * stride, codes.lines, s * slab_rows, record);
    write_levels(record);
    runs_.store(runs() + 1, std::memory_order_release);
}

void sketches::sketch_slab(const std::byte* slab, std::size_t lines, std::size_t first,
                           std::byte* record) const noexcept {
    work_->rows.known &= decode(slab, lines);
    cut(first);
    work_->rotation.apply_turned(work_->turned.data());
    std::copy_n(terms_of(slab, lines).errors, lanes, work_->rows.off.begin() + static_cast<std::ptrdiff_t>(first));
    code_signs(first, record);
    code_finely(first);
}

/// Takes from each row what lies along the center, or the center.
void sketches::cut(std::size_t first) const noexcept {
    auto& turned = work_->turned;
    const auto& center = work_->center;
    std::array<float, lanes> along;
    along.fill(metric_ == metric::euclid ? 1.0f : 0.0f);
    if (metric_ != metric::euclid && work_->center_square > 0) {
        for (std::size_t d = 0; d < dim_; ++d)
            for (std::size_t r = 0; r < lanes; ++r) along[r] += turned[d * lanes + r] * center[d];
        for (auto& a : along) a /= work_->center_square;
    }
    for (std::size_t d = 0; d < dim_; ++d)
        for (std::size_t r = 0; r < lanes; ++r) turned[d * lanes + r] -= along[r] * center[d];
    std::copy(along.begin(), along.end(), work_->rows.terms.begin() + static_cast<std::ptrdiff_t>(first));
}

/// What rotation_code.hpp says of one bit, for the rows in lanes.
void sketches::code_signs(std::size_t first, std::byte* blocks) const noexcept {
    const auto& turned = work_->turned;
    auto& rows = work_->rows;
    auto* to = blocks + first / block_rows * sign_bytes() + first % block_rows;
    std::array<float, lanes> squares{}, sizes{};
    for (std::size_t d = 0; d < bits(); d += 8, to += block_rows) {
        std::array<std::uint32_t, lanes> eight{};
        for (std::size_t j = 0; j < 8; ++j) {
            const float* const x = turned.data() + (d + j) * lanes;
            for (std::size_t r = 0; r < lanes; ++r) {
                squares[r] += x[r] * x[r];
                sizes[r] += std::fabs(x[r]);
                eight[r] |= (x[r] >= 0 ? 1u : 0u) << j;
            }
        }
        for (std::size_t r = 0; r < lanes; ++r) to[r] = static_cast<std::byte>(eight[r]);
    }
    const float quarter = static_cast<float>(bits()) / 4;
    for (std::size_t r = 0; r < lanes; ++r) {
        const float scale = sizes[r] > 0 ? 2 * squares[r] / sizes[r] : 0;
        const float length = std::sqrt(squares[r]);
        rows.scales[first + r] = scale;
        rows.lengths[first + r] = length;
        rows.errors[first + r] = std::sqrt(std::max(0.0f, scale * scale * quarter - squares[r]));
        rows.off[first + r] += 16 * of_sums * length;
        if (metric_ == metric::euclid) rows.terms[first + r] = squares[r];
        rows.known &= squares[r] == 0 || (squares[r] >= square_least && squares[r] <= square_most);
    }
}

/// The levels of two bits: halves and threes of halves of a step, which is the best for normal values.
void sketches::code_finely(std::size_t first) const noexcept {
    constexpr float step_best = 0.9957f;  // Max, "Quantizing for minimum distortion", 1960
    const auto& turned = work_->turned;
    const auto& rows = work_->rows;
    std::array<float, lanes> steps, along{}, squares{};
    for (std::size_t r = 0; r < lanes; ++r)
        steps[r] = step_best * rows.lengths[first + r] / std::sqrt(static_cast<float>(bits()));
    auto* const to = fine_.at(runs()) + first * fine_bytes();
    for (std::size_t d = 0; d < bits(); d += 4) {
        std::array<std::uint32_t, lanes> codes{};
        for (std::size_t j = 0; j < 4; ++j) {
            const float* const x = turned.data() + (d + j) * lanes;
            const auto sign = static_cast<unsigned>(j % 2 + j / 2 * 4);
            for (std::size_t r = 0; r < lanes; ++r) {
                const float size = std::fabs(x[r]), level = size > steps[r] ? 1.5f : 0.5f;
                along[r] += size * level;
                squares[r] += level * level;
                codes[r] |= (x[r] >= 0 ? 1u : 0u) << sign | (size > steps[r] ? 4u : 0u) << sign;
            }
        }
        for (std::size_t r = 0; r < lanes; ++r) to[r * fine_bytes() + d / 4] = static_cast<std::byte>(codes[r]);
    }
    for (std::size_t r = 0; r < lanes; ++r) {
        const float length = rows.lengths[first + r], square = length * length;
        row_factors factors{rows.terms[first + r], along[r] > 0 ? square / along[r] : 0, 0, length,
                            rows.off[first + r]};
        factors.error = std::sqrt(std::max(0.0f, factors.scale * factors.scale * squares[r] - square));
        std::memcpy(to + r * fine_bytes() + bits() / 4, &factors, sizeof factors);
    }
}

/// A scale that was rounded makes an estimate longer or shorter, too.
void sketches::write_levels(std::byte* record) const noexcept {
    auto& rows = work_->rows;
    run_levels levels;
    levels.term = quantization::levels_of(rows.terms);
    levels.scale = quantization::levels_of(rows.scales);
    levels.known = rows.known;
    levels.shortest = *std::min_element(rows.lengths.begin(), rows.lengths.end());
    levels.longest = *std::max_element(rows.lengths.begin(), rows.lengths.end());
    std::array<std::uint8_t, run_rows> scales;
    for (std::size_t i = 0; i < run_rows; ++i) {
        scales[i] = quantization::level_of(rows.scales[i], levels.scale, false);
        const float rounded =
            std::fabs(levels.scale.least + levels.scale.step * static_cast<float>(scales[i]) - rows.scales[i]);
        float off = rows.off[i] + rounded * deviations / 2;
        if (rows.scales[i] > 0) off += rounded / rows.scales[i] * rows.lengths[i];
        levels.off = std::max(levels.off, off);
    }
    levels.error = quantization::levels_of(rows.errors);
    auto* const factors = record + run_rows / block_rows * sign_bytes();
    for (std::size_t i = 0; i < run_rows; ++i) {
        auto* const lane = factors + i / block_rows * quantization::sign_factor_bytes + i % block_rows;
        lane[0] = static_cast<std::byte>(quantization::level_of(rows.terms[i], levels.term, false));
        lane[block_rows] = static_cast<std::byte>(scales[i]);
        lane[2 * block_rows] = static_cast<std::byte>(quantization::level_of(rows.errors[i], levels.error, true));
    }
    for (const auto& l : {levels.term, levels.scale, levels.error})
        levels.known &= std::isfinite(l.least) && std::isfinite(l.step);
    levels.known &= std::isfinite(levels.off) && std::isfinite(levels.longest);
    std::memcpy(record + levels_at(), &levels, sizeof levels);
}

sketch_search::sketch_search(const sketches& rows, const float* query) : rows_(rows) {
    const auto dim = rows.dim(), bits = rows.bits();
    const auto center = rows.center();
    const bool euclid = rows.metric() == metric::euclid;
    double product = 0, square = 0, whole = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        product += double{query[d]} * double{center[d]};
        whole += double{query[d]} * double{query[d]};
    }
    const float along = euclid                     ? 1.0f
                        : rows.center_square() > 0 ? static_cast<float>(product) / rows.center_square()
                                                   : 0.0f;
    std::vector<float> rotated(bits), raw;
    for (std::size_t d = 0; d < dim; ++d) {
        rotated[d] = query[d] - along * center[d];
        square += double{rotated[d]} * double{rotated[d]};
    }
    rows.rotation().apply(rotated.data());
    sides_ = euclid ? 2.0f : 1.0f;
    length_ = static_cast<float>(std::sqrt(square));
    whole_ = static_cast<float>(std::sqrt(whole));
    const auto of_sum = quantization::make_sign_tables(rotated, raw, tables_);
    dot_ = {sides_ * of_sum.least, sides_ * of_sum.step};
    bias_ = euclid ? static_cast<float>(square) : rows.metric() == metric::cosine ? 1.0f : 0.0f;
    term_weight_ = euclid ? 1.0f : -static_cast<float>(product);
    deviation_ = sketches::deviations * sides_ * length_ / std::sqrt(static_cast<float>(bits - 1));
    rounding_ = sketches::deviations * dot_.step * std::sqrt(static_cast<float>(rows.subs()) / 12);
    fine_tables_.resize(bits / 2 * quantization::codewords);
    for (std::size_t d = 0; d < bits; d += 2)
        for (std::size_t j = 0; j < quantization::codewords; ++j) {
            const float a = (j & 4) != 0 ? 1.5f : 0.5f, b = (j & 8) != 0 ? 1.5f : 0.5f;
            fine_tables_[d / 2 * quantization::codewords + j] =
                ((j & 1) != 0 ? a : -a) * rotated[d] + ((j & 2) != 0 ? b : -b) * rotated[d + 1];
        }
    usable_ = square >= double{square_least} && square <= double{square_most} && std::isfinite(term_weight_);
}

/// At the limit, the product of both rests is `least` or more. For euclid it falls, and rises again, as the rest grows.
float sketch_search::beside(float shortest, float longest, float term, float limit) const noexcept {
    float least = bias_ + term - limit, length = longest;
    if (rows_.metric() == metric::euclid) {
        const float apart = bias_ - limit;
        length = std::clamp(apart > 0 ? std::sqrt(apart) : 0.0f, shortest, longest);
        least = (apart + length * length) / 2;
    }
    if (!(least > 0) || !(length > 0)) return 1;
    const float cosine = std::min(1.0f, least / (length_ * length));
    return std::min(1.0f, std::sqrt(1 - cosine * cosine) + 1e-3f);
}

/// A row that is off by a vector of this length is nearer by that to any query, or has so much of the query's length along it.
float sketch_search::nearer_by(float off, float limit) const noexcept {
    if (rows_.metric() != metric::euclid) return off * whole_;
    return off * (2 * std::max(length_, std::sqrt(std::max(0.0f, limit))) + off);
}

std::span<const row_id> sketch_search::possible(std::size_t run, float limit) noexcept {
    const auto view = rows_.run(run);
    const auto& levels = view.levels;
    const auto &terms = levels.term, &scales = levels.scale, &errors = levels.error;
    const level_scale term{bias_ + term_weight_ * terms.least, term_weight_ * terms.step};
    const float off = nearer_by(levels.off, limit) + std::fabs(term.step) / 2 +
                      of_sums * (std::fabs(limit) + std::fabs(bias_) + std::fabs(term_weight_ * terms.least) +
                                 255 * std::fabs(term.step));
    const float least_term = term.least - bias_ + std::min(0.0f, 255 * term.step);
    const float share = beside(levels.shortest, levels.longest, least_term, limit + off);
    // The sum of both deviations grows less than in proportion to a row's error: a line through its ends is above it.
    const float rounded = rounding_ * (scales.least + 255 * scales.step);
    const float least = share * deviation_ * errors.least, most = least + 255 * share * deviation_ * errors.step;
    const float first = std::sqrt(least * least + rounded * rounded);
    const float last = std::sqrt(most * most + rounded * rounded);
    quantization::sign_scan_input in;
    in.blocks = view.signs;
    in.rows = sketches::run_rows;
    in.subs = rows_.subs();
    in.tables = tables_.data();
    in.term = term;
    in.scale = scales;
    in.error = {first, (last - first) / 255};
    in.dot = dot_;
    in.limit = limit + off;
    in.factors = view.factors;
    in.ahead = rows_.run_bytes();
    quantization::sign_scan_output out{bounds_.data(), found_.data(), found_.size(), 0, 0};
    (void)quantization::active_fast_scan().scan_signs(in, 0, out);
    const auto from = static_cast<row_id>(run * sketches::run_rows);
    for (std::size_t i = 0; i < out.count; ++i) found_[i] += from;
    return std::span<const row_id>(found_).first(out.count);
}

std::size_t sketch_search::refine(row_id* rows, std::size_t count, float limit) const noexcept {
    const auto bytes = rows_.bits() / 4;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto* const code = rows_.fine(rows[i]);
        sketches::row_factors factors;
        std::memcpy(&factors, code + bytes, sizeof factors);
        const float* table = fine_tables_.data();
        float even = 0, odd = 0;
        for (std::size_t b = 0; b < bytes; ++b, table += 2 * quantization::codewords) {
            const auto two = std::to_integer<unsigned>(code[b]);
            even += table[two & 15];
            odd += table[quantization::codewords + (two >> 4)];
        }
        const float term = term_weight_ * factors.term;
        const float off =
            nearer_by(factors.off, limit) + of_sums * (std::fabs(limit) + std::fabs(bias_) + std::fabs(term));
        const float share = beside(factors.length, factors.length, term, limit + off);
        const float bound = bias_ + term - sides_ * factors.scale * (even + odd) - share * deviation_ * factors.error;
        rows[kept] = rows[i];
        kept += static_cast<std::size_t>(!(bound > limit + off));
    }
    return kept;
}

}  // namespace vecstore::detail
