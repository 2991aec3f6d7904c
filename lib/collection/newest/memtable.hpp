/// The newest rows of one named vector, in memory. It is scanned, not walked: its size is bounded by the log between
/// two checkpoints, where an exact scan, helped by codes, costs less than a millisecond and a graph would cost a hundred
/// times the write.
/// Rows are ascending in ordinal.
/// Thread safety: one appending thread; any number of readers of rows below a count that they took from a view.
#pragma once

#include "bounded_codes.hpp"

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/rows.hpp>

#include <memory>
#include <optional>

namespace vecstore::detail {

class memtable {
public:
    /// Without a metric there are no codes.
    explicit memtable(std::size_t dim, element_type type = element_type::f32, std::optional<metric> m = std::nullopt)
        : vectors_(dim, type) {
        if (m && bounded_codes::fit(*m, type, dim)) codes_ = std::make_shared<bounded_codes>(*m, type, dim);
    }

    /// `packed` [row_bytes(type, dim)].
    void append(ordinal_id ordinal, byte_span packed) {
        const auto row = vectors_.append(packed);
        ordinals_.ensure(row + std::size_t{1});
        ordinals_[row] = ordinal;
        if (codes_ != nullptr && row % quantization::slab_rows == quantization::slab_rows - 1) {
            const auto first = row + 1 - static_cast<row_id>(quantization::slab_rows);
            codes_->append([&](std::size_t i) { return vectors_.at(first + static_cast<row_id>(i)); });
        }
    }
    /// Rows appended so far. A reader uses the count in its view instead.
    [[nodiscard]] row_id size() const noexcept { return vectors_.size(); }
    [[nodiscard]] ordinal_id ordinal_of(row_id row) const noexcept { return ordinals_[row]; }
    [[nodiscard]] const index::growing_rows& vectors() const noexcept { return vectors_; }
    /// Of the first rows: as many as its slabs have. Null when there are none for this type or metric.
    [[nodiscard]] std::shared_ptr<const bounded_codes> codes() const noexcept { return codes_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return vectors_.memory_bytes() + ordinals_.memory_bytes() + (codes_ != nullptr ? codes_->memory_bytes() : 0);
    }

private:
    index::growing_rows vectors_;
    chunked_array<ordinal_id> ordinals_;
    std::shared_ptr<bounded_codes> codes_;
};

/// The first row in [from, count) whose ordinal is not less than `ordinal`, of rows ascending in ordinal; `count` when
/// none.
/// Cost: O(log distance from `from`), so that looking up an ascending run is cheap whether it is dense or sparse.
template <class OrdinalOf>
[[nodiscard]] row_id find_row(row_id count, ordinal_id ordinal, const OrdinalOf& ordinal_of, row_id from = 0) {
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
