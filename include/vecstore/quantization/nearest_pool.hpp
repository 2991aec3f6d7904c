/// The nearest rows that a walk has seen so far, in two sorted arrays: small enough that counting places with SIMD and
/// moving the tail up beats any heap.
/// Thread safety: none; a pool belongs to one search.
#pragma once

#include <vecstore/core/types.hpp>

#include <cstddef>
#include <limits>

namespace vecstore::quantization {

/// Invariant: distances[0, size) ascend and what lies behind, up to `pool_slots(capacity)`, is +infinity; `next` is the
///            place of the first row that was not looked at, or behind it.
/// Lifetime:  borrows both arrays, [pool_slots(capacity)] each; 64-byte boundaries are fastest.
/// The top bit of a row is free for a mark of the caller's; `keep_nearest` carries it along.
struct nearest_pool {
    float* distances = nullptr;
    row_id* rows = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::size_t next = 0;

    /// Empties the pool for `room` >= 1 rows. Precondition: the arrays have pool_slots(room).
    void start(std::size_t room) noexcept;
    /// What a distance must be below to be kept.
    [[nodiscard]] float bound() const noexcept { return distances[capacity - 1]; }
};

/// Room to allocate, in elements: kernels move 16 at a time.
[[nodiscard]] constexpr std::size_t pool_slots(std::size_t capacity) noexcept { return (capacity + 1 + 15) / 16 * 16; }

inline void nearest_pool::start(std::size_t room) noexcept {
    for (std::size_t i = 0; i < pool_slots(room); ++i) distances[i] = std::numeric_limits<float>::infinity();
    size = 0;
    capacity = room;
    next = 0;
}

/// Inserts, one after another, those of `distances`, `rows` [count] that are nearer than bound(); behind equal ones. When
/// the pool is full the last falls out. Lowers `next` to the lowest place that was taken. Writes the rows inserted to
/// `kept` [count], also those that fell out again, and returns how many. Infinity and NaN are never inserted.
using keep_nearest_function = std::size_t (*)(nearest_pool& pool, const float* distances, const row_id* rows,
                                              std::size_t count, row_id* kept) noexcept;

}  // namespace vecstore::quantization
