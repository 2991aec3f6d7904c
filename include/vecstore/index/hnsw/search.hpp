/// The walk over an HNSW graph.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, Algorithms 2 (SEARCH-LAYER) and 5 (K-NN-SEARCH). Differs: rows that
/// may not be returned are walked all the same; the unvisited neighbours of a hop are gathered, prefetched and
/// computed as one batch; when every row may be returned one sorted list serves as candidates and results.
/// Thread safety: any number of walks beside inserts into a growing graph; a walk takes no lock.
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/scratch.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

namespace vecstore::index {

/// What a walk needs of a graph; `graph` and `frozen_graph` have it.
template <class Graph>
concept walkable_graph = requires(const Graph& g, row_id row, unsigned level, row_id* out) {
    { g.entry() } -> std::same_as<entry_point>;
    { g.row_bound() } -> std::same_as<row_id>;
    { g.neighbors(row, level, out) } -> std::same_as<std::size_t>;
    g.prefetch(row);
    { g.scratches() } -> std::same_as<scratch_pool&>;
};

/// What a search cost; added to, never reset.
struct search_stats {
    std::uint64_t distances = 0;  ///< vectors compared with the query
    std::uint64_t hops = 0;       ///< rows whose neighbours were read
};

/// The `ef` nearest rows so far, nearest first, each with a mark whether it was expanded. Candidates beyond the ef-th
/// can never matter when every row may be returned, so one list is enough.
/// Thread safety: belongs to one thread.
class sorted_frontier {
public:
    sorted_frontier(std::vector<neighbor>& memory, std::size_t ef) : items_(memory), ef_(ef) {
        items_.clear();
        items_.reserve(ef + 1);
    }

    /// A row at this distance or beyond is of no use.
    [[nodiscard]] float bound() const noexcept {
        return items_.size() < ef_ ? std::numeric_limits<float>::infinity() : items_.back().distance;
    }
    /// Precondition: found.distance < bound(), or nothing was pushed yet.
    void push(neighbor found) noexcept {
        if (items_.size() == ef_) items_.pop_back();
        const auto at = std::upper_bound(items_.begin(), items_.end(), found.distance,
                                         [](float d, const neighbor& item) { return d < item.distance; });
        const auto position = static_cast<std::size_t>(at - items_.begin());
        items_.insert(at, found);
        next_ = std::min(next_, position);
    }
    /// The nearest row not expanded yet, now marked; row_none when the walk is over.
    [[nodiscard]] row_id next() noexcept {
        const auto row = peek();
        if (row != row_none) items_[next_++].row |= expanded;
        return row;
    }
    [[nodiscard]] row_id peek() noexcept {
        while (next_ < items_.size() && (items_[next_].row & expanded) != 0) ++next_;
        return next_ < items_.size() ? items_[next_].row : row_none;
    }
    /// The `k` nearest, ties by row.
    [[nodiscard]] std::vector<neighbor> take(std::size_t k) {
        for (auto& item : items_) item.row &= ~expanded;
        std::sort(items_.begin(), items_.end());
        const auto count = static_cast<std::ptrdiff_t>(std::min(k, items_.size()));
        return {items_.begin(), items_.begin() + count};
    }
    /// Precondition: something was pushed.
    [[nodiscard]] neighbor nearest() const noexcept {
        return {items_.front().distance, items_.front().row & ~expanded};
    }

private:
    static constexpr row_id expanded = graph_rows_max + 1;

    std::vector<neighbor>& items_;
    std::size_t ef_;
    std::size_t next_ = 0;
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

    [[nodiscard]] float bound() const noexcept {
        return results_.full() ? results_.worst().distance : std::numeric_limits<float>::infinity();
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
    [[nodiscard]] row_id peek() const noexcept { return candidates_.empty() ? row_none : candidates_.front().row; }
    [[nodiscard]] std::vector<neighbor> take(std::size_t k) {
        auto found = results_.take_sorted();
        if (found.size() > k) found.resize(k);
        return found;
    }

private:
    static bool further(const neighbor& a, const neighbor& b) noexcept { return b < a; }

    std::vector<neighbor>& candidates_;
    top_k<neighbor> results_;
    const Allow& allow_;
};

/// Walks one level from the rows in `frontier` until no candidate can improve it. `scratch.visited` holds what was
/// seen.
template <walkable_graph Graph, row_distances Distances, class Frontier>
void search_layer(const Graph& graph, const Distances& distances, unsigned level, Frontier& frontier,
                  search_scratch& scratch, search_stats& stats) {
    for (auto row = frontier.next(); row != row_none; row = frontier.next()) {
        const auto listed = graph.neighbors(row, level, scratch.ids.data());
        std::size_t fresh = 0;
        for (std::size_t i = 0; i < listed; ++i) {
            const auto id = scratch.ids[i];
            if (!scratch.visited.visit(id)) continue;
            scratch.ids[fresh++] = id;
        }
        // Likely the next hop; its list arrives while the distances of this hop are computed.
        if (const auto next = frontier.peek(); level == 0 && next != row_none) graph.prefetch(next);
        distances.many(scratch.ids.data(), fresh, scratch.distances.data());
        for (std::size_t i = 0; i < fresh; ++i)
            if (scratch.distances[i] < frontier.bound()) frontier.push({scratch.distances[i], scratch.ids[i]});
        stats.distances += fresh;
        ++stats.hops;
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
        sorted_frontier frontier(scratch.heap, 1);
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
        return walk(sorted_frontier(scratch->heap, std::max(ef, k)));
    else
        return walk(filtered_frontier<Allow>(scratch->heap, std::max(ef, k), allow));
}

}  // namespace vecstore::index
