/// The vectors of a point in the form of the log: checked, normalised for cosine, packed.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>

#include <collection/sparse/sparse_row.hpp>

#include <cstddef>
#include <vector>

namespace vecstore::detail {

/// Lifetime: borrows.
struct given_vectors {
    const std::vector<float>& vector;
    const std::vector<named_vector>& vectors;
    const std::vector<named_sparse_vector>& sparse;
    const std::vector<named_multi_vector>& multi;

    [[nodiscard]] std::size_t size() const noexcept {
        return (vector.empty() ? 0u : 1u) + vectors.size() + sparse.size() + multi.size();
    }
};
/// Of a `point` or `point_vectors`.
template <class Point>
[[nodiscard]] given_vectors given_by(const Point& p) noexcept {
    return {p.vector, p.vectors, p.sparse, p.multi};
}

/// Appends u8 count, then for each vector its slot and row as operation.hpp says.
/// Errors: invalid_argument that names vector and value; unsupported (a text that this build cannot encode).
[[nodiscard]] result<void> put_vectors(byte_writer& out, const collection_options& options,
                                       const text_encoders& encoders, const given_vectors& given,
                                       std::vector<float>& scratch);

}  // namespace vecstore::detail
