/// An immutable run of rows of one named vector, mapped from a file; and the indexes over them that have been built.
///
/// `<n>.part` (block file, kind "VPRT"), version 3, little-endian:
///   VECS  rows * stride bytes, row-major; each row as element_type.hpp says, the padding is zero
///   ORDN  rows * u32: the ordinal of each row, ascending
///   IDNT  rows * 24 bytes: the id, the version and the kind of id of each row's point, as part_identity.hpp says. The
///         version is that of the time of writing: edits of the payload are looked up elsewhere (ordinal_set of the
///         view). Absent when rows come from a part that had none.
///   HEAD  u32 rows, u32 dim, u32 stride in bytes (row_stride of element_type.hpp), u8 metric, u8 element type
/// Version 4, of sparse and multi-vectors alone: VECS has rows of a length each, as collection/sparse_row.hpp says or
/// vectors one after another as they are packed, and
///   OFFS  rows + 1 u64: where each row begins in VECS, and where the last one ends
/// stride of HEAD is 0, and of a sparse vector dim is 0, too, the metric dot, the element type f32.
/// Version 2, still read: no IDNT. Version 1, still read: HEAD ends with the metric, its stride counts f32, and so are
/// the rows.
/// These are bytes on disk: a change needs a new version.
/// `<n>.hnsw` (graph_index.hpp) and `<n>.ivf` (ivf_index.hpp; of a sparse vector sparse_index.hpp) are derived from it.
/// A part that is opened by its footer has had HEAD, ORDN and OFFS checked; rows and identities are checked when they are
/// touched first: by the functions that say so, or beforehand by `verify`.
/// Thread safety: immutable but for the count of dead rows and what is known of blocks, which is atomic; any number of
/// threads, once published.
#pragma once

#include "calibration.hpp"
#include "originals.hpp"
#include "part_identity.hpp"
#include "part_index.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/storage/block_file.hpp>

#include <collection/newest/bounded_codes.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::detail {

/// What the manifest says of a part.
struct part_descriptor {
    std::uint64_t number = 0;
    row_id rows = 0;
    ordinal_id first_ordinal = 0;
    ordinal_id last_ordinal = 0;
    std::uint64_t root = 0;        ///< root checksum of the .part file
    std::uint64_t graph_root = 0;  ///< of the .hnsw file; 0 = none yet
    std::uint64_t ivf_root = 0;    ///< of the .ivf file; 0 = none yet

    friend bool operator==(const part_descriptor&, const part_descriptor&) = default;
};

/// In place of a root: the index was built and measured, and is never the best; or it cannot be built.
inline constexpr std::uint64_t index_declined = ~std::uint64_t{0};

/// Which index of a part answers a query, and how.
struct part_choice {
    const part_index* index = nullptr;  ///< null: the part is scanned
    chosen_setting chosen;
    filtered_way way = filtered_way::results_apart;
    std::size_t enough = 0;  ///< as part_request
};

class part {
public:
    /// Maps the files that the descriptor names. With `all` they are verified, and indexes brought into memory; else
    /// only footers and what is small are read. A damaged or missing index is no error: the part opens without it, or
    /// goes on without it, and the optimizer builds it again. May throw std::bad_alloc.
    /// Errors: corruption (path, offset), io.
    [[nodiscard]] static result<std::shared_ptr<const part>> open(
        storage::file_system& files, const std::string& directory, const part_descriptor& descriptor,
        const vector_options& options, storage::verify_mode verify = storage::verify_mode::all);

    [[nodiscard]] const part_descriptor& descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] row_id size() const noexcept { return descriptor_.rows; }
    [[nodiscard]] ordinal_id ordinal_of(row_id row) const noexcept {
        return gapless_ ? descriptor_.first_ordinal + row : ordinals_[row];
    }
    /// Whose row it is, so that hits need no table; nothing when the part was written without.
    /// Errors: corruption (the block of the identity is damaged), io.
    [[nodiscard]] result<std::optional<row_identity>> checked_identity_of(row_id row) const {
        if (!identities_.empty()) VECSTORE_CHECK(check(identities_.subspan(row * identity_bytes, identity_bytes)));
        return identity_of(row);
    }
    /// The same of a part that is known to be right.
    [[nodiscard]] std::optional<row_identity> identity_of(row_id row) const noexcept {
        if (identities_.empty()) return std::nullopt;
        return unpack_identity(identities_.data() + row * identity_bytes);
    }
    /// Asks for what `identity_of` will read.
    void prefetch_identity(row_id row) const noexcept {
        if (!identities_.empty()) __builtin_prefetch(identities_.data() + row * identity_bytes);
    }
    [[nodiscard]] std::span<const ordinal_id> ordinals() const noexcept { return ordinals_; }
    [[nodiscard]] bool sparse() const noexcept { return stored_.mapped.dim() == 0; }
    /// Rows have a length each.
    [[nodiscard]] bool varying() const noexcept { return !offsets_.empty(); }
    /// The packed row. Of a part that is known to be right.
    [[nodiscard]] byte_span row(row_id row) const noexcept {
        if (varying()) return rows_.subspan(offsets_[row], offsets_[row + 1] - offsets_[row]);
        const auto& dense = stored_.mapped;
        return {static_cast<const std::byte*>(dense.at(row)), row_bytes(dense.type(), dense.dim())};
    }
    /// The same of any part.  Errors: corruption (path and offset of its block), io.
    [[nodiscard]] result<byte_span> checked_row(row_id number) const {
        if (!varying())
            VECSTORE_CHECK(stored_.check(number));
        else
            VECSTORE_CHECK(check(row(number)));
        return row(number);
    }
    /// Dense rows.
    [[nodiscard]] const index::contiguous_rows& vectors() const noexcept { return stored_.mapped; }
    /// The rows where they are mapped, for those who compare them before they are known to be right.
    [[nodiscard]] const originals& stored() const noexcept { return stored_; }
    /// Checks all rows and identities that nobody has touched yet, or blocks `first` to `first + count - 1` of the file.
    /// Errors: corruption (path and offset of the first damaged block), io.
    [[nodiscard]] result<void> verify(std::uint64_t first = 0, std::uint64_t count = ~std::uint64_t{0}) const {
        return vector_file_->check_blocks(first, count, reader_.get());
    }
    /// The same for those who will not read them: what stays on disk is not brought into memory.
    [[nodiscard]] result<void> look_at(std::uint64_t first, std::uint64_t count) const {
        if (reader_ == nullptr || !vector_file_->on_demand()) return verify(first, count);
        return vector_file_->verify(first, count, reader_.get());
    }
    /// The memory that reading all rows took is not needed any more. Not for mappings on demand, where others may be reading.
    void release_rows() const noexcept {
        if (!vector_file_->on_demand()) vector_file_->release(bytes_of_rows());
    }
    [[nodiscard]] const storage::block_file& file() const noexcept { return *vector_file_; }
    /// Null when there is none, or when it was found to be damaged.
    [[nodiscard]] const part_index* graph() const noexcept { return usable(graph_); }
    [[nodiscard]] const part_index* lists() const noexcept { return usable(lists_); }
    [[nodiscard]] bool indexed() const noexcept { return graph() != nullptr || lists() != nullptr; }
    /// Indexes that the manifest names, and that were missing or damaged when they were opened or loaded.
    [[nodiscard]] std::size_t damaged_indexes() const noexcept {
        std::size_t count = left_out_;
        for (const auto* index : opened_indexes()) count += index != nullptr && index->damaged();
        return count;
    }
    /// Those that could be opened, damaged or not; null when there is none.
    [[nodiscard]] std::array<const part_index*, 2> opened_indexes() const noexcept {
        return {graph_.get(), lists_.get()};
    }
    /// With which a part is scanned until it has an index; null when there are none. They are in memory only: made with the
    /// part, gone when it is opened anew, with its index or after a restart.
    [[nodiscard]] const bounded_codes* codes() const noexcept { return codes_.get(); }
    /// `codes` are of the first rows of this part. Before the part is published.
    void attach(std::shared_ptr<const bounded_codes> codes) const noexcept { codes_ = std::move(codes); }
    /// The cheaper of the indexes that are expected to find the share `recall` of the `k` nearest; when none is, the one
    /// that finds more. With `breadth`: the graph, if there is one, with this ef; else this many lists.
    [[nodiscard]] part_choice choose(double recall, std::size_t k, std::optional<std::size_t> breadth) const noexcept;
    /// The same when a filter, which is asked quickly, lets the share `share` > 0 of the rows pass.
    [[nodiscard]] part_choice choose_filtered(double recall, std::size_t k, std::optional<std::size_t> breadth,
                                              double share) const noexcept;
    /// Counts a row as dead if it lies here. By the writer, before the death is published.
    void note_death(ordinal_id ordinal) const noexcept;
    /// At least the dead rows that any view can know of; 0 = every row may be returned.
    [[nodiscard]] row_id dead_rows() const noexcept { return dead_rows_.load(std::memory_order_acquire); }
    /// When its indexes were measured with queries that came, last, or were to be; `queries` 0: never.
    struct remeasurement {
        std::size_t queries = 0;
        std::uint64_t seen = 0;   ///< queries that had come by then
        row_id dead = 0;          ///< rows, then
        double microseconds = 0;  ///< what it cost for each query
    };
    [[nodiscard]] remeasurement remeasured() const {
        const lock_guard lock(mutex_);
        return remeasured_;
    }
    void note(const remeasurement& done) const {
        const lock_guard lock(mutex_);
        remeasured_ = done;
    }
    /// Bytes of the file that queries read through its mapping: without the originals when these stay on disk.
    [[nodiscard]] std::size_t mapped_bytes() const noexcept { return mapped_bytes_; }
    /// Of the indexes.
    [[nodiscard]] index_memory memory() const noexcept;

private:
    part() = default;
    [[nodiscard]] static const part_index* usable(const std::unique_ptr<const part_index>& index) noexcept {
        return index != nullptr && !index->damaged() ? index.get() : nullptr;
    }
    [[nodiscard]] result<void> check(byte_span bytes) const {
        if (vector_file_->checked(bytes)) return {};
        return vector_file_->check(bytes, reader_.get());
    }
    [[nodiscard]] byte_span bytes_of_rows() const noexcept { return rows_; }
    result<void> open_offsets(std::size_t unit);
    result<void> open_vectors(const vector_options& options);
    void open_indexes(storage::file_system& files, const std::string& directory, const vector_options& options);

    part_descriptor descriptor_;
    std::shared_ptr<const storage::block_file> vector_file_;
    std::shared_ptr<const storage::file> reader_;  ///< with on_disk: checks shall not keep the file in memory
    originals stored_;
    byte_span rows_;                          ///< all of them
    std::span<const std::uint64_t> offsets_;  ///< of rows that vary; else empty
    std::span<const ordinal_id> ordinals_;
    bool gapless_ = false;  ///< ordinals follow one another
    byte_span identities_;
    std::unique_ptr<const part_index> graph_, lists_;
    std::size_t left_out_ = 0;  ///< indexes that were damaged at opening
    std::size_t mapped_bytes_ = 0;
    mutable std::atomic<row_id> dead_rows_{0};
    mutable std::shared_ptr<const bounded_codes> codes_;
    mutable mutex mutex_;
    mutable remeasurement remeasured_ VECSTORE_GUARDED_BY(mutex_);
};

using part_list = std::vector<std::shared_ptr<const part>>;

/// By first ordinal. Ranges of ordinals do not overlap.
void sort_parts(part_list& parts);

[[nodiscard]] std::string part_path(const std::string& directory, std::uint64_t number);
[[nodiscard]] std::string graph_path(const std::string& directory, std::uint64_t number);
[[nodiscard]] std::string ivf_path(const std::string& directory, std::uint64_t number);
/// All files that a part of this number can have.
[[nodiscard]] std::array<std::string, 3> part_files(const std::string& directory, std::uint64_t number);

/// Writes the rows of one part, in ascending order of ordinals.
class part_writer {
public:
    [[nodiscard]] static result<part_writer> create(storage::file_system& files, const std::string& directory,
                                                    std::uint64_t number, const vector_options& options);
    /// `row` [row_bytes(type, dim)], or of any length when they vary. Without an identity for each row the part has
    /// none.
    result<void> append(ordinal_id ordinal, byte_span row, const std::optional<row_identity>& identity);
    result<void> append(ordinal_id ordinal, const void* dense, const std::optional<row_identity>& identity) {
        return append(ordinal, byte_span{static_cast<const std::byte*>(dense), row_bytes(type_, dim_)}, identity);
    }
    /// Makes the file durable under its name; the descriptor for the manifest.  Precondition: rows() > 0.
    result<part_descriptor> finish();
    [[nodiscard]] row_id rows() const noexcept { return static_cast<row_id>(ordinals_.size()); }

private:
    part_writer(storage::block_file_writer file, std::uint64_t number, const vector_options& options);

    storage::block_file_writer file_;
    std::uint64_t number_;
    std::size_t dim_;
    bool varying_;
    vecstore::metric metric_;
    element_type type_;
    byte_vector padded_;
    std::vector<std::uint64_t> offsets_;  ///< of rows that vary, ends included
    std::vector<ordinal_id> ordinals_;
    byte_vector identities_;
};

}  // namespace vecstore::detail
