/// One graph for the rows of several parts: those of the largest keep their links, the others are linked to them.
/// Order matters: of the rows that are added, those with upper levels come first. In a graph that grows from nothing,
/// rows of one group meet while the graph is sparse. In one that is full, the links from old groups to a new one are
/// few, and a walk along level 0 may miss them; but the upper levels lead there once some rows of the group are on them.
/// For groups of fewer rows than that takes it is not enough: so a merge is declined when many of the rows that are
/// added lie apart from those that were there (`lies_apart`), or are not found as well in the end (`finds_added`).
/// Thread safety: as each function says.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/level.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/hnsw/thaw.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <new>
#include <span>
#include <vector>

namespace vecstore::index {

/// The share of up to `count` of `rows`, evenly spread, that a walk of breadth `ef` for themselves finds.
/// Thread safety: beside searches. Cost: `count` walks. May throw std::bad_alloc.
template <row_space Space>
[[nodiscard]] double share_found(const graph& g, const Space& space, std::span<const row_id> rows, std::size_t count,
                                 std::size_t ef) {
    count = std::min(count, rows.size());
    if (count == 0) return 1;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = rows[i * rows.size() / count];
        const auto distances = space.from(row);
        const auto own = distances(row);
        const auto near = hnsw_search(g, distances, 1, ef);
        found += !near.empty() && (near[0].row == row || near[0].distance <= own);
    }
    return static_cast<double>(found) / static_cast<double>(count);
}

/// The share of up to `count` of `rows` that are farther from their nearest neighbour than that is from half of its own.
/// Thread safety, cost: as `share_found`.
template <row_space Space>
[[nodiscard]] double share_apart(const graph& g, const Space& space, std::span<const row_id> rows, std::size_t count,
                                 std::size_t ef) {
    count = std::min(count, rows.size());
    if (count == 0) return 0;
    std::size_t apart = 0;
    std::vector<row_id> links(g.list_size(0));
    std::vector<float> distances;
    for (std::size_t i = 0; i < count; ++i) {
        const auto row = rows[i * rows.size() / count];
        auto near = hnsw_search(g, space.from(row), 2, ef);
        std::erase_if(near, [&](const neighbor& n) { return n.row == row; });
        if (near.empty()) continue;
        const auto linked = g.neighbors(near[0].row, 0, links.data());
        if (linked == 0) continue;
        distances.resize(linked);
        space.from(near[0].row).many(links.data(), linked, distances.data());
        std::nth_element(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(linked / 2),
                         distances.end());
        apart += near[0].distance > distances[linked / 2];
    }
    return static_cast<double>(apart) / static_cast<double>(count);
}

/// True when the rows to be added are apart from those of the graph more often, by a fifth of them, than these are from
/// each other: groups of their own, to which the graph does not lead.
/// Thread safety: beside searches. Cost: at most 1,000 walks. May throw std::bad_alloc.
template <row_space Space>
[[nodiscard]] bool lies_apart(const graph& g, const Space& space, std::span<const row_id> before,
                              std::span<const row_id> added) {
    constexpr std::size_t sample = 500, ef = 48;
    constexpr double excess_max = 0.2;
    return share_apart(g, space, added, sample, ef) > share_apart(g, space, before, sample, ef) + excess_max;
}

/// True when walks for `added` rows end at them about as often as walks for rows that were there before: within 0.01
/// and the error of the two samples. False says that the added rows lie where the old graph does not lead; then a new
/// graph is better.
/// Thread safety: beside searches. Cost: at most 2,000 walks. May throw std::bad_alloc.
template <row_space Space>
[[nodiscard]] bool finds_added(const graph& g, const Space& space, std::span<const row_id> before,
                               std::span<const row_id> added) {
    constexpr std::size_t sample_max = 1'000, ef = 48;
    constexpr double loss_max = 0.01;
    const auto error_of = [](double share, std::size_t count) {
        return share * (1 - share) / static_cast<double>(std::max<std::size_t>(1, count));
    };
    const auto count = std::clamp<std::size_t>(added.size() / 8, 100, sample_max);
    const auto old_share = share_found(g, space, before, count, ef),
               new_share = share_found(g, space, added, count, ef);
    const auto error = std::sqrt(error_of(old_share, count) + error_of(new_share, count));
    return new_share >= old_share - loss_max - 2 * error;
}

/// Fills `g`, which is empty and has the frozen graph's m, with the rows of `frozen` that live on, and links `added`.
/// Returns false when it declines, since the added rows lie where the old graph does not lead; then throw `g` away and
/// build a new one.
/// `new_row_of`: as `thaw` takes it. `added`: the other rows of `space`, each once.
/// With one thread the same input gives the same graph. `options.keep_going` is called with rows of both kinds done.
/// Errors: cancelled, resource_exhausted (memory); then throw `g` away.
/// Cost:   as `thaw`, and an insert for each row that is added: a third of a new graph when it is 30 % of them.
template <row_space Space>
[[nodiscard]] result<bool> merge_rows(const frozen_graph& frozen, std::span<const row_id> new_row_of,
                                      std::span<const row_id> added, graph& g, const Space& space,
                                      const build_options& options) {
    try {
        const std::size_t rows = new_row_of.size() + added.size();
        auto within = options;
        if (options.keep_going)
            within.keep_going = [&](std::size_t done, std::size_t) {
                return options.keep_going(new_row_of.size() + done, rows);
            };
        const auto thawing = [&](std::size_t done, std::size_t) {
            return !options.keep_going || options.keep_going(done, rows);
        };
        VECSTORE_CHECK(thaw(frozen, new_row_of, g, space, options.ef_construct, thawing));
        std::vector<row_id> before, order(added.begin(), added.end());
        std::copy_if(new_row_of.begin(), new_row_of.end(), std::back_inserter(before),
                     [](row_id row) { return row != row_none; });
        if (lies_apart(g, space, before, added)) return false;
        std::stable_partition(order.begin(), order.end(),
                              [&](row_id row) { return level_of(options.seed, row, g.m()) > 0; });
        VECSTORE_CHECK(link_rows(g, space, order, within));
        return finds_added(g, space, before, added);
    } catch (const std::bad_alloc&) {
        return error{errc::resource_exhausted, "out of memory while merging graphs"};
    }
}

}  // namespace vecstore::index
