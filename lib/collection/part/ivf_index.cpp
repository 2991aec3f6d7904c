#include "ivf_index.hpp"

#include "block_section.hpp"

#include <algorithm>

namespace vecstore::detail {
namespace {

using storage::fourcc;

constexpr std::uint32_t file_version = 1;

}  // namespace

result<std::uint64_t> write_ivf_file(storage::file_system& files, const std::string& path, std::uint64_t owner_root,
                                     const index::ivf_bytes& lists, const calibration& measured) {
    VECSTORE_TRY(auto file, storage::block_file_writer::create(files, path, ivf_file_kind, file_version));
    VECSTORE_CHECK(write_section(file, fourcc("MODL"), lists.model));
    VECSTORE_CHECK(write_section(file, fourcc("CODE"), lists.codes));
    VECSTORE_CHECK(write_section(file, fourcc("IDS_"), lists.ids));
    VECSTORE_CHECK(write_section(file, fourcc("HEAD"), lists.header));
    byte_writer saved, owner;
    measured.save(saved);
    owner.put(owner_root);
    VECSTORE_CHECK(write_section(file, fourcc("CALB"), saved.bytes()));
    VECSTORE_CHECK(write_section(file, fourcc("OWNR"), owner.bytes()));
    return file.finish();
}

result<std::unique_ptr<const part_index>> ivf_index::open(storage::file_system& files, const std::string& path,
                                                          const index_owner& owner) {
    VECSTORE_TRY(auto file, storage::block_file::open(files, path, ivf_file_kind, storage::verify_mode::footer));
    if (file->version() != file_version) return corruption("a version that this program does not know", path, 0);
    VECSTORE_CHECK(check_owner(*file, owner.root));
    std::unique_ptr<ivf_index> opened(new ivf_index(owner));
    VECSTORE_TRY(const auto saved, checked_section(*file, fourcc("CALB")));
    VECSTORE_TRY(opened->measured_, calibration::load(saved));
    opened->file_bytes_ = file->bytes();
    opened->file_ = std::move(file);
    return std::unique_ptr<const part_index>(std::move(opened));
}

result<void> ivf_index::load() const {
    VECSTORE_TRY(const auto header, checked_section(*file_, fourcc("HEAD")));
    VECSTORE_TRY(model_, read_section(*file_, fourcc("MODL")));
    VECSTORE_TRY(codes_, read_section(*file_, fourcc("CODE")));
    VECSTORE_TRY(ids_, read_section(*file_, fourcc("IDS_")));
    VECSTORE_TRY(auto lists,
                 index::ivf::open(header, span_of(model_), span_of(codes_), span_of(ids_), originals_.mapped.size()));
    if (lists.lists().dim() != originals_.mapped.dim() || lists.lists().metric() != metric_)
        return corruption("lists are for other vectors", file_->path(), 0);
    lists_.emplace(std::move(lists));
    VECSTORE_CHECK(file_->check_blocks(0, file_->block_count()));  // what lies between sections, too
    file_.reset();
    return {};
}

std::vector<neighbor> ivf_index::search_nearest(const part_request& request, std::size_t k, part_cost& cost) const {
    const auto* const query = static_cast<const float*>(request.query);
    const distance_computer computer(metric_, type_, query, originals_.mapped.dim());
    const index::ivf_search_options options{.k = k,
                                            .nprobe = std::max<std::size_t>(1, request.setting.breadth),
                                            .breadths = request.breadths,
                                            .members = request.members,
                                            .members_sure = request.members_sure,
                                            .rescore = request.setting.rescored};
    index::ivf_search_stats stats;
    const std::span<const float> vector(query, originals_.mapped.dim());
    auto found = with_distances(originals_, computer, cost.failure, [&](const auto& exact) {
        return request.allow != nullptr ? lists_->search(vector, exact, options, *request.allow, &stats)
                                        : lists_->search(vector, exact, options, index::allow_all{}, &stats);
    });
    cost.distances += stats.codes + stats.distances;
    cost.rescored += stats.distances;
    // It refuses only what was checked before: k, dim.
    return found ? *std::move(found) : std::vector<neighbor>{};
}

std::vector<neighbor> ivf_index::find(const part_request& request, part_cost& cost) const {
    const auto most = std::min<std::size_t>(request.k, originals_.mapped.size());
    if (most == 0) return {};
    if (!request.radius) return search_nearest(request, most, cost);
    constexpr std::size_t first = 16, growth = 4;
    for (auto k = std::min(first, most);; k = std::min(k * growth, most)) {
        auto found = search_nearest(request, k, cost);
        const auto beyond =
            std::find_if(found.begin(), found.end(), [&](const neighbor& n) { return n.distance > *request.radius; });
        const bool all = beyond != found.end() || found.size() < k || k == most;
        if (!all) continue;
        found.erase(beyond, found.end());
        return found;
    }
}

index_memory ivf_index::memory() const noexcept {
    if (waiting() || damaged()) return {sizeof *this, file_bytes_};
    return {sizeof *this - sizeof *lists_ + lists_->memory_bytes() + model_.memory_bytes() + codes_.memory_bytes() +
                ids_.memory_bytes(),
            file_bytes_};
}

}  // namespace vecstore::detail
