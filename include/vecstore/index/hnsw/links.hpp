/// Choosing and writing the neighbours of a row: what inserts and repairs have in common.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, Algorithm 4 (SELECT-NEIGHBORS-HEURISTIC). Differs: links to the parent
/// and the children on level 0 are never pruned (graph.hpp, invariant 4).
/// Thread safety: who calls owns the lists that are written (graph.hpp, invariant 3).
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::index {

/// Whether room in a list is filled with candidates that the heuristic pruned (Algorithm 4, keepPrunedConnections).
inline constexpr bool fill_pruned = true;

/// A full list is pruned to 1 - 1/list_slack of its size, so that this costly step pays for several links to come.
inline constexpr std::size_t list_slack = 8;

/// The links of one graph; made for each task, holds no state of its own.
/// Lifetime: borrows both. Functions may throw std::bad_alloc, then the list they write is as before.
template <row_space Space>
class graph_links {
public:
    graph_links(graph& g, const Space& space) noexcept : graph_(g), space_(space) {}

    /// True when one of the two is the parent of the other.
    [[nodiscard]] bool tied(row_id a, row_id b) const noexcept {
        const auto& nodes = static_cast<const graph&>(graph_);
        return nodes.node_of(a).parent == b || nodes.node_of(b).parent == a;
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
        return fill_pruned ? std::max(kept, std::min(size, candidates.size())) : kept;
    }

    /// The rows of `ids` that are not dead, with their distances from `row`, nearest first.
    [[nodiscard]] std::vector<neighbor> living(row_id row, std::span<const row_id> ids) const {
        std::vector<row_id> rows;
        rows.reserve(ids.size());
        std::copy_if(ids.begin(), ids.end(), std::back_inserter(rows), [&](row_id id) { return !graph_.dead(id); });
        std::vector<float> distances(rows.size());
        space_.from(row).many(rows.data(), rows.size(), distances.data());
        std::vector<neighbor> found(rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) found[i] = {distances[i], rows[i]};
        std::sort(found.begin(), found.end());
        return found;
    }

    /// Adds a link `to` -> added.row. A full list is pruned, dead rows first.
    void add_link(row_id to, const neighbor& added, unsigned level) {
        std::array<row_id, list_max + 1> ids;
        const auto count = graph_.neighbors(to, level, ids.data());
        const auto size = graph_.list_size(level);
        if (const auto* end = ids.data() + count;
            std::find(static_cast<const row_id*>(ids.data()), end, added.row) != end)
            return;
        if (count < size) return graph_.append_to_list(to, level, count, added.row);
        ids[count] = added.row;
        auto candidates = living(to, {ids.data(), count + 1});
        const auto kept = candidates.size() <= size
                              ? candidates.size()
                              : select(candidates, size - size / list_slack, level == 0 ? to : row_none);
        write(to, level, {candidates.data(), kept});
    }

    void write(row_id row, unsigned level, std::span<const neighbor> neighbors) noexcept {
        std::array<row_id, list_max> ids;
        std::transform(neighbors.begin(), neighbors.end(), ids.begin(), [](const neighbor& n) { return n.row; });
        graph_.write_list(row, level, {ids.data(), neighbors.size()});
    }

    /// A child of `row`. Precondition: it has children.
    [[nodiscard]] row_id any_child(row_id row) const noexcept {
        std::array<row_id, list_max> ids;
        const auto count = graph_.neighbors(row, 0, ids.data());
        for (std::size_t i = 0; i < count; ++i)
            if (graph_.node_of(ids[i]).parent == row) return ids[i];
        return row;  // a list caught half rewritten; the caller comes back here
    }

    /// Makes `parent` the parent of `row`, tying them both ways, unless it has children enough. Precondition: the turn
    /// is had alone; the parent is not below the row in the tree.
    [[nodiscard]] bool tie(row_id parent, row_id row) {
        if (graph_.node_of(parent).child_count >= graph_.m()) return false;
        const auto distance = space_.from(row)(parent);
        graph_.node_of(row).parent = parent;
        ++graph_.node_of(parent).child_count;
        add_link(parent, {distance, row}, 0);
        add_link(row, {distance, parent}, 0);
        return true;
    }
    /// The same with `top` or, when it has children enough, some row below it: a leaf at the latest has room.
    void tie_below(row_id top, row_id row) {
        while (!tie(top, row)) top = any_child(top);
    }

private:
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

    graph& graph_;
    const Space& space_;
};

}  // namespace vecstore::index
