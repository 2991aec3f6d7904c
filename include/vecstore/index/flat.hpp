/// Exact search by computing every distance; the index of small sets, the fallback of selective filters, and the truth
/// against which graphs are measured.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/input.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::index {

/// Returns the `k` nearest among the rows [0, count) that `allow` accepts, nearest first, ties by row.
/// `allow(row)` is asked once for each row, in ascending order.
/// Cost:    one distance for each allowed row, computed in batches.
/// Threads: safe beside appends to the rows; sees those below `count`.
template <row_distances Distances, class Allow>
[[nodiscard]] std::vector<neighbor> flat_search(const Distances& distances, row_id count, std::size_t k,
                                                const Allow& allow) {
    constexpr std::size_t batch = 64;
    std::array<row_id, batch> ids;
    std::array<float, batch> computed;
    std::size_t filled = 0;
    top_k<neighbor> nearest(k);
    const auto flush = [&] {
        distances.many(ids.data(), filled, computed.data());
        for (std::size_t i = 0; i < filled; ++i) nearest.push({computed[i], ids[i]});
        filled = 0;
    };
    if (k == 0) return {};
    for (row_id row = 0; row < count; ++row) {
        if (!allow(row)) continue;
        ids[filled] = row;
        if (++filled == batch) flush();
    }
    flush();
    return nearest.take_sorted();
}

/// An exact index that owns its rows, for users of the headers alone.
/// Thread safety: any number of inserts, removes and searches at once; searches take no lock.
class flat {
public:
    /// A `dim` outside [1, dim_max], or a type that does not go with the metric, is reported by the first insert or search.
    flat(std::size_t dim, vecstore::metric metric, element_type type = element_type::f32) noexcept
        : rows_(dim, type), metric_(metric) {}

    /// Copies `vector` [dim] (scaled to unit length for cosine, rounded to the type) and returns its row number: dense,
    /// in order of insertion.
    /// Errors: invalid_argument (dim, a value that is not finite or that the type cannot hold, a zero vector under
    /// cosine), resource_exhausted.
    [[nodiscard]] result<row_id> insert(std::span<const float> vector) {
        VECSTORE_TRY(const auto input, checked_vector::make_row(vector, rows_.dim(), metric_, rows_.type()));
        const lock_guard lock(mutex_);
        if (rows_.size() >= points_max) return error{errc::resource_exhausted, "the index is full"};
        dead_.ensure(static_cast<std::size_t>(rows_.size()) + 1);
        return rows_.append(input.bytes());
    }

    /// The row is not returned by searches that begin later.
    /// Errors: not_found (no such row, or removed before).
    [[nodiscard]] result<void> remove(row_id row) {
        if (row >= rows_.size() || dead_[row].exchange(true, std::memory_order_acq_rel))
            return error{errc::not_found, "no row " + std::to_string(row)};
        dead_count_.fetch_add(1, std::memory_order_relaxed);
        return {};
    }

    /// Returns the `k` nearest live rows that `allow(row)` accepts, nearest first; fewer when fewer exist.
    /// Units:  neighbor.distance as metric.hpp tells.
    /// Errors: invalid_argument (dim, not finite, zero vector under cosine).
    /// Cost:   one distance for each row that is live and allowed.
    template <class Allow = allow_all>
    [[nodiscard]] result<std::vector<neighbor>> search(std::span<const float> query, std::size_t k,
                                                       const Allow& allow = {}) const {
        VECSTORE_TRY(const auto input, checked_vector::make_query(query, rows_.dim(), metric_, rows_.type()));
        const distance_computer distance(metric_, rows_.type(), input.bytes().data(), rows_.dim());
        return flat_search(exact_distances(rows_, distance), rows_.size(), k,
                           [&](row_id row) { return !dead_[row].load(std::memory_order_acquire) && allow(row); });
    }

    /// Live rows.
    [[nodiscard]] std::size_t size() const noexcept {
        return rows_.size() - dead_count_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return rows_.memory_bytes() + dead_.memory_bytes(); }

private:
    mutex mutex_;  // keeps dead_ at least as long as rows_
    growing_rows rows_;
    chunked_array<std::atomic<bool>> dead_;
    std::atomic<std::size_t> dead_count_{0};
    vecstore::metric metric_;
};

}  // namespace vecstore::index
