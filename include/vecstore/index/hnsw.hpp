/// The HNSW index: approximate nearest neighbours by a walk over a layered graph.
/// Paper: Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
/// Small World graphs", arXiv:1603.09320. The parts: graph.hpp (memory and invariants), search.hpp (Algorithms 2, 5),
/// insert.hpp (1), links.hpp (4), repair.hpp (removal), heal.hpp, level.hpp, frozen_graph.hpp (the read-only form in
/// mapped bytes), thaw.hpp (back again). Grows without a maximum. Needs the standard library alone.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/heal.hpp>
#include <vecstore/index/hnsw/insert.hpp>
#include <vecstore/index/hnsw/repair.hpp>
#include <vecstore/index/hnsw/row_reuse.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/input.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace vecstore::index {

struct hnsw_options {
    std::size_t dim = 0;  ///< [1, dim_max]
    vecstore::metric metric = vecstore::metric::cosine;
    /// Links of a new row on each level, [2, 128]. More: better recall, 8 m bytes a row.
    std::size_t m = 16;
    /// Breadth of the walk of an insert, [m, ef_max]. More: better graph, slower build.
    std::size_t ef_construct = 200;
    /// Of the levels. One thread, same order and seed: the same graph.
    std::uint64_t seed = 42;
    /// How rows are kept; all but f32 save memory and round.
    element_type type = element_type::f32;
    /// Whether an insert takes the number and the memory of a removed row when one is free, as hnswlib does with
    /// allow_replace_deleted. Off: numbers are dense, in the order of inserts, and never given again; memory grows with
    /// every insert. On: memory is bounded by the rows that live and an eighth; who keeps a table row -> id must drop
    /// the old entry when he removes the row. For `hnsw` that owns its rows.
    bool reuse_rows = false;
};

/// What `health` reports; an index is sound when `unreachable_rows` is 0.
struct hnsw_health {
    std::size_t live_rows = 0;
    std::size_t dead_rows = 0;         ///< removed, but still walked through
    std::size_t unreachable_rows = 0;  ///< live, but not found by any walk
};

/// Thread safety: any number of inserts, removes and searches at once; searches take no lock. A row is found by
/// searches that begin after its insert returned.
template <row_source Rows = growing_rows>
class hnsw {
public:
    /// An empty index that owns its rows. Values outside their range are brought to its nearest end, except `dim`,
    /// which the first insert or search reports.
    explicit hnsw(const hnsw_options& options) requires(std::is_same_v<Rows, growing_rows>)
        : options_(within_range(options)), rows_(options.dim, options.type), graph_(options_.m) {}

    /// An index to be built over rows that are already there: `link` each. For cosine they must have unit length.
    /// `options.dim` and `options.type` are ignored.
    hnsw(const hnsw_options& options, Rows rows) requires(!std::is_same_v<Rows, growing_rows>)
        : options_(within_range(options)), rows_(std::move(rows)), graph_(options_.m) {
        options_.dim = rows_.dim();
        options_.type = rows_.type();
    }

    /// Copies `vector` [dim] (scaled to unit length for cosine, rounded to the type), links it, and returns its row:
    /// dense, in order of calls, unless `reuse_rows` is on.
    /// Errors: invalid_argument (dim, a value that is not finite or that the type cannot hold, a zero vector under
    /// cosine, a type that does not go with the metric), resource_exhausted (full).
    /// Cost: about ef_construct * log(size) distances.
    [[nodiscard]] result<row_id> insert(std::span<const float> vector) requires(std::is_same_v<Rows, growing_rows>) {
        VECSTORE_TRY(const auto input, checked_vector::make_row(vector, options_.dim, options_.metric, options_.type));
        auto row = options_.reuse_rows ? reuse_.take() : row_none;
        if (row != row_none) {
            rows_.replace(row, input.bytes());
        } else {
            if (rows_.size() >= graph_rows_max - 4096)  // room for the threads between this check and their append
                return error{errc::resource_exhausted, "the index is full"};
            row = rows_.append(input.bytes());
        }
        link(row);
        return row;
    }

    /// Links a row that is stored already. In any order, once for each row, from any number of threads.
    /// Precondition: row < rows().size() <= graph_rows_max.
    void link(row_id row) {
        const exact_space space(rows_, options_.metric);
        graph_inserter(graph_, space, options_.ef_construct, options_.seed).insert(row);
    }

    /// Searches that begin later do not return the row. Its neighbours are linked to each other, now and by the
    /// removals that come later, until no list names it.
    /// Errors: not_found (no such row, or removed before). May throw std::bad_alloc, then `heal`.
    /// Cost:   about that of an insert; inserts wait meanwhile, searches do not.
    [[nodiscard]] result<void> remove(row_id row) {
        std::vector<row_id> freed;
        const exact_space space(rows_, options_.metric);
        if (row >= graph_.row_bound() || !graph_repairer(graph_, space).remove(row, freed))
            return error{errc::not_found, "no row " + std::to_string(row)};
        if (options_.reuse_rows) reuse_.retire(freed);
        return {};
    }

    /// Cost: one pass over all lists.
    [[nodiscard]] hnsw_health health() const { return {size(), graph_.dead_count(), unreachable_count(graph_)}; }

    /// Finishes what removals left to later ones, and links what no walk can reach; returns how many rows that were:
    /// none, unless memory ran out. May throw std::bad_alloc.
    /// Cost: one pass over all lists, about half an insert for each row with a removed neighbour, an insert for each
    /// row out of reach; inserts and removals wait meanwhile, searches do not.
    std::size_t heal() {
        std::vector<row_id> freed;
        std::size_t relinked = 0;
        {
            const exact_space space(rows_, options_.metric);
            const std::unique_lock alone(graph_.turn());
            relinked = graph_healer(graph_, space, options_.ef_construct).heal();
            graph_repairer(graph_, space).sweep_all(freed);
        }
        if (options_.reuse_rows) reuse_.retire(freed);
        return relinked;
    }

    /// True for a row that was linked and not removed.
    [[nodiscard]] bool contains(row_id row) const noexcept { return row < graph_.row_bound() && graph_.live(row); }

    /// Returns about the `k` nearest live rows, nearest first; fewer when fewer exist.
    /// Shapes: query [dim], finite; for cosine of any length but zero.
    /// Units:  neighbor.distance as metric.hpp tells.
    /// `ef`:   breadth of the walk, raised to k when below; 0 chooses max(2 k, 100).
    /// Errors: invalid_argument (dim, not finite, zero vector under cosine, k or ef above ef_max).
    /// Cost:   about ef * log(size) distances.
    [[nodiscard]] result<std::vector<neighbor>> search(std::span<const float> query, std::size_t k, std::size_t ef = 0,
                                                       search_stats* stats = nullptr) const {
        return search_allowed(query, k, ef, allow_all{}, stats);
    }
    /// As above, among the rows that `allow(row)` accepts. Many more rows than `ef` are walked when few are accepted;
    /// then `flat_search` over the accepted ones is cheaper.
    template <class Allow>
        requires std::predicate<const Allow&, row_id>
    [[nodiscard]] result<std::vector<neighbor>> search(std::span<const float> query, std::size_t k, std::size_t ef,
                                                       const Allow& allow, search_stats* stats = nullptr) const {
        return search_allowed(query, k, ef, allow, stats);
    }

    /// Live rows.
    [[nodiscard]] std::size_t size() const noexcept { return graph_.linked_count() - graph_.dead_count(); }
    /// What the index holds: graph, scratch memory kept for reuse, and owned rows.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        auto bytes = graph_.memory_bytes();
        if constexpr (std::is_same_v<Rows, growing_rows>) bytes += rows_.memory_bytes();
        return bytes;
    }

    [[nodiscard]] const hnsw_options& options() const noexcept { return options_; }
    [[nodiscard]] const Rows& rows() const noexcept { return rows_; }
    /// Who walks it himself, or reads `rows()` by the numbers of an earlier search, must not do so while rows are
    /// reused.
    [[nodiscard]] const index::graph& graph() const noexcept { return graph_; }

private:
    [[nodiscard]] static hnsw_options within_range(hnsw_options options) noexcept {
        options.m = std::clamp<std::size_t>(options.m, 2, m_max);
        options.ef_construct = std::clamp(options.ef_construct, options.m, ef_max);
        return options;
    }

    template <class Allow>
    [[nodiscard]] result<std::vector<neighbor>> search_allowed(std::span<const float> query, std::size_t k,
                                                               std::size_t ef, const Allow& allow,
                                                               search_stats* stats) const {
        VECSTORE_TRY(const auto input, checked_vector::make_query(query, options_.dim, options_.metric, options_.type));
        if (k > ef_max || ef > ef_max) return invalid_argument("k and ef must not exceed " + std::to_string(ef_max));
        if (ef == 0) ef = std::max<std::size_t>(std::min(2 * k, ef_max), 100);
        const distance_computer computer(options_.metric, options_.type, input.bytes().data(), options_.dim);
        const exact_distances distances(rows_, computer);
        const row_reuse::walk walk(options_.reuse_rows ? &reuse_ : nullptr);
        if constexpr (std::is_same_v<Allow, allow_all>) {
            if (graph_.dead_count() == 0) return hnsw_search(graph_, distances, k, ef, allow, stats);
            if (auto found = search_past_dead(distances, k, ef, stats)) return *std::move(found);
        }
        const auto live = [&](row_id row) { return !graph_.dead(row) && allow(row); };
        return hnsw_search(graph_, distances, k, ef, live, stats);
    }

    /// A plain walk, wide enough for some dead rows, is cheaper than one that keeps candidates and results apart.
    /// Nothing when it met so many that clearly fewer than the `ef` nearest live rows are left.
    template <class Distances>
    [[nodiscard]] std::optional<std::vector<neighbor>> search_past_dead(const Distances& distances, std::size_t k,
                                                                        std::size_t ef, search_stats* stats) const {
        constexpr std::size_t dead_share_max = 4;
        const auto dead = graph_.dead_count(), linked = std::max<std::size_t>(graph_.linked_count(), 1);
        if (dead * dead_share_max > linked) return std::nullopt;
        ef = std::max(k, ef);
        const auto wide = ef + (ef * dead + linked - 1) / linked;
        auto found = hnsw_search(graph_, distances, wide, wide, allow_all{}, stats);
        found.erase(std::remove_if(found.begin(), found.end(), [&](const neighbor& n) { return graph_.dead(n.row); }),
                    found.end());
        if (found.size() < std::min(std::max(k, ef - ef / 8), linked - dead)) return std::nullopt;
        found.resize(std::min(found.size(), k));
        return found;
    }

    hnsw_options options_;
    Rows rows_;
    index::graph graph_;
    mutable row_reuse reuse_;
};

}  // namespace vecstore::index
