/// Codes of the newest rows, with which a scan leaves out most rows for certain (quantization/bounded_slabs.hpp): it reads a
/// quarter of the bytes and finds what a scan of the originals finds, without training, for any data.
/// Rows are encoded 16 at a time, when the last of them has come: no line is ever written that a reader may read.
/// Memory: dim + 12 bytes a row; with sketches (sketches.hpp), which a search makes that need not be exact, 3 dim / 8 + 23 more.
#pragma once

#include "sketches.hpp"

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/element_type.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/quantization/bounded_slabs.hpp>
#include <vecstore/quantization/code_kernels.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vecstore::detail {

/// Thread safety: one appending thread; any number of readers of the slabs below a `slabs()` seen before.
class bounded_codes {
public:
    /// Euclid, dot and cosine; f32, f16 and bf16.
    [[nodiscard]] static bool fit(vecstore::metric m, element_type type, std::size_t dim) noexcept;

    /// Precondition: fit(m, type, dim).
    bounded_codes(vecstore::metric m, element_type type, std::size_t dim);

    /// Encodes the rows of the next slab; `row_at(i)` gives the packed row i < 16. When memory is short nothing is kept from
    /// now on: later rows have no codes.
    template <class RowAt>
    void append(const RowAt& row_at) {
        if (!make_room()) return;
        for (std::size_t i = 0; i < quantization::slab_rows; ++i) encode(i, row_at(i));
        slabs_.store(slabs() + 1, std::memory_order_release);
    }

    [[nodiscard]] vecstore::metric metric() const noexcept { return metric_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    [[nodiscard]] std::size_t lines() const noexcept { return quantization::slab_lines(dim_); }
    /// Slabs that are complete.
    [[nodiscard]] std::size_t slabs() const noexcept { return slabs_.load(std::memory_order_acquire); }
    /// Slabs [first, first + count), which lie one after another. Precondition: within a run of `run_slabs`.
    [[nodiscard]] quantization::bounded_run run(std::size_t first, std::size_t count) const noexcept {
        return {records_.at(first), count, lines(), static_cast<std::uint32_t>(first * quantization::slab_rows)};
    }
    /// Of the slabs there are, and of sketches; the room kept for more is not backed by memory yet.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return slabs() * records_.group() + sketches_.memory_bytes();
    }
    /// Sketches of the first runs; null when there are none for these dimensions, or none yet. `more` of them are made now if
    /// slabs have come, which costs about 0.1 ms for one of 128 dimensions, unless another thread is at it.
    [[nodiscard]] const sketches* sketched(std::size_t more) const noexcept {
        if (dim_ < sketches::dim_least) return nullptr;
        sketches_.extend(more, slabs() / run_slabs, [this](std::size_t i) { return run(i * run_slabs, run_slabs); });
        return sketches_.runs() > 0 ? &sketches_ : nullptr;
    }

    /// Runs start at multiples of this.
    static constexpr std::size_t run_slabs = quantization::slab_run_rows / quantization::slab_rows;
    static constexpr std::size_t run_rows = quantization::slab_run_rows;

private:
    static constexpr unsigned first_bits = 4;  // chunks of a multiple of run_slabs
    static_assert(run_slabs == std::size_t{1} << first_bits);

    bool make_room() noexcept;
    void encode(std::size_t place, const void* packed) noexcept;

    vecstore::metric metric_;
    element_type type_;
    std::size_t dim_;
    chunked_array<std::byte, first_bits> records_;
    std::atomic<std::size_t> slabs_{0};
    bool stopped_ = false;
    std::vector<float> values_;  ///< the row that is encoded, padded
    std::vector<std::uint8_t> codes_;
    sketches sketches_;
};

/// A query prepared for bounded codes.
/// Thread safety: belongs to one thread.
class bounded_search {
public:
    /// Shapes: query [dim], as the computer of distances takes it. May throw std::bad_alloc.
    bounded_search(const bounded_codes& codes, const float* query);

    /// False when the query's values are beyond what can be bounded: then nothing is ruled out, and codes do not pay.
    [[nodiscard]] bool bounds() const noexcept { return bounds_; }

    /// The rows of a run (at most run_slabs) that may be at `limit` or nearer, as computed by any table of kernels. Valid until
    /// the next call.
    [[nodiscard]] std::span<const row_id> possible(std::size_t first_slab, std::size_t count, float limit) noexcept;

private:
    void set_limit(float limit) noexcept;

    const bounded_codes& codes_;
    std::vector<std::int8_t> weights_;
    quantization::bounded_query query_;
    float length_ = 0;       ///< |q|, at least
    float code_square_ = 0;  ///< |q^|^2
    float error_ = 0;        ///< |q - q^|, at least
    bool bounds_ = false;
    std::array<row_id, quantization::slab_run_rows> found_;
};

}  // namespace vecstore::detail
