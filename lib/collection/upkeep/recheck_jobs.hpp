/// Which parts are worth measuring with the queries that came (part/recheck.hpp), and doing it.
/// A part is due when it was never measured so; when as many queries have come again as had when it was; or when many of its
/// rows have died since. Not before it has paid: what is measured takes at most a fiftieth of the time that searches of the
/// part have taken.
/// Thread safety: as the optimizer, one job of a database at a time; beside readers and writers.
#pragma once

#include "optimizer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vecstore::detail {

struct recheck_job {
    std::size_t slot = 0;
    std::shared_ptr<const part> rows;
    std::size_t queries = 0;  ///< so many of the latest
};

enum class recheck_when : std::uint8_t {
    paid_for,  ///< as said above
    possible,  ///< whenever there are enough queries, and something is new
};

/// The parts that are due.
[[nodiscard]] std::vector<recheck_job> due_rechecks(const collection_state& state, recheck_when when);

/// Errors: cancelled, resource_exhausted, corruption, io.
[[nodiscard]] result<void> run_recheck(const collection_state& state, const recheck_job& job,
                                       const job_control& control);

/// With how many queries a part is measured when `fresh` have come since it was last, and `before` until then: at most `kept` of
/// them; 0 when it is not due. `query_microseconds`: what a search of the part takes; `check_microseconds`: what measuring
/// costs for each query.
[[nodiscard]] std::size_t queries_paid_for(std::uint64_t fresh, std::uint64_t before, std::size_t kept,
                                           double query_microseconds, double check_microseconds) noexcept;

}  // namespace vecstore::detail
