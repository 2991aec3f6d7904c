/// Several lists made one (include/vecstore/collection/query/fusion.hpp has the formulas).
/// Thread safety: pure functions. May throw std::bad_alloc.
#pragma once

#include "point_list.hpp"

#include <vecstore/collection/query/fusion.hpp>

#include <span>

namespace vecstore::detail {

/// Best first, at most `count`.  Precondition: no weights, or one for each list.
[[nodiscard]] point_list fuse(const rrf& how, std::span<const point_list> lists, std::size_t count);
[[nodiscard]] point_list fuse(const dbsf& how, std::span<const point_list> lists, std::size_t count);

}  // namespace vecstore::detail
