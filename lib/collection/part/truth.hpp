/// What measurements are made of: exact neighbours of many queries, the share of them that a search has found, and the
/// time it took.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/error.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/computer.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <functional>
#include <span>
#include <vector>

namespace vecstore::detail {

/// Called now and then; false ends the work with `cancelled`.
using keep_measuring = std::function<bool()>;

[[nodiscard]] inline error measuring_cancelled() { return {errc::cancelled, "measuring an index was cancelled"}; }

/// Time of this thread's processor.
[[nodiscard]] inline double thread_microseconds() noexcept {
    timespec now{};
    (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

/// The `k` nearest of a query that a search can find.
struct target {
    float farthest = 0;
    std::size_t count = 0;
};
[[nodiscard]] inline target target_of(const std::vector<neighbor>& truth, std::size_t k) noexcept {
    const auto count = std::min(k, truth.size());
    if (count == 0) return {};
    // Kernels may round the same distance differently when rows come in other batches.
    const auto farthest = truth[count - 1].distance;
    return {farthest + 1e-6f * std::abs(farthest), count};
}
/// By distance, so that equal vectors count whichever of them was found.
[[nodiscard]] inline double share_found(const target& wanted, const std::vector<neighbor>& found) noexcept {
    if (wanted.count == 0) return 1;
    const auto hits =
        std::count_if(found.begin(), found.end(), [&](const neighbor& n) { return n.distance <= wanted.farthest; });
    return static_cast<double>(std::min<std::size_t>(static_cast<std::size_t>(hits), wanted.count)) /
           static_cast<double>(wanted.count);
}

/// The `k` nearest rows to each query among those with `allow(query, row)`, nearest first.
/// Cost: one distance for each row and query; rows are read from memory once.
/// Errors: cancelled.
template <class Allow>
[[nodiscard]] result<std::vector<std::vector<neighbor>>> nearest_of_all(const index::contiguous_rows& rows,
                                                                        std::span<const distance_computer> queries,
                                                                        std::size_t k, const Allow& allow,
                                                                        const keep_measuring& keep_going) {
    constexpr row_id block = 256;
    std::vector<top_k<neighbor>> nearest(queries.size(), top_k<neighbor>(k));
    std::array<const void*, block> vectors;
    std::array<float, block> distances;
    for (row_id first = 0; first < rows.size(); first += block) {
        const auto count = std::min<row_id>(block, rows.size() - first);
        for (row_id i = 0; i < count; ++i) vectors[i] = rows.at(first + i);
        for (std::size_t q = 0; q < queries.size(); ++q) {
            queries[q].many(vectors.data(), count, distances.data());
            for (row_id i = 0; i < count; ++i) {
                const neighbor row{distances[i], first + i};
                if (nearest[q].full() && !(row < nearest[q].worst())) continue;
                if (allow(q, row.row)) nearest[q].push(row);
            }
        }
        if (first / block % 64 == 0 && !keep_going()) return measuring_cancelled();
    }
    std::vector<std::vector<neighbor>> sorted;
    for (auto& found : nearest) sorted.push_back(found.take_sorted());
    return sorted;
}

}  // namespace vecstore::detail
