/// The inverted lists over the rows of a part.
///
/// `<n>.ivf` (block file, kind "VIVF"), version 1, derived from the part and rebuilt when it is missing or damaged:
///   HEAD, MODL, CODE, IDS_  as index/ivf/lists.hpp says
///   CALB  calibration.hpp
///   OWNR  u64 root checksum of the part it belongs to
/// These are bytes on disk: a change needs a new version.
#pragma once

#include "graph_index.hpp"

#include <vecstore/index/ivf.hpp>

#include <memory>
#include <optional>
#include <string>

namespace vecstore::detail {

inline constexpr auto ivf_file_kind = storage::fourcc("VIVF");

/// Writes the file; its root checksum for the manifest.
/// Errors: resource_exhausted, io.
[[nodiscard]] result<std::uint64_t> write_ivf_file(storage::file_system& files, const std::string& path,
                                                   std::uint64_t owner_root, const index::ivf_bytes& lists,
                                                   const calibration& measured);

/// As the graph, in memory of its own.
class ivf_index final : public part_index {
public:
    /// As that of a graph.
    [[nodiscard]] static result<std::unique_ptr<const part_index>> open(storage::file_system& files,
                                                                        const std::string& path,
                                                                        const index_owner& owner);

    [[nodiscard]] index_kind kind() const noexcept override { return index_kind::ivf; }
    /// A range search asks for ever more neighbours, until one lies beyond the radius.
    [[nodiscard]] index_memory memory() const noexcept override;
    [[nodiscard]] const calibration& measured() const noexcept override { return measured_; }
    [[nodiscard]] shared_scan shared() const noexcept override { return {nullptr, &lists_->lists()}; }

private:
    [[nodiscard]] std::vector<neighbor> find(const part_request& request, part_cost& cost) const override;
    explicit ivf_index(const index_owner& owner)
        : originals_(owner.rows), metric_(owner.options.metric), type_(owner.options.type) {}
    [[nodiscard]] result<void> load() const override;
    [[nodiscard]] std::vector<neighbor> search_nearest(const part_request& request, std::size_t k,
                                                       part_cost& cost) const;

    originals originals_;
    vecstore::metric metric_;
    element_type type_;
    calibration measured_;
    std::size_t file_bytes_ = 0;
    // Set by `load`.
    mutable std::shared_ptr<const storage::block_file> file_;  ///< null afterwards
    mutable aligned_buffer<std::byte> model_, codes_, ids_;
    mutable std::optional<index::ivf> lists_;
};

}  // namespace vecstore::detail
