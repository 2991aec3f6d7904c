/// A query bound to a metric and a kernel table: what index code calls for distances.
/// Thread safety: constant after construction; any number of threads may share one.
#pragma once

#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/distance/metric.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace vecstore {

/// Finite vectors so long that their distance overflows f32 are at `distance_max`, which no distance exceeds.
/// Lifetime: borrows the query; cheap to make (no copy), so one for each query and each row that takes that part.
class distance_computer {
public:
    static constexpr float distance_max = std::numeric_limits<float>::max();

    /// Rows are f32, too. Shapes: query [dim] f32; for cosine of unit length, as are the rows (`normalize`).
    distance_computer(metric m, const float* query, std::size_t dim,
                      const distance::kernel_table& kernels = distance::active_kernels()) noexcept
        : distance_computer(m, element_type::f32, query, dim, kernels) {}

    /// Shapes: query [dim] f32, of unit length for cosine; for binary rows [dim] bits, packed as they are.
    /// Precondition: fits(m, type); otherwise distances are numbers without a meaning.
    distance_computer(metric m, element_type type, const void* query, std::size_t dim,
                      const distance::kernel_table& kernels = distance::active_kernels()) noexcept
        : query_(query), dim_(dim) {
        using distance::operation;
        const auto bind = [&](operation o, float scale, float offset) {
            kernel_ = kernels.of(type, o);
            scale_ = scale;
            offset_ = offset;
        };
        switch (m) {
            case metric::cosine: bind(stored_as_unit(m, type) ? operation::dot : operation::by_length, -1, 1); break;
            case metric::dot: bind(operation::dot, -1, 0); break;
            case metric::euclid: bind(operation::l2_squared, 1, 0); break;
            case metric::manhattan:
            case metric::hamming: bind(operation::l1, 1, 0); break;
        }
    }

    /// The distance from the query to `row` [dim] of the type.
    [[nodiscard]] float operator()(const void* row) const noexcept {
        return bounded(scale_ * kernel_.one(query_, row, dim_) + offset_);
    }

    /// The distances to `count` rows at once, into `out` [count]. Rows are prefetched as it goes.
    void many(const void* const* rows, std::size_t count, float* out) const noexcept {
        kernel_.many(query_, rows, count, dim_, out);
        for (std::size_t i = 0; i < count; ++i) out[i] = bounded(scale_ * out[i] + offset_);
    }

    [[nodiscard]] const void* query() const noexcept { return query_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }

private:
    /// NaN has no place in an order.
    [[nodiscard]] static float bounded(float distance) noexcept {
        return distance < distance_max ? distance : distance_max;
    }

    const void* query_;
    std::size_t dim_;
    distance::kernel kernel_;
    float scale_ = 1;
    float offset_ = 0;
};

/// Scales `vector` to unit length in place. Returns false, and changes nothing, when its length is zero or not finite.
/// The length is summed in double precision, so no finite vector overflows.
[[nodiscard]] inline bool normalize(std::span<float> vector) noexcept {
    double sum = 0;
    for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
    if (!(sum > 0) || !std::isfinite(sum)) return false;
    const double scale = 1 / std::sqrt(sum);
    for (float& x : vector) x = static_cast<float>(static_cast<double>(x) * scale);
    return true;
}

/// True when every value is a number (no NaN, no infinity).
[[nodiscard]] inline bool all_finite(std::span<const float> vector) noexcept {
    for (const float x : vector)
        if (!std::isfinite(x)) return false;
    return true;
}

}  // namespace vecstore
