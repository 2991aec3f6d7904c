/// The nearest of given rows, by codes first: a quarter of the bytes of their originals, and a scan waits for memory.
/// Thread safety: a function without state.
#pragma once

#include "originals.hpp"
#include "part_index.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/coded_rows.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::detail {

/// What of a scan by codes is expected to be found: hardly a code is so wrong that its row is not compared by its original.
inline constexpr double code_scan_found = 0.999;

/// The `request.k` nearest of `rows`, nearest first, by exact distances between those that look nearest by their codes.
/// `request` has nothing but a query and k. Shapes: rows ascending.
[[nodiscard]] std::vector<neighbor> nearest_by_codes(const index::coded_rows& codes, const originals& stored,
                                                     const distance_computer& distance, std::span<const row_id> rows,
                                                     const part_request& request, part_cost& cost);

}  // namespace vecstore::detail
