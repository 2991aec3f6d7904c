/// Insertion into a growing HNSW graph.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, Algorithms 1 (INSERT) and 4 (SELECT-NEIGHBORS-HEURISTIC).
/// Differs: own lists are written on all levels before any other row names the new one, so that who finds it can walk
/// on from it; the link to a parent on level 0 is never pruned, so that every row stays reachable (graph.hpp,
/// invariant 4).
/// Thread safety: any number of inserts of distinct rows, beside any number of searches.
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/level.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vecstore::index {

/// Whether room in a list is filled with candidates that the heuristic pruned (Algorithm 4, keepPrunedConnections).
inline constexpr bool fill_pruned = true;

/// A full list is pruned to 1 - 1/list_slack of its size, so that this costly step pays for several links to come.
inline constexpr std::size_t list_slack = 8;

/// Inserts rows into one graph; made for each insert, holds no state of its own.
/// Lifetime: borrows all.
template <row_space Space>
class graph_inserter {
public:
    graph_inserter(graph& g, const Space& space, std::size_t ef_construct, std::uint64_t seed) noexcept
        : graph_(g), space_(space), ef_construct_(ef_construct), seed_(seed) {}

    /// Links `row`, whose vector is already in the rows. Once for each row. May throw std::bad_alloc; then
    /// searches may or may not find the row, and the graph is whole.
    /// Cost: about ef_construct * log(rows) distances.
    void insert(row_id row) {
        const auto level = level_of(seed_, row, graph_.m());
        graph_.allocate(row, level);
        if (graph_.entry().row == row_none && graph_.start_with({row, level})) {
            graph_.mark_linked(row);
            return;
        }
        const auto near = choose_neighbors(row, level, graph_.entry());
        attach_to_parent(row, near.front());
        for (unsigned l = 0; l < near.size(); ++l)
            for (const auto& n : near[l].chosen())
                if (l > 0 || n.row != graph_.node_of(row).parent) link_back(n.row, {n.distance, row}, l);
        graph_.raise_entry({row, level});
        graph_.mark_linked(row);
    }

private:
    /// What a walk found on one level: the rows chosen as neighbours in front, nearest first, then the rest likewise.
    struct found_rows {
        std::vector<neighbor> rows;
        std::size_t chosen_count = 0;
        [[nodiscard]] std::span<const neighbor> chosen() const noexcept { return {rows.data(), chosen_count}; }
    };

    /// Walks to the neighbourhood of `row` and writes its own lists; returns what was found, by level from 0.
    [[nodiscard]] std::vector<found_rows> choose_neighbors(row_id row, unsigned level, entry_point entry) {
        const auto distances = space_.from(row);
        const auto scratch = graph_.scratches().borrow();
        search_stats stats;
        const auto top = std::min(level, entry.level);
        auto nearest = descend(graph_, distances, entry, top, *scratch, stats);
        std::vector<found_rows> near(top + 1);
        for (unsigned l = top + 1; l-- > 0;) {
            scratch->visited.start(graph_.row_bound());
            (void)scratch->visited.visit(nearest.row);
            sorted_frontier frontier(scratch->pool, ef_construct_);
            frontier.push(nearest);
            search_layer(graph_, distances, l, frontier, *scratch, stats);
            nearest = frontier.nearest();
            near[l].rows = frontier.take(ef_construct_);
            near[l].chosen_count = select(near[l].rows, graph_.m(), row_none);
            write_list(row, l, near[l].chosen());
        }
        return near;
    }

    /// True when one of the two is the parent of the other.
    [[nodiscard]] bool tied(row_id a, row_id b) const noexcept {
        return graph_.node_of(a).parent == b || graph_.node_of(b).parent == a;
    }

    /// Moves the rows to keep, at most `size`, to the front and returns how many. A candidate is kept when it is nearer
    /// to the base than to every row kept before, so that links point in different directions. Rows tied to `base` are
    /// kept in any case. `candidates` come nearest first.
    [[nodiscard]] std::size_t select(std::vector<neighbor>& candidates, std::size_t size, row_id base) const {
        const auto must_keep = [&](const neighbor& c) { return base != row_none && tied(c.row, base); };
        auto tied_left = static_cast<std::size_t>(std::count_if(candidates.begin(), candidates.end(), must_keep));
        std::array<row_id, list_max> kept_rows;
        std::vector<neighbor> pruned;
        pruned.reserve(candidates.size());
        std::size_t kept = 0;
        for (const auto candidate : candidates) {
            const bool must = must_keep(candidate);
            if (must) --tied_left;
            if (must || (kept + tied_left < size && diverse(candidate, {kept_rows.data(), kept}))) {
                kept_rows[kept] = candidate.row;
                candidates[kept++] = candidate;
            } else {
                pruned.push_back(candidate);
            }
        }
        std::copy(pruned.begin(), pruned.end(), candidates.begin() + static_cast<std::ptrdiff_t>(kept));
        return fill_pruned ? std::min(size, candidates.size()) : kept;
    }

    /// True when no kept row is nearer to the candidate than the base is.
    [[nodiscard]] bool diverse(const neighbor& candidate, std::span<const row_id> kept) const {
        constexpr std::size_t batch = 4;
        const auto from_candidate = space_.from(candidate.row);
        float distances[batch];
        for (std::size_t i = 0; i < kept.size(); i += batch) {
            const auto count = std::min(batch, kept.size() - i);
            from_candidate.many(kept.data() + i, count, distances);
            for (std::size_t j = 0; j < count; ++j)
                if (distances[j] < candidate.distance) return false;
        }
        return true;
    }

    /// Ties `row`, which nothing names yet, to the nearest row that has room for a child, and so publishes it.
    void attach_to_parent(row_id row, const found_rows& near) {
        for (const auto& candidate : near.rows)
            if (adopt(candidate, row, near)) return;
        // All are full of children (thousands of equal vectors do that): some descendant has room, a leaf at the
        // latest.
        const auto distances = space_.from(row);
        auto parent = near.rows.front().row;
        do parent = any_child(parent);
        while (!adopt({distances(parent), parent}, row, near));
    }

    /// Makes `parent` the parent of `row` unless it has too many children already.
    [[nodiscard]] bool adopt(const neighbor& parent, row_id row, const found_rows& near) {
        graph_.node_of(row).parent = parent.row;
        const auto chosen = near.chosen();
        const auto is_parent = [&](const neighbor& n) { return n.row == parent.row; };
        write_list(row, 0, chosen);
        if (std::none_of(chosen.begin(), chosen.end(), is_parent))
            graph_.append_to_list(row, 0, chosen.size(), parent.row);
        const lock_guard lock(graph_.stripe(parent.row));
        auto& node = graph_.node_of(parent.row);
        if (node.child_count >= graph_.m()) return false;
        ++node.child_count;
        add_link(parent.row, {parent.distance, row}, 0);
        return true;
    }

    /// Precondition: `row` has children.
    [[nodiscard]] row_id any_child(row_id row) const noexcept {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(row, 0, ids.data());
        for (std::size_t i = 0; i < count; ++i)
            if (graph_.node_of(ids[i]).parent == row) return ids[i];
        return row;  // a list caught half rewritten; the caller comes back here
    }

    void link_back(row_id to, const neighbor& added, unsigned level) {
        const lock_guard lock(graph_.stripe(to));
        add_link(to, added, level);
    }

    /// Adds a link `to` -> added.row, pruning the list when it is full. Precondition: the stripe of `to` is held.
    void add_link(row_id to, const neighbor& added, unsigned level) {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(to, level, ids.data());
        const auto size = graph_.list_size(level);
        if (const auto* end = ids.data() + count;
            std::find(static_cast<const row_id*>(ids.data()), end, added.row) != end)
            return;
        if (count < size) return graph_.append_to_list(to, level, count, added.row);

        std::array<float, list_max> distances;
        space_.from(to).many(ids.data(), count, distances.data());
        std::vector<neighbor> candidates{added};
        candidates.reserve(count + 1);
        for (std::size_t i = 0; i < count; ++i) candidates.push_back({distances[i], ids[i]});
        std::sort(candidates.begin(), candidates.end());
        const auto kept = select(candidates, size - size / list_slack, level == 0 ? to : row_none);
        write_list(to, level, {candidates.data(), kept});
    }

    void write_list(row_id row, unsigned level, std::span<const neighbor> neighbors) noexcept {
        std::array<row_id, list_max> ids;
        std::transform(neighbors.begin(), neighbors.end(), ids.begin(), [](const neighbor& n) { return n.row; });
        graph_.write_list(row, level, {ids.data(), neighbors.size()});
    }

    graph& graph_;
    const Space& space_;
    std::size_t ef_construct_;
    std::uint64_t seed_;
};

}  // namespace vecstore::index
