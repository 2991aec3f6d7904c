/// The walk over an HNSW graph.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, Algorithms 2 (SEARCH-LAYER) and 5 (K-NN-SEARCH). Differs: rows that
/// may not be returned are walked all the same; the unvisited neighbours of a hop are gathered, prefetched and
/// computed as one batch, one hop behind the expansion; when every row may be returned one sorted list serves as
/// candidates and results.
/// Thread safety: any number of walks beside inserts into a growing graph; a walk takes no lock.
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/scratch.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/quantization/code_kernels.hpp>
#include <vecstore/quantization/nearest_pool.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace vecstore::index {

/// What a walk needs of a graph; `graph` and `frozen_graph` have it.
template <class Graph>
concept walkable_graph = requires(const Graph& g, row_id row, unsigned level) {
    { g.entry() } -> std::same_as<entry_point>;
    { g.row_bound() } -> std::same_as<row_id>;
    g.for_each_neighbor(row, level, [](row_id) {});
    g.prefetch(row);
    { g.scratches() } -> std::same_as<scratch_pool&>;
};

/// What a search cost; added to, never reset.
struct search_stats {
    std::uint64_t distances = 0;  ///< vectors compared with the query
    std::uint64_t hops = 0;       ///< rows whose neighbours were read
    std::uint64_t rescored = 0;   ///< rows compared again, by their originals
};

/// The `ef` nearest rows so far, nearest first, each with a mark whether it was expanded. Candidates beyond the ef-th
/// can never matter when every row may be returned, so one list is enough.
/// Thread safety: belongs to one thread.
class sorted_frontier {
public:
    sorted_frontier(pool_memory& memory, std::size_t ef) : pool_(memory.start(ef)) {}

    /// Keeps the nearest of `count` rows, writes those kept to `kept` and returns how many.
    std::size_t push(const row_id* rows, const float* distances, std::size_t count, row_id* kept) noexcept {
        return kernels_.keep_nearest(pool_, distances, rows, count, kept);
    }
    void push(neighbor found) noexcept {
        row_id kept;
        kernels_.keep_nearest(pool_, &found.distance, &found.row, 1, &kept);
    }
    /// The nearest row not expanded yet, now marked; row_none when there is none.
    [[nodiscard]] row_id next() noexcept {
        while (pool_.next < pool_.size && (pool_.rows[pool_.next] & expanded) != 0) ++pool_.next;
        if (pool_.next == pool_.size) return row_none;
        const auto row = pool_.rows[pool_.next];
        pool_.rows[pool_.next++] |= expanded;
        return row;
    }
    /// The `k` nearest, ties by row.
    [[nodiscard]] std::vector<neighbor> take(std::size_t k) const {
        std::vector<neighbor> found(std::min(k, pool_.size));
        for (std::size_t i = 0; i < found.size(); ++i) found[i] = {pool_.distances[i], pool_.rows[i] & ~expanded};
        std::sort(found.begin(), found.end());
        return found;
    }
    /// Precondition: something was pushed.
    [[nodiscard]] neighbor nearest() const noexcept { return {pool_.distances[0], pool_.rows[0] & ~expanded}; }

private:
    static constexpr row_id expanded = graph_rows_max + 1;

    const quantization::kernel_table& kernels_ = quantization::active_kernels();
    quantization::nearest_pool pool_;
};

/// Candidates and results apart: every row can lead on, only rows that `Allow` accepts are results.
/// Thread safety: belongs to one thread.
template <class Allow>
class filtered_frontier {
public:
    filtered_frontier(std::vector<neighbor>& memory, std::size_t ef, const Allow& allow)
        : candidates_(memory), results_(ef), allow_(allow) {
        candidates_.clear();
    }

    std::size_t push(const row_id* rows, const float* distances, std::size_t count, row_id* kept) {
        std::size_t kept_count = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (distances[i] >= bound()) continue;
            push({distances[i], rows[i]});
            kept[kept_count++] = rows[i];
        }
        return kept_count;
    }
    void push(neighbor found) {
        candidates_.push_back(found);
        std::push_heap(candidates_.begin(), candidates_.end(), further);
        if (allow_(found.row)) results_.push(found);
    }
    [[nodiscard]] row_id next() noexcept {
        if (candidates_.empty() || candidates_.front().distance > bound()) return row_none;
        std::pop_heap(candidates_.begin(), candidates_.end(), further);
        const auto row = candidates_.back().row;
        candidates_.pop_back();
        return row;
    }
    [[nodiscard]] std::vector<neighbor> take(std::size_t k) {
        auto found = results_.take_sorted();
        if (found.size() > k) found.resize(k);
        return found;
    }

private:
    /// A row at this distance or beyond is of no use.
    [[nodiscard]] float bound() const noexcept {
        return results_.full() ? results_.worst().distance : std::numeric_limits<float>::infinity();
    }
    static bool further(const neighbor& a, const neighbor& b) noexcept { return b < a; }

    std::vector<neighbor>& candidates_;
    top_k<neighbor> results_;
    const Allow& allow_;
};

/// Walks one level from the rows in `frontier` until no candidate can improve it. `scratch.visited` holds what was
/// seen. The walk is always one hop ahead of its distances: while the rows of a hop are compared, those of the next are
/// on their way from memory. So a row is now and then expanded that a strict order would have left out, or left for
/// later; it was among the nearest all the same.
template <walkable_graph Graph, row_distances Distances, class Frontier>
void search_layer(const Graph& graph, const Distances& distances, unsigned level, Frontier& frontier,
                  search_scratch& scratch, search_stats& stats) {
    auto *now = &scratch.hops[0], *ahead = &scratch.hops[1];
    now->count = 0;
    for (;;) {
        const auto row = frontier.next();
        ahead->count = 0;
        if (row != row_none) {
            graph.for_each_neighbor(row, level, [&](row_id id) {
                ahead->rows[ahead->count] = id;
                ahead->count += scratch.visited.visit(id);
            });
            for (std::size_t i = 0; i < ahead->count; ++i) distances.prefetch(ahead->rows[i]);
            ++stats.hops;
        } else if (now->count == 0) {
            return;
        }
        if (now->count > 0) {
            distances.many(now->rows.data(), now->count, scratch.distances.data());
            stats.distances += now->count;
            const auto kept =
                frontier.push(now->rows.data(), scratch.distances.data(), now->count, scratch.kept.data());
            if (level == 0)
                for (std::size_t i = 0; i < kept; ++i) graph.prefetch(scratch.kept[i]);
        }
        std::swap(now, ahead);
    }
}

/// Walks from the entry down to `level`, greedily, and returns the nearest row found on the way.
/// Precondition: the graph is not empty and entry.level >= level.
template <walkable_graph Graph, row_distances Distances>
[[nodiscard]] neighbor descend(const Graph& graph, const Distances& distances, entry_point entry, unsigned level,
                               search_scratch& scratch, search_stats& stats) {
    neighbor nearest{distances(entry.row), entry.row};
    ++stats.distances;
    for (unsigned l = entry.level; l > level; --l) {
        scratch.visited.start(graph.row_bound());
        (void)scratch.visited.visit(nearest.row);
        sorted_frontier frontier(scratch.pool, 1);
        frontier.push(nearest);
        search_layer(graph, distances, l, frontier, scratch, stats);
        nearest = frontier.nearest();
    }
    return nearest;
}

/// Returns the `k` nearest rows that `allow` accepts, nearest first, ties by row; fewer when the walk meets fewer.
/// `ef` >= k is the breadth of the walk: the larger, the nearer to exact, and the slower in proportion.
/// Precondition: `distances` knows every row of the graph.
/// Cost: about ef * log(rows) distances; with a filter, as many more as rows must be walked to find `ef` allowed
/// ones.
/// Errors: none; may throw std::bad_alloc.
template <walkable_graph Graph, row_distances Distances, class Allow = allow_all>
[[nodiscard]] std::vector<neighbor> hnsw_search(const Graph& graph, const Distances& distances, std::size_t k,
                                                std::size_t ef, const Allow& allow = {},
                                                search_stats* stats = nullptr) {
    search_stats unused;
    auto& counted = stats != nullptr ? *stats : unused;
    const auto entry = graph.entry();
    if (entry.row == row_none || k == 0) return {};
    const auto scratch = graph.scratches().borrow();
    const auto start = descend(graph, distances, entry, 0, *scratch, counted);
    scratch->visited.start(graph.row_bound());
    (void)scratch->visited.visit(start.row);
    const auto walk = [&](auto&& frontier) {
        frontier.push(start);
        search_layer(graph, distances, 0, frontier, *scratch, counted);
        return frontier.take(k);
    };
    if constexpr (std::is_same_v<Allow, allow_all>)
        return walk(sorted_frontier(scratch->pool, std::max(ef, k)));
    else
        return walk(filtered_frontier<Allow>(scratch->heap, std::max(ef, k), allow));
}

/// Replaces the distances of `found` by those that `exact` gives, and returns the `k` nearest by these.
template <row_distances Exact>
[[nodiscard]] std::vector<neighbor> rescore(std::vector<neighbor> found, const Exact& exact, std::size_t k) {
    std::vector<row_id> rows(found.size());
    std::vector<float> distances(found.size());
    std::transform(found.begin(), found.end(), rows.begin(), [](const neighbor& n) { return n.row; });
    exact.many(rows.data(), rows.size(), distances.data());
    for (std::size_t i = 0; i < found.size(); ++i) found[i].distance = distances[i];
    const auto kept = std::min(k, found.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end());
    found.resize(kept);
    return found;
}

/// As `hnsw_search`, the walk by the distances `walked` (of codes), and the nearest `rescored` of what it found put in
/// order by `exact`. `rescored` is raised to k when below.
template <walkable_graph Graph, row_distances Walked, row_distances Exact, class Allow = allow_all>
[[nodiscard]] std::vector<neighbor> hnsw_search_rescored(const Graph& graph, const Walked& walked, const Exact& exact,
                                                         std::size_t k, std::size_t ef, std::size_t rescored,
                                                         const Allow& allow = {}, search_stats* stats = nullptr) {
    auto found = hnsw_search(graph, walked, std::max(k, rescored), ef, allow, stats);
    if (stats != nullptr) stats->rescored += found.size();
    return rescore(std::move(found), exact, k);
}

}  // namespace vecstore::index
