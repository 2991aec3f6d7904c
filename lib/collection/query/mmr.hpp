/// Maximal marginal relevance (include/vecstore/collection/query/nearest.hpp says what it is).
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include <vecstore/collection/query/nearest.hpp>

#include <collection/search/search.hpp>

#include <cstddef>
#include <vector>

namespace vecstore::detail {

/// Takes `count` of the candidates, which are the nearest of `slot`, nearest first.
/// Ends early, without an error, when the session is interrupted.
/// Errors: corruption, io (vectors that had to be read).
[[nodiscard]] result<std::vector<candidate>> diversify(read_session& session, std::size_t slot, const mmr& how,
                                                       std::vector<candidate> candidates, std::size_t count);

}  // namespace vecstore::detail
