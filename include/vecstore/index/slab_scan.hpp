/// Many queries against rows with codes of a byte, as a product of matrices: rows are turned into slabs once and stay in
/// the nearest cache while all queries that want them pass over them (quantization/code_slabs.hpp).
/// The nearest by code are kept in a pool for each query; originals put them in order.
#pragma once

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/code_slabs.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace vecstore::index {

/// Codes by number: `prefetch(i)` asks for a code, `at(i)` gives it, good until `at` was called 16 times more.
template <class Codes>
concept code_source = requires(const Codes& codes, std::size_t i) {
    codes.prefetch(i);
    { codes.at(i) } -> std::same_as<const std::byte*>;
};

/// Candidates that are kept for `k` neighbours: what a byte says of a distance is nearly right.
[[nodiscard]] constexpr std::size_t slab_keep(std::size_t k) noexcept { return k + k / 2 + 16; }

/// A group of queries; lives for its batch.
/// Thread safety: belongs to one thread. Lifetime: borrows codec and queries.
class slab_scan {
public:
    /// Shapes: queries [count, dim] f32, as for scalar_codec::prepare.
    /// Precondition: codec.fits_slabs(). May throw std::bad_alloc.
    slab_scan(const quantization::scalar_codec& codec, std::span<const float> queries, std::size_t keep)
        : codec_(codec),
          dim_(codec.dim()),
          lines_(quantization::slab_lines(dim_)),
          slots_(quantization::pool_slots(keep)),
          count_(queries.size() / dim_),
          queries_(queries),
          weights_(count_ * 4 * lines_),
          distances_(count_ * slots_),
          numbers_(count_ * slots_),
          slabs_(quantization::slab_run_rows / quantization::slab_rows * lines_ * quantization::code_line),
          states_(count_),
          pools_(count_) {
        for (std::size_t i = 0; i < count_; ++i) {
            auto* const weights = weights_.data() + i * 4 * lines_;
            const auto scale = codec.prepare_slab(queries.data() + i * dim_, weights);
            states_[i].weights = weights;
            states_[i].scale = scale.scale;
            states_[i].bias = scale.bias;
            pools_[i].distances = distances_.data() + i * slots_;
            pools_[i].rows = numbers_.data() + i * slots_;
            pools_[i].start(keep);
        }
    }

    /// Compares rows `first` to `first + rows` of `codes` with the queries `wanted`, each named once. `allow(number)` keeps rows
    /// out of the pools.
    template <code_source Codes, class Allow>
    void scan(const Codes& codes, std::size_t first, std::size_t rows, std::span<const std::uint32_t> wanted,
              const Allow& allow) {
        for (std::size_t done = 0; done < rows; done += quantization::slab_run_rows) {
            const auto run = load(codes, first + done, std::min(quantization::slab_run_rows, rows - done));
            for (std::size_t i = 0; i < wanted.size(); i += quantization::slab_queries)
                compare(run, wanted.subspan(i, std::min(quantization::slab_queries, wanted.size() - i)), allow);
        }
    }

    /// Candidates of query `i`, nearest first.
    [[nodiscard]] const quantization::nearest_pool& candidates(std::size_t i) const noexcept { return pools_[i]; }

    /// About one standard deviation of what rounding does to the distance of rows that are at `distance` from query `i`.
    [[nodiscard]] float spread(std::size_t i, float distance) const noexcept {
        const auto* const query = queries_.data() + i * dim_;
        float length = 0;
        for (std::size_t d = 0; d < dim_; ++d) length += query[d] * query[d];
        // Errors are even over a step: its size by the root of 12. Both sides are rounded.
        const float error = codec_.rounding() / std::sqrt(3.0f) * std::sqrt(2.0f);
        if (codec_.metric() == metric::euclid) return 2 * std::sqrt(std::max(0.0f, distance)) * error;
        return error * std::sqrt(length);
    }

private:
    template <class Codes>
    quantization::slab_run load(const Codes& codes, std::size_t first, std::size_t rows) {
        constexpr auto slab_rows = quantization::slab_rows;
        std::array<const std::byte*, slab_rows> lanes;
        for (std::size_t i = 0; i < std::min(rows, slab_rows); ++i) codes.prefetch(first + i);
        for (std::size_t done = 0; done < rows; done += slab_rows) {
            const auto count = std::min(slab_rows, rows - done);
            for (auto i = done + slab_rows; i < std::min(rows, done + 2 * slab_rows); ++i) codes.prefetch(first + i);
            for (std::size_t i = 0; i < count; ++i) {
                lanes[i] = codes.at(first + done + i);
                terms_[done + i] = codec_.slab_term(lanes[i]);
            }
            std::fill(terms_.begin() + static_cast<std::ptrdiff_t>(done + count),
                      terms_.begin() + static_cast<std::ptrdiff_t>(done + slab_rows),
                      std::numeric_limits<float>::infinity());
            quantization::pack_slab(lanes.data(), count, lines_,
                                    slabs_.data() + done * lines_ * quantization::code_line / slab_rows);
        }
        return {slabs_.data(), terms_.data(), (rows + slab_rows - 1) / slab_rows, lines_,
                static_cast<std::uint32_t>(first)};
    }
    template <class Allow>
    void compare(const quantization::slab_run& run, std::span<const std::uint32_t> wanted, const Allow& allow) {
        std::array<quantization::slab_query*, quantization::slab_queries> four{};
        for (std::size_t j = 0; j < wanted.size(); ++j) {
            four[j] = &states_[wanted[j]];
            four[j]->count = 0;
            four[j]->distances = found_distances_[j].data();
            four[j]->numbers = found_numbers_[j].data();
        }
        kernels_.scan_slabs(run, four.data());
        for (std::size_t j = 0; j < wanted.size(); ++j) {
            auto& state = *four[j];
            if constexpr (!std::is_same_v<Allow, allow_all>) drop_refused(state, allow);
            if (state.count == 0) continue;
            auto& pool = pools_[wanted[j]];
            (void)kernels_.keep_nearest(pool, state.distances, state.numbers, state.count, kept_.data());
            state.limit = pool.bound();
        }
    }
    template <class Allow>
    static void drop_refused(quantization::slab_query& state, const Allow& allow) {
        std::uint32_t stay = 0;
        for (std::uint32_t i = 0; i < state.count; ++i) {
            if (!allow(state.numbers[i])) continue;
            state.distances[stay] = state.distances[i];
            state.numbers[stay++] = state.numbers[i];
        }
        state.count = stay;
    }

    static constexpr std::size_t found_max = quantization::slab_run_rows + 16;

    const quantization::kernel_table& kernels_ = quantization::active_kernels();
    const quantization::scalar_codec& codec_;
    std::size_t dim_, lines_, slots_, count_;
    std::span<const float> queries_;
    std::vector<std::int8_t> weights_;  ///< [count, 4 lines]
    aligned_buffer<float> distances_;   ///< [count, slots], of the pools
    aligned_buffer<row_id> numbers_;    ///< [count, slots]
    aligned_buffer<std::byte> slabs_;   ///< of the run
    std::array<float, quantization::slab_run_rows> terms_{};
    std::vector<quantization::slab_query> states_;
    std::vector<quantization::nearest_pool> pools_;
    std::array<std::array<float, found_max>, quantization::slab_queries> found_distances_;
    std::array<std::array<std::uint32_t, found_max>, quantization::slab_queries> found_numbers_;
    std::array<row_id, found_max> kept_;
};

/// The nearest of candidates by their originals. The first few decide how far beyond the k-th best an estimate may
/// lie to be worth a look.
/// Thread safety: belongs to one thread.
class slab_rescorer {
public:
    /// `row_of(number)` gives the row of a candidate. `sure`: false when candidates that the pool had no
    /// room for might have been as near.
    template <row_distances Distances, class RowOf>
    [[nodiscard]] std::vector<neighbor> run(const slab_scan& scan, std::size_t query, std::size_t k, float slack,
                                            const Distances& distances, const RowOf& row_of, bool& sure) {
        const auto& pool = scan.candidates(query);
        best_ = top_k<>(k);
        compared_ = 0;
        const auto first = std::min(pool.size, k + k / 2 + 4);
        compare(pool, 0, first, distances, row_of);
        sure = pool.size < pool.capacity;
        if (!best_.full()) {
            compare(pool, first, pool.size, distances, row_of);
            return best_.take_sorted();
        }
        const float kth = best_.worst().distance, limit = kth + slack * scan.spread(query, kth);
        const auto last = static_cast<std::size_t>(
            std::upper_bound(pool.distances + first, pool.distances + pool.size, limit) - pool.distances);
        compare(pool, first, last, distances, row_of);
        sure = sure || last < pool.size;
        return best_.take_sorted();
    }
    [[nodiscard]] std::size_t compared() const noexcept { return compared_; }

private:
    template <class Distances, class RowOf>
    void compare(const quantization::nearest_pool& pool, std::size_t from, std::size_t to, const Distances& distances,
                 const RowOf& row_of) {
        rows_.clear();
        for (auto i = from; i < to; ++i) {
            const row_id row = row_of(pool.rows[i]);
            rows_.push_back(row);
            distances.prefetch(row);
        }
        values_.resize(rows_.size());
        distances.many(rows_.data(), rows_.size(), values_.data());
        for (std::size_t i = 0; i < rows_.size(); ++i) best_.push({values_[i], rows_[i]});
        compared_ += rows_.size();
    }

    std::vector<row_id> rows_;
    std::vector<float> values_;
    top_k<> best_{1};
    std::size_t compared_ = 0;
};

/// Queries that are searched together: the more, the more share what was loaded. Their pools take about a kilobyte each.
inline constexpr std::size_t slab_batch_queries = 8192;

/// Codes of rows one after another (models code_source).
class code_array {
public:
    /// Shapes: codes [rows][stride]. Lifetime: borrows them.
    code_array(const std::byte* codes, std::size_t stride) noexcept : codes_(codes), stride_(stride) {}
    void prefetch(std::size_t) const noexcept {}  // the processor sees the order
    [[nodiscard]] const std::byte* at(std::size_t row) const noexcept { return codes_ + row * stride_; }

private:
    const std::byte* codes_;
    std::size_t stride_;
};

struct slab_options {
    std::size_t k = 10;
    float slack = 2.25f;  ///< as ivf_search_options
};

/// All rows against queries [count, dim]: the `k` nearest by originals among the nearest by code.
/// `distances_of(i)` gives distances (as searches take them) from query i. `unsure(i)` is called for queries whose result may lack rows that are
/// as near, since codes of a byte tell too little of them; they are to be asked alone.
/// Precondition: codec.fits_slabs(); k > 0. May throw std::bad_alloc. Returns how many rows were compared by their originals.
template <code_source Codes, class DistancesOf, class Allow, class Unsure>
std::size_t scan_all_slabs(const quantization::scalar_codec& codec, const Codes& codes, row_id rows,
                           std::span<const float> queries, const DistancesOf& distances_of, const slab_options& options,
                           const Allow& allow, std::vector<neighbor>* out, const Unsure& unsure) {
    const auto dim = codec.dim(), count = queries.size() / dim;
    std::size_t compared = 0;
    slab_rescorer rescorer;
    for (std::size_t first = 0; first < count; first += slab_batch_queries) {
        const auto together = std::min(slab_batch_queries, count - first);
        slab_scan scan(codec, queries.subspan(first * dim, together * dim), slab_keep(options.k));
        std::vector<std::uint32_t> all(together);
        std::iota(all.begin(), all.end(), std::uint32_t{0});
        scan.scan(codes, 0, rows, all, allow);
        for (std::size_t i = 0; i < together; ++i) {
            bool sure = true;
            out[first + i] = rescorer.run(
                scan, i, options.k, options.slack, distances_of(first + i), [](row_id row) { return row; }, sure);
            compared += rescorer.compared();
            if (!sure) unsure(first + i);
        }
    }
    return compared;
}

}  // namespace vecstore::index
