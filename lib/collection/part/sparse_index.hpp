/// The inverted lists over the rows of a sparse part.
///
/// `<n>.ivf` (block file, kind "VSPI"), version 1, derived from the part and rebuilt when it is missing or damaged:
///   TERM, STRT, BLKS, ROWS, VALU  as index/sparse.hpp says
///   OWNR  u64 root checksum of the part it belongs to
/// These are bytes on disk: a change needs a new version.
/// Thread safety: as part_index.
#pragma once

#include "graph_index.hpp"

#include <vecstore/index/sparse.hpp>

#include <memory>
#include <string>

namespace vecstore::detail {

inline constexpr auto sparse_file_kind = storage::fourcc("VSPI");

/// Below this a part is scanned.
inline constexpr row_id sparse_indexed_rows_min = 1'000;

/// Writes the file; its root checksum for the manifest.  Errors: resource_exhausted, io.
[[nodiscard]] result<std::uint64_t> write_sparse_file(storage::file_system& files, const std::string& path,
                                                      std::uint64_t owner_root, const index::sparse_sections& lists);

/// Lists in a file that may hold anything.  Errors: corruption.
[[nodiscard]] result<index::sparse_lists> open_sparse_lists(const storage::block_file& file, row_id rows);

/// Lists are read where they are mapped.
class sparse_index final : public part_index {
public:
    /// Looks at the footer and the owner.  Errors: not_found, corruption, io.
    [[nodiscard]] static result<std::unique_ptr<const part_index>> open(storage::file_system& files,
                                                                        const std::string& path,
                                                                        const index_owner& owner);

    [[nodiscard]] index_kind kind() const noexcept override { return index_kind::ivf; }
    [[nodiscard]] index_memory memory() const noexcept override { return {sizeof *this, file_bytes_}; }
    /// Empty: searches are exact.
    [[nodiscard]] const calibration& measured() const noexcept override;
    [[nodiscard]] shared_scan shared() const noexcept override { return {}; }
    /// Precondition: ready().
    [[nodiscard]] const index::sparse_lists& lists() const noexcept { return lists_; }

private:
    /// `request.query` is an index::sparse_view.
    [[nodiscard]] std::vector<neighbor> find(const part_request& request, part_cost& cost) const override;
    [[nodiscard]] result<void> load() const override;
    sparse_index(std::shared_ptr<const storage::block_file> file, row_id rows)
        : file_(std::move(file)), file_bytes_(file_->bytes()), rows_(rows) {}

    std::shared_ptr<const storage::block_file> file_;
    std::size_t file_bytes_;
    row_id rows_;
    mutable index::sparse_lists lists_;  ///< set by `load`
};

}  // namespace vecstore::detail
