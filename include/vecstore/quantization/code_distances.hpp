/// What a walk over codes asks for distances: a prepared query, the codes of all rows, and the kernel for both.
#pragma once

#include <vecstore/quantization/scalar_codec.hpp>

#include <algorithm>
#include <cstddef>

namespace vecstore::quantization {

/// The kernel that compares codes of this type by this metric. Precondition: codes_fit(m).
[[nodiscard]] constexpr code_distances_function distances_of(const kernel_table& kernels, code_type type,
                                                             metric m) noexcept {
    const bool u8 = type == code_type::u8;
    switch (m) {
        case metric::euclid: return u8 ? kernels.l2_u8 : kernels.l2_u4;
        case metric::manhattan: return u8 ? kernels.l1_u8 : kernels.l1_u4;
        default: return u8 ? kernels.dot_u8 : kernels.dot_u4;
    }
}

/// Distances from one query to rows, by number (models index::row_distances).
/// Units: as metric.hpp, smaller is nearer; of codes, so approximate.
/// Thread safety: constant; any number of threads. Lifetime: borrows the codes and the query, not the codec.
class code_distances {
public:
    /// Shapes: codes [rows][codec.code_bytes()], on 64-byte boundaries; query prepared by this codec.
    code_distances(const scalar_codec& codec, const std::byte* codes, const code_query& query,
                   const kernel_table& kernels = active_kernels()) noexcept
        : query_(query.view()),
          codes_(codes),
          stride_(codec.code_bytes()),
          distances_(distances_of(kernels, codec.type(), codec.metric())) {}

    [[nodiscard]] float operator()(row_id row) const noexcept {
        float distance;
        distances_(query_, codes_, stride_, &row, 1, &distance);
        return distance;
    }

    /// The distances of `ids` [count] into `out` [count]. Prefetches nothing: a walk knows earlier what it will need.
    void many(const row_id* ids, std::size_t count, float* out) const noexcept {
        distances_(query_, codes_, stride_, ids, count, out);
    }

    /// Asks for the lines of a row's code; behind the first 16 the processor's own prefetcher follows.
    void prefetch(row_id row) const noexcept {
        const auto* code = codes_ + row * stride_;
        const auto bytes = std::min(stride_, 16 * code_line);
        for (std::size_t i = 0; i < bytes; i += code_line) __builtin_prefetch(code + i);
    }

private:
    code_query_view query_;
    const std::byte* codes_;
    std::size_t stride_;
    code_distances_function distances_;
};

}  // namespace vecstore::quantization
