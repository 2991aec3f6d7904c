/// Points in the order of a field, out of its payload index: values are walked from the first on, until enough points are found.
/// Thread safety: functions without state; a session belongs to one thread.
#pragma once

#include "ordered.hpp"

#include <vecstore/core/result.hpp>

#include <collection/fields/match_reader.hpp>

#include <cstddef>

namespace vecstore::detail {

/// Adds the points that can be among the first `count`, and others. False when there is no index of numbers or times that
/// can be asked, or when it would be more work than to read all payloads; what was added is then useless.
/// Cost:   one payload read at random for each of the points, of those that share the last value, and of those that were
///         changed since the checkpoint or have values that the index does not order.
/// Errors: corruption, io.
[[nodiscard]] result<bool> order_by_index(read_session& session, const payload::path& key, match_reader& matches,
                                          ordering& order, std::size_t count);

}  // namespace vecstore::detail
