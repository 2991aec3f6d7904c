/// The state of one search over inverted lists. A search visits lists in the order of their nearness, chunk by chunk;
/// candidates may be scanned ahead of their turn and taken in it, which gives the same result.
#pragma once

#include <vecstore/core/log2_about.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/members.hpp>
#include <vecstore/index/ivf/query.hpp>
#include <vecstore/index/ivf/scratch.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace vecstore::index {

struct ivf_search_options {
    std::size_t k = 10;
    /// Lists to scan. With a filter more are scanned: as `breadths` say, or until `rescore` rows that may be returned were
    /// found.
    std::size_t nprobe = 32;
    /// With a filter: element i is how many lists to scan when one row of 2^i near the query may be returned; rises. The k
    /// nearest of these rows lie among the 2^i k nearest of all, so it is what a search for as many needs. How many may be
    /// returned is counted on the way, so that those far from the query are found, too.
    std::span<const std::uint32_t> breadths = {};
    /// With a filter: none but these can pass, and with `members_sure` they all do. May be null. Lists without a member cost
    /// nothing then.
    const ivf_members* members = nullptr;
    bool members_sure = false;
    /// At most so many candidates are compared by their originals; 0: 40 k with pq4, 8 k with int8, 400 k
    /// with rabitq, whose bounds decide before. A flat list is compared whole.
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
/// Thread safety: belongs to one thread. Lifetime: borrows all that it is made of.
template <row_distances Distances, class Allow>
class ivf_walk {
public:
    ivf_walk(const ivf_lists& lists, const Distances& distances, const Allow& allow, const ivf_search_options& options,
             ivf_scratch& scratch)
        : lists_(lists),
          distances_(distances),
          allow_(allow),
          k_(options.k),
          nprobe_(options.nprobe),
          slack_(options.slack),
          keep_(options.rescore == 0 ? default_rescore(lists.code()) * options.k
                                     : std::max(options.rescore, copies(lists) * options.k)),
          breadths_(options.breadths),
          members_(filtered ? options.members : nullptr),
          members_sure_(options.members_sure),
          enough_(filtered && breadths_.empty() ? copies(lists) * keep_ : copies(lists) * options.k),
          scratch_(scratch),
          best_(options.k) {
        scratch_.begin(keep_);
    }

    /// One piece of work: scans a chunk, or compares candidates whose originals an earlier piece has asked for, so that
    /// others may use the time in between. False when there was nothing left to do.
    /// Precondition: the query of the scratch was started.
    bool step() {
        if (waits_) {
            compare_noted();
        } else if (visiting()) {
            lists_.code() == ivf_code::flat ? compare_list() : scan_chunk();
        } else if (candidates_left_ == 0) {
            return false;
        } else {
            --candidates_left_ == 1 ? pick_best() : pick_rest();
        }
        return true;
    }
    /// Like steps until the present list is visited. `found` are the candidates of all its chunks, when it was scanned
    /// already under a limit that was not below the present one.
    void visit_scanned(std::span<const ivf_candidate> found) {
        enter();
        while (!found.empty()) {
            const auto first = ivf_lists::first_entry(list_);
            const auto end = first + ((found.front().entry - first) / ivf_chunk + 1) * ivf_chunk;
            std::size_t size = 1;
            while (size < found.size() && found[size].entry < end) ++size;
            take(found.first(size), false);
            if (waits_) compare_noted();
            found = found.subspan(size);
        }
        leave();
        if (waits_) compare_noted();
    }
    /// True while a list is to be visited.
    [[nodiscard]] bool visiting() const noexcept {
        return chunk_ > 0 || (rank_ < scratch_.query.list_count() && (rank_ < nprobe_ || stats_.allowed < enough_));
    }
    /// How many lists were visited.
    [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
    /// True between lists, when nothing waits.
    [[nodiscard]] bool between_lists() const noexcept { return chunk_ == 0 && !waits_; }
    /// Estimates above it are of no use any more; never rises.
    [[nodiscard]] float limit() const noexcept { return limit_; }

    /// Precondition: step() gave false.
    [[nodiscard]] std::vector<neighbor> finish(ivf_search_stats& stats) {
        stats = stats_;
        return best_.take_sorted();
    }

private:
    static constexpr std::size_t batch = 64;
    static constexpr bool filtered = !std::is_same_v<Allow, allow_all>;
    static constexpr auto estimate_of = [](const ivf_candidate& c) { return c.estimate; };

    [[nodiscard]] static constexpr std::size_t default_rescore(ivf_code code) noexcept {
        return code == ivf_code::int8 ? 8 : code == ivf_code::rabitq ? 400 : 40;
    }
    /// How often a row may be found.
    [[nodiscard]] static std::size_t copies(const ivf_lists& lists) noexcept {
        return lists.entry_count() > lists.row_count() ? 2 : 1;
    }
    void enter() {
        const auto number = scratch_.query.list_at(rank_);
        list_ = lists_.at(number);
        if (rank_ + 1 < scratch_.query.list_count()) lists_.prefetch(lists_.at(scratch_.query.list_at(rank_ + 1)));
        if (lists_.code() != ivf_code::flat) scratch_.query.aim(lists_, number, slack_);
    }
    void scan_chunk() {
        if (chunk_ == 0) enter();
        if (chunk_ * ivf_chunk < list_.entries && leads_on()) {
            scratch_.found.clear();
            asked_ += scratch_.query.scan(lists_, chunk_, limit_, members_, scratch_.found);
            take(scratch_.found, members_ != nullptr);
        }
        if (++chunk_ * ivf_chunk >= list_.entries) leave();
    }
    [[nodiscard]] bool passes(std::size_t entry) const {
        if (members_ == nullptr) return allow_(lists_.id(entry));
        return members_->contains(entry) && (members_sure_ || allow_(lists_.id(entry)));
    }
    /// While there is no limit, every row of the chunk would be asked about after it was scanned: often it need not be.
    [[nodiscard]] bool leads_on() {
        if constexpr (!filtered) return true;
        if (limit_ < std::numeric_limits<float>::infinity()) return true;
        const auto first = chunk_ * ivf_chunk, end = std::min<std::size_t>(first + ivf_chunk, list_.entries);
        for (auto i = first; i < end; ++i)
            if (passes(ivf_lists::first_entry(list_) + i)) return true;
        asked_ += end - first;
        return false;
    }
    /// `of_members`: there are no others in it.
    void take(std::span<const ivf_candidate> found, bool of_members) {
        auto& candidates = scratch_.candidates;
        const float limit = limit_;
        for (const auto& c : found) {
            if (!(c.estimate <= limit)) continue;
            if constexpr (filtered) {
                ++asked_;
                if (of_members ? !(members_sure_ || allow_(lists_.id(c.entry))) : !passes(c.entry)) continue;
            }
            candidates.push_back(c);
            ++stats_.allowed;
        }
        if (candidates.size() >= 2 * keep_) select(keep_);
        // As soon as there is a choice, a few exact distances give a first limit.
        if (!best_.full() && stats_.allowed >= enough_ && candidates.size() >= 4 * k_) pick(2 * k_);
    }
    void leave() {
        chunk_ = 0;
        ++rank_;
        ++stats_.lists;
        stats_.codes += list_.entries;
        if constexpr (filtered)
            if (!breadths_.empty()) nprobe_ = breadth_now();
        if (waits_ || rank_ < refine_at_ || stats_.allowed < enough_ || rank_ >= nprobe_) return;
        pick(k_);
        refine_at_ = 2 * rank_;
    }
    /// By the share of the rows met so far that may be returned.
    [[nodiscard]] std::size_t breadth_now() const noexcept {
        auto rarity = log2_about(static_cast<float>(asked_ + 1) / static_cast<float>(stats_.allowed + 1));
        if (members_ != nullptr) rarity += members_->caution();
        const auto below = static_cast<std::size_t>(std::max(rarity, 0.0f));
        if (below + 1 >= breadths_.size()) return breadths_.back();
        const auto at = std::max(rarity, 0.0f) - static_cast<float>(below);
        const auto low = static_cast<float>(breadths_[below]), high = static_cast<float>(breadths_[below + 1]);
        const auto breadth = low + (high - low) * at;
        const auto whole = static_cast<std::size_t>(breadth);
        return whole + static_cast<std::size_t>(breadth > static_cast<float>(whole));  // ceil, not a call
    }
    /// Leaves the `count` best candidates, about; none of the rest can come back.
    void select(std::size_t count) {
        auto& candidates = scratch_.candidates;
        if (candidates.size() <= count) return;
        take_least(candidates, count, scratch_.chosen, estimate_of);
        std::swap(candidates, scratch_.chosen);
        for (const auto& c : scratch_.chosen) limit_ = std::min(limit_, c.estimate);
    }
    /// Takes the `count` best candidates away, to be compared by their originals; then the limit may fall.
    void pick(std::size_t count) {
        take_few_least(scratch_.candidates, std::min(count, scratch_.candidates.size()), scratch_.chosen, estimate_of);
        note(scratch_.chosen);
    }
    /// In the end the best few first: they bring the limit down for the rest, whose order no longer matters.
    void pick_best() {
        select(keep_);
        pick(2 * k_);
    }
    void pick_rest() {
        note(scratch_.candidates);
        scratch_.candidates.clear();
    }
    void note(const std::vector<ivf_candidate>& candidates) {
        for (const auto& c : candidates) lists_.prefetch_id(c.entry);
        for (const auto& c : candidates) note(lists_.id(c.entry));
        waits_ = true;
    }
    void note(row_id row) {
        if (!scratch_.seen.insert(row)) return;
        if (scratch_.rows.size() < batch) distances_.prefetch(row);
        scratch_.rows.push_back(row);
    }
    void compare_list() {
        enter();
        const auto first = ivf_lists::first_entry(list_);
        for (std::size_t i = 0; i < list_.entries; ++i) {
            if (!passes(first + i)) continue;
            ++stats_.allowed;
            note(lists_.id(first + i));
        }
        asked_ += list_.entries;
        compare_noted();
        leave();
        waits_ = false;
    }
    void compare_noted() {
        waits_ = false;
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
        if (!best_.full() || lists_.code() == ivf_code::flat) return;
        const float kth = best_.worst().distance;
        limit_ = std::min(limit_, kth + slack_ * scratch_.query.spread(lists_, kth));
        drop_beyond_limit();
    }
    void drop_beyond_limit() {
        auto& candidates = scratch_.candidates;
        std::size_t stay = 0;
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            const auto c = candidates[i];
            candidates[stay] = c;
            stay += static_cast<std::size_t>(!(c.estimate > limit_));  // without a branch to guess
        }
        candidates.resize(stay);
    }

    const ivf_lists& lists_;
    const Distances& distances_;
    const Allow& allow_;
    std::size_t k_;
    std::size_t nprobe_;
    float slack_;
    std::size_t keep_;
    std::span<const std::uint32_t> breadths_;
    const ivf_members* members_;
    bool members_sure_;
    /// Until so many were found there is no limit, so that every row that may be returned counts.
    std::size_t enough_;
    ivf_scratch& scratch_;
    top_k<> best_;
    ivf_lists::list list_;  ///< being visited
    std::size_t rank_ = 0;
    std::size_t chunk_ = 0;  ///< of the list, to be scanned next
    std::size_t refine_at_ = 2;
    std::uint64_t asked_ = 0;  ///< rows that the filter was asked about
    int candidates_left_ = 2;  ///< how often candidates are picked after all lists
    bool waits_ = false;       ///< rows are noted and to be compared
    float limit_ = std::numeric_limits<float>::infinity();
    ivf_search_stats stats_;
};

}  // namespace detail

}  // namespace vecstore::index
