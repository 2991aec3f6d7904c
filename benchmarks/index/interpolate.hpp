/// Speed at a recall that lies between two measured points. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace vecstore::bench {

struct curve_point {
    double recall = 0;
    double qps = 0;
    friend bool operator==(const curve_point&, const curve_point&) = default;
};

/// The points that no other point beats in both, by ascending recall (so by descending speed).
[[nodiscard]] std::vector<curve_point> frontier(std::span<const curve_point> points);

/// Queries/s at `recall`: between the two neighbours on the frontier the logarithm of the speed is taken as a straight
/// line over recall. Absent when `recall` lies outside of what was measured: nothing is extrapolated.
[[nodiscard]] std::optional<double> speed_at(std::span<const curve_point> points, double recall);

/// The middle value (of an even number the upper one); 0 of none.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace vecstore::bench
