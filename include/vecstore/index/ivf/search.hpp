/// The search over inverted lists: scan codes of the nearest lists, compare the best candidates by their originals.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/scratch.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vecstore::index {

struct ivf_search_options {
    std::size_t k = 10;
    /// Lists to scan. With a filter more are scanned, until `rescore` rows that may be returned were found.
    std::size_t nprobe = 32;
    /// At most so many candidates are compared by their originals (pq4); 0: 40 k. A flat list is compared whole.
    std::size_t rescore = 0;
    /// A candidate is left out when its estimate is so many standard deviations beyond the k-th best distance. On the sets
    /// measured, 2 costs up to 0.001 of recall against no limit, 3 nothing.
    float slack = 2.25f;
};

struct ivf_search_stats {
    std::uint64_t distances = 0;  ///< by originals
    std::uint64_t codes = 0;      ///< scanned
    std::uint64_t lists = 0;      ///< probed
    std::uint64_t allowed = 0;    ///< candidates that passed threshold and predicate
};

namespace detail {

/// One search; lives for its call.
template <row_distances Distances, class Allow>
class ivf_walk {
public:
    ivf_walk(const ivf_lists& lists, const Distances& distances, const Allow& allow, const ivf_search_options& options,
             ivf_scratch& scratch)
        : lists_(lists),
          distances_(distances),
          allow_(allow),
          k_(options.k),
          slack_(options.slack),
          keep_(options.rescore == 0 ? 40 * options.k : std::max(options.rescore, copies(lists) * options.k)),
          enough_(filtered ? copies(lists) * keep_ : copies(lists) * options.k),
          scratch_(scratch),
          best_(options.k) {
        scratch_.begin(keep_);
    }

    [[nodiscard]] std::vector<neighbor> run(std::span<const float> query, std::size_t nprobe, ivf_search_stats& stats) {
        scratch_.query.start(lists_, query, nprobe);
        const auto count = lists_.list_count();
        std::size_t refine_at = 2;
        for (std::size_t rank = 0; rank < count && (rank < nprobe || stats_.allowed < enough_); ++rank) {
            const auto list = lists_.at(scratch_.query.list_at(rank));
            if (rank + 1 < count) lists_.prefetch(lists_.at(scratch_.query.list_at(rank + 1)));
            ++stats_.lists;
            stats_.codes += list.entries;
            if (lists_.code() == ivf_code::flat) {
                compare_list(list);
                continue;
            }
            scan(list, rank);
            if (rank + 1 >= refine_at && stats_.allowed >= enough_ && rank + 1 < nprobe) {
                refine(k_);
                refine_at = 2 * (rank + 1);
            }
        }
        finish();
        stats = stats_;
        return best_.take_sorted();
    }

private:
    static constexpr std::size_t batch = 64;
    static constexpr bool filtered = !std::is_same_v<Allow, allow_all>;

    /// How often a row may be found.
    [[nodiscard]] static std::size_t copies(const ivf_lists& lists) noexcept {
        return lists.entry_count() > lists.row_count() ? 2 : 1;
    }
    /// Candidates of one list whose estimate is within the limit.
    void scan(const ivf_lists::list& list, std::size_t rank) {
        quantization::scan_input in;
        scratch_.query.aim(lists_, list, rank, in);
        const auto scan_blocks = quantization::active_fast_scan().scan;
        const auto blocks = (list.entries + quantization::block_rows - 1) / quantization::block_rows;
        for (std::size_t block = 0; block < blocks;) {
            const int threshold = scratch_.query.limit(limit_);
            if (threshold < 0) return;
            in.threshold = static_cast<std::uint16_t>(threshold);
            quantization::scan_output out{scratch_.sums.data(), scratch_.found.data(), scratch_.sums.size(), 0};
            block = scan_blocks(in, block, out);
            take(out, ivf_lists::first_entry(list));
        }
    }
    void take(const quantization::scan_output& out, std::size_t first_entry) {
        auto& candidates = scratch_.candidates;
        for (std::size_t i = 0; i < out.count; ++i) {
            const auto entry = static_cast<std::uint32_t>(first_entry + out.rows[i]);
            if constexpr (filtered)
                if (!allow_(lists_.id(entry))) continue;
            candidates.push_back({scratch_.query.estimate(out.sums[i]), entry});
            ++stats_.allowed;
        }
        // As soon as there is a choice, a few exact distances give a first limit.
        if (!best_.full() && stats_.allowed >= enough_ && candidates.size() >= 4 * k_) refine(2 * k_);
        if (candidates.size() >= 2 * keep_) select(keep_);
    }
    /// Leaves the `count` best candidates, about; none of the rest can come back.
    void select(std::size_t count) {
        auto& candidates = scratch_.candidates;
        if (candidates.size() <= count) return;
        take_best(count);
        std::swap(candidates, scratch_.chosen);
        for (const auto& c : scratch_.chosen) limit_ = std::min(limit_, c.estimate);
    }
    void take_best(std::size_t count) {
        take_least(scratch_.candidates, count, scratch_.chosen, [](const ivf_candidate& c) { return c.estimate; });
    }
    /// Compares the `count` best candidates by their originals, and takes them away; then the limit may fall.
    void refine(std::size_t count) {
        take_best(std::min(count, scratch_.candidates.size()));
        compare_candidates(scratch_.chosen);
    }
    /// The best few first: they bring the limit down for the rest, whose order no longer matters.
    void finish() {
        constexpr std::size_t few = 2;
        drop_beyond_limit();
        select(keep_);
        refine(few * k_);
        drop_beyond_limit();
        compare_candidates(scratch_.candidates);
    }
    void drop_beyond_limit() {
        std::erase_if(scratch_.candidates, [&](const ivf_candidate& c) { return c.estimate > limit_; });
    }
    void compare_candidates(const std::vector<ivf_candidate>& candidates) {
        for (const auto& c : candidates) lists_.prefetch_id(c.entry);
        for (const auto& c : candidates) note(lists_.id(c.entry));
        compare_noted();
        if (!best_.full()) return;
        const float kth = best_.worst().distance;
        limit_ = std::min(limit_, kth + slack_ * scratch_.query.spread(lists_, kth));
    }
    void compare_list(const ivf_lists::list& list) {
        const auto first = ivf_lists::first_entry(list);
        for (std::size_t i = 0; i < list.entries; ++i) {
            const auto row = lists_.id(first + i);
            if (!allow_(row)) continue;
            ++stats_.allowed;
            note(row);
        }
        compare_noted();
    }
    void note(row_id row) {
        if (scratch_.seen.insert(row)) scratch_.rows.push_back(row);
    }
    void compare_noted() {
        auto& rows = scratch_.rows;
        float distances[batch];
        for (std::size_t i = 0; i < rows.size(); i += batch) {
            const auto count = std::min(batch, rows.size() - i);
            distances_.many(rows.data() + i, count, distances);
            for (std::size_t j = 0; j < count; ++j)
                if (!best_.full() || distances[j] <= best_.worst().distance) best_.push({distances[j], rows[i + j]});
        }
        stats_.distances += rows.size();
        rows.clear();
    }

    const ivf_lists& lists_;
    const Distances& distances_;
    const Allow& allow_;
    std::size_t k_;
    float slack_;
    std::size_t keep_;
    /// Until so many were found there is no limit, so that every row that may be returned counts.
    std::size_t enough_;
    ivf_scratch& scratch_;
    top_k<> best_;
    float limit_ = std::numeric_limits<float>::infinity();
    ivf_search_stats stats_;
};

}  // namespace detail

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
        if (query.size() != lists_.dim())
            return invalid_argument("the vector has dimension " + std::to_string(query.size()) + ", the index has " +
                                    std::to_string(lists_.dim()));
        if (options.k == 0 || options.k > query_limit_max)
            return invalid_argument("k is " + std::to_string(options.k) + ", not 1 to " +
                                    std::to_string(query_limit_max));
        if (options.nprobe == 0) return invalid_argument("nprobe is 0");
        const auto scratch = scratches_->borrow();
        ivf_search_stats counted;
        auto found = detail::ivf_walk(lists_, distances, allow, options, *scratch).run(query, options.nprobe, counted);
        if (stats != nullptr) *stats = counted;
        return found;
    }

    [[nodiscard]] const ivf_lists& lists() const noexcept { return lists_; }
    /// Heap memory alone; the blocks belong to someone else.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return sizeof *this + scratches_->memory_bytes(); }

private:
    explicit ivf(const ivf_lists& lists) : lists_(lists), scratches_(std::make_unique<ivf_scratch_pool>()) {}

    ivf_lists lists_;
    std::unique_ptr<ivf_scratch_pool> scratches_;
};

}  // namespace vecstore::index
