/// Sketches of the newest rows: a bit for each dimension, with which a search that need not be exact passes over nearly all
/// of them, and a second bit for what is left. It reads a sixth of the bytes of bounded codes (bounded_codes.hpp), and
/// compares the few rows that remain by originals.
/// Paper: Gao & Long, "RaBitQ", arXiv:2405.12497 (rotation_code.hpp). A row x is cut into a part along a center c and a
/// rest r, of which the signs after a random rotation are kept; the query likewise. For euclid r = x - c.
/// The estimate of a distance, less `deviations` of its standard deviations, stands for the least that it may be: of the
/// rows that are near, fewer than 1 in 1,000 are taken for farther than they are, whatever the data, and only those may be
/// missed. The rounding of all else is bounded for certain. The error of a code is at right angles to the rest of its row, so
/// that only what the query has beside it counts: less the nearer a row must be.
/// Sketches are made by those who search, a few runs at a time, out of the bounded codes: writing pays nothing.
/// Memory: 3 bits a dimension (rounded up to 32 of them) and 23 bytes a row.
#pragma once

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/quantization/bounded_slabs.hpp>
#include <vecstore/quantization/fast_scan.hpp>
#include <vecstore/quantization/rotation.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace vecstore::detail {

/// Thread safety: any number of threads; one at a time makes sketches, the others go on with those there are.
class sketches {
public:
    /// Rows that are sketched together, the runs of bounded codes.
    static constexpr std::size_t run_rows = quantization::slab_run_rows;
    /// A normal value is beyond this in one direction in 5 cases of 10,000; there are two estimates.
    static constexpr float deviations = 3.3f;
    /// At least so many of the rows that are near are not ruled out.
    static constexpr double found_share = 0.999;
    /// With fewer bits the estimates are too coarse to pay.
    static constexpr std::size_t dim_least = 64;

    /// Precondition: there are bounded codes for these.
    sketches(vecstore::metric m, std::size_t dim) noexcept;

    /// What the levels of a run's rows stand for.
    struct run_levels {
        quantization::level_scale term, scale, error;
        float shortest = 0, longest = 0;  ///< rests
        float off = 0;                    ///< what codes and levels may be off, at most
        bool known = false;               ///< false: the sketches say nothing of these rows
    };
    struct run_view {
        const std::byte* signs;    ///< blocks [8] of signs alone
        const std::byte* factors;  ///< [8, sign_factor_bytes]
        run_levels levels;
    };

    /// What is known of a row behind its code of two bits a dimension.
    struct row_factors {
        float term = 0, scale = 0, error = 0, length = 0, off = 0;
    };

    /// Makes up to `more` runs out of `codes_of(run)`, the runs of bounded codes, of which `whole` are full; unless another
    /// thread is at it. When memory is short there are no more.
    template <class CodesOf>
    void extend(std::size_t more, std::size_t whole, const CodesOf& codes_of) const {
        if (runs() >= whole) return;
        if (!making_.try_lock()) return;
        for (; more > 0 && runs() < whole && make_room(); --more) {
            if (runs() == 0) make_center(whole, codes_of);
            make(codes_of(runs()));
        }
        making_.unlock();
    }

    [[nodiscard]] std::size_t runs() const noexcept { return runs_.load(std::memory_order_acquire); }
    [[nodiscard]] run_view run(std::size_t i) const noexcept;
    /// Codes of a row, four bits for two dimensions (signs, then which are large), then its factors.
    [[nodiscard]] const std::byte* fine(row_id row) const noexcept {
        return fine_.at(row / run_rows) + row % run_rows * fine_bytes();
    }
    [[nodiscard]] std::size_t fine_bytes() const noexcept { return bits() / 4 + sizeof(row_factors); }
    /// From a run to the next.
    [[nodiscard]] std::size_t run_bytes() const noexcept { return records_.group(); }
    [[nodiscard]] vecstore::metric metric() const noexcept { return metric_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    /// Dimensions with zeros added, and so bits of a sketch.
    [[nodiscard]] std::size_t bits() const noexcept { return (dim_ + 31) / 32 * 32; }
    [[nodiscard]] std::size_t subs() const noexcept { return bits() / 4; }
    /// When there are runs.
    [[nodiscard]] const quantization::rotation& rotation() const noexcept { return work_->rotation; }
    [[nodiscard]] std::span<const float> center() const noexcept { return work_->center; }
    [[nodiscard]] float center_square() const noexcept { return work_->center_square; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return runs() * (records_.group() + fine_.group()); }

private:
    struct row_numbers {
        std::array<float, run_rows> terms, scales, errors, lengths;
        std::array<float, run_rows> off;  ///< by the bounded code and by rounding
        bool known = true;
    };
    struct workspace {
        explicit workspace(std::size_t bits) : rotation(bits, seed), center(bits), turned(bits * lanes) {}
        quantization::rotation rotation;
        std::vector<float> center;
        float center_square = 0;
        std::vector<float> turned;  ///< [bits, lanes]: rows that are worked on
        row_numbers rows;
    };
    static constexpr std::uint64_t seed = 1;
    static constexpr std::size_t lanes = quantization::rotation::lanes;
    static_assert(lanes == quantization::slab_rows && run_rows % quantization::block_rows == 0);

    [[nodiscard]] std::size_t sign_bytes() const noexcept { return subs() / 2 * quantization::block_rows; }
    [[nodiscard]] std::size_t levels_at() const noexcept {
        return run_rows / quantization::block_rows * (sign_bytes() + quantization::sign_factor_bytes);
    }
    bool make_room() const noexcept;
    template <class CodesOf>
    void make_center(std::size_t whole, const CodesOf& codes_of) const noexcept {
        constexpr std::size_t looked_at = 16;
        const auto step = (whole + looked_at - 1) / looked_at;
        std::size_t rows = 0;
        for (std::size_t i = 0; i < whole; i += step) rows += add_to_center(codes_of(i));
        finish_center(rows);
    }
    std::size_t add_to_center(const quantization::bounded_run& codes) const noexcept;
    void finish_center(std::size_t rows) const noexcept;
    void make(const quantization::bounded_run& codes) const noexcept;
    bool decode(const std::byte* slab, std::size_t lines) const noexcept;
    void sketch_slab(const std::byte* slab, std::size_t lines, std::size_t first, std::byte* record) const noexcept;
    void cut(std::size_t first) const noexcept;
    void code_signs(std::size_t first, std::byte* blocks) const noexcept;
    void code_finely(std::size_t first) const noexcept;
    void write_levels(std::byte* record) const noexcept;

    vecstore::metric metric_;
    std::size_t dim_;
    mutable vecstore::mutex making_;
    mutable bool stopped_ = false;
    mutable std::unique_ptr<workspace> work_;
    mutable chunked_array<std::byte, 2> records_, fine_;
    mutable std::atomic<std::size_t> runs_{0};
};

/// A query prepared for sketches.
/// Thread safety: belongs to one thread.
class sketch_search {
public:
    /// Shapes: query [dim], as for bounded codes, whose `bounds` must be true. May throw std::bad_alloc.
    /// Precondition: there are runs.
    sketch_search(const sketches& rows, const float* query);

    /// False: the run must be scanned by its codes.
    [[nodiscard]] bool knows(std::size_t run) const noexcept { return usable_ && rows_.run(run).levels.known; }
    /// The rows of a run that may be at `limit` or nearer, ascending; each that is near with the probability said above.
    /// Valid until the next call. Precondition: knows(run).
    [[nodiscard]] std::span<const row_id> possible(std::size_t run, float limit) noexcept;
    /// Asks for what `refine` reads of a row.
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept {
        const auto* code = rows_.fine(row);
        for (std::size_t i = 0; i < rows_.fine_bytes() + 63; i += 64) __builtin_prefetch(code + i);
    }
    /// Of rows that were possible, keeps those that are by their second bits, too; returns how many they are.
    [[nodiscard]] std::size_t refine(row_id* rows, std::size_t count, float limit) const noexcept;

private:
    const sketches& rows_;
    std::vector<std::uint8_t> tables_;
    std::vector<float> fine_tables_;  ///< [bits / 2, 16]: inner products with two dimensions
    quantization::level_scale dot_;   ///< less the inner product with a sketch, times 2 for euclid
    float sides_ = 1;
    float bias_ = 0;
    float term_weight_ = 1;
    /// What the query has beside the rest, of one of these lengths, of a row with this part of the distance that is at
    /// `limit` or nearer: as a share of its own length, at most.
    [[nodiscard]] float beside(float shortest, float longest, float term, float limit) const noexcept;

    /// How much nearer a row may be than what its codes stand for, when they are off by `off`.
    [[nodiscard]] float nearer_by(float off, float limit) const noexcept;

    float length_ = 0;     ///< of the query's rest
    float whole_ = 0;      ///< of the query
    float deviation_ = 0;  ///< for an error of one
    float rounding_ = 0;   ///< deviation for a scale of one, of what the tables round
    bool usable_ = false;
    std::array<float, sketches::run_rows + quantization::block_rows> bounds_;
    std::array<row_id, sketches::run_rows + quantization::block_rows> found_;
};

}  // namespace vecstore::detail
