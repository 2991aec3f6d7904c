/// Range search: all rows within a distance, not a number of nearest.
/// Thread safety: as the searches for the nearest (flat.hpp, hnsw/search.hpp).
#pragma once

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace vecstore::index {

/// The rows at `radius` or nearer, the nearest `limit` of them.
/// Thread safety: belongs to one thread.
class rows_within {
public:
    rows_within(float radius, std::size_t limit) : radius_(radius), nearest_(limit) {}

    /// A row beyond this is of no use: the radius, and once there are `limit` rows, the farthest of them.
    [[nodiscard]] float bound() const noexcept {
        return nearest_.full() && nearest_.size() > 0 ? std::min(radius_, nearest_.worst().distance) : radius_;
    }
    void push(const neighbor& found) {
        if (found.distance <= radius_) nearest_.push(found);
    }
    [[nodiscard]] std::vector<neighbor> take() { return nearest_.take_sorted(); }

private:
    float radius_;
    top_k<neighbor> nearest_;
};

/// Returns all rows in [0, count) within `radius` that `allow` accepts, nearest first, ties by row; the nearest `limit`
/// when there are more.
/// Units:  radius as metric.hpp tells distances; a row at exactly this distance is within.
/// Cost:   one distance for each allowed row.
/// Errors: none; may throw std::bad_alloc.
template <row_distances Distances, class Allow = allow_all>
[[nodiscard]] std::vector<neighbor> flat_range_search(const Distances& distances, row_id count, float radius,
                                                      std::size_t limit, const Allow& allow = {}) {
    constexpr std::size_t batch = 64;
    std::array<row_id, batch> ids;
    std::array<float, batch> computed;
    std::size_t filled = 0;
    rows_within found(radius, limit);
    const auto flush = [&] {
        distances.many(ids.data(), filled, computed.data());
        for (std::size_t i = 0; i < filled; ++i) found.push({computed[i], ids[i]});
        filled = 0;
    };
    for (row_id row = 0; row < count; ++row) {
        if (!allow(row)) continue;
        ids[filled] = row;
        if (++filled == batch) flush();
    }
    flush();
    return found.take();
}

/// The walk of a range search on the lowest level: as a walk for the `ef` nearest, but it goes on while it meets rows
/// within the radius. So it can leave out rows that are within only if no path of such rows, nor of the `ef` nearest,
/// leads to them.
/// Thread safety: belongs to one thread.
class range_frontier {
public:
    range_frontier(float radius, std::size_t ef) : radius_(radius), nearest_(ef) {}

    /// True when the row is worth keeping.
    bool push(const neighbor& found) {
        if (found.distance > bound()) return false;
        candidates_.push_back(found);
        std::push_heap(candidates_.begin(), candidates_.end(), further);
        nearest_.push(found);
        return true;
    }
    /// The nearest row not expanded yet; row_none when the walk is over.
    [[nodiscard]] row_id next() {
        if (candidates_.empty() || candidates_.front().distance > bound()) return row_none;
        std::pop_heap(candidates_.begin(), candidates_.end(), further);
        const auto row = candidates_.back().row;
        candidates_.pop_back();
        return row;
    }
    /// Rows found may make the radius smaller.
    void shrink(float radius) noexcept { radius_ = std::min(radius_, radius); }

private:
    static bool further(const neighbor& a, const neighbor& b) noexcept { return b < a; }
    [[nodiscard]] float bound() const noexcept {
        return nearest_.full() ? std::max(radius_, nearest_.worst().distance) : distance_computer::distance_max;
    }

    float radius_;
    top_k<neighbor> nearest_;
    std::vector<neighbor> candidates_;
};

/// Returns about all rows within `radius` that `allow` accepts, nearest first, ties by row; the nearest `limit` of what
/// was found when there are more.
/// `ef`:   breadth of the walk while nothing is within; more finds the ball, and its separate pieces, more surely. > 0.
/// Units:  as flat_range_search.
/// Cost:   a walk with `ef`, and about one distance for each neighbour of each row within; memory for these rows.
/// Errors: none; may throw std::bad_alloc.
template <walkable_graph Graph, row_distances Distances, class Allow = allow_all>
[[nodiscard]] std::vector<neighbor> range_search(const Graph& graph, const Distances& distances, float radius,
                                                 std::size_t limit, std::size_t ef, const Allow& allow = {},
                                                 search_stats* stats = nullptr) {
    search_stats unused;
    auto& counted = stats != nullptr ? *stats : unused;
    const auto start = hnsw_search(graph, distances, 1, 1, allow_all{}, &counted);
    if (start.empty() || limit == 0) return {};
    const auto scratch = graph.scratches().borrow();
    scratch->visited.start(graph.row_bound());
    (void)scratch->visited.visit(start[0].row);
    rows_within found(radius, limit);
    range_frontier frontier(radius, ef);
    const auto keep = [&](const neighbor& met) {
        if (!frontier.push(met) || met.distance > found.bound() || !allow(met.row)) return;
        found.push(met);
        frontier.shrink(found.bound());
    };
    keep(start[0]);
    std::array<row_id, list_max> ids;
    std::array<float, list_max> computed;
    for (auto row = frontier.next(); row != row_none; row = frontier.next()) {
        std::size_t fresh = 0;
        graph.for_each_neighbor(row, 0, [&](row_id id) {
            if (scratch->visited.visit(id)) ids[fresh++] = id;
        });
        distances.many(ids.data(), fresh, computed.data());
        for (std::size_t i = 0; i < fresh; ++i) keep({computed[i], ids[i]});
        counted.distances += fresh;
        ++counted.hops;
    }
    return found.take();
}

}  // namespace vecstore::index
