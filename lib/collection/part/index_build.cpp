#include "index_build.hpp"

#include "graph_index.hpp"
#include "ivf_index.hpp"
#include "measurement.hpp"
#include "sparse_index.hpp"

#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/index/hnsw/merge.hpp>

#include <collection/sparse/sparse_row.hpp>

#include <algorithm>
#include <new>

namespace vecstore::detail {
namespace {

/// The codes that a graph is walked over; nothing when it is walked over originals.
std::optional<quantization::code_type> walked_codes(const vector_options& options) noexcept {
    using quantization::code_type;
    if (!index::codable(options.metric, options.type, options.dim) ||
        (options.quantization == quantization_kind::none && !options.on_disk))
        return std::nullopt;
    if (options.on_disk || options.quantization == quantization_kind::int4) return code_type::u4;
    return code_type::u8;
}

constexpr std::uint64_t graph_seed = 0x7665'6373'746F'7265;

bool wants_lists(const vector_options& options) noexcept {
    return (options.index == index_kind::automatic || options.index == index_kind::ivf) &&
           options.metric != metric::hamming;
}
/// Also where lists were wanted and cannot be had.
bool wants_graph(const part_descriptor& descriptor, const vector_options& options) noexcept {
    if (options.index == index_kind::flat) return false;
    // Little memory is what on_disk is for, and lists take a third of it.
    const bool lists_alone = options.index == index_kind::ivf ||
                             (options.index == index_kind::automatic && options.on_disk && wants_lists(options));
    return !lists_alone || descriptor.ivf_root == index_declined;
}

/// Where lists must be cheaper than the graph at least once to be worth their memory.
bool ever_cheaper(const calibration& lists, const calibration& graph) noexcept {
    for (const double recall : {0.8, 0.9, 0.95, 0.98, 0.99})
        for (const std::size_t k : {10, 100}) {
            const auto a = lists.choose(recall, k), b = graph.choose(recall, k);
            if (a.reached && (!b.reached || a.microseconds < b.microseconds)) return true;
        }
    return false;
}

/// A graph that many of a part's rows have already, and where they are in the part.
struct known_graph {
    const index::frozen_graph* graph = nullptr;
    std::vector<row_id> new_row_of;  ///< row_none for rows that are not in the part any more
    std::size_t kept = 0;
};

/// Merging saves time when the largest input's graph has at least this share of the rows.
constexpr double merged_share_min = 0.5;

/// The input whose graph has most of the rows; without a graph when that is not enough of them. Ordinals say which row
/// is which: both parts have them ascending.
known_graph largest_graph(const part_list& merged_from, const part& p, std::size_t m) {
    known_graph largest;
    for (const auto& input : merged_from) {
        const auto* const index = dynamic_cast<const graph_index*>(input->graph());
        if (index == nullptr || input->size() <= largest.kept || !index->ready() || index->graph().m() != m) continue;
        known_graph known{&index->graph(), std::vector<row_id>(input->size(), row_none), 0};
        row_id row = 0;
        for (row_id old_row = 0; old_row < input->size(); ++old_row) {
            while (row < p.size() && p.ordinal_of(row) < input->ordinal_of(old_row)) ++row;
            if (row == p.size()) break;
            if (p.ordinal_of(row) != input->ordinal_of(old_row)) continue;
            known.new_row_of[old_row] = row;
            ++known.kept;
        }
        if (known.kept > largest.kept) largest = std::move(known);
    }
    if (static_cast<double>(largest.kept) < merged_share_min * static_cast<double>(p.size())) return {};
    return largest;
}

/// The work of one call of `build_indexes`.
class builder {
public:
    builder(storage::file_system& files, const std::string& directory, const part& p, const vector_options& options,
            const job_control& control, const part_list& merged_from)
        : files_(files),
          directory_(directory),
          part_(p),
          options_(options),
          control_(control),
          merged_from_(merged_from) {}

    result<part_descriptor> run() {
        auto built = build();
        if (built) return descriptor_;
        for (const auto& path : written_) (void)files_.remove(path);
        return std::move(built).error();
    }

private:
    [[nodiscard]] const index::contiguous_rows& rows() const noexcept { return part_.vectors(); }
    [[nodiscard]] bool go_on() const { return !control_.keep_going || control_.keep_going(rows_done_, part_.size()); }

    result<void> build() {
        descriptor_ = part_.descriptor();
        VECSTORE_CHECK(part_.verify());
        sample_ = draw_queries(rows(), options_.metric);
        VECSTORE_CHECK(find_truth(sample_, rows(), options_.metric, keep_going_));
        const auto* measured_graph = part_.graph() != nullptr ? &part_.graph()->measured() : nullptr;
        calibration fresh;
        if (part_.graph() == nullptr && wants_graph(descriptor_, options_)) {
            VECSTORE_TRY(fresh, build_graph());
            measured_graph = &fresh;
        }
        if (part_.lists() == nullptr && wants_lists(options_) && descriptor_.ivf_root != index_declined) {
            VECSTORE_CHECK(build_lists(measured_graph));
            if (part_.graph() == nullptr && measured_graph == nullptr && wants_graph(descriptor_, options_))
                VECSTORE_CHECK(build_graph());
        }
        return {};
    }

    /// Links all rows but those of the sample, measures, and links these, too. Distances between codes of a byte choose
    /// the links, whatever is walked over: they are as good as originals, and codes of half a byte are not.
    result<calibration> build_graph() {
        using quantization::code_type;
        const auto walked = walked_codes(options_);
        std::optional<index::coded_rows> bytes, halves;
        if (walked) bytes.emplace(index::encode_rows(code_type::u8, options_.metric, rows()));
        if (walked == code_type::u4) halves.emplace(index::encode_rows(code_type::u4, options_.metric, rows()));
        const auto* const codes = halves ? &*halves : bytes ? &*bytes : nullptr;
        if (bytes) return build_graph(index::code_space(bytes->codec, bytes->codes.data()), codes);
        return build_graph(index::exact_space(rows(), options_.metric), codes);
    }
    template <class Space>
    result<calibration> build_graph(const Space& space, const index::coded_rows* codes) {
        std::optional<index::graph> graph;
        VECSTORE_TRY(const auto merged, merge_into(graph, space));
        if (!merged) {
            std::vector<row_id> others;
            for (row_id row = 0; row < part_.size(); ++row)
                if (!sample_.contains(row)) others.push_back(row);
            graph.emplace(options_.m);
            VECSTORE_CHECK(index::link_rows(*graph, space, others, how_to_build(0)));
        }
        VECSTORE_TRY(auto measured, measure(*graph, codes));
        VECSTORE_CHECK(index::link_rows(*graph, space, sample_.rows, how_to_build(rows_done_)));
        const auto frozen = index::freeze(*graph, part_.size());
        VECSTORE_TRY(descriptor_.graph_root, write_graph_file(files_, claim(graph_path(directory_, descriptor_.number)),
                                                              descriptor_.root, {frozen, codes, measured}));
        return measured;
    }
    /// Links all rows but those of the sample, most of them as they were; false when there is no such graph to begin
    /// with, or when it does not lead to the rows that came.
    template <class Space>
    result<bool> merge_into(std::optional<index::graph>& graph, const Space& space) {
        auto known = largest_graph(merged_from_, part_, options_.m);
        if (known.graph == nullptr) return false;
        std::vector<bool> was_there(part_.size());
        std::vector<row_id> added;
        for (auto& row : known.new_row_of) {
            if (row == row_none) continue;
            was_there[row] = true;
            if (sample_.contains(row)) row = row_none;
        }
        for (row_id row = 0; row < part_.size(); ++row)
            if (!was_there[row] && !sample_.contains(row)) added.push_back(row);
        graph.emplace(options_.m);
        return index::merge_rows(*known.graph, known.new_row_of, added, *graph, space, how_to_build(0));
    }
    /// `before`: rows that were linked already.
    [[nodiscard]] index::build_options how_to_build(std::size_t before) {
        index::build_options how;
        how.ef_construct = options_.ef_construct;
        how.seed = graph_seed;
        how.threads = control_.threads;
        how.keep_going = [this, before](std::size_t done, std::size_t) {
            rows_done_ = std::min<std::size_t>(before + done, part_.size());
            return go_on();
        };
        return how;
    }
    result<calibration> measure(const index::graph& graph, const index::coded_rows* codes) {
        const auto frozen = index::freeze(graph, part_.size());
        aligned_buffer<std::byte> level0(frozen.level0.size());
        std::copy(frozen.level0.begin(), frozen.level0.end(), level0.data());
        VECSTORE_TRY(const auto opened, index::frozen_graph::open(frozen.header, {level0.data(), level0.size()},
                                                                  frozen.upper, part_.size()));
        return measure_graph(opened, codes, {rows(), options_.metric, sample_, keep_going_});
    }

    /// `graph`: what the lists must beat; null when there is none.
    result<void> build_lists(const calibration* graph) {
        index::ivf_options how;
        how.dim = options_.dim;
        how.metric = options_.metric;
        how.code = options_.quantization == quantization_kind::none ? index::ivf_code::flat : index::ivf_code::pq4;
        how.seed = graph_seed;
        how.threads = control_.threads;
        const auto built = index::build_ivf(how, rows(), [&](std::uint64_t, std::uint64_t) { return go_on(); });
        // No trainer in this library, or values that no trainer can sum: the graph serves.
        if (!built && (built.error().code == errc::unsupported || built.error().code == errc::invalid_argument)) {
            descriptor_.ivf_root = index_declined;
            return {};
        }
        if (!built) return built.error();
        VECSTORE_TRY(const auto lists,
                     index::ivf::open(built->header, built->model, built->codes, built->ids, part_.size()));
        VECSTORE_TRY(const auto measured, measure_ivf(lists, {rows(), options_.metric, sample_, keep_going_}));
        if (graph != nullptr && !ever_cheaper(measured, *graph)) {
            descriptor_.ivf_root = index_declined;
            return {};
        }
        VECSTORE_TRY(descriptor_.ivf_root, write_ivf_file(files_, claim(ivf_path(directory_, descriptor_.number)),
                                                          descriptor_.root, *built, measured));
        return {};
    }

    /// Notes a path that is about to be written.
    const std::string& claim(std::string path) { return written_.emplace_back(std::move(path)); }

    storage::file_system& files_;
    const std::string& directory_;
    const part& part_;
    const vector_options& options_;
    const job_control& control_;
    const part_list& merged_from_;
    const keep_measuring keep_going_ = [this] { return go_on(); };
    part_descriptor descriptor_;
    query_sample sample_;
    std::size_t rows_done_ = 0;
    std::vector<std::string> written_;
};

result<part_descriptor> build_sparse_index(storage::file_system& files, const std::string& directory, const part& p,
                                           const job_control& control) {
    VECSTORE_CHECK(p.verify());
    const auto read = [&](row_id row) { return view_of(p.row(row)); };
    auto lists = index::build_sparse(p.size(), read, control.keep_going);
    auto descriptor = p.descriptor();
    if (!lists && lists.error().code == errc::resource_exhausted) {  // too many values: it is scanned
        descriptor.ivf_root = index_declined;
        return descriptor;
    }
    if (!lists) return std::move(lists).error();
    const auto path = ivf_path(directory, descriptor.number);
    auto root = write_sparse_file(files, path, descriptor.root, lists->sections());
    if (!root) {
        (void)files.remove(path);
        return std::move(root).error();
    }
    descriptor.ivf_root = *root;
    return descriptor;
}

}  // namespace

bool lacks_index(const part& p, const vector_options& options) noexcept {
    if (options.multi) return false;
    if (p.sparse())
        return p.size() >= sparse_indexed_rows_min && p.lists() == nullptr && p.descriptor().ivf_root != index_declined;
    if (p.size() < indexed_rows_min) return false;
    if (p.graph() == nullptr && wants_graph(p.descriptor(), options)) return true;
    return p.lists() == nullptr && wants_lists(options) && p.descriptor().ivf_root != index_declined;
}

result<std::shared_ptr<const part>> build_indexes(storage::file_system& files, const std::string& directory,
                                                  const part& p, const vector_options& options,
                                                  const job_control& control, const part_list& merged_from) {
    try {
        if (p.sparse()) {
            VECSTORE_TRY(const auto descriptor, build_sparse_index(files, directory, p, control));
            return part::open(files, directory, descriptor, options);
        }
        VECSTORE_TRY(const auto descriptor, builder(files, directory, p, options, control, merged_from).run());
        return part::open(files, directory, descriptor, options);
    } catch (const std::bad_alloc&) {
        return error{errc::resource_exhausted, "out of memory while building an index"};
    }
}

}  // namespace vecstore::detail
