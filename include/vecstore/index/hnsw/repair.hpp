/// Removal from a growing HNSW graph, beside searches: the neighbours of dead rows are linked to each other, dead rows
/// leave all lists.
/// Paper: Singh et al., "FreshDiskANN", arXiv:2105.09613, Algorithm 4 (DELETE). Differs: works on layers; a row's links
/// to its parent and children are replaced at once, so that no row is ever out of reach; lists are repaired by a sweep
/// that each removal moves on by a few rows, so that none of them takes long.
/// Thread safety: any number of removals beside any number of searches and inserts; a removal has its turn alone.
#pragma once

#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/links.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

namespace vecstore::index {

/// A sweep begins when one row of so many is dead, and of `sweep_rows_min` at least. Sooner: walks meet fewer dead
/// rows; later: lists are repaired for several at once, which is cheaper.
inline constexpr std::size_t sweep_share = 16;
inline constexpr std::size_t sweep_rows_min = 32;
/// Rows that a removal sweeps over. A sweep is over when half as many rows have died as began it.
inline constexpr std::size_t sweep_rows_per_removal = 2 * sweep_share;

/// Removes rows from one graph; made for each removal, holds no state of its own.
/// Lifetime: borrows both.
template <row_space Space>
class graph_repairer {
public:
    graph_repairer(graph& g, const Space& space) noexcept : graph_(g), space_(space), links_(g, space) {}

    /// Searches that begin later do not return the row, nor do inserts link to it. False when it is not live. Rows that
    /// became free are added to `freed`. May throw std::bad_alloc: then the row may be removed or not, and rows may be
    /// out of reach until `heal`.
    /// Cost: about that of an insert.
    bool remove(row_id row, std::vector<row_id>& freed) {
        const std::unique_lock alone(graph_.turn());
        auto& departing = graph_.departing();
        departing.dead.reserve(departing.dead.size() + 1);
        if (!graph_.mark_dead(row)) return false;
        departing.dead.push_back(row);
        leave_tree(row);
        if (graph_.entry().row == row) graph_.replace_entry(successor_of(row));
        if (departing.leaving.empty() && departing.dead.size() >= sweep_rows_min &&
            departing.dead.size() * sweep_share >= graph_.linked_count() - graph_.dead_count())
            begin_sweep();
        sweep(sweep_rows_per_removal, freed);
        return true;
    }

    /// Takes all dead rows out of all lists. Precondition: alone.
    void sweep_all(std::vector<row_id>& freed) {
        while (!graph_.departing().leaving.empty() || !graph_.departing().dead.empty()) {
            if (graph_.departing().leaving.empty()) begin_sweep();
            sweep(std::numeric_limits<std::size_t>::max(), freed);
        }
    }

    /// The live row with the highest level; row_none when there is none. Precondition: alone. Cost: looks at all rows.
    [[nodiscard]] entry_point highest_row() const noexcept {
        entry_point highest;
        for (row_id row = 0; row < graph_.row_bound(); ++row)
            if (graph_.live(row) && (highest.row == row_none || graph_.node_of(row).level > highest.level))
                highest = {row, graph_.node_of(row).level};
        return highest;
    }

private:
    [[nodiscard]] entry_point successor_of(row_id entry) const noexcept {
        const unsigned level = graph_.node_of(entry).level;
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(entry, level, ids.data());
        for (std::size_t i = 0; i < count; ++i)
            if (graph_.live(ids[i]) && graph_.node_of(ids[i]).level == level) return {ids[i], level};
        return highest_row();
    }

    /// Gives the children of `row`, which is dead, other parents. Its own list stays: it leads out.
    void leave_tree(row_id row) {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(row, 0, ids.data());
        auto& node = graph_.node_of(row);
        auto above = node.parent;
        node.parent = row_none;
        node.child_count = 0;
        if (above != row_none) --graph_.node_of(above).child_count;
        for (std::size_t i = 0; i < count; ++i) {
            const auto child = ids[i];
            if (graph_.node_of(child).parent != row || tie_nearby(child, {ids.data(), count})) continue;
            // Above the dead row, nobody is below the child; the first child of a root becomes the root.
            if (above != row_none) {
                links_.tie_below(above, child);
            } else {
                graph_.node_of(child).parent = row_none;
                above = child;
            }
        }
    }

    /// Ties `child` to the nearest of its own neighbours and `others` that can be its parent; false when none can.
    [[nodiscard]] bool tie_nearby(row_id child, std::span<const row_id> others) {
        std::array<row_id, list_max> own;
        std::vector<row_id> ids(own.begin(),
                                own.begin() + static_cast<std::ptrdiff_t>(graph_.neighbors(child, 0, own.data())));
        ids.insert(ids.end(), others.begin(), others.end());
        for (const auto& candidate : links_.living(child, ids))
            if (candidate.row != child && surely_not_below(candidate.row, child) && links_.tie(candidate.row, child))
                return true;
        return false;
    }
    /// False when `row` is below `top` in the tree, or too deep to tell.
    [[nodiscard]] bool surely_not_below(row_id row, row_id top) const noexcept {
        constexpr int steps_max = 64;
        for (int step = 0; step < steps_max; ++step) {
            if (row == top) return false;
            row = graph_.node_of(row).parent;
            if (row == row_none) return true;
        }
        return false;
    }

    void begin_sweep() noexcept {
        auto& departing = graph_.departing();
        departing.leaving.swap(departing.dead);
        for (const auto row : departing.leaving) graph_.mark_leaving(row);
        departing.next = 0;
    }

    /// Repairs the lists of the next `row_count` linked rows, and frees what leaves when all are done.
    void sweep(std::size_t row_count, std::vector<row_id>& freed) {
        auto& departing = graph_.departing();
        if (departing.leaving.empty()) return;
        const auto bound = graph_.row_bound();
        for (; departing.next < bound && row_count > 0; ++departing.next) {
            const auto row = departing.next;
            if (!graph_.linked(row) || graph_.leaving(row)) continue;
            for (unsigned level = 0; level <= graph_.node_of(row).level; ++level) repair_list(row, level);
            --row_count;
        }
        if (departing.next < bound) return;
        freed.insert(freed.end(), departing.leaving.begin(), departing.leaving.end());
        for (const auto row : departing.leaving) graph_.mark_free(row);
        departing.leaving.clear();
    }

    void repair_list(row_id row, unsigned level) {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(row, level, ids.data());
        auto* const end = ids.data() + count;
        if (graph_.dead(row)) {  // will leave later; what died after it leads out of it, so that is kept
            auto* const kept = std::remove_if(ids.data(), end, [&](row_id id) { return graph_.leaving(id); });
            if (kept != end) graph_.write_list(row, level, {ids.data(), kept});
            return;
        }
        if (std::none_of(ids.data(), end, [&](row_id id) { return graph_.dead(id); })) return;
        auto candidates = links_.living(row, neighborhood(row, level, {ids.data(), count}));
        const auto kept = links_.select(candidates, count, level == 0 ? row : row_none);
        links_.write(row, level, {candidates.data(), kept});
        // Both ways, as an insert links: else rows lose those who name them, and walks miss whole clusters.
        for (std::size_t i = 0; i < kept; ++i)
            if (std::find(ids.data(), end, candidates[i].row) == end)
                links_.add_link(candidates[i].row, {candidates[i].distance, row}, level);
    }

    /// The rows of a list and the neighbours of those that are dead, each once, without `row`.
    [[nodiscard]] std::vector<row_id> neighborhood(row_id row, unsigned level, std::span<const row_id> list) const {
        const auto scratch = graph_.scratches().borrow();
        scratch->visited.start(graph_.row_bound());
        (void)scratch->visited.visit(row);
        std::vector<row_id> ids;
        const auto take = [&](row_id id) {
            if (scratch->visited.visit(id)) ids.push_back(id);
        };
        std::for_each(list.begin(), list.end(), take);
        for (const auto id : list)
            if (graph_.dead(id)) graph_.for_each_neighbor(id, level, take);
        return ids;
    }

    graph& graph_;
    const Space& space_;
    graph_links<Space> links_;
};

}  // namespace vecstore::index
