/// Insertion into a growing HNSW graph.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, Algorithm 1 (INSERT).
/// Differs: own lists are written on all levels before any other row names the new one, so that who finds it can walk
/// on from it; the row is tied to a parent on level 0, so that it stays reachable (graph.hpp, invariant 4); dead rows
/// are walked, not linked to.
/// Thread safety: any number of inserts of distinct rows, beside any number of searches, removals and repairs.
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/level.hpp>
#include <vecstore/index/hnsw/links.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <span>
#include <vector>

namespace vecstore::index {

/// Inserts rows into one graph; made for each insert, holds no state of its own.
/// Lifetime: borrows all.
template <row_space Space>
class graph_inserter {
public:
    graph_inserter(graph& g, const Space& space, std::size_t ef_construct, std::uint64_t seed) noexcept
        : graph_(g), space_(space), links_(g, space), ef_construct_(ef_construct), seed_(seed) {}

    /// Links `row`, whose vector is already in the rows. Once for each row. May throw std::bad_alloc; then
    /// searches may or may not find the row, and the graph is whole.
    /// Cost: about ef_construct * log(rows) distances.
    void insert(row_id row) {
        const std::shared_lock turn(graph_.turn());
        const auto level = graph_.allocate(row, level_of(seed_, row, graph_.m()));
        if (graph_.entry().row == row_none && graph_.start_with({row, level})) {
            graph_.mark_linked(row);
            return;
        }
        const auto near = choose_neighbors({row, level}, graph_.entry(), 0);
        attach_to_parent(row, near.front());
        graph_.mark_linked(row);
        for (const auto& n : near.front().chosen())
            if (n.row != graph_.node_of(row).parent) link_back(n.row, {n.distance, row}, 0);
        link_upper({row, level}, near);
    }

    /// Links a row on its levels above 0 only: where only level 0 is there, that makes the rest. Precondition: alone;
    /// the row is allocated with a level above 0, as all that were linked so before and the entry.
    void insert_upper(row_id row) {
        const entry_point added{row, graph_.node_of(row).level};
        if (graph_.start_with(added)) return;
        link_upper(added, choose_neighbors(added, graph_.entry(), 1));
    }

private:
    /// What a walk found on one level: the rows chosen as neighbours in front, nearest first, then the rest likewise.
    struct found_rows {
        std::vector<neighbor> rows;
        std::size_t chosen_count = 0;
        [[nodiscard]] std::span<const neighbor> chosen() const noexcept { return {rows.data(), chosen_count}; }
    };

    /// Walks to the neighbourhood of a row and writes its own lists down to `lowest`; returns what was found, by level
    /// from 0.
    [[nodiscard]] std::vector<found_rows> choose_neighbors(entry_point added, entry_point entry, unsigned lowest) {
        const auto [row, level] = added;
        const auto distances = space_.from(row);
        const auto scratch = graph_.scratches().borrow();
        search_stats stats;
        const auto top = std::min(level, entry.level);
        auto nearest = descend(graph_, distances, entry, top, *scratch, stats);
        std::vector<found_rows> near(top + 1);
        for (unsigned l = top + 1; l-- > lowest;) {
            scratch->visited.start(graph_.row_bound());
            (void)scratch->visited.visit(nearest.row);
            sorted_frontier frontier(scratch->pool, ef_construct_);
            frontier.push(nearest);
            search_layer(graph_, distances, l, frontier, *scratch, stats);
            nearest = frontier.nearest();
            near[l].rows = frontier.take(ef_construct_);
            if (graph_.dead_count() > 0) leave_out_dead(near[l].rows);
            if (near[l].rows.empty() && l == 0) near[l].rows = nearest_living(distances);
            near[l].chosen_count = links_.select(near[l].rows, graph_.m(), row_none);
            links_.write(row, l, near[l].chosen());
        }
        return near;
    }

    void leave_out_dead(std::vector<neighbor>& rows) const {
        rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const neighbor& n) { return graph_.dead(n.row); }),
                   rows.end());
    }
    /// In a neighbourhood where all is dead: goes on until something else is found, the entry at the latest.
    template <row_distances Distances>
    [[nodiscard]] std::vector<neighbor> nearest_living(const Distances& distances) const {
        const auto entry = graph_.entry().row;
        const auto not_dead = [&](row_id row) { return !graph_.dead(row); };
        auto found = hnsw_search(graph_, distances, ef_construct_, ef_construct_, not_dead);
        if (found.empty()) found.push_back({distances(entry), entry});
        return found;
    }

    /// Ties `row`, which nothing names yet, to the nearest row that has room for a child, and so publishes it.
    void attach_to_parent(row_id row, const found_rows& near) {
        for (const auto& candidate : near.rows)
            if (adopt(candidate, row, near)) return;
        // All are full of children (thousands of equal vectors do that): some descendant has room, a leaf at the
        // latest.
        const auto distances = space_.from(row);
        auto parent = near.rows.front().row;
        do parent = links_.any_child(parent);
        while (!adopt({distances(parent), parent}, row, near));
    }

    /// Makes `parent` the parent of `row` unless it has too many children already.
    [[nodiscard]] bool adopt(const neighbor& parent, row_id row, const found_rows& near) {
        graph_.node_of(row).parent = parent.row;
        const auto chosen = near.chosen();
        const auto is_parent = [&](const neighbor& n) { return n.row == parent.row; };
        links_.write(row, 0, chosen);
        if (std::none_of(chosen.begin(), chosen.end(), is_parent))
            graph_.append_to_list(row, 0, chosen.size(), parent.row);
        const lock_guard lock(graph_.stripe(parent.row));
        auto& node = graph_.node_of(parent.row);
        if (node.child_count >= graph_.m()) return false;
        links_.add_link(parent.row, {parent.distance, row}, 0);
        ++node.child_count;
        return true;
    }

    void link_upper(entry_point added, const std::vector<found_rows>& near) {
        for (unsigned l = 1; l < near.size(); ++l)
            for (const auto& n : near[l].chosen()) link_back(n.row, {n.distance, added.row}, l);
        graph_.raise_entry(added);
    }

    void link_back(row_id to, const neighbor& added, unsigned level) {
        const lock_guard lock(graph_.stripe(to));
        links_.add_link(to, added, level);
    }

    graph& graph_;
    const Space& space_;
    graph_links<Space> links_;
    std::size_t ef_construct_;
    std::uint64_t seed_;
};

}  // namespace vecstore::index
