/// What a search asks of the vectors: distances from one query to rows, by number. Behind it may be originals of any
/// type or codes; the searches do not know.
#pragma once

#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <vector>

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
        std::array<const void*, batch> vectors;
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

/// A stored row as the query: the distances from it to other rows, by address.
/// Lifetime: borrows the rows. Cost: none for f32 and binary rows; others are widened once, with one allocation.
class row_as_query {
public:
    template <row_source Rows>
    row_as_query(metric m, const Rows& rows, row_id row)
        : widened_(widen(m, rows, row)),
          distance_(m, rows.type(), widened_.empty() ? rows.at(row) : widened_.data(), rows.dim()) {}
    row_as_query(const row_as_query&) = delete;
    row_as_query& operator=(const row_as_query&) = delete;

    [[nodiscard]] float operator()(const void* row) const noexcept { return distance_(row); }
    void many(const void* const* rows, std::size_t count, float* out) const noexcept {
        distance_.many(rows, count, out);
    }
    [[nodiscard]] const distance_computer& computer() const noexcept { return distance_; }

private:
    template <row_source Rows>
    [[nodiscard]] static std::vector<float> widen(metric m, const Rows& rows, row_id row) {
        if (rows.type() == element_type::f32 || rows.type() == element_type::binary) return {};
        std::vector<float> values(rows.dim());
        read_row(rows, row, values);
        if (m == metric::cosine) (void)normalize(values);
        return values;
    }

    std::vector<float> widened_;
    distance_computer distance_;
};

}  // namespace vecstore::index
