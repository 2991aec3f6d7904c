/// A walk over the rows that match a filter, and no others: where a neighbour does not match, its neighbours are looked at
/// in its place.
/// Paper: Patel, Kraft, Guestrin, Zaharia, "ACORN", arXiv:2403.04871 (the search of ACORN-1). Differs: a hop ends when it
/// has a list's worth of rows; and the walk begins not only where the graph does, but also at rows that are known to
/// match, so that matches which lie together and far from the query are found.
/// For filters that can be asked quickly: a hop asks about hundreds of rows, and compares few.
/// Thread safety: any number of walks beside inserts into a growing graph; a walk takes no lock.
#pragma once

#include <vecstore/index/hnsw/search.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::index {

/// Puts the matching rows around `row` that were not seen before into `next`: `enough` of them, and those among its own
/// neighbours beyond that.
template <walkable_graph Graph, class Allow>
void gather_matching(const Graph& graph, row_id row, const Allow& allow, std::size_t enough, visited_set& visited,
                     hop& next) {
    std::array<row_id, list_max> through;
    std::size_t through_count = 0;
    graph.for_each_neighbor(row, 0, [&](row_id id) {
        if (next.count == list_max) return;
        if (allow(id)) {
            next.rows[next.count] = id;
            next.count += visited.visit(id);
        } else {
            through[through_count++] = id;
        }
    });
    for (std::size_t i = 0; i < through_count; ++i) graph.prefetch(through[i]);
    for (std::size_t i = 0; i < through_count && next.count < enough; ++i) {
        if (!visited.visit(through[i])) continue;  // what is behind it has been looked at
        graph.for_each_neighbor(through[i], 0, [&](row_id id) {
            if (next.count == list_max || !allow(id)) return;
            next.rows[next.count] = id;
            next.count += visited.visit(id);
        });
    }
}

/// As `search_layer` on the lowest level, of matching rows alone.
template <walkable_graph Graph, row_distances Distances, class Allow>
void search_layer_matching(const Graph& graph, const Distances& distances, const Allow& allow, std::size_t enough,
                           sorted_frontier& frontier, search_scratch& scratch, search_stats& stats) {
    auto *now = &scratch.hops[0], *ahead = &scratch.hops[1];
    for (;;) {
        const auto row = frontier.next();
        ahead->count = 0;
        if (row != row_none) {
            gather_matching(graph, row, allow, enough, scratch.visited, *ahead);
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
            for (std::size_t i = 0; i < kept; ++i) graph.prefetch(scratch.kept[i]);
        }
        std::swap(now, ahead);
    }
}

/// As `hnsw_search`. `seeds`: rows that match, list_max at most are used; where there are none, the walk can end before
/// it has met a match.
/// Cost: about as many distances as a walk without a filter; for each, about 1 / (share of rows that match) questions,
/// but no more than the neighbours of all neighbours.
template <walkable_graph Graph, row_distances Distances, class Allow>
[[nodiscard]] std::vector<neighbor> hnsw_search_matching(const Graph& graph, const Distances& distances, std::size_t k,
                                                         std::size_t ef, const Allow& allow,
                                                         std::span<const row_id> seeds, search_stats* stats = nullptr) {
    constexpr std::size_t enough = 32;  // what a list of m = 16 holds
    search_stats unused;
    auto& counted = stats != nullptr ? *stats : unused;
    const auto entry = graph.entry();
    if (entry.row == row_none || k == 0) return {};
    const auto scratch = graph.scratches().borrow();
    const auto start = descend(graph, distances, entry, 0, *scratch, counted);
    scratch->visited.start(graph.row_bound());
    auto& first = scratch->hops[0];
    first.count = 0;
    for (const auto row : seeds.first(std::min(seeds.size(), list_max - enough))) {
        first.rows[first.count] = row;
        first.count += row < graph.row_bound() && scratch->visited.visit(row);
    }
    if (allow(start.row)) {
        first.rows[first.count] = start.row;
        first.count += scratch->visited.visit(start.row);
    } else {
        gather_matching(graph, start.row, allow, std::min(first.count + enough, list_max), scratch->visited, first);
    }
    sorted_frontier frontier(scratch->pool, std::max(ef, k));
    search_layer_matching(graph, distances, allow, enough, frontier, *scratch, counted);
    return frontier.take(k);
}

}  // namespace vecstore::index
