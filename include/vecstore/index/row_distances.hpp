/// What a search asks of the vectors: distances from one query to rows, by number. Behind it may be originals of any
/// type or codes; the searches do not know.
#pragma once

#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>

namespace vecstore::index {

/// `many` writes the distances of `ids` [count] into `out` [count] and prefetches as it goes.
/// Thread safety: constant; any number of threads.
template <class Distances>
concept row_distances = requires(const Distances& d, row_id row, const row_id* ids, std::size_t count, float* out) {
    { d(row) } -> std::same_as<float>;
    d.many(ids, count, out);
};

/// The distances to originals.
/// Lifetime: borrows both.
template <row_source Rows>
class exact_distances {
public:
    exact_distances(const Rows& rows, const distance_computer& distance) noexcept : rows_(rows), distance_(distance) {}

    [[nodiscard]] float operator()(row_id row) const noexcept { return distance_(rows_.at(row)); }
    void many(const row_id* ids, std::size_t count, float* out) const noexcept {
        constexpr std::size_t batch = 64;
        std::array<const float*, batch> vectors;
        for (std::size_t first = 0; first < count; first += batch) {
            const auto size = std::min(batch, count - first);
            for (std::size_t i = 0; i < size; ++i) vectors[i] = rows_.at(ids[first + i]);
            distance_.many(vectors.data(), size, out + first);
        }
    }

private:
    const Rows& rows_;
    const distance_computer& distance_;
};

}  // namespace vecstore::index
