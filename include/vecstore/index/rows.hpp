/// Where an index finds its vectors: rows that never move, addressed by a dense number.
/// Shapes: a row is [dim] of the rows' element type; rows of a cosine index have unit length (int8 rows any but zero).
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/pack.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <span>

namespace vecstore::index {

/// Thread safety: `at` by any number of threads, for rows below a `size()` seen before.
template <class Rows>
concept row_source = requires(const Rows& rows, row_id row) {
    { rows.at(row) } -> std::same_as<const void*>;
    { rows.size() } -> std::convertible_to<row_id>;
    { rows.dim() } -> std::convertible_to<std::size_t>;
    { rows.type() } -> std::same_as<element_type>;
};

/// The values of one row as f32, into `values` [dim].
template <row_source Rows>
void read_row(const Rows& rows, row_id row, std::span<float> values) noexcept {
    unpack(rows.type(), rows.at(row), values);
}

/// Rows that lie one after another in memory owned by someone else (a mapped part, a user's matrix).
/// Thread safety: constant. Lifetime: borrows `data`.
class contiguous_rows {
public:
    contiguous_rows() = default;
    /// Rows of f32; `stride` in floats, >= dim.
    contiguous_rows(const float* data, std::size_t stride, std::size_t dim, row_id count) noexcept
        : contiguous_rows(data, element_type::f32, stride * sizeof(float), dim, count) {}
    /// `stride` in bytes, >= row_bytes(type, dim).
    contiguous_rows(const void* data, element_type type, std::size_t stride, std::size_t dim, row_id count) noexcept
        : data_(static_cast<const std::byte*>(data)), stride_(stride), dim_(dim), count_(count), type_(type) {}

    [[nodiscard]] const void* at(row_id row) const noexcept { return data_ + row * stride_; }
    [[nodiscard]] row_id size() const noexcept { return count_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    [[nodiscard]] element_type type() const noexcept { return type_; }

private:
    const std::byte* data_ = nullptr;
    std::size_t stride_ = 0;
    std::size_t dim_ = 0;
    row_id count_ = 0;
    element_type type_ = element_type::f32;
};

/// Rows that are appended and never move; each starts on a 64-byte boundary, or, when it is shorter, lies within one line.
/// Invariant: `size_` is raised (release) after the row is written, so who reads `size()` (acquire), or gets a row
/// number through another release store, reads whole rows.
/// Thread safety: `append` by any number of threads (they take turns); readers take no lock.
class growing_rows {
public:
    explicit growing_rows(std::size_t dim, element_type type = element_type::f32) noexcept
        : rows_(row_stride(type, dim)), dim_(dim), type_(type) {}

    /// Copies a packed row [row_bytes(type, dim)] and returns its number: dense, in the order of the calls. May throw
    /// std::bad_alloc, then nothing changed. Precondition: size() < row_none.
    row_id append(byte_span packed) VECSTORE_EXCLUDES(mutex_) {
        const lock_guard lock(mutex_);
        const auto row = size_.load(std::memory_order_relaxed);
        rows_.ensure(static_cast<std::size_t>(row) + 1);
        std::copy(packed.begin(), packed.end(), rows_.at(row));
        size_.store(row + 1, std::memory_order_release);
        return row;
    }
    /// The same of a vector [dim]. Precondition: type() is f32.
    row_id append(std::span<const float> vector) VECSTORE_EXCLUDES(mutex_) { return append(std::as_bytes(vector)); }

    /// Writes a packed row over an old one. Precondition: nobody reads the row until he learns of it by a release store
    /// that comes after.
    void replace(row_id row, byte_span packed) noexcept { std::copy(packed.begin(), packed.end(), rows_.at(row)); }

    [[nodiscard]] const void* at(row_id row) const noexcept { return rows_.at(row); }
    [[nodiscard]] row_id size() const noexcept { return size_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    [[nodiscard]] element_type type() const noexcept { return type_; }
    /// Of the rows there are; the room kept for more is not backed by memory yet.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return size() * rows_.group(); }

private:
    mutable mutex mutex_;
    chunked_array<std::byte> rows_;
    std::size_t dim_;
    element_type type_;
    std::atomic<row_id> size_{0};
};

/// The predicate of a search that may return every row.
struct allow_all {
    [[nodiscard]] constexpr bool operator()(row_id) const noexcept { return true; }
};

}  // namespace vecstore::index
