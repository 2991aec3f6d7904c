/// Many searches over inverted lists at once, by estimates (int8 whose distances are products: slab_batch.hpp). The centroids
/// are read once for all of them. With other int8 codes, whose scan waits for
/// memory, probes are sorted by list, and each list is scanned for all queries that probe it while its codes are in the
/// nearest cache; what is found ahead of its turn waits for it, so that every query meets the same candidates under the
/// same limits as alone. With pq4 the scan is bound by arithmetic: measured, sorting its probes loses a twentieth, since
/// the tables of the queries are as large as the lists, and so does alternating between queries.
#pragma once

#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/scratch.hpp>
#include <vecstore/index/ivf/walk.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::index {

/// Queries that are searched together. More share more lists, until what they keep no longer fits the second cache.
[[nodiscard]] constexpr std::size_t ivf_group(ivf_code code) noexcept { return code == ivf_code::int8 ? 128 : 32; }

namespace detail {

/// A few queries; lives for its call.
/// Thread safety: belongs to one thread. Lifetime: borrows lists, queries and scratch.
class ivf_batch {
public:
    /// Shapes: queries [count, dim] f32, count <= ivf_group(lists.code()).
    ivf_batch(const ivf_lists& lists, std::span<const float> queries, std::size_t nprobe, ivf_group_scratch& scratch)
        : lists_(lists),
          count_(queries.size() / lists.dim()),
          nprobe_(std::min(nprobe, lists.list_count())),
          scratch_(scratch) {
        start(queries);
    }

    /// `out` [count]; `stats` are added to.
    template <class DistancesOf, class Allow>
    void run(const DistancesOf& distances_of, const ivf_search_options& options, const Allow& allow,
             std::vector<neighbor>* out, ivf_search_stats& stats) {
        using distances = decltype(distances_of(std::size_t{0}));
        std::vector<distances> each;
        std::vector<ivf_walk<distances, Allow>> walks;
        each.reserve(count_);
        walks.reserve(count_);
        for (std::size_t i = 0; i < count_; ++i) {
            each.push_back(distances_of(i));
            walks.emplace_back(lists_, each[i], allow, options, scratch_.each[i]);
        }
        if (lists_.code() == ivf_code::int8 && nprobe_ > head) {
            for (auto& walk : walks) {
                while (!(walk.rank() >= head && walk.between_lists()) && walk.step()) {
                }
                limits_.push_back(walk.limit());
            }
            slack_ = options.slack;
            scan_ahead();
            for (std::size_t i = 0; i < count_; ++i) take_waiting(walks[i], i);
        }
        for (std::size_t i = 0; i < count_; ++i) {
            while (walks[i].step()) {
            }
            ivf_search_stats one;
            out[i] = walks[i].finish(one);
            stats.distances += one.distances;
            stats.codes += one.codes;
            stats.lists += one.lists;
            stats.allowed += one.allowed;
        }
    }

private:
    /// Lists that each query visits alone, before the others are scanned ahead under the limit which these gave.
    static constexpr std::size_t head = 4;
    /// Candidates that may wait; lists beyond are scanned in their turn.
    static constexpr std::size_t waiting_max = std::size_t{1} << 20;

    void start(std::span<const float> queries);
    void sort_probes();
    void scan_ahead();

    template <class Walk>
    void take_waiting(Walk& walk, std::size_t i) const {
        while (walk.visiting() && walk.rank() < nprobe_) {
            const auto& run = scratch_.runs[i * nprobe_ + walk.rank()];
            if (!run.scanned) return;
            walk.visit_scanned({scratch_.waiting.data() + run.first, run.count});
        }
    }

    const ivf_lists& lists_;
    std::size_t count_;
    std::size_t nprobe_;
    ivf_group_scratch& scratch_;
    std::vector<float> limits_;  ///< [count]
    float slack_ = 0;
};

}  // namespace detail

}  // namespace vecstore::index
