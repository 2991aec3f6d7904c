/// Points that are not asked for by nearness: in the order of a field, at random, or all by id.
/// Thread safety: plain values.
#pragma once

#include <vecstore/filter/datetime.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace vecstore {

enum class sort_direction : std::uint8_t { ascending, descending };

/// The value that a point was ordered by: an integer, a number, or, of a datetime, microseconds since 1970 as integer.
using order_value = std::variant<std::int64_t, double>;

/// Points in the order of the numbers or datetimes at a path of their payload; equal ones by id, backwards when descending.
/// A point without such a value is left out; one with an array appears once for each distinct value. Score 1.
/// Cost: with a payload index of integers, numbers or times, the payloads of the points that are given; else of all points.
struct order_by {
    std::string key = {};  ///< payload/path.hpp
    sort_direction direction = sort_direction::ascending;
    /// The first value wanted, inclusive.
    std::optional<std::variant<std::int64_t, double, datetime>> start_from = {};

    friend bool operator==(const order_by&, const order_by&) = default;
};

/// Points drawn at random, each at most once, all with the same chance. Score 1.
struct random_sample {
    std::optional<std::uint64_t> seed =
        {};  ///< the same draws again, as long as nothing is written; absent: other ones each time

    friend bool operator==(const random_sample&, const random_sample&) = default;
};

/// All points in the order of their ids: numbers ascending, then UUIDs ascending. Score 1.
struct all_points {
    friend bool operator==(const all_points&, const all_points&) = default;
};

}  // namespace vecstore
