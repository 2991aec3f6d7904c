/// An immutable run of rows of one named vector, mapped from a file; and, when it has been built, the graph over them.
///
/// `<n>.part` (block file, kind "VPRT"), version 3, little-endian:
///   VECS  rows * stride bytes, row-major; each row as element_type.hpp says, the padding is zero
///   ORDN  rows * u32: the ordinal of each row, ascending
///   IDNT  rows * 24 bytes: the id, the version and the kind of id of each row's point, as part_identity.hpp says. The
///         version is that of the time of writing: edits of the payload are looked up elsewhere (ordinal_set of the
///         view). Absent when rows come from a part that had none.
///   HEAD  u32 rows, u32 dim, u32 stride in bytes (row_stride of element_type.hpp), u8 metric, u8 element type
/// Version 2, still read: no IDNT. Version 1, still read: HEAD ends with the metric, its stride counts f32, and so are
/// the rows.
/// `<n>.hnsw` (block file, kind "VGRF"), derived from the part and rebuilt when it is missing or damaged:
///   GHDR, LVL0, UPPR  as index/hnsw/frozen_graph.hpp says
///   CALB  u32 count, then for each: u32 ef, f32 recall at 10 measured on this part (lower confidence bound), ef
///   ascending OWNR  u64 root checksum of the part it belongs to
/// These are bytes on disk: a change needs a new version.
/// Thread safety: immutable but for the count of dead rows, which is atomic; any number of threads.
#pragma once

#include "part_identity.hpp"

#include <vecstore/collection/options.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/storage/block_file.hpp>

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
    std::uint64_t graph_root = 0;  ///< of the .hnsw file; 0 = none

    friend bool operator==(const part_descriptor&, const part_descriptor&) = default;
};

/// Measured: a walk with `ef` found this share of the 10 nearest.
struct recall_point {
    std::uint32_t ef = 0;
    float recall = 0;
};

class part {
public:
    /// Maps and verifies the files that the descriptor names. A damaged or missing graph is no error: the part opens
    /// without it, and the optimizer builds it again.
    /// Errors: corruption (path, offset), io.
    [[nodiscard]] static result<std::shared_ptr<const part>> open(storage::file_system& files,
                                                                  const std::string& directory,
                                                                  const part_descriptor& descriptor,
                                                                  const vector_options& options);

    [[nodiscard]] const part_descriptor& descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] row_id size() const noexcept { return descriptor_.rows; }
    [[nodiscard]] ordinal_id ordinal_of(row_id row) const noexcept { return ordinals_[row]; }
    /// Whose row it is, so that hits need no table; nothing when the part was written without.
    [[nodiscard]] std::optional<row_identity> identity_of(row_id row) const noexcept {
        if (identities_.empty()) return std::nullopt;
        return unpack_identity(identities_.data() + row * identity_bytes);
    }
    /// Asks for what `identity_of` will read.
    void prefetch_identity(row_id row) const noexcept {
        if (!identities_.empty()) __builtin_prefetch(identities_.data() + row * identity_bytes);
    }
    [[nodiscard]] const index::contiguous_rows& vectors() const noexcept { return vectors_; }
    [[nodiscard]] const index::frozen_graph* graph() const noexcept { return graph_ ? &*graph_ : nullptr; }
    /// Counts a row as dead if it lies here. By the writer, before the death is published.
    void note_death(ordinal_id ordinal) const noexcept;
    /// At least the dead rows that any view can know of; 0 = every row may be returned.
    [[nodiscard]] row_id dead_rows() const noexcept { return dead_rows_.load(std::memory_order_acquire); }
    /// The smallest measured ef that reaches `recall` for `k` neighbours.
    [[nodiscard]] std::size_t ef_for(double recall, std::size_t k) const noexcept;
    [[nodiscard]] std::size_t mapped_bytes() const noexcept {
        return vector_file_->bytes() + (graph_file_ ? graph_file_->bytes() : 0);
    }

private:
    part() = default;
    result<void> open_vectors(const vector_options& options);
    result<void> open_graph(storage::file_system& files, const std::string& path, const vector_options& options);

    part_descriptor descriptor_;
    std::shared_ptr<const storage::block_file> vector_file_;
    std::shared_ptr<const storage::block_file> graph_file_;
    index::contiguous_rows vectors_{};
    std::span<const ordinal_id> ordinals_;
    byte_span identities_;
    std::optional<index::frozen_graph> graph_;
    std::vector<recall_point> calibration_;
    mutable std::atomic<row_id> dead_rows_{0};
};

using part_list = std::vector<std::shared_ptr<const part>>;

/// By first ordinal. Ranges of ordinals do not overlap.
void sort_parts(part_list& parts);

[[nodiscard]] std::string part_path(const std::string& directory, std::uint64_t number);
[[nodiscard]] std::string graph_path(const std::string& directory, std::uint64_t number);

/// Writes the rows of one part, in ascending order of ordinals.
class part_writer {
public:
    [[nodiscard]] static result<part_writer> create(storage::file_system& files, const std::string& directory,
                                                    std::uint64_t number, const vector_options& options);
    /// `row` [row_bytes(type, dim)]. Without an identity for each row the part has none.
    result<void> append(ordinal_id ordinal, const void* row, const std::optional<row_identity>& identity);
    /// Makes the file durable under its name; the descriptor for the manifest.  Precondition: rows() > 0.
    result<part_descriptor> finish();
    [[nodiscard]] row_id rows() const noexcept { return static_cast<row_id>(ordinals_.size()); }

private:
    part_writer(storage::block_file_writer file, std::uint64_t number, const vector_options& options);

    storage::block_file_writer file_;
    std::uint64_t number_;
    std::size_t dim_;
    vecstore::metric metric_;
    element_type type_;
    byte_vector padded_;
    std::vector<ordinal_id> ordinals_;
    byte_vector identities_;
};

/// Writes a finished graph beside its part; the root checksum for the manifest.
[[nodiscard]] result<std::uint64_t> write_graph(storage::file_system& files, const std::string& directory,
                                                const part& owner, const index::frozen_graph_bytes& graph,
                                                std::span<const recall_point> calibration);

}  // namespace vecstore::detail
