/// The search over inverted lists: scan codes of the nearest lists, compare the best candidates by their originals.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/index/ivf/batch.hpp>
#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/scratch.hpp>
#include <vecstore/index/ivf/slab_batch.hpp>
#include <vecstore/index/ivf/walk.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::index {

/// Thread safety: constant; any number of searches at once.
/// Lifetime: borrows the blocks (mapped memory), which must outlive it; movable, not copyable.
class ivf {
public:
    /// Errors, cost and alignment: those of `ivf_lists::open`.
    [[nodiscard]] static result<ivf> open(byte_span header, byte_span model, byte_span codes, byte_span ids,
                                          row_id row_count) {
        VECSTORE_TRY(auto lists, ivf_lists::open(header, model, codes, ids, row_count));
        return ivf(lists);
    }

    /// The `k` nearest rows, nearest first, by exact distance and without duplicates; fewer when fewer were found.
    /// Shapes: query [dim] f32, finite; of unit length for cosine. `distances` must speak of the same query.
    /// `allow(row)` keeps rows out of the result. When fewer than `k` are returned although all lists were probed
    /// (stats->lists == lists().list_count()), no more rows are allowed.
    /// Errors: invalid_argument (dim; k = 0 or above query_limit_max; nprobe = 0).
    /// Cost:   lists * dim for the centroids, about 0.3 dim bytes for each row scanned, `rescore` distances at most.
    template <row_distances Distances, class Allow = allow_all>
    [[nodiscard]] result<std::vector<neighbor>> search(std::span<const float> query, const Distances& distances,
                                                       const ivf_search_options& options, const Allow& allow = {},
                                                       ivf_search_stats* stats = nullptr) const {
        VECSTORE_CHECK(check(query.size(), options));
        const auto scratch = scratches_->borrow();
        (*scratch).query.start(lists_, query, std::is_same_v<Allow, allow_all> ? nullptr : options.members);
        detail::ivf_walk walk(lists_, distances, allow, options, *scratch);
        while (walk.step()) {
        }
        ivf_search_stats counted;
        auto found = walk.finish(counted);
        if (stats != nullptr) *stats = counted;
        return found;
    }

    /// The same for many queries at once: result i is that of `search` with query i; with int8, up to the candidates that
    /// were compared by their originals. How work is shared: batch.hpp, and for int8 (not manhattan) slab_batch.hpp.
    /// Shapes: queries [n, dim] f32 row-major, each as for `search`.
    /// `distances_of(i)` gives distances (as `search` takes them) from query i; called once for each, and what it gives
    /// is kept until the batch ends. It may borrow from what outlives the call, not from itself.
    /// `stats`, when given, are sums over the queries.
    /// Errors: as `search`; invalid_argument as well when `queries` are not whole rows.
    /// Cost:   with int8 a fraction of that of single searches, the less the more queries share a list; with pq4 about the
    /// same. About 30 KB of memory for each query of a group, kept for the next batch; with int8 half a KB, not kept.
    template <class DistancesOf, class Allow = allow_all>
    [[nodiscard]] result<std::vector<std::vector<neighbor>>> search_many(std::span<const float> queries,
                                                                         const DistancesOf& distances_of,
                                                                         const ivf_search_options& options,
                                                                         const Allow& allow = {},
                                                                         ivf_search_stats* stats = nullptr) const {
        const auto dim = lists_.dim();
        VECSTORE_CHECK(check(queries.size() % dim == 0 ? dim : queries.size(), options));
        std::vector<std::vector<neighbor>> found(queries.size() / dim);
        ivf_search_stats counted;
        if (lists_.code() == ivf_code::int8 && slabs_fit(lists_, lists_.codec())) {
            std::vector<std::size_t> left;
            const code_array codes(lists_.blocks({}), lists_.codec().code_bytes());
            search_slabs(lists_, lists_.codec(), codes, queries, distances_of, options, allow, found.data(), counted,
                         [&](std::size_t i) { left.push_back(i); });
            for (const auto i : left) {
                ivf_search_stats one;
                VECSTORE_TRY(found[i], search(queries.subspan(i * dim, dim), distances_of(i), options, allow, &one));
                counted.distances += one.distances;
                counted.codes += one.codes;
            }
            if (stats != nullptr) *stats = counted;
            return found;
        }
        const auto scratch = groups_->borrow();
        const auto together = ivf_group(lists_.code());
        for (std::size_t first = 0; first < found.size(); first += together) {
            const auto count = std::min(together, found.size() - first);
            detail::ivf_batch group(lists_, queries.subspan(first * dim, count * dim), options.nprobe, *scratch);
            group.run([&](std::size_t i) { return distances_of(first + i); }, options, allow, found.data() + first,
                      counted);
        }
        if (stats != nullptr) *stats = counted;
        return found;
    }

    [[nodiscard]] const ivf_lists& lists() const noexcept { return lists_; }
    /// Heap memory alone; the blocks belong to someone else.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof *this + scratches_->memory_bytes() + groups_->memory_bytes();
    }

private:
    [[nodiscard]] result<void> check(std::size_t dim, const ivf_search_options& options) const {
        if (dim != lists_.dim())
            return invalid_argument("the vector has dimension " + std::to_string(dim) + ", the index has " +
                                    std::to_string(lists_.dim()));
        if (options.k == 0 || options.k > query_limit_max)
            return invalid_argument("k is " + std::to_string(options.k) + ", not 1 to " +
                                    std::to_string(query_limit_max));
        if (options.nprobe == 0) return invalid_argument("nprobe is 0");
        return {};
    }
    explicit ivf(const ivf_lists& lists)
        : lists_(lists),
          scratches_(std::make_unique<ivf_scratch_pool>()),
          groups_(std::make_unique<ivf_group_pool>()) {}

    ivf_lists lists_;
    std::unique_ptr<ivf_scratch_pool> scratches_;
    std::unique_ptr<ivf_group_pool> groups_;
};

}  // namespace vecstore::index
