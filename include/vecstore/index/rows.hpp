/// Where an index finds its vectors: rows that never move, addressed by a dense number.
/// Shapes: a row is [dim] f32; rows of a cosine index have unit length.
#pragma once

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <span>

namespace vecstore::index {

/// Thread safety: `at` by any number of threads, for rows below a `size()` seen before.
template <class Rows>
concept row_source = requires(const Rows& rows, row_id row) {
    { rows.at(row) } -> std::convertible_to<const float*>;
    { rows.size() } -> std::convertible_to<row_id>;
    { rows.dim() } -> std::convertible_to<std::size_t>;
};

/// Rows that lie one after another in memory owned by someone else (a mapped part, a user's matrix).
/// Thread safety: constant. Lifetime: borrows `data`.
struct contiguous_rows {
    const float* data = nullptr;
    std::size_t stride = 0;  ///< floats from one row to the next; >= dimension
    std::size_t dimension = 0;
    row_id count = 0;

    [[nodiscard]] const float* at(row_id row) const noexcept { return data + row * stride; }
    [[nodiscard]] row_id size() const noexcept { return count; }
    [[nodiscard]] std::size_t dim() const noexcept { return dimension; }
};

/// Rows that are appended and never move; each starts on a 64-byte boundary.
/// Invariant: `size_` is raised (release) after the row is written, so who reads `size()` (acquire), or gets a row
/// number through another release store, reads whole rows.
/// Thread safety: `append` by any number of threads (they take turns); readers take no lock.
class growing_rows {
public:
    explicit growing_rows(std::size_t dim) noexcept : rows_(padded(dim)), dim_(dim) {}

    /// Copies `vector` [dim] and returns its number: dense, in the order of the calls. May throw std::bad_alloc, then
    /// nothing changed. Precondition: size() < row_none.
    row_id append(std::span<const float> vector) VECSTORE_EXCLUDES(mutex_) {
        const lock_guard lock(mutex_);
        const auto row = size_.load(std::memory_order_relaxed);
        rows_.ensure(static_cast<std::size_t>(row) + 1);
        std::copy(vector.begin(), vector.end(), rows_.at(row));
        size_.store(row + 1, std::memory_order_release);
        return row;
    }

    [[nodiscard]] const float* at(row_id row) const noexcept { return rows_.at(row); }
    [[nodiscard]] row_id size() const noexcept { return size_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    /// Of the rows there are; the room kept for more is not backed by memory yet.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return size() * rows_.group() * sizeof(float); }

private:
    static constexpr std::size_t line = 64 / sizeof(float);
    [[nodiscard]] static std::size_t padded(std::size_t dim) noexcept { return (dim + line - 1) / line * line; }

    mutable mutex mutex_;
    chunked_array<float> rows_;
    std::size_t dim_;
    std::atomic<row_id> size_{0};
};

/// The predicate of a search that may return every row.
struct allow_all {
    [[nodiscard]] constexpr bool operator()(row_id) const noexcept { return true; }
};

}  // namespace vecstore::index
