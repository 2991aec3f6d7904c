/// Beside a vector in `query::nearest`: the nearest to a point that is stored, and answers that do not repeat themselves.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/point_id.hpp>

#include <cstddef>
#include <optional>

namespace vecstore {

/// The nearest points to the vector of this point, which is no hit itself.
struct nearest_to_point {
    point_id id = {};

    friend bool operator==(const nearest_to_point&, const nearest_to_point&) = default;
};

/// Maximal marginal relevance: of the nearest points, one after another is taken that is near the question and unlike those
/// taken before: the largest (1 - diversity) * sim(question) - diversity * max sim(taken), the first by sim(question) alone,
/// with sim as recommend.hpp says. Hits keep the scores of a search for the nearest; their order is that of taking.
/// Paper: Carbonell & Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
/// summaries", SIGIR 1998, doi:10.1145/290941.291025.
/// Cost: up to candidates * (limit + offset) distances between stored vectors.
struct mmr {
    float diversity = 0.5f;  ///< 0 (nearness alone) to 1 (difference alone)
    std::optional<std::size_t> candidates_limit =
        {};  ///< nearest points to choose from, 1 to mmr_candidates_max; absent: limit + offset

    friend bool operator==(const mmr&, const mmr&) = default;
};

}  // namespace vecstore
