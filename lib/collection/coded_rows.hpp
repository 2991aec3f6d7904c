/// The codes of all rows of a part, in memory.
/// Thread safety: plain values.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

struct coded_rows {
    quantization::scalar_codec codec;
    aligned_buffer<std::byte> codes;  ///< [rows][codec.code_bytes()]
};

/// The row as numbers, of unit length under cosine.
inline void read_for_coding(const index::contiguous_rows& rows, metric m, row_id row, std::span<float> values) {
    index::read_row(rows, row, values);
    if (m == metric::cosine) (void)normalize(values);
}

/// Trains a codec on the rows and encodes them. May throw std::bad_alloc.
/// Precondition: codes_fit(m) and dim <= codec_dim_max.
[[nodiscard]] inline coded_rows encode_rows(quantization::code_type type, metric m,
                                            const index::contiguous_rows& rows) {
    const auto read = [&](std::size_t row, std::span<float> values) {
        read_for_coding(rows, m, static_cast<row_id>(row), values);
    };
    coded_rows coded{quantization::scalar_codec::train(type, m, rows.dim(), rows.size(), read), {}};
    const auto stride = coded.codec.code_bytes();
    coded.codes = aligned_buffer<std::byte>(rows.size() * stride);
    std::vector<float> values(rows.dim());
    for (row_id row = 0; row < rows.size(); ++row) {
        read_for_coding(rows, m, row, values);
        coded.codec.encode(values.data(), coded.codes.data() + row * stride);
    }
    return coded;
}

/// The codes that a graph is walked over; nothing when it is walked over originals.
[[nodiscard]] inline std::optional<quantization::code_type> walked_codes(const vector_options& options) noexcept {
    using quantization::code_type;
    const bool possible = quantization::codes_fit(options.metric) && options.type != element_type::binary &&
                          options.dim <= quantization::codec_dim_max;
    if (!possible || (options.quantization == quantization_kind::none && !options.on_disk)) return std::nullopt;
    if (options.on_disk || options.quantization == quantization_kind::int4) return code_type::u4;
    return code_type::u8;
}

}  // namespace vecstore::detail
