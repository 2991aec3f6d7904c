/// Questions that are asked by examples: like these and unlike those.
///
/// In the formulas sim(x) is a point's similarity to an example, larger for nearer: the cosine, the dot product, minus
/// the squared euclidean distance, minus the manhattan or hamming distance; sig(s) = (s / (1 + |s|) + 1) / 2, in (0, 1).
/// Scores of all but `average_vector` are larger for better, whatever the metric.
/// Exactness: `average_vector` is one search for the nearest, as exact as `recall`, `ef` and `exact` of the query say. The
///            others compare every matching point, and are exact.
/// Thread safety: plain values.
#pragma once

#include <vecstore/collection/query/example.hpp>

#include <cstdint>
#include <vector>

namespace vecstore {

enum class recommend_strategy : std::uint8_t {
    /// The nearest to 2 * mean(positive) - mean(negative), or to mean(positive) when there are no negatives. Needs a positive.
    average_vector,
    /// With p and n the largest sim to a positive and to a negative: sig(p) if p > n, else -sig(n). Needs one example.
    best_score,
    /// Sum of sims to positives less the sum of sims to negatives. Needs one example.
    sum_scores,
};

/// Points like the positives and unlike the negatives. At most `examples_max` in all.
struct recommend {
    std::vector<example> positive = {};
    std::vector<example> negative = {};
    recommend_strategy strategy = recommend_strategy::average_vector;

    friend bool operator==(const recommend&, const recommend&) = default;
};

/// Points near `target`, among those on the right side of each pair first.
/// Score: +1 for each pair whose positive is nearer than its negative, -1 for each that is the other way round, 0 for ties;
/// and sig(sim(target)).
struct discover {
    example target;
    std::vector<example_pair> context = {};  ///< at most examples_max / 2

    friend bool operator==(const discover&, const discover&) = default;
};

/// Points on the right side of the pairs, in no order beyond that.
/// Score: sum over the pairs of m / (1 + |m|), m = min(sim(positive) - sim(negative) - 2^-23, 0); 0 is best.
struct context {
    std::vector<example_pair> pairs = {};  ///< 1 to examples_max / 2

    friend bool operator==(const context&, const context&) = default;
};

}  // namespace vecstore
