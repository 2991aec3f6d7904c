/// Search while one thread inserts at full speed.
#pragma once

#include "curve.hpp"

namespace vecstore::bench {

struct inserting_options {
    std::size_t k = 10;
    std::size_t ef = 0;
    double seconds = 3;  ///< of each of the three phases
};

/// Searches alone, then beside a thread that inserts rows of `base` with a little noise, then alone again; prints
/// {"kind":"while_inserting","engine","ef","qps_before","qps_during","qps_after","share","cpu_share","inserted",
/// "inserts_per_second"}. `share` = during / before by wall time; `cpu_share` the same by the CPU time of the searching
/// thread. The second phase ends early when as many rows were inserted as `base` has. Recall is not measured here: the
/// new rows are not in the truth. Returns false when the engine cannot insert.
bool run_while_inserting(const contender& c, const matrix<float>& base, const matrix<float>& queries,
                         const inserting_options& options);

}  // namespace vecstore::bench
