/// Queries/s against recall as a plain SVG that reads well on light and dark pages. Pure functions.
#pragma once

#include "interpolate.hpp"

#include <span>
#include <string>
#include <vector>

namespace vecstore::bench {

struct plot_series {
    std::string name;
    std::vector<curve_point> points;  ///< those with no speed, or with a recall left of the axis, are left out
    bool dashed = false;              ///< for peers
};

/// x: recall, linear, from 0.9 when that shows all, else from 0.8, to 1; y: queries/s, logarithmic. Lines, markers,
/// grid, legend. No script, no font, no outside reference.
[[nodiscard]] std::string svg_plot(const std::string& title, std::span<const plot_series> series);

}  // namespace vecstore::bench
