/// Inverted lists over the rows of a sparse vector: exact nearest rows by dot product, without looking at most of them.
///
/// Rows lie in windows of 256. For each index (dimension) there is a list of the rows that have it, cut at the windows,
/// and of each piece, a block, the largest and the least value, rounded outwards to 16 bits. A search adds up what the
/// query can reach in each window, and scores windows from the best on, until none can reach the k-th row found.
/// Paper: Mallia, Suel, Tonellotto, "Faster Learned Sparse Retrieval with Block-Max Pruning", SIGIR 2024,
/// arXiv:2405.01117. Differs: blocks are found in each index's own list, which takes less memory where most indexes are
/// rare; bounds have a sign, so that negative values and weights are exact, too; no row is left out for speed.
///
/// Score: sum over the indexes that row and query share, ascending, of f32 * f32 in double precision, rounded to f32. Rows
/// that share none are not found. Equal scores are ordered by row.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/core/types.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::index {

/// A sparse vector where it lies: indices ascending, no one twice; as many values, finite.
struct sparse_view {
    std::span<const std::uint32_t> indices = {};
    std::span<const float> values = {};

    [[nodiscard]] std::size_t size() const noexcept { return indices.size(); }
};

/// The score of a row; nothing when it shares no index with the query.  Cost: linear in the longer one.
[[nodiscard]] std::optional<float> sparse_dot(sparse_view query, sparse_view row) noexcept;

/// What a query's weight is multiplied with when `with` of `rows` rows have its index: ln((rows - with + 0.5) / (with + 0.5) + 1).
/// Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009, with 1 added, so that it is never negative.
/// Precondition: with <= rows.
[[nodiscard]] double inverse_document_frequency(std::size_t rows, std::size_t with) noexcept;

/// The bytes of the lists, little-endian, in five arrays:
///   terms   n u32: the indexes that any row has, ascending
///   starts  n + 1 u32: number of the first block of each term; the last one is the number of blocks
///   blocks  for each block 12 bytes: u32 window (row / 256), u32 number of its first posting, u16 upper and u16 lower bound
///           of its values, as the upper half of an f32; windows ascend within a term, postings within the array
///   rows    for each posting u8: row % 256, ascending within a block
///   values  for each posting f32
/// These are bytes on disk: a change needs a new version of the file that holds them.
struct sparse_sections {
    byte_span terms, starts, blocks, rows, values;
};
/// The same with memory of their own.
struct sparse_arrays {
    byte_vector terms, starts, blocks, rows, values;
    [[nodiscard]] sparse_sections sections() const noexcept { return {terms, starts, blocks, rows, values}; }
};

/// Reads row `row`; called twice for each, ascending. The view is good until the next call.
using sparse_row_reader = std::function<sparse_view(row_id row)>;
/// Told now and then how many rows are done, of how many; false ends it.
using sparse_progress = std::function<bool(std::size_t done, std::size_t all)>;

/// Builds the lists over rows 0 to `count` - 1. May throw std::bad_alloc.
/// Errors: cancelled, resource_exhausted (more than 2^32 - 2 postings).
/// Cost:   about 0.1 us for each value; memory: the result, and 32 bytes for each distinct index.
[[nodiscard]] result<sparse_arrays> build_sparse(row_id count, const sparse_row_reader& read,
                                                 const sparse_progress& progress = {});

/// What a search cost; added to.
struct sparse_cost {
    std::size_t rows_scored = 0;
    std::size_t postings = 0;
    std::size_t windows_skipped = 0;  ///< of those that have a row with an index of the query
};

/// The lists, ready to be searched. Lifetime: borrows the sections.
/// Thread safety: immutable; any number of threads.
class sparse_lists {
public:
    sparse_lists() = default;
    /// Checks all that searches rely on, so that hostile bytes are an error and nothing else. `rows`: of the part.
    /// Errors: corruption that says what is wrong.  Cost: one pass.
    [[nodiscard]] static result<sparse_lists> open(const sparse_sections& sections, row_id rows);

    [[nodiscard]] row_id size() const noexcept { return rows_; }
    /// How many rows have `index`.
    [[nodiscard]] std::size_t frequency(std::uint32_t index) const noexcept;
    /// Visits them, ascending.
    void for_each_row(std::uint32_t index, const std::function<void(row_id)>& visit) const;

    /// The `k` rows of the largest scores that `allow` accepts, best first, with distance = -score; those with distance above
    /// `radius` are left out. `allow` is asked for rows that are good enough, once each, in no order; empty = all.
    /// Cost: the blocks of the query's indexes, and the postings of windows that are not skipped.
    [[nodiscard]] std::vector<neighbor> search(sparse_view query, std::size_t k,
                                               const std::function<bool(row_id)>& allow, std::optional<float> radius,
                                               sparse_cost& cost) const;

private:
    friend class sparse_search;
    struct block {
        std::uint32_t window, first;
        std::uint16_t upper, lower;
    };
    [[nodiscard]] std::optional<std::size_t> find(std::uint32_t index) const noexcept;
    [[nodiscard]] block block_at(std::size_t number) const noexcept;
    /// Number of the posting behind the block's last one.
    [[nodiscard]] std::size_t end_of(std::size_t number) const noexcept;
    [[nodiscard]] std::uint32_t start(std::size_t term) const noexcept;
    [[nodiscard]] result<void> check() const;
    [[nodiscard]] result<void> check_block(std::size_t number) const;

    sparse_sections sections_;
    row_id rows_ = 0;
    std::size_t terms_ = 0, blocks_ = 0, postings_ = 0;
};

}  // namespace vecstore::index
