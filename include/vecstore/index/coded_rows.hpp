/// The codes of rows, for walks over less memory than the originals take.
/// Thread safety: constant once encoded; any number of threads.
#pragma once

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::index {

/// A codec, and the code of each row.
struct coded_rows {
    quantization::scalar_codec codec;
    aligned_buffer<std::byte> codes;  ///< [rows][codec.code_bytes()]

    /// Lifetime: borrows both. `query` was prepared by this codec.
    [[nodiscard]] quantization::code_distances from(const quantization::code_query& query) const noexcept {
        return {codec, codes.data(), query};
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return codes.memory_bytes() + codec.memory_bytes(); }
};

/// True when rows can be coded.
[[nodiscard]] constexpr bool codable(metric m, element_type type, std::size_t dim) noexcept {
    return quantization::codes_fit(m) && type != element_type::binary && dim >= 1 && dim <= quantization::codec_dim_max;
}

/// The row as numbers, of unit length under cosine. Shapes: values [rows.dim()].
template <row_source Rows>
void read_for_coding(const Rows& rows, metric m, row_id row, std::span<float> values) noexcept {
    read_row(rows, row, values);
    if (m == metric::cosine) (void)normalize(values);
}

/// Trains a codec on a sample of the rows and encodes them all; under cosine rows are scaled to unit length first.
/// Precondition: codable(m, rows.type(), rows.dim()), and there are rows.
/// Errors: none; may throw std::bad_alloc.
/// Cost:   one pass over the rows.
template <row_source Rows>
[[nodiscard]] coded_rows encode_rows(quantization::code_type type, metric m, const Rows& rows) {
    const auto read = [&](std::size_t row, std::span<float> values) {
        read_for_coding(rows, m, static_cast<row_id>(row), values);
    };
    coded_rows coded{quantization::scalar_codec::train(type, m, rows.dim(), rows.size(), read), {}};
    const auto stride = coded.codec.code_bytes();
    coded.codes = aligned_buffer<std::byte>(rows.size() * stride);
    std::vector<float> values(rows.dim());
    for (row_id row = 0; row < rows.size(); ++row) {
        read(row, values);
        coded.codec.encode(values.data(), coded.codes.data() + row * stride);
    }
    return coded;
}

}  // namespace vecstore::index
