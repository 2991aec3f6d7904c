#include "calibration.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/index/flat.hpp>

#include <algorithm>
#include <cmath>

namespace vecstore::detail {
namespace {

constexpr std::size_t query_count = 64;
constexpr std::size_t k = 10;
constexpr std::uint32_t efs[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024};
constexpr float enough = 0.998f;

/// A point on the way from one row to another, nearer to the first.
std::vector<float> query_between(const index::contiguous_rows& rows, row_id a, row_id b, metric m) {
    constexpr float share = 0.3f;
    std::vector<float> query(rows.dim());
    for (std::size_t i = 0; i < query.size(); ++i) query[i] = (1 - share) * rows.at(a)[i] + share * rows.at(b)[i];
    if (m == metric::cosine && !normalize(query)) query.assign(rows.at(a), rows.at(a) + rows.dim());
    return query;
}

float lower_bound_of_mean(const std::vector<double>& shares) {
    double sum = 0, squares = 0;
    for (const auto s : shares) {
        sum += s;
        squares += s * s;
    }
    const auto n = static_cast<double>(shares.size());
    const auto mean = sum / n;
    const auto deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
    return static_cast<float>(mean - 1.645 * deviation / std::sqrt(n));
}

}  // namespace

std::vector<recall_point> calibrate(const index::frozen_graph& graph, const index::contiguous_rows& rows,
                                    const vector_options& options) {
    random_source random(rows.size());
    std::vector<std::vector<float>> queries;
    std::vector<std::vector<neighbor>> truths;
    for (std::size_t q = 0; q < query_count; ++q) {
        const auto a = static_cast<row_id>(random.below(rows.size())),
                   b = static_cast<row_id>(random.below(rows.size()));
        queries.push_back(query_between(rows, a, b, options.metric));
        const distance_computer distance(options.metric, queries.back().data(), rows.dim());
        truths.push_back(
            index::flat_search(index::exact_distances(rows, distance), rows.size(), k, index::allow_all{}));
    }
    std::vector<recall_point> points;
    for (const auto ef : efs) {
        std::vector<double> shares;
        for (std::size_t q = 0; q < query_count; ++q) {
            const distance_computer distance(options.metric, queries[q].data(), rows.dim());
            const auto found = index::hnsw_search(graph, index::exact_distances(rows, distance), k, ef);
            // By distance, so that equal vectors count whichever of them was found.
            const auto farthest = truths[q].back().distance;
            const auto hits =
                std::count_if(found.begin(), found.end(), [&](const auto& n) { return n.distance <= farthest; });
            shares.push_back(static_cast<double>(hits) / static_cast<double>(truths[q].size()));
        }
        points.push_back({ef, lower_bound_of_mean(shares)});
        if (points.back().recall >= enough) break;
    }
    return points;
}

}  // namespace vecstore::detail
