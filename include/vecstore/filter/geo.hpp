/// Places on the earth and areas that they may lie in.
/// Units: degrees and metres. A payload holds a place as `{"lon": 13.4, "lat": 52.5}`, or an array of such.
/// Thread safety: plain values, functions without state.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace vecstore {

/// Areas are given by places with longitude in [-180, 180] and latitude in [-90, 90]; payloads may hold other numbers.
struct geo_point {
    double lon = 0;
    double lat = 0;
    friend bool operator==(const geo_point&, const geo_point&) = default;
};

/// All places nearer to `center` than `radius_m` metres.
struct geo_radius {
    geo_point center;
    double radius_m = 0;  ///< not negative
    friend bool operator==(const geo_radius&, const geo_radius&) = default;
};

/// All places between two parallels and two meridians, these themselves excluded. With `top_left` east of
/// `bottom_right` the box crosses the antimeridian.
struct geo_bounding_box {
    geo_point top_left;
    geo_point bottom_right;
    friend bool operator==(const geo_bounding_box&, const geo_bounding_box&) = default;
};

/// At least four places, the last equal to the first.
using geo_ring = std::vector<geo_point>;

/// All places inside one ring and outside others; on none of them. Edges are straight in longitude and latitude, so an
/// area across the antimeridian must be given as two polygons.
struct geo_polygon {
    geo_ring exterior;
    std::vector<geo_ring> interiors = {};
    friend bool operator==(const geo_polygon&, const geo_polygon&) = default;
};

namespace filter {

/// Mean radius of the earth, metres. Source: IUGG, R1 = (2a + b) / 3 of GRS 80.
inline constexpr double earth_radius_m = 6'371'008.8;

/// Metres between two places over a sphere.
/// Paper: Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984) 159.
[[nodiscard]] inline double haversine_m(const geo_point& a, const geo_point& b) noexcept {
    constexpr double radian = std::numbers::pi / 180;
    const double half_lat = std::sin((b.lat - a.lat) * radian / 2), half_lon = std::sin((b.lon - a.lon) * radian / 2);
    const double h = half_lat * half_lat + std::cos(a.lat * radian) * std::cos(b.lat * radian) * half_lon * half_lon;
    return 2 * earth_radius_m * std::asin(std::sqrt(h < 1 ? h : 1));
}

[[nodiscard]] inline bool contains(const geo_radius& area, const geo_point& p) noexcept {
    return haversine_m(area.center, p) < area.radius_m;
}

[[nodiscard]] inline bool contains(const geo_bounding_box& area, const geo_point& p) noexcept {
    const double west = area.top_left.lon, east = area.bottom_right.lon;
    const bool by_lon = west > east ? p.lon > west || p.lon < east : west < p.lon && p.lon < east;
    return by_lon && area.bottom_right.lat < p.lat && p.lat < area.top_left.lat;
}

enum class ring_side { inside, on, outside };

/// Where a place lies, by the parity of the edges that a ray towards greater longitudes crosses.
/// Cost: O(edges).
[[nodiscard]] inline ring_side side_of(const geo_ring& ring, const geo_point& p) noexcept {
    bool inside = false;
    for (std::size_t i = 1; i < ring.size(); ++i) {
        const auto &a = ring[i - 1], &b = ring[i];
        const double turn = (b.lon - a.lon) * (p.lat - a.lat) - (b.lat - a.lat) * (p.lon - a.lon);
        const bool in_box = std::min(a.lon, b.lon) <= p.lon && p.lon <= std::max(a.lon, b.lon) &&
                            std::min(a.lat, b.lat) <= p.lat && p.lat <= std::max(a.lat, b.lat);
        if (turn == 0 && in_box) return ring_side::on;
        if ((a.lat > p.lat) != (b.lat > p.lat) && (turn > 0) == (b.lat > a.lat)) inside = !inside;
    }
    return inside ? ring_side::inside : ring_side::outside;
}

[[nodiscard]] inline bool contains(const geo_polygon& area, const geo_point& p) noexcept {
    if (side_of(area.exterior, p) != ring_side::inside) return false;
    for (const auto& hole : area.interiors)
        if (side_of(hole, p) != ring_side::outside) return false;
    return true;
}

}  // namespace filter
}  // namespace vecstore
