/// Recall after many rows were replaced, beside that of an index built of the same rows at once.
#pragma once

#include "engine.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::bench {

struct churn_options {
    std::size_t rounds = 10;
    double share = 0.2;  ///< of the rows, replaced in each round
    std::size_t k = 10;
    std::vector<std::size_t> efs;
    std::size_t threads = 1;
};

/// Builds an index of five sixths of `base`; in each round gives a fifth of its rows, drawn anew, the vectors that are
/// not in it, and takes back theirs; then builds another index of what is left, and searches both. Prints for each ef
/// {"kind":"churn","engine","rounds","ef","recall","recall_fresh","us","us_fresh"}; truth is an exact scan, `us` CPU time
/// of a search. `make` gives an empty engine each time. Returns false when the engine cannot replace rows.
bool run_churn(const std::string& name, const std::function<std::unique_ptr<engine>()>& make, const matrix<float>& base,
               const matrix<float>& queries, vecstore::metric metric, const churn_options& options);

}  // namespace vecstore::bench
