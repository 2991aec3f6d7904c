/// Parts that are searched once for many queries of a batch, where that is cheaper than to search for each alone.
///
/// Two ways, both a product of matrices over the codes of a graph (index/slab_scan.hpp): through the part's inverted lists,
/// each scanned for all queries that probe it; or, where there are no lists, over all rows. What it costs a query falls with the
/// size of the batch. Which way is cheapest is computed from what was measured: the calibration of the part's indexes, and
/// the speed of the kernels on this processor.
/// Thread safety: functions without state; answers are constant once made.
#pragma once

#include "search.hpp"

#include <collection/part/part.hpp>
#include <collection/reader.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::detail {

/// What was found in a part for one query.
struct part_answer {
    std::vector<neighbor> found;  ///< nearest first, by exact distances
    std::size_t lists_probed = 0;
    std::size_t distances = 0;  ///< as query_plan; of all queries together, divided by them
    std::size_t rescored = 0;
    float recall = 0;         ///< expected
    bool by_queries = false;  ///< as chosen_setting
};

class batch_answers {
public:
    /// Null: the part is to be searched for this query alone.
    [[nodiscard]] const part_answer* find(const part& p, std::size_t query) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }
    /// Room for the answers of a part, by query.
    [[nodiscard]] std::vector<std::optional<part_answer>>& add(const part& p, std::size_t queries);

private:
    struct entry {
        const part* of = nullptr;
        std::vector<std::optional<part_answer>> each;
    };
    std::deque<entry> parts_;
};

/// How a part would be searched for a batch.
struct batch_choice {
    bool together = false;    ///< false: each query alone
    chosen_setting setting;   ///< lists probed; breadth 0: all rows are scanned
    double microseconds = 0;  ///< expected, for a query
};

/// Precondition: queries > 0.
[[nodiscard]] batch_choice choose_together(const part& p, const vector_options& options, double recall, std::size_t k,
                                           std::size_t queries) noexcept;

/// Searches what is cheaper to search together. `requests` [queries of the batch]: null where a query must be answered alone
/// (filters, exact, ef, range searches). May throw std::bad_alloc.
/// Lifetime: the answers borrow from the view of the session.
[[nodiscard]] batch_answers search_together(const read_session& session,
                                            std::span<const nearest_request* const> requests);

}  // namespace vecstore::detail
