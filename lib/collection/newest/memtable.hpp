/// The newest rows of one named vector, in memory. It is scanned, not walked: its size is bounded by the log between
/// two checkpoints, where an exact scan, helped by codes, costs less than a millisecond and a graph would cost a hundred
/// times the write.
/// Rows are ascending in ordinal. Those of a sparse vector or of a multi-vector have a length each.
/// Thread safety: one appending thread; any number of readers of rows below a count that they took from a view.
#pragma once

#include "arena.hpp"
#include "bounded_codes.hpp"

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

namespace vecstore::detail {

class memtable {
public:
    /// Without a metric there are no codes. `varying`: rows have a length each.
    explicit memtable(std::size_t dim, element_type type = element_type::f32, std::optional<metric> m = std::nullopt,
                      bool varying = false)
        : vectors_(dim, type), varying_(varying) {
        if (!varying && m && bounded_codes::fit(*m, type, dim)) codes_ = std::make_shared<bounded_codes>(*m, type, dim);
    }

    /// `packed` [row_bytes(type, dim)], or of any length when they vary.
    void append(ordinal_id ordinal, byte_span packed) {
        if (varying()) return append_varying(ordinal, packed);
        const auto row = vectors_.append(packed);
        ordinals_.ensure(row + std::size_t{1});
        ordinals_[row] = ordinal;
        if (codes_ != nullptr && row % quantization::slab_rows == quantization::slab_rows - 1) {
            const auto first = row + 1 - static_cast<row_id>(quantization::slab_rows);
            codes_->append([&](std::size_t i) { return vectors_.at(first + static_cast<row_id>(i)); });
        }
    }
    /// Rows appended so far. A reader uses the count in its view instead.
    [[nodiscard]] row_id size() const noexcept {
        return varying() ? varying_count_.load(std::memory_order_acquire) : vectors_.size();
    }
    [[nodiscard]] bool varying() const noexcept { return varying_; }
    /// The packed row.
    [[nodiscard]] byte_span row(row_id row) const noexcept {
        if (varying()) return varying_rows_[row];
        return {static_cast<const std::byte*>(vectors_.at(row)), row_bytes(vectors_.type(), vectors_.dim())};
    }
    [[nodiscard]] ordinal_id ordinal_of(row_id row) const noexcept { return ordinals_[row]; }
    /// Dense rows.
    [[nodiscard]] const index::growing_rows& vectors() const noexcept { return vectors_; }
    /// Of the first rows: as many as its slabs have. Null when there are none for this type or metric.
    [[nodiscard]] std::shared_ptr<const bounded_codes> codes() const noexcept { return codes_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return vectors_.memory_bytes() + ordinals_.memory_bytes() + varying_bytes_.memory_bytes() +
               varying_rows_.memory_bytes() + (codes_ != nullptr ? codes_->memory_bytes() : 0);
    }

private:
    void append_varying(ordinal_id ordinal, byte_span packed) {
        const auto row = varying_count_.load(std::memory_order_relaxed);
        auto* const bytes = varying_bytes_.allocate(std::max<std::size_t>(packed.size(), 1));
        std::copy(packed.begin(), packed.end(), bytes);
        varying_rows_.ensure(row + std::size_t{1});
        ordinals_.ensure(row + std::size_t{1});
        varying_rows_[row] = {bytes, packed.size()};
        ordinals_[row] = ordinal;
        varying_count_.store(row + 1, std::memory_order_release);
    }

    index::growing_rows vectors_;
    const bool varying_;
    chunked_array<ordinal_id> ordinals_;
    arena varying_bytes_;
    chunked_array<byte_span> varying_rows_;
    std::atomic<row_id> varying_count_{0};
    std::shared_ptr<bounded_codes> codes_;
};

/// The first row in [from, count) whose ordinal is not less than `ordinal`, of rows ascending in ordinal; `count` when
/// none.
/// Cost: O(log distance from `from`), so that looking up an ascending run is cheap whether it is dense or sparse.
template <class OrdinalOf>
[[nodiscard]] row_id find_row(row_id count, ordinal_id ordinal, const OrdinalOf& ordinal_of, row_id from = 0) {
    if (from < count && ordinal_of(from) <= ordinal) {  // most runs have no gaps
        const auto guess = from + std::min<row_id>(ordinal - ordinal_of(from), count - 1 - from);
        if (ordinal_of(guess) == ordinal) return guess;
    }
    row_id first = from, last = from, step = 1;
    while (last < count && ordinal_of(last) < ordinal) {
        first = last + 1;
        last = count - last > step ? last + step : count;
        step *= 2;
    }
    while (first < last) {
        const auto middle = first + (last - first) / 2;
        if (ordinal_of(middle) < ordinal)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

}  // namespace vecstore::detail
