#include "code_scan.hpp"

#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/quantization/code_distances.hpp>

#include <algorithm>
#include <array>

namespace vecstore::detail {
namespace {

/// Rows that are compared by their originals for each that is wanted.
constexpr std::size_t depth_of_bytes = 8, depth_of_half_bytes = 32;
constexpr std::size_t depth_least = 64;

}  // namespace

std::vector<neighbor> nearest_by_codes(const index::coded_rows& codes, const originals& stored,
                                       const distance_computer& distance, std::span<const row_id> rows,
                                       const part_request& request, part_cost& cost) {
    constexpr std::size_t batch = 32;
    thread_local quantization::code_query prepared;
    codes.codec.prepare(static_cast<const float*>(request.query), prepared);
    const quantization::code_distances coded(codes.codec, codes.codes.data(), prepared);
    const bool bytes = codes.codec.type() == quantization::code_type::u8;
    top_k<neighbor> nearest(std::max((bytes ? depth_of_bytes : depth_of_half_bytes) * request.k, depth_least));
    std::array<float, batch> distances;
    for (std::size_t first = 0; first < rows.size(); first += batch) {
        const auto count = std::min(batch, rows.size() - first);
        for (auto ahead = first + batch; ahead < std::min(first + 2 * batch, rows.size()); ++ahead)
            coded.prefetch(rows[ahead]);
        coded.many(rows.data() + first, count, distances.data());
        for (std::size_t i = 0; i < count; ++i)
            if (!nearest.full() || distances[i] <= nearest.worst().distance)
                nearest.push({distances[i], rows[first + i]});
    }
    auto found = nearest.take_sorted();
    cost.distances += rows.size() + found.size();
    cost.rescored += found.size();
    return with_distances(stored, distance, cost.failure,
                          [&](const auto& exact) { return index::rescore(std::move(found), exact, request.k); });
}

}  // namespace vecstore::detail
