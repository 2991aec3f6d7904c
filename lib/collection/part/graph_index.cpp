#include "graph_index.hpp"

#include "block_section.hpp"

#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/hnsw/search_matching.hpp>
#include <vecstore/index/range.hpp>
#include <vecstore/quantization/code_distances.hpp>

namespace vecstore::detail {
namespace {

using storage::fourcc;

constexpr std::uint32_t file_version = 2;

}  // namespace

result<std::uint64_t> write_graph_file(storage::file_system& files, const std::string& path, std::uint64_t owner_root,
                                       const graph_content& content) {
    VECSTORE_TRY(auto file, storage::block_file_writer::create(files, path, graph_file_kind, file_version));
    VECSTORE_CHECK(write_section(file, fourcc("LVL0"), content.graph.level0));
    VECSTORE_CHECK(write_section(file, fourcc("UPPR"), content.graph.upper));
    VECSTORE_CHECK(write_section(file, fourcc("GHDR"), content.graph.header));
    if (content.codes != nullptr) {
        VECSTORE_CHECK(write_section(file, fourcc("CODC"), content.codes->codec.save()));
        VECSTORE_CHECK(write_section(file, fourcc("CODE"), span_of(content.codes->codes)));
    }
    byte_writer measured, owner;
    content.measured.save(measured);
    owner.put(owner_root);
    VECSTORE_CHECK(write_section(file, fourcc("CALB"), measured.bytes()));
    VECSTORE_CHECK(write_section(file, fourcc("OWNR"), owner.bytes()));
    return file.finish();
}

result<std::unique_ptr<const part_index>> graph_index::open(storage::file_system& files, const std::string& path,
                                                            const index_owner& owner) {
    VECSTORE_TRY(auto file, storage::block_file::open(files, path, graph_file_kind, storage::verify_mode::footer));
    if (file->version() < 1 || file->version() > file_version)
        return corruption("a version that this program does not know", path, 0);
    VECSTORE_CHECK(check_owner(*file, owner.root));
    std::unique_ptr<graph_index> opened(new graph_index(owner));
    VECSTORE_TRY(const auto measured, checked_section(*file, fourcc("CALB")));
    auto read = file->version() == 1 ? calibration::load_version_1(measured) : calibration::load(measured);
    VECSTORE_TRY(opened->measured_, std::move(read));
    opened->file_bytes_ = file->bytes();
    opened->file_ = std::move(file);
    return std::unique_ptr<const part_index>(std::move(opened));
}

result<void> graph_index::load() const {
    VECSTORE_TRY(const auto header, checked_section(*file_, fourcc("GHDR")));
    VECSTORE_TRY(level0_, read_section(*file_, fourcc("LVL0")));
    VECSTORE_TRY(upper_, read_section(*file_, fourcc("UPPR")));
    VECSTORE_TRY(auto graph,
                 index::frozen_graph::open(header, span_of(level0_), span_of(upper_), originals_.mapped.size()));
    if (file_->version() > 1 && file_->has_section(fourcc("CODC"))) VECSTORE_CHECK(read_codes());
    graph_.emplace(std::move(graph));
    VECSTORE_CHECK(file_->check_blocks(0, file_->block_count()));  // what lies between sections, too
    file_.reset();
    return {};
}

result<void> graph_index::read_codes() const {
    VECSTORE_TRY(const auto saved, checked_section(*file_, fourcc("CODC")));
    VECSTORE_TRY(auto codec, quantization::scalar_codec::load(saved));
    if (codec.metric() != metric_ || codec.dim() != originals_.mapped.dim())
        return corruption("codes are for other vectors", file_->path(), 0);
    VECSTORE_TRY(auto codes, read_section(*file_, fourcc("CODE")));
    if (codes.size() != originals_.mapped.size() * codec.code_bytes())
        return corruption("codes have the wrong size", file_->path(), 0);
    coded_.emplace(index::coded_rows{std::move(codec), std::move(codes)});
    return {};
}

namespace {

/// Of all rows near the query, which the walk finds in order, those that `allow` accepts. When there are fewer of them than
/// was expected, there are others further away, and those found are where a walk over such rows begins.
template <class Distances>
std::vector<neighbor> pick_allowed(const index::frozen_graph& graph, const Distances& distances,
                                   const part_request& request, std::size_t k, index::search_stats& stats) {
    const std::size_t ef = request.setting.breadth;
    auto found = index::hnsw_search(graph, distances, ef, ef, {}, &stats);
    std::erase_if(found, [&](const neighbor& n) { return !(*request.allow)(n.row); });
    if (found.size() < request.enough) {
        std::vector<row_id> seeds(request.seeds.begin(), request.seeds.end());
        for (const auto& n : found) seeds.push_back(n.row);
        return index::hnsw_search_matching(graph, distances, k, ef, *request.allow, seeds, &stats);
    }
    if (found.size() > k) found.resize(k);
    return found;
}

template <class Distances>
std::vector<neighbor> walk(const index::frozen_graph& graph, const Distances& distances, const part_request& request,
                           std::size_t k, index::search_stats& stats) {
    const std::size_t ef = request.setting.breadth;
    if (request.allow == nullptr) return index::hnsw_search(graph, distances, k, ef, {}, &stats);
    switch (request.way) {
        case filtered_way::all_then_pick: return pick_allowed(graph, distances, request, k, stats);
        case filtered_way::matching:
            return index::hnsw_search_matching(graph, distances, k, ef, *request.allow, request.seeds, &stats);
        case filtered_way::results_apart: break;
    }
    return index::hnsw_search(graph, distances, k, ef, *request.allow, &stats);
}

template <class Exact>
std::vector<neighbor> walk_within(const index::frozen_graph& graph, const Exact& exact, const part_request& request,
                                  index::search_stats& stats) {
    const std::size_t ef = request.setting.breadth;
    return request.allow == nullptr
               ? index::range_search(graph, exact, *request.radius, request.k, ef, index::allow_all{}, &stats)
               : index::range_search(graph, exact, *request.radius, request.k, ef, *request.allow, &stats);
}

}  // namespace

template <class Exact>
std::vector<neighbor> graph_index::search_with(const part_request& request, const Exact& exact, part_cost& cost) const {
    index::search_stats stats;
    std::vector<neighbor> found;
    if (request.radius) {
        // By originals: what a code says of a distance is too rough to decide whether the walk goes on.
        found = walk_within(*graph_, exact, request, stats);
    } else if (!coded_) {
        found = walk(*graph_, exact, request, request.k, stats);
    } else {
        thread_local quantization::code_query prepared;
        coded_->codec.prepare(static_cast<const float*>(request.query), prepared);
        const quantization::code_distances walked(coded_->codec, coded_->codes.data(), prepared);
        found = walk(*graph_, walked, request, std::max<std::size_t>(request.k, request.setting.rescored), stats);
        stats.rescored += found.size();
        found = index::rescore(std::move(found), exact, request.k);
    }
    cost.distances += stats.distances + stats.rescored;
    cost.rescored += stats.rescored;
    return found;
}

std::vector<neighbor> graph_index::find(const part_request& request, part_cost& cost) const {
    const distance_computer computer(metric_, type_, request.query, originals_.mapped.dim());
    return with_distances(originals_, computer, cost.failure,
                          [&](const auto& exact) { return search_with(request, exact, cost); });
}

index_memory graph_index::memory() const noexcept {
    if (waiting() || damaged()) return {sizeof *this, file_bytes_};
    auto bytes =
        sizeof *this - sizeof *graph_ + graph_->memory_bytes() + level0_.memory_bytes() + upper_.memory_bytes();
    if (coded_) bytes += coded_->codes.memory_bytes() + coded_->codec.memory_bytes();
    return {bytes, file_bytes_};
}

}  // namespace vecstore::detail
