/// The graph over the rows of a part, walked over codes where there are some.
///
/// `<n>.hnsw` (block file, kind "VGRF"), version 2, derived from the part and rebuilt when it is missing or damaged:
///   GHDR, LVL0, UPPR  as index/hnsw/frozen_graph.hpp says
///   CODC  quantization::scalar_codec::save; absent when the walk is by originals
///   CODE  rows * code_bytes: the codes; absent with CODC
///   CALB  calibration.hpp
///   OWNR  u64 root checksum of the part it belongs to
/// Version 1, still read: no codes, CALB as calibration::load_version_1 says.
/// These are bytes on disk: a change needs a new version.
#pragma once

#include "calibration.hpp"
#include "originals.hpp"
#include "part_index.hpp"

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/storage/block_file.hpp>

#include <memory>
#include <optional>
#include <string>

namespace vecstore::detail {

inline constexpr auto graph_file_kind = storage::fourcc("VGRF");

/// What an index is opened for.
struct index_owner {
    std::uint64_t root = 0;  ///< checksum of the part's file
    detail::originals rows;  ///< outlive the index
    const vector_options& options;
};

/// All that a file of a graph holds.
struct graph_content {
    const index::frozen_graph_bytes& graph;
    const index::coded_rows* codes = nullptr;
    const calibration& measured;
};

/// Writes the file; its root checksum for the manifest.
/// Errors: resource_exhausted, io.
[[nodiscard]] result<std::uint64_t> write_graph_file(storage::file_system& files, const std::string& path,
                                                     std::uint64_t owner_root, const graph_content& content);

/// Lists and codes are copied into memory of their own, in huge pages where there are some, and the file is let go: a
/// walk over pages of a mapped file costs a fifth more.
class graph_index final : public part_index {
public:
    /// Looks at the footer, the owner and the calibration.
    /// Errors: not_found, corruption (also: of another part, or of a version that is not known), io.
    [[nodiscard]] static result<std::unique_ptr<const part_index>> open(storage::file_system& files,
                                                                        const std::string& path,
                                                                        const index_owner& owner);

    [[nodiscard]] index_kind kind() const noexcept override { return index_kind::hnsw; }
    [[nodiscard]] index_memory memory() const noexcept override;
    [[nodiscard]] const calibration& measured() const noexcept override { return measured_; }
    /// For merging parts. Precondition: ready().
    [[nodiscard]] const index::frozen_graph& graph() const noexcept { return *graph_; }
    [[nodiscard]] shared_scan shared() const noexcept override { return {coded_ ? &*coded_ : nullptr, nullptr}; }

private:
    [[nodiscard]] std::vector<neighbor> find(const part_request& request, part_cost& cost) const override;
    explicit graph_index(const index_owner& owner)
        : originals_(owner.rows), metric_(owner.options.metric), type_(owner.options.type) {}
    [[nodiscard]] result<void> load() const override;
    result<void> read_codes() const;
    template <class Exact>
    [[nodiscard]] std::vector<neighbor> search_with(const part_request& request, const Exact& exact,
                                                    part_cost& cost) const;

    originals originals_;
    vecstore::metric metric_;
    element_type type_;
    calibration measured_;
    std::size_t file_bytes_ = 0;
    // Set by `load`.
    mutable std::shared_ptr<const storage::block_file> file_;  ///< null afterwards
    mutable aligned_buffer<std::byte> level0_, upper_;
    mutable std::optional<index::frozen_graph> graph_;
    mutable std::optional<index::coded_rows> coded_;
};

}  // namespace vecstore::detail
