/// Scalar codes: a byte or half a byte for each number of a vector, on a grid that a sample of the rows has chosen.
/// A walk compares codes; originals decide in the end.
/// Thread safety: a trained codec is constant; a query belongs to one thread.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/codec_training.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::quantization {

/// The values are on disk, do not renumber.
enum class code_type : std::uint8_t { u8 = 1, u4 = 2 };

[[nodiscard]] constexpr bool known(code_type type) noexcept { return type == code_type::u8 || type == code_type::u4; }

/// True when codes can be compared by this metric.
[[nodiscard]] constexpr bool codes_fit(metric m) noexcept { return known(m) && m != metric::hamming; }

/// From one code to the next: whole lines, of which each takes 64 (u8) or 128 (u4) dimensions. The price of the padding
/// is memory alone; codes that share lines were measured to be a fifth slower.
[[nodiscard]] constexpr std::size_t code_bytes(code_type type, std::size_t dim) noexcept {
    const std::size_t per_line = type == code_type::u8 ? code_line : 2 * code_line;
    return (dim + per_line - 1) / per_line * code_line;
}

/// A query in the form that the kernels read, made by a codec. Up to 320 (u8) or 512 (u4) dimensions lie in the object;
/// for more, keep one and fill it again: no allocation once it has held a query of that size.
class code_query {
public:
    [[nodiscard]] code_query_view view() const noexcept {
        const auto* bytes = reinterpret_cast<const std::byte*>(large_.empty() ? small_ : large_.data());
        return {reinterpret_cast<const std::int8_t*>(bytes),
                reinterpret_cast<const std::int16_t*>(bytes + wide_at_),
                code_lines_,
                offset_,
                scale_,
                bias_};
    }

private:
    friend class scalar_codec;
    struct alignas(code_line) line {
        std::byte bytes[code_line];
    };

    /// All zero; u8 has a line of narrow and two of wide numbers for each line of a code, u4 two of narrow numbers.
    void reset(code_type type, std::size_t code_lines) {
        code_lines_ = code_lines;
        wide_at_ = type == code_type::u8 ? code_lines * code_line : 0;
        const auto lines = code_lines * (type == code_type::u8 ? 3 : 2);
        if (lines <= lines_inside) {
            large_.clear();
            std::memset(small_, 0, lines * sizeof(line));
        } else {
            large_.assign(lines, line{});
        }
    }
    [[nodiscard]] std::byte* bytes() noexcept {
        return reinterpret_cast<std::byte*>(large_.empty() ? small_ : large_.data());
    }
    [[nodiscard]] std::int8_t* narrow() noexcept { return reinterpret_cast<std::int8_t*>(bytes()); }
    [[nodiscard]] std::int16_t* wide() noexcept { return reinterpret_cast<std::int16_t*>(bytes() + wide_at_); }

    static constexpr std::size_t lines_inside = 16;
    line small_[lines_inside];
    std::vector<line> large_;
    std::size_t code_lines_ = 0;
    std::size_t wide_at_ = 0;
    std::int32_t offset_ = 0;
    float scale_ = 1;
    float bias_ = 0;
};

/// What stands beside a query's weights in `slab_query`.
struct slab_scale {
    float scale = 0;
    float bias = 0;
};

/// Number c of a code stands for lo + step * c.
/// | type | metric            | grid                                                 | query                              |
/// |------|-------------------|------------------------------------------------------|------------------------------------|
/// | u8   | cosine, dot       | one for all dimensions, lo = -128 step: zero is on it, so that a row can be the query | 255 levels, scaled to its largest |
/// | u8   | euclid, manhattan | one for all dimensions                               | the same grid, far beyond its ends |
/// | u4   | cosine, dot       | one for each dimension                               | 255 levels of weight, scaled to the largest |
/// | u4   | euclid, manhattan | one for all dimensions                               | eight times finer, up to a step beyond its ends |
/// Rows beyond the ends of a grid are moved to its ends; the ends are where the sample had the least squared error. When
/// the sample consists of integers that fit a grid with step 1 that one is taken, and such rows are kept exactly.
/// Layout of a code: u8: byte d is dimension d; u4: byte 64 l + j holds dimension 128 l + j in its low half and
/// 128 l + 64 + j in its high half. Padding adds nothing to any distance.
class scalar_codec {
public:
    /// Finds the grid from rows that lie at even distances; deterministic.
    /// `read(row, values)` writes row `row` < row_count to `values`, a std::span<float> [dim]; values must be finite.
    /// Preconditions: 1 <= dim <= codec_dim_max; codes_fit(m).
    /// Cost: up to 20,000 rows or two million numbers are read and sorted; 8 bytes for each.
    template <class Read>
    [[nodiscard]] static scalar_codec train(code_type type, metric m, std::size_t dim, std::size_t row_count,
                                            const Read& read) {
        const auto sample = detail::read_sample(dim, row_count, read);
        const unsigned top = type == code_type::u8 ? 255 : 15;
        std::vector<detail::code_grid> grids;
        if (type == code_type::u4 && by_dot(m)) {
            std::vector<float> column(sample.size() / dim);
            for (std::size_t d = 0; d < dim; ++d) {
                for (std::size_t i = 0; i < column.size(); ++i) column[i] = sample[i * dim + d];
                grids.push_back(detail::fit_grid(column, top, false));
            }
        } else {
            auto values = sample;
            grids.push_back(detail::fit_grid(values, top, by_dot(m)));
        }
        return {type, m, dim, grids};
    }

    [[nodiscard]] code_type type() const noexcept { return type_; }
    [[nodiscard]] vecstore::metric metric() const noexcept { return metric_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    /// Bytes of a code, and from one to the next: a multiple of 64. Codes must begin on 64-byte boundaries.
    [[nodiscard]] std::size_t code_bytes() const noexcept { return quantization::code_bytes(type_, dim_); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return grids_.size() * sizeof(detail::code_grid); }

    /// Writes all code_bytes() of `code`. Shapes: vector [dim] f32. Numbers that are none are taken for the lowest level.
    void encode(const float* vector, std::byte* code) const noexcept {
        std::memset(code, type_ == code_type::u8 && by_dot(metric_) ? 128 : 0, code_bytes());
        if (type_ == code_type::u8) {
            const auto grid = grids_.front();
            for (std::size_t d = 0; d < dim_; ++d)
                code[d] = static_cast<std::byte>(detail::level(vector[d], grid, 255));
            return;
        }
        for (std::size_t d = 0; d < dim_; ++d) {
            const auto number = detail::level(vector[d], grid_of(d), 15);
            code[nibble_byte(d)] |= static_cast<std::byte>(d % (2 * code_line) < code_line ? number : number << 4);
        }
    }

    /// The vector [dim] that a code stands for.
    void decode(const std::byte* code, float* vector) const noexcept {
        for (std::size_t d = 0; d < dim_; ++d) {
            const auto byte = static_cast<unsigned>(code[type_ == code_type::u8 ? d : nibble_byte(d)]);
            const auto half = d % (2 * code_line) < code_line ? byte & 15 : byte >> 4;
            const auto grid = grid_of(d);
            vector[d] = grid.lo + grid.step * static_cast<float>(type_ == code_type::u8 ? byte : half);
        }
    }

    /// Makes a user's query ready. Shapes: query [dim] f32, finite; of unit length for cosine.
    /// Distances are in the units of metric.hpp: those between the query, rounded as the table above says, and the
    /// vector that a code stands for. May throw std::bad_alloc.
    void prepare(const float* query, code_query& out) const {
        out.reset(type_, code_bytes() / code_line);
        if (by_dot(metric_))
            type_ == code_type::u8 ? prepare_dot_u8(query, out) : prepare_dot_u4(query, out);
        else
            type_ == code_type::u8 ? prepare_difference_u8(query, out) : prepare_difference_u4(query, out);
    }

    /// Makes a stored row the query, without rounding it again. Precondition: type() is u8.
    void prepare_row(const std::byte* code, code_query& out) const {
        out.reset(type_, code_bytes() / code_line);
        const double step = grids_.front().step;
        auto* narrow = out.narrow();
        auto* wide = out.wide();
        if (by_dot(metric_)) {
            // Loops apart, each of a shape that compilers turn into SIMD: building a graph comes here very often.
            std::int32_t sum = 0;
            for (std::size_t d = 0; d < dim_; ++d)
                narrow[d] = static_cast<std::int8_t>(static_cast<std::uint8_t>(code[d]) ^ 0x80u);
            for (std::size_t d = 0; d < dim_; ++d) wide[d] = narrow[d];
            for (std::size_t d = 0; d < dim_; ++d) sum += narrow[d];
            finish_dot(out, -128 * sum, -step * step, base());
        } else {
            for (std::size_t d = 0; d < dim_; ++d) wide[d] = static_cast<std::int16_t>(code[d]);
            finish_difference(out, 1);
        }
    }

    /// True when slabs can be made of the codes (code_slabs.hpp): distances must be sums of products.
    [[nodiscard]] bool fits_slabs() const noexcept { return type_ == code_type::u8 && metric_ != metric::manhattan; }
    /// Makes a user's query ready for slabs, as `prepare` does for rows. Under euclid its numbers, less the middle of the
    /// grid, become 255 levels: steps of the grid itself when it lies within.
    /// Shapes: query [dim] f32; weights [4 slab_lines(dim)]. Precondition: fits_slabs().
    [[nodiscard]] slab_scale prepare_slab(const float* query, std::int8_t* weights) const noexcept {
        std::memset(weights, 0, 4 * slab_lines(dim_));
        const auto grid = grids_.front();
        const double step = grid.step;
        const bool inner = by_dot(metric_);
        const auto value = [&](std::size_t d) {
            return inner ? double{query[d]} : (double{query[d]} - grid.lo) / step - 128;
        };
        const double scale = inner ? weight_scale(value) : slab_weight_scale(value);
        std::int64_t sum = 0;
        double squares = 0;
        for (std::size_t d = 0; d < dim_; ++d) {
            const auto weight = std::lrint(value(d) * scale);
            weights[d] = static_cast<std::int8_t>(weight);
            sum += weight;
            squares += value(d) * value(d);
        }
        const auto middle = 128 * static_cast<double>(sum) / scale;
        if (inner) return {bounded(-step / scale), bounded(base() + step * middle)};
        return {bounded(-2 * step * step / scale), bounded(step * step * (squares + 2 * middle))};
    }
    /// What a row adds to its distances in slabs.
    [[nodiscard]] float slab_term(const std::byte* code) const noexcept {
        if (by_dot(metric_)) return 0;
        std::int32_t squares = 0;
        for (std::size_t d = 0; d < dim_; ++d) {
            const auto x = static_cast<std::int32_t>(code[d]) - 128;
            squares += x * x;
        }
        const float step = grids_.front().step;
        return bounded(double{step} * double{step} * squares);
    }
    /// Half the step between two levels of a row's numbers. Precondition: type() is u8.
    [[nodiscard]] float rounding() const noexcept { return grids_.front().step / 2; }

    /// | offset | bytes | what                                                              |
    /// |--------|-------|-------------------------------------------------------------------|
    /// | 0      | 4     | version of this layout, 1                                         |
    /// | 4      | 1     | code_type                                                         |
    /// | 5      | 1     | metric                                                            |
    /// | 6      | 2     | zero                                                              |
    /// | 8      | 4     | dim                                                               |
    /// | 12     | 4     | grids n: dim for u4 under cosine and dot, else 1                  |
    /// | 16     | 8 n   | lo, step of each, f32                                             |
    [[nodiscard]] byte_vector save() const {
        byte_writer out;
        out.put(layout_version);
        out.put(static_cast<std::uint8_t>(type_));
        out.put(static_cast<std::uint8_t>(metric_));
        out.put(std::uint16_t{0});
        out.put(static_cast<std::uint32_t>(dim_));
        out.put(static_cast<std::uint32_t>(grids_.size()));
        for (const auto& grid : grids_) {
            out.put(grid.lo);
            out.put(grid.step);
        }
        return std::move(out).take();
    }

    /// Reads what `save` wrote.
    /// Errors: corruption (another size, version, type or metric; a grid that is not finite or has no step).
    [[nodiscard]] static result<scalar_codec> load(byte_span bytes) {
        byte_reader in(bytes);
        const auto version = in.get<std::uint32_t>();
        const auto type = static_cast<code_type>(in.get<std::uint8_t>());
        const auto m = static_cast<vecstore::metric>(in.get<std::uint8_t>());
        const auto zero = in.get<std::uint16_t>();
        const std::size_t dim = in.get<std::uint32_t>(), count = in.get<std::uint32_t>();
        const auto damaged = [](const char* what) { return corruption(std::string("codec: ") + what, {}, 0); };
        if (in.failed() || version != layout_version || zero != 0) return damaged("unknown layout");
        if (!known(type) || !codes_fit(m)) return damaged("unknown type or metric");
        if (dim < 1 || dim > codec_dim_max || count != grid_count(type, m, dim)) return damaged("sizes do not agree");
        if (in.remaining() != count * 2 * sizeof(float)) return damaged("another size than it says");
        std::vector<detail::code_grid> grids(count);
        for (auto& grid : grids) {
            grid.lo = in.get<float>();
            grid.step = in.get<float>();
            grid.inverse = 1 / grid.step;
            const bool usable =
                std::isfinite(grid.lo) && grid.step >= detail::grid_step_min && grid.step <= detail::grid_step_max;
            if (!usable) return damaged("a grid is not finite");
        }
        return scalar_codec(type, m, dim, std::move(grids));
    }

private:
    static constexpr std::uint32_t layout_version = 1;

    scalar_codec(code_type type, vecstore::metric m, std::size_t dim, std::vector<detail::code_grid> grids)
        : grids_(std::move(grids)), dim_(dim), type_(type), metric_(m) {}

    [[nodiscard]] static constexpr bool by_dot(vecstore::metric m) noexcept {
        return m == metric::cosine || m == metric::dot;
    }
    [[nodiscard]] static constexpr std::size_t grid_count(code_type type, vecstore::metric m,
                                                          std::size_t dim) noexcept {
        return type == code_type::u4 && by_dot(m) ? dim : 1;
    }
    [[nodiscard]] static constexpr std::size_t nibble_byte(std::size_t d) noexcept {
        return d / (2 * code_line) * code_line + d % code_line;
    }
    [[nodiscard]] const detail::code_grid& grid_of(std::size_t d) const noexcept {
        return grids_[grids_.size() > 1 ? d : 0];
    }
    /// What a dot product is taken from.
    [[nodiscard]] double base() const noexcept { return metric_ == metric::cosine ? 1 : 0; }

    /// A float for any double, so that absurd grids give absurd distances but never NaN.
    [[nodiscard]] static float bounded(double x) noexcept {
        constexpr double most = std::numeric_limits<float>::max();
        return static_cast<float>(std::clamp(x, -most, most));
    }
    static void finish_dot(code_query& out, std::int32_t offset, double scale, double bias) noexcept {
        out.offset_ = offset;
        out.scale_ = bounded(scale);
        out.bias_ = bounded(bias);
    }
    /// `finer`: steps of the query in one of the grid.
    void finish_difference(code_query& out, double finer) const noexcept {
        const double step = grids_.front().step / finer;
        finish_dot(out, 0, metric_ == metric::euclid ? step * step : step, 0);
    }

    /// What weights are multiplied with to fit [-127, 127]; integers that do are kept as they are.
    template <class Weight>
    [[nodiscard]] double weight_scale(const Weight& weight) const noexcept {
        double largest = 0;
        bool whole = true;
        for (std::size_t d = 0; d < dim_; ++d) {
            const double x = weight(d);
            largest = std::max(largest, std::fabs(x));
            whole = whole && x == std::nearbyint(x);
        }
        return (whole && largest <= 127) || largest < 1e-300 ? 1 : 127 / largest;
    }

    /// The same for differences from the middle of a grid, which as whole numbers reach down to -128.
    template <class Weight>
    [[nodiscard]] double slab_weight_scale(const Weight& weight) const noexcept {
        double least = -128, most = 127;
        for (std::size_t d = 0; d < dim_; ++d) {
            least = std::min(least, weight(d));
            most = std::max(most, weight(d));
        }
        return std::min(-128 / least, 127 / most);
    }

    void prepare_dot_u8(const float* query, code_query& out) const noexcept {
        const double scale = weight_scale([&](std::size_t d) { return double{query[d]}; });
        std::int32_t sum = 0;
        for (std::size_t d = 0; d < dim_; ++d) {
            const auto weight = static_cast<int>(std::lrint(query[d] * scale));
            out.narrow()[d] = static_cast<std::int8_t>(weight);
            out.wide()[d] = static_cast<std::int16_t>(weight);
            sum += weight;
        }
        finish_dot(out, -128 * sum, -double{grids_.front().step} / scale, base());
    }

    void prepare_dot_u4(const float* query, code_query& out) const noexcept {
        const auto weight = [&](std::size_t d) { return double{query[d]} * grids_[d].step; };
        const double scale = weight_scale(weight);
        double bias = base();
        for (std::size_t d = 0; d < dim_; ++d) {
            bias -= double{query[d]} * grids_[d].lo;
            out.narrow()[d] = static_cast<std::int8_t>(std::lrint(weight(d) * scale));
        }
        finish_dot(out, 0, -1 / scale, bias);
    }

    /// As far beyond the grid as sums of 31 bits allow.
    void prepare_difference_u8(const float* query, code_query& out) const noexcept {
        const double terms = static_cast<double>(code_bytes());
        const double reach = std::min(16'000.0, std::floor(std::sqrt(2'147'483'647.0 / terms)));
        const auto grid = grids_.front();
        for (std::size_t d = 0; d < dim_; ++d) {
            const double at = (double{query[d]} - grid.lo) / grid.step;
            out.wide()[d] = static_cast<std::int16_t>(std::lrint(std::clamp(at, 255 - reach, reach)));
        }
        finish_difference(out, 1);
    }

    void prepare_difference_u4(const float* query, code_query& out) const noexcept {
        const auto grid = grids_.front();
        for (std::size_t d = 0; d < dim_; ++d) {
            const double at = 8 * ((double{query[d]} - grid.lo) / grid.step);
            out.narrow()[d] = static_cast<std::int8_t>(std::lrint(std::clamp(at, -7.0, 127.0)));
        }
        finish_difference(out, 8);
    }

    std::vector<detail::code_grid> grids_;
    std::size_t dim_;
    code_type type_;
    vecstore::metric metric_;
};

}  // namespace vecstore::quantization
