/// Reads that a filter makes short: counting, and pages of points, through payload indexes.
/// Thread safety: functions without state; a session belongs to one thread.
#pragma once

#include "filter_plan.hpp"

#include <vecstore/core/point_id.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace vecstore::detail {

/// True when reading `candidates` points one by one is less than a pass over all of them.
[[nodiscard]] bool few_of(std::uint64_t candidates, std::size_t points) noexcept;

/// True when reading and sorting `candidates` points is less than walking ids until `limit` of them are found.
[[nodiscard]] bool worth_sorting(std::uint64_t candidates, std::size_t limit, std::size_t points) noexcept;

/// How many points match.  Errors: corruption, io.  Precondition: known.bounded().
[[nodiscard]] result<std::size_t> count_candidates(read_session& session, const filter_plan& known,
                                                   const filter::compiled& filter);

/// Those that match, from `first` on in the order of ids: `limit` at most.  Errors, Precondition: as above.
/// Cost: reads all candidates.
[[nodiscard]] result<std::vector<std::pair<point_id, ordinal_id>>> candidates_by_id(read_session& session,
                                                                                    const filter_plan& known,
                                                                                    const filter::compiled& filter,
                                                                                    const point_id& first,
                                                                                    std::size_t limit);

}  // namespace vecstore::detail
