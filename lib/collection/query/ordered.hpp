/// Questions that are not about nearness: order_by, random_sample, all_points.
/// Each takes the points that pass `filter`, or those of `only`, and reads no more payloads than it must; they end early,
/// without an error, when the session is interrupted. An index of the field would answer `ordered` in place of the pass.
/// Thread safety: belong to one thread, as the session does.
#pragma once

#include "point_list.hpp"

#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/path.hpp>
#include <vecstore/payload/view.hpp>

#include <collection/reader.hpp>

#include <cstddef>

namespace vecstore::detail {

/// Exactly, integers with integers and with doubles: no rounding on the way.
[[nodiscard]] bool before(const order_value& a, const order_value& b) noexcept;

/// A number, or of a datetime its microseconds since 1970; nothing for anything else.
[[nodiscard]] std::optional<order_value> order_value_of(payload::view content);

/// Errors: invalid_argument (the key does not parse, `start_from` is no datetime or not finite).
[[nodiscard]] result<void> check(const order_by& question);

/// The first `count`.  Errors: corruption, io.
[[nodiscard]] result<point_list> ordered(read_session& session, const order_by& question,
                                         const filter::compiled& filter, const ordinal_list* only, std::size_t count,
                                         query_plan& plan);
[[nodiscard]] result<point_list> sampled(read_session& session, const random_sample& question,
                                         const filter::compiled& filter, const ordinal_list* only, std::size_t count,
                                         query_plan& plan);
[[nodiscard]] result<point_list> by_id(read_session& session, const filter::compiled& filter, std::size_t count,
                                       query_plan& plan);

}  // namespace vecstore::detail
