/// Scans in a search: rows of parts and memtables, all that are allowed or those that are listed, compared with the query and
/// kept when they are near. Originals decide; codes and sketches of the newest rows say which need not be looked at.
/// Thread safety: belongs to one thread.
#pragma once

#include "search.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/row_distances.hpp>

#include <collection/reader.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace vecstore::detail {

/// Rows of one part or memtable, with their ordinals.
template <class Rows, class OrdinalOf>
struct source {
    const Rows& vectors;
    row_id count;
    const part* owner;           ///< null: a memtable
    const bounded_codes* codes;  ///< of the first rows; may be null
    OrdinalOf ordinal_of;
};
template <class Rows, class OrdinalOf>
source(const Rows&, row_id, const part*, const bounded_codes*, OrdinalOf) -> source<Rows, OrdinalOf>;

inline auto source_of(const part& p) {
    return source{p.vectors(), p.size(), &p, p.codes(), [&p](row_id row) { return p.ordinal_of(row); }};
}
inline auto source_of(const vector_view::newest_rows& newest) {
    return source{newest.table->vectors(), newest.rows, nullptr, newest.table->codes().get(),
                  [table = newest.table.get()](row_id row) { return table->ordinal_of(row); }};
}

/// What a search has found so far, and how it looks at rows. Lifetime: borrows all that it is made of.
class row_scan {
public:
    row_scan(read_session& session, const nearest_request& request, query_plan& plan)
        : session_(session),
          request_(request),
          plan_(plan),
          distance_(distance_of(session.collection().options().vectors[request.slot], request.vector)),
          nearest_(request.wanted) {}

    [[nodiscard]] const distance_computer& distance() const noexcept { return distance_; }
    [[nodiscard]] std::size_t found() const noexcept { return nearest_.size(); }
    [[nodiscard]] std::vector<candidate> take_found() { return nearest_.take_sorted(); }
    void forget_found() { nearest_ = top_k<candidate>(request_.wanted); }
    /// The first failure is kept; nothing found is of use then.
    [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }
    void fail(error failure) {
        if (!failure_) failure_ = std::move(failure);
    }
    /// What an index has found.
    template <class Source>
    void keep(const Source& rows, const std::vector<neighbor>& found) {
        for (const auto& n : found) nearest_.push({n.distance, rows.ordinal_of(n.row), n.row, rows.owner});
    }

    /// Compares the rows whose ordinals are among `matches` (ascending) by their originals.
    template <class Source>
    void listed(const Source& rows, const std::vector<ordinal_id>& matches) {
        constexpr std::size_t batch = 64;
        std::array<const void*, batch> vectors;
        std::array<row_id, batch> places;
        std::array<float, batch> distances;
        std::size_t filled = 0;
        const auto flush = [&] {
            distance_.many(vectors.data(), filled, distances.data());
            for (std::size_t i = 0; i < filled; ++i)
                if (!request_.radius || distances[i] <= *request_.radius)
                    nearest_.push({distances[i], rows.ordinal_of(places[i]), places[i], rows.owner});
            compared_ += filled;
            filled = 0;
        };
        if (rows.count == 0) return;
        auto match = std::lower_bound(matches.begin(), matches.end(), rows.ordinal_of(0));
        for (row_id row = 0; match != matches.end(); ++match) {
            row = find_row(rows.count, *match, rows.ordinal_of, row);
            if (row == rows.count) break;
            if (rows.ordinal_of(row) != *match) continue;
            if (!checked(rows, row)) return;
            prefetch(rows.vectors, row);
            vectors[filled] = rows.vectors.at(row);
            places[filled] = row;
            if (++filled < batch) continue;
            flush();
            if (session_.interrupted_before(
                    std::min<std::size_t>(rows.count - row, static_cast<std::size_t>(matches.end() - match))))
                break;
        }
        flush();
        count_scanned();
    }
    /// `roughly`: sketches may pass rows over.
    template <class Source, class Allow>
    void allowed(const Source& rows, const Allow& allow, bool roughly = false) {
        std::array<row_id, bounded_codes::run_rows> asked;
        for (row_id row = scan_codes(rows, allow, roughly); row < rows.count;) {
            if (session_.interrupted_before(rows.count - row)) break;
            const auto end = row + std::min(static_cast<row_id>(asked.size()), rows.count - row);
            std::size_t count = 0;
            for (; row < end; ++row) asked[count++] = row;
            compare(rows, std::span(asked).first(count), allow);
        }
        count_scanned();
    }

private:
    [[nodiscard]] static distance_computer distance_of(const vector_options& options, const void* query) noexcept {
        return {options.metric, options.type, query, options.dim};
    }
    /// False when the row is damaged; the failure is then kept, and nothing found is of use.
    template <class Source>
    bool checked(const Source& rows, row_id row) {
        if (rows.owner == nullptr) return true;
        auto right = rows.owner->stored().check(row);
        if (!right) fail(std::move(right).error());
        return right.has_value();
    }

    /// Scans the rows that have codes and compares by originals what these do not rule out. Returns the first row that was not
    /// scanned.
    template <class Source, class Allow>
    row_id scan_codes(const Source& rows, const Allow& allow, bool roughly) {
        if (rows.codes == nullptr) return 0;
        const auto slabs = std::min(rows.count / quantization::slab_rows, rows.codes->slabs());
        const auto* query = static_cast<const float*>(request_.vector);
        bounded_search search(*rows.codes, query);
        if (slabs == 0 || !search.bounds()) return 0;
        const auto compared_before = compared_;
        const auto scan_run = [&](std::size_t first) {
            compare(rows, search.possible(first, std::min(bounded_codes::run_slabs, slabs - first), bound()), allow);
        };
        auto first = roughly ? scan_sketches(rows, allow, slabs / bounded_codes::run_slabs, scan_run) : 0;
        for (; first < slabs && !session_.interrupted(); first += bounded_codes::run_slabs) scan_run(first);
        const auto scanned = static_cast<row_id>(std::min(first, slabs) * quantization::slab_rows);
        plan_.rescored += compared_ - compared_before;
        plan_.distances += compared_ - compared_before;
        compared_ = compared_before + scanned;
        return scanned;
    }
    /// Scans the runs (`runs` at most) that have sketches, when it is known how near a row must be. Runs of which they rule out
    /// too little are given to `scan_run`. Returns the first slab that was not scanned.
    template <class Source, class Allow, class ScanRun>
    std::size_t scan_sketches(const Source& rows, const Allow& allow, std::size_t runs, const ScanRun& scan_run) {
        constexpr std::size_t runs_least = 8, made_at_once = 2;
        if (runs < runs_least || !std::isfinite(bound())) return 0;
        // Originals that must be read, or checked, cost more than codes, which leave fewer of them.
        if (rows.owner != nullptr && !rows.owner->stored().plain()) return 0;
        const auto* sketched = rows.codes->sketched(made_at_once);
        if (sketched == nullptr) return 0;
        runs = std::min(runs, sketched->runs());
        sketch_search search(*sketched, static_cast<const float*>(request_.vector));
        constexpr std::size_t at_once = 32;
        std::array<row_id, sketches::run_rows> rough, fine;
        std::size_t roughly_near = 0, near = 0;
        const auto refine = [&] {
            const auto left = search.refine(rough.data(), std::exchange(roughly_near, 0), bound());
            for (std::size_t i = 0; i < left; ++i) prefetch(rows.vectors, fine[near++] = rough[i]);
            if (near >= at_once) compare(rows, std::span(fine).first(std::exchange(near, 0)), allow);
        };
        constexpr std::size_t runs_between_looks = 16;
        std::size_t run = 0;
        for (; run < runs; ++run) {
            if (run % runs_between_looks == runs_between_looks - 1 && session_.interrupted()) break;
            const bool known = search.knows(run);
            const auto possible = known ? search.possible(run, bound()) : std::span<const row_id>();
            if (!known || possible.size() > sketches::run_rows / 8) {
                scan_run(run * bounded_codes::run_slabs);
                continue;
            }
            for (const auto row : possible) search.prefetch(rough[roughly_near++] = row);
            if (roughly_near >= at_once) refine();
        }
        refine();
        compare(rows, std::span(fine).first(near), allow);
        plan_.expected_recall = std::min(plan_.expected_recall, sketches::found_share);
        return run * bounded_codes::run_slabs;
    }
    template <class Rows>
    [[gnu::always_inline]] static void prefetch(const Rows& vectors, row_id row) noexcept {
        const auto* bytes = static_cast<const std::byte*>(vectors.at(row));
        const auto size = std::min<std::size_t>(row_bytes(vectors.type(), vectors.dim()), 512);
        for (std::size_t i = 0; i < size; i += 64) __builtin_prefetch(bytes + i);
    }
    /// No row beyond this is of use.
    [[nodiscard]] float bound() const noexcept {
        const float all = request_.radius.value_or(std::numeric_limits<float>::infinity());
        return nearest_.full() && nearest_.size() > 0 ? std::min(all, nearest_.worst().distance) : all;
    }
    /// Compares those of `asked` (at most run_rows) that are allowed by their originals.
    template <class Source, class Allow>
    void compare(const Source& rows, std::span<const row_id> asked, const Allow& allow) {
        std::array<row_id, bounded_codes::run_rows> allowed;
        std::array<float, bounded_codes::run_rows> distances;
        std::size_t count = 0;
        for (const auto row : asked)
            if (allow(row)) allowed[count++] = row;
        if (rows.owner != nullptr && !rows.owner->stored().plain())
            for (std::size_t i = 0; i < count; ++i)
                if (!checked(rows, allowed[i])) return;
        index::exact_distances(rows.vectors, distance_).many(allowed.data(), count, distances.data());
        for (std::size_t i = 0; i < count; ++i)
            if (!request_.radius || distances[i] <= *request_.radius)
                nearest_.push({distances[i], rows.ordinal_of(allowed[i]), allowed[i], rows.owner});
        compared_ += count;
    }

    void count_scanned() {
        plan_.distances += compared_;
        plan_.rows_scanned += compared_;
        compared_ = 0;
    }

    read_session& session_;
    const nearest_request& request_;
    query_plan& plan_;
    distance_computer distance_;
    top_k<candidate> nearest_;
    std::optional<error> failure_;
    std::size_t compared_ = 0;
};

}  // namespace vecstore::detail
