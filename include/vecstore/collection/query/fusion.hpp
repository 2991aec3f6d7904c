/// Several answers made one: the hits of the prefetches of a query, whose scores need not be of one kind.
/// A point's score is the sum of what it gets from each list it is in; larger is better.
/// Thread safety: plain values.
#pragma once

#include <cstddef>
#include <vector>

namespace vecstore {

/// Reciprocal rank fusion: the point at place i (from 0) of a list gets 1 / ((i + 1) / weight + k - 1).
/// Paper: Cormack, Clarke & Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
/// SIGIR 2009, doi:10.1145/1571941.1572114.  Differs: weights, and k = 2 where the paper has 60 (and counts from 1).
struct rrf {
    std::size_t k = 2;  ///< 1 or larger; larger: places at the front matter less
    std::vector<double> weights =
        {};  ///< one for each prefetch, none negative; empty: all 1. A list of weight 0 counts nothing

    friend bool operator==(const rrf&, const rrf&) = default;
};

/// Distribution-based score fusion: the point with score s gets (s - (mean - 3 sd)) / (6 sd), with the mean and the sample
/// standard deviation of its list; 0.5 when the list has one point or all scores are equal. Scores that are better when
/// smaller (euclid, manhattan, hamming) are negated first.
struct dbsf {
    friend bool operator==(const dbsf&, const dbsf&) = default;
};

}  // namespace vecstore
