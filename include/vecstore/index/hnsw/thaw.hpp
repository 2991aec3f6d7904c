/// A growing graph that starts from a frozen one: how parts are merged at the price of the smaller ones.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/heal.hpp>
#include <vecstore/index/hnsw/insert.hpp>
#include <vecstore/index/hnsw/links.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <new>
#include <span>
#include <vector>

namespace vecstore::index {

/// Fills `g`, which is empty and has the frozen graph's m, with those rows of `frozen` that live on.
/// `new_row_of` [frozen.row_bound()] gives each old row its number in `space`, or row_none when it is dropped; numbers
/// are distinct, in any order. The lists of rows that lose neighbours are filled with neighbours of these. All rows are
/// reachable afterwards; link the others with `link_rows`.
/// `keep_going(rows_done, rows)`, when there is one, is called now and then; false cancels.
/// Errors: cancelled, resource_exhausted (memory); then throw `g` away.
/// Cost:   one pass over the lists, and about half an insert for each row that has lost a neighbour.
template <row_space Space>
[[nodiscard]] result<void> thaw(const frozen_graph& frozen, std::span<const row_id> new_row_of, graph& g,
                                const Space& space, std::size_t ef_construct,
                                const std::function<bool(std::size_t, std::size_t)>& keep_going = {});

namespace detail {

/// Copies lists of level 0, and repairs those that lost rows; holds buffers.
template <row_space Space>
class graph_copier {
public:
    graph_copier(const frozen_graph& frozen, std::span<const row_id> new_row_of, graph& g, const Space& space)
        : frozen_(frozen), new_row_of_(new_row_of), graph_(g), links_(g, space) {}

    void copy_list(row_id old_row) {
        std::array<row_id, list_max> ids;
        std::size_t count = 0;
        frozen_.for_each_neighbor(old_row, 0, [&](row_id id) {
            if (new_row_of_[id] != row_none && id != old_row) ids[count++] = new_row_of_[id];
        });
        graph_.write_list(new_row_of_[old_row], 0, {ids.data(), count});
    }

    /// Once all lists are copied: rows link back to those that chose them, so their lists change too.
    void repair_list(row_id old_row) {
        const auto row = new_row_of_[old_row];
        std::array<row_id, list_max> before;
        const auto count = graph_.neighbors(row, 0, before.data());
        auto* const end = before.data() + count;
        visited_.start(graph_.row_bound());
        (void)visited_.visit(row);
        ids_.clear();
        const auto take = [&](row_id id) {
            if (id != row_none && visited_.visit(id)) ids_.push_back(id);
        };
        std::for_each(before.data(), end, take);
        std::size_t lost = 0;
        frozen_.for_each_neighbor(old_row, 0, [&](row_id id) {
            if (new_row_of_[id] != row_none) return;
            ++lost;
            frozen_.for_each_neighbor(id, 0, [&](row_id next) { take(new_row_of_[next]); });
        });
        if (lost == 0) return;
        auto candidates = links_.living(row, ids_);
        const auto size = std::min(count + lost, graph_.list_size(0));
        const auto kept = links_.select(candidates, size, row);
        links_.write(row, 0, {candidates.data(), kept});
        for (std::size_t i = 0; i < kept; ++i)
            if (std::find(before.data(), end, candidates[i].row) == end)
                links_.add_link(candidates[i].row, {candidates[i].distance, row}, 0);
    }

private:
    const frozen_graph& frozen_;
    std::span<const row_id> new_row_of_;
    graph& graph_;
    graph_links<Space> links_;
    visited_set visited_;
    std::vector<row_id> ids_;
};

}  // namespace detail

template <row_space Space>
result<void> thaw(const frozen_graph& frozen, std::span<const row_id> new_row_of, graph& g, const Space& space,
                  std::size_t ef_construct, const std::function<bool(std::size_t, std::size_t)>& keep_going) {
    constexpr row_id rows_between_checks = 64;
    try {
        const std::unique_lock alone(g.turn());
        for (row_id row = 0; row < frozen.row_bound(); ++row) {
            if (new_row_of[row] == row_none) continue;
            (void)g.allocate(new_row_of[row], frozen.level_of(row));
            g.mark_linked(new_row_of[row]);
        }
        detail::graph_copier copier(frozen, new_row_of, g, space);
        for (row_id row = 0; row < frozen.row_bound(); ++row)
            if (new_row_of[row] != row_none) copier.copy_list(row);
        // Upper levels have one row in 2m, so they are made anew, which loses nothing.
        graph_inserter inserter(g, space, ef_construct, 0);
        for (row_id row = 0; row < frozen.row_bound(); ++row)
            if (new_row_of[row] != row_none && frozen.level_of(row) > 0) inserter.insert_upper(new_row_of[row]);
        // Before repairs the tree: it saves the few links that lead from cluster to cluster from being pruned.
        (void)graph_healer(g, space, ef_construct).heal();
        for (row_id row = 0; row < frozen.row_bound(); ++row) {
            if (row % rows_between_checks == 0 && keep_going && !keep_going(row, frozen.row_bound()))
                return error{errc::cancelled, "merging graphs was cancelled"};
            if (new_row_of[row] != row_none) copier.repair_list(row);
        }
    } catch (const std::bad_alloc&) {
        return error{errc::resource_exhausted, "out of memory while merging graphs"};
    }
    return {};
}

}  // namespace vecstore::index
