/// Whether all rows of a graph can be found, and what to do when they cannot: after damaged bytes or lost memory, and
/// for graphs that came without a tree (thaw.hpp).
/// Thread safety: as each function says.
#pragma once

#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/links.hpp>
#include <vecstore/index/hnsw/repair.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <vector>

namespace vecstore::index {

/// Live rows that no walk on level 0 from the entry can reach; 0 is the invariant.
/// Cost: one pass over the lists; a bit and at most 4 bytes a row.
/// Thread safety: beside searches. Beside inserts and removals it may count rows that are just changing.
[[nodiscard]] inline std::size_t unreachable_count(const graph& g) {
    const auto bound = g.row_bound();
    std::vector<bool> seen(bound);
    std::vector<row_id> open;
    const auto meet = [&](row_id row) {
        if (row >= bound || seen[row]) return;
        seen[row] = true;
        open.push_back(row);
    };
    if (const auto entry = g.entry(); entry.row != row_none) meet(entry.row);
    while (!open.empty()) {
        const auto row = open.back();
        open.pop_back();
        g.for_each_neighbor(row, 0, meet);
    }
    std::size_t missing = 0;
    for (row_id row = 0; row < bound; ++row) missing += g.live(row) && !seen[row];
    return missing;
}

/// Builds the tree of a graph anew and links what is out of reach; made for each task.
/// Lifetime: borrows both.
template <row_space Space>
class graph_healer {
public:
    graph_healer(graph& g, const Space& space, std::size_t ef_construct) noexcept
        : graph_(g), space_(space), links_(g, space), ef_construct_(ef_construct) {}

    /// Returns how many rows had to be linked because no walk over live rows reached them. May throw std::bad_alloc;
    /// then try again. Once for each healer. Precondition: alone.
    /// Cost: one pass over the lists, 12 bytes a row, and an insert for each row out of reach.
    std::size_t heal() {
        const auto entry = graph_repairer<Space>(graph_, space_).highest_row();
        graph_.replace_entry(entry);
        if (entry.row == row_none) return 0;
        const auto bound = graph_.row_bound();
        reached_.assign(bound, false);
        reached_from_.assign(bound, row_none);
        for (row_id row = 0; row < bound; ++row)
            if (graph_.linked(row)) graph_.node_of(row).parent = row_none, graph_.node_of(row).child_count = 0;
        reach(entry.row);
        spread();
        std::size_t relinked = 0;
        for (row_id row = 0; row < bound; ++row) {
            if (!graph_.live(row) || reached_[row]) continue;
            relink(row);
            spread();
            ++relinked;
        }
        return relinked;
    }

private:
    void reach(row_id row) {
        reached_[row] = true;
        open_.push_back(row);
    }

    /// Grows the tree from the rows in `open_`, breadth first: over links that go both ways while there are any, since
    /// these need no change of a list.
    void spread() {
        for (;;) {
            if (next_open_ < open_.size()) {
                expand(open_[next_open_++]);
            } else if (next_waiting_ < waiting_.size()) {
                const auto row = waiting_[next_waiting_++];
                if (reached_[row]) continue;
                links_.tie_below(reached_from_[row], row);
                reach(row);
            } else {
                return;
            }
        }
    }
    void expand(row_id row) {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(row, 0, ids.data());
        for (std::size_t i = 0; i < count; ++i) {
            const auto id = ids[i];
            if (reached_[id] || !graph_.live(id)) continue;
            if (names(id, row) && links_.tie(row, id)) {
                reach(id);
            } else if (reached_from_[id] == row_none) {
                reached_from_[id] = row;
                waiting_.push_back(id);
            }
        }
    }
    [[nodiscard]] bool names(row_id row, row_id other) const noexcept {
        bool found = false;
        graph_.for_each_neighbor(row, 0, [&](row_id id) { found = found || id == other; });
        return found;
    }

    /// Links a row to its nearest neighbours among those reached.
    void relink(row_id row) {
        auto near = nearest_reached(row);
        if (std::none_of(near.begin(), near.end(), [&](const neighbor& n) { return links_.tie(n.row, row); }))
            links_.tie_below(near.front().row, row);
        reach(row);
        const auto chosen = links_.select(near, graph_.m(), row_none);
        for (std::size_t i = 0; i < chosen; ++i) {
            links_.add_link(near[i].row, {near[i].distance, row}, 0);
            links_.add_link(row, near[i], 0);
        }
    }

    /// Not hnsw_search: that may end on a row which leads nowhere.
    [[nodiscard]] std::vector<neighbor> nearest_reached(row_id row) const {
        const auto reached = [&](row_id id) -> bool { return reached_[id]; };
        const auto distances = space_.from(row);
        const auto scratch = graph_.scratches().borrow();
        search_stats stats;
        const auto entry = graph_.entry();
        auto start = descend(graph_, distances, entry, 0, *scratch, stats);
        if (!reached(start.row)) start = {distances(entry.row), entry.row};
        scratch->visited.start(graph_.row_bound());
        (void)scratch->visited.visit(start.row);
        filtered_frontier frontier(scratch->heap, ef_construct_, reached);
        frontier.push(start);
        search_layer(graph_, distances, 0, frontier, *scratch, stats);
        return frontier.take(ef_construct_);
    }

    graph& graph_;
    const Space& space_;
    graph_links<Space> links_;
    std::size_t ef_construct_;
    std::vector<bool> reached_;
    std::vector<row_id> open_;          // in the tree; from next_open_ on, to be expanded
    std::vector<row_id> waiting_;       // named by a row of the tree, which is reached_from_
    std::vector<row_id> reached_from_;  // [rows]
    std::size_t next_open_ = 0, next_waiting_ = 0;
};

}  // namespace vecstore::index
