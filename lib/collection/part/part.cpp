#include "part.hpp"

#include "block_section.hpp"
#include "graph_index.hpp"
#include "ivf_index.hpp"
#include "sparse_index.hpp"

#include <collection/slots.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace vecstore::detail {
namespace {

constexpr auto part_kind = storage::fourcc("VPRT");
constexpr std::uint32_t part_version = 3, varying_version = 4;

std::string numbered(const std::string& directory, std::uint64_t number, const char* ending) {
    return storage::join_path(directory, std::to_string(number) + ending);
}

/// What a hop of a walk over matching rows costs more for each neighbour that it looks behind, of which a list holds no more:
/// the list of that neighbour is read, and its rows are looked up.
constexpr double matching_hop_cost = 0.2, through_max = 32;

error damaged(const std::string& path, const char* what) { return corruption(what, path, 0); }

}  // namespace

void sort_parts(part_list& parts) {
    std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
        return a->descriptor().first_ordinal < b->descriptor().first_ordinal;
    });
}

std::string part_path(const std::string& directory, std::uint64_t number) {
    return numbered(directory, number, ".part");
}
std::string graph_path(const std::string& directory, std::uint64_t number) {
    return numbered(directory, number, ".hnsw");
}
std::string ivf_path(const std::string& directory, std::uint64_t number) { return numbered(directory, number, ".ivf"); }
std::array<std::string, 3> part_files(const std::string& directory, std::uint64_t number) {
    return {part_path(directory, number), graph_path(directory, number), ivf_path(directory, number)};
}

result<std::shared_ptr<const part>> part::open(storage::file_system& files, const std::string& directory,
                                               const part_descriptor& descriptor, const vector_options& options,
                                               storage::verify_mode verify) {
    std::shared_ptr<part> opened(new part);
    opened->descriptor_ = descriptor;
    const auto path = part_path(directory, descriptor.number);
    auto file = storage::block_file::open(files, path, part_kind, verify);
    if (!file && file.error().code == errc::not_found)
        return damaged(path, "a part that the manifest names is missing");
    VECSTORE_TRY(opened->vector_file_, std::move(file));
    if (opened->vector_file_->root() != descriptor.root) return damaged(path, "not the file that the manifest names");
    if (options.on_disk) {
        VECSTORE_TRY(opened->reader_, files.open(path, storage::open_mode::read));
    }
    VECSTORE_CHECK(opened->open_vectors(options));
    opened->open_indexes(files, directory, options);
    if (verify == storage::verify_mode::all)
        for (auto* index : {&opened->graph_, &opened->lists_})
            if (*index != nullptr && !(*index)->ready()) {
                index->reset();
                ++opened->left_out_;
            }
    opened->mapped_bytes_ = opened->vector_file_->bytes();
    if (options.on_disk && opened->indexed()) {
        opened->vector_file_->release(opened->bytes_of_rows());  // checking it has read all of it
        opened->mapped_bytes_ -= opened->rows_.size();
    }
    return std::shared_ptr<const part>(std::move(opened));
}

result<void> part::open_vectors(const vector_options& options) {
    const auto& path = vector_file_->path();
    VECSTORE_TRY(const auto head, checked_section(*vector_file_, storage::fourcc("HEAD")));
    byte_reader in(head);
    const auto version = vector_file_->version();
    if (version < 1 || version > varying_version) return damaged(path, "a version that this program does not know");
    const auto rows = in.get<std::uint32_t>(), dim = in.get<std::uint32_t>();
    const auto stride = std::size_t{in.get<std::uint32_t>()} * (version == 1 ? sizeof(float) : 1);
    const auto metric = in.get<std::uint8_t>();
    const auto type = version == 1 ? element_type::f32 : static_cast<element_type>(in.get<std::uint8_t>());
    const bool varying = rows_vary(options);
    // f32 rows are read where they lie.
    const bool aligned = type != element_type::f32 || stride % alignof(float) == 0;
    if (!in.finished() || rows != descriptor_.rows || rows == 0 || dim != options.dim || type != options.type ||
        (version == varying_version) != varying || (!varying && stride < row_bytes(type, dim)) || !aligned ||
        metric != static_cast<std::uint8_t>(options.metric))
        return damaged(path, "header does not fit the collection");
    VECSTORE_TRY(const auto vectors, vector_file_->section(storage::fourcc("VECS")));
    VECSTORE_TRY(const auto ordinals, checked_section(*vector_file_, storage::fourcc("ORDN")));
    if ((!varying && vectors.size() != std::size_t{rows} * stride) ||
        ordinals.size() != std::size_t{rows} * sizeof(ordinal_id))
        return damaged(path, "sections have the wrong size");
    if (vector_file_->has_section(storage::fourcc("IDNT"))) {
        VECSTORE_TRY(identities_, vector_file_->section(storage::fourcc("IDNT")));
        if (identities_.size() != rows * identity_bytes) return damaged(path, "sections have the wrong size");
    }
    stored_.mapped = {vectors.data(), type, stride, dim, rows};
    stored_.stride = stride;
    stored_.blocks = vector_file_;
    VECSTORE_TRY(stored_.offset, vector_file_->section_offset(storage::fourcc("VECS")));
    rows_ = vectors;
    if (varying) VECSTORE_CHECK(open_offsets(row_unit(options)));
    ordinals_ = {reinterpret_cast<const ordinal_id*>(ordinals.data()), rows};
    if (!std::is_sorted(ordinals_.begin(), ordinals_.end()) || ordinals_.front() != descriptor_.first_ordinal ||
        ordinals_.back() != descriptor_.last_ordinal)
        return damaged(path, "ordinals are out of order");
    gapless_ = ordinals_.back() - ordinals_.front() + 1 == rows;
    return {};
}

result<void> part::open_offsets(std::size_t unit) {
    VECSTORE_TRY(const auto bytes, checked_section(*vector_file_, storage::fourcc("OFFS")));
    const std::span offsets{reinterpret_cast<const std::uint64_t*>(bytes.data()), bytes.size() / sizeof(std::uint64_t)};
    const auto whole = [unit](std::uint64_t offset) { return offset % unit == 0; };
    if (bytes.size() != (std::size_t{size()} + 1) * sizeof(std::uint64_t) || offsets.front() != 0 ||
        offsets.back() != rows_.size() || !std::is_sorted(offsets.begin(), offsets.end()) ||
        !std::all_of(offsets.begin(), offsets.end(), whole))
        return damaged(vector_file_->path(), "places of rows are wrong");
    offsets_ = offsets;
    return {};
}

void part::open_indexes(storage::file_system& files, const std::string& directory, const vector_options& options) {
    index_owner owner{descriptor_.root, stored_, options};
    owner.rows.file = reader_;
    const auto take = [&](std::unique_ptr<const part_index>& place, auto opened) {
        if (opened)
            place = *std::move(opened);
        else
            ++left_out_;
    };
    if (descriptor_.graph_root != 0)
        take(graph_, graph_index::open(files, graph_path(directory, descriptor_.number), owner));
    if (descriptor_.ivf_root != 0 && descriptor_.ivf_root != index_declined)
        take(lists_, sparse() ? sparse_index::open(files, ivf_path(directory, descriptor_.number), owner)
                              : ivf_index::open(files, ivf_path(directory, descriptor_.number), owner));
}

void part::note_death(ordinal_id ordinal) const noexcept {
    if (ordinal < descriptor_.first_ordinal || ordinal > descriptor_.last_ordinal) return;
    const auto at = std::lower_bound(ordinals_.begin(), ordinals_.end(), ordinal);
    if (at != ordinals_.end() && *at == ordinal) dead_rows_.fetch_add(1, std::memory_order_release);
}

namespace {

/// Of two indexes, or ways to search one. A cost that is not known was measured by an older program, which was slower.
const part_choice& better(const part_choice& a, const part_choice& b) noexcept {
    if (a.index == nullptr || b.index == nullptr) return a.index == nullptr ? b : a;
    if (a.chosen.reached != b.chosen.reached) return a.chosen.reached ? a : b;
    if (!a.chosen.reached) return a.chosen.recall >= b.chosen.recall ? a : b;
    const bool cheaper = a.chosen.microseconds > 0 && a.chosen.microseconds <= b.chosen.microseconds;
    return cheaper ? a : b;
}

/// `k` nearest of those that pass are among so many nearest of all.
std::size_t rank_of_last(std::size_t k, double share) noexcept {
    return static_cast<std::size_t>(std::min(std::ceil(static_cast<double>(k) / share), 1e9));
}

part_choice pick_from_graph(const part_index& graph, double recall, std::size_t k, std::optional<std::size_t> breadth,
                            double share) {
    const auto rank = rank_of_last(k, share);
    const auto wide = breadth ? graph.at_breadth(rank_of_last(*breadth, share), rank) : graph.choose(recall, rank);
    part_choice choice{&graph, wide, filtered_way::all_then_pick};
    // Twice what a search for k re-scores, since the walk goes further; of what it finds only a part is re-scored.
    const auto narrow = breadth ? graph.at_breadth(*breadth, k) : graph.choose(recall, k);
    if (choice.chosen.setting.rescored > 0)
        choice.chosen.setting.rescored = std::min(choice.chosen.setting.rescored, 2 * narrow.setting.rescored);
    // Where clearly fewer pass than do elsewhere, the setting was for others.
    constexpr double as_many = 0.6;
    const auto passing = share * static_cast<double>(choice.chosen.setting.breadth);
    choice.enough = std::max(k, static_cast<std::size_t>(as_many * passing));
    return choice;
}

part_choice walk_matching(const part_index& graph, double recall, std::size_t k, std::optional<std::size_t> breadth,
                          double share) {
    // Links were chosen for all rows, not for those that pass: half the errors allowed are kept for that.
    const auto narrow = breadth ? graph.at_breadth(*breadth, k) : graph.choose(1 - (1 - recall) / 2, k);
    part_choice choice{&graph, narrow, filtered_way::matching};
    choice.chosen.microseconds *= static_cast<float>(1 + matching_hop_cost * std::min(1 / share - 1, through_max));
    return choice;
}

part_choice probe_more(const part_index& lists, double recall, std::size_t k, std::optional<std::size_t> breadth,
                       double share) {
    if (breadth) return {&lists, lists.at_breadth(*breadth, k)};
    part_choice choice{&lists, lists.choose(recall, k)};
    const auto more = lists.choose(recall, rank_of_last(k, share));
    choice.chosen.microseconds *=
        static_cast<float>(more.setting.breadth) / static_cast<float>(std::max(1u, choice.chosen.setting.breadth));
    return choice;
}

}  // namespace

part_choice part::choose_filtered(double recall, std::size_t k, std::optional<std::size_t> breadth,
                                  double share) const noexcept {
    part_choice best;
    if (const auto* graph = this->graph(); graph != nullptr)
        best = better(pick_from_graph(*graph, recall, k, breadth, share),
                      walk_matching(*graph, recall, k, breadth, share));
    if (const auto* lists = this->lists(); lists != nullptr && !(breadth && best.index != nullptr))
        best = better(best, probe_more(*lists, recall, k, breadth, share));
    return best;
}

part_choice part::choose(double recall, std::size_t k, std::optional<std::size_t> breadth) const noexcept {
    const auto choice_of = [&](const part_index* index) -> part_choice {
        if (index == nullptr) return {};
        return {index, breadth ? index->at_breadth(*breadth, k) : index->choose(recall, k)};
    };
    const auto graph = choice_of(this->graph());
    const auto lists = breadth && graph.index != nullptr ? part_choice{} : choice_of(this->lists());
    return better(graph, lists);
}

index_memory part::memory() const noexcept {
    index_memory all;
    for (const auto* index : {graph_.get(), lists_.get()}) {
        if (index == nullptr) continue;
        const auto one = index->memory();
        all.resident += one.resident;
        all.on_disk += one.on_disk;
    }
    return all;
}

part_writer::part_writer(storage::block_file_writer file, std::uint64_t number, const vector_options& options)
    : file_(std::move(file)),
      number_(number),
      dim_(options.dim),
      varying_(rows_vary(options)),
      metric_(options.metric),
      type_(options.type),
      padded_(rows_vary(options) ? 0 : row_stride(options.type, options.dim)) {}

result<part_writer> part_writer::create(storage::file_system& files, const std::string& directory, std::uint64_t number,
                                        const vector_options& options) {
    VECSTORE_CHECK(files.create_directories(directory));
    VECSTORE_TRY(auto file, storage::block_file_writer::create(files, part_path(directory, number), part_kind,
                                                               rows_vary(options) ? varying_version : part_version));
    VECSTORE_CHECK(file.begin_section(storage::fourcc("VECS")));
    return part_writer(std::move(file), number, options);
}

result<void> part_writer::append(ordinal_id ordinal, byte_span row, const std::optional<row_identity>& identity) {
    if (varying_) {
        VECSTORE_CHECK(file_.append(row));
        if (offsets_.empty()) offsets_.push_back(0);
        offsets_.push_back(offsets_.back() + row.size());
    } else {
        std::memcpy(padded_.data(), row.data(), row.size());
        VECSTORE_CHECK(file_.append(padded_));
    }
    if (identity) {
        const auto packed = pack_identity(*identity);
        identities_.insert(identities_.end(), packed.begin(), packed.end());
    }
    ordinals_.push_back(ordinal);
    return {};
}

result<part_descriptor> part_writer::finish() {
    VECSTORE_CHECK(file_.begin_section(storage::fourcc("ORDN")));
    VECSTORE_CHECK(file_.append(std::as_bytes(std::span(ordinals_))));
    if (identities_.size() == rows() * identity_bytes) {
        VECSTORE_CHECK(file_.begin_section(storage::fourcc("IDNT")));
        VECSTORE_CHECK(file_.append(identities_));
    }
    if (varying_) {
        VECSTORE_CHECK(file_.begin_section(storage::fourcc("OFFS")));
        VECSTORE_CHECK(file_.append(std::as_bytes(std::span(offsets_))));
    }
    byte_writer head;
    head.put(rows());
    head.put(static_cast<std::uint32_t>(dim_));
    head.put(static_cast<std::uint32_t>(padded_.size()));
    head.put(static_cast<std::uint8_t>(metric_));
    head.put(static_cast<std::uint8_t>(type_));
    VECSTORE_CHECK(file_.begin_section(storage::fourcc("HEAD")));
    VECSTORE_CHECK(file_.append(head.bytes()));
    part_descriptor descriptor{number_, rows(), ordinals_.front(), ordinals_.back(), 0, 0, 0};
    VECSTORE_TRY(descriptor.root, file_.finish());
    return descriptor;
}

}  // namespace vecstore::detail
