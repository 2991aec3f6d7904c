/// Answers a query and its prefetches over one session: which points, in which order, with which scores. Payloads and
/// vectors of the hits are the caller's.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include "point_list.hpp"

#include <vecstore/collection/query.hpp>

#include <collection/port.hpp>
#include <collection/reader.hpp>

namespace vecstore::detail {

/// True for a query that is one search for the nearest to its vector, as `find_nearest` answers it.
[[nodiscard]] inline bool is_plain(const query& q) noexcept {
    return std::holds_alternative<std::monostate>(q.ask) && q.prefetch.empty() && !q.mmr;
}

/// Checks all that can be checked without looking at the collection.
/// Errors: invalid_argument, with the place in the tree: `prefetch[1]: limit = 0, ...`.
[[nodiscard]] result<void> check_tree(const query& q);

/// The error of a prefetch, which names it.
[[nodiscard]] error of_prefetch(std::size_t number, error e);

/// Best first; offset and limit are applied. Adds its cost to `plan`.
/// Precondition: `check_tree` passed.
/// Errors: invalid_argument, not_found (vector name, example, collection to look up in), corruption, io.
[[nodiscard]] result<point_list> answer_tree(read_session& session, const collection_access& access, const query& q,
                                             query_plan& plan);

}  // namespace vecstore::detail
