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

/// Both hold rows [dim] of 0 and 1, unpacked: three bits in ten from `b`, the others from `a`.
byte_vector bits_between(const std::vector<float>& a, const std::vector<float>& b, random_source& random) {
    auto mixed = a;
    for (std::size_t i = 0; i < mixed.size(); ++i)
        if (random.below(10) < 3) mixed[i] = b[i];
    byte_vector packed(row_bytes(element_type::binary, mixed.size()));
    (void)pack(element_type::binary, mixed, packed);
    return packed;
}

/// A point on the way from one row to another, nearer to the first, in the form that kernels take.
byte_vector query_between(const index::contiguous_rows& rows, row_id a, row_id b, metric m, random_source& random) {
    constexpr float share = 0.3f;
    std::vector<float> from(rows.dim()), to(rows.dim());
    index::read_row(rows, a, from);
    index::read_row(rows, b, to);
    if (rows.type() == element_type::binary) return bits_between(from, to, random);
    auto query = from;
    for (std::size_t i = 0; i < query.size(); ++i) query[i] = (1 - share) * from[i] + share * to[i];
    if (m == metric::cosine && !normalize(query)) {
        query = from;
        (void)normalize(query);
    }
    const auto bytes = std::as_bytes(std::span(query));
    return {bytes.begin(), bytes.end()};
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
    std::vector<byte_vector> queries;
    std::vector<std::vector<neighbor>> truths;
    for (std::size_t q = 0; q < query_count; ++q) {
        const auto a = static_cast<row_id>(random.below(rows.size())),
                   b = static_cast<row_id>(random.below(rows.size()));
        queries.push_back(query_between(rows, a, b, options.metric, random));
        const distance_computer distance(options.metric, rows.type(), queries.back().data(), rows.dim());
        truths.push_back(
            index::flat_search(index::exact_distances(rows, distance), rows.size(), k, index::allow_all{}));
    }
    std::vector<recall_point> points;
    for (const auto ef : efs) {
        std::vector<double> shares;
        for (std::size_t q = 0; q < query_count; ++q) {
            const distance_computer distance(options.metric, rows.type(), queries[q].data(), rows.dim());
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
