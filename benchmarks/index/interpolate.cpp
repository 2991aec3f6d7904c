#include "interpolate.hpp"

#include <algorithm>
#include <cmath>

namespace vecstore::bench {

std::vector<curve_point> frontier(std::span<const curve_point> points) {
    std::vector<curve_point> sorted(points.begin(), points.end());
    std::sort(sorted.begin(), sorted.end(), [](const curve_point& a, const curve_point& b) {
        return a.recall != b.recall ? a.recall > b.recall : a.qps > b.qps;
    });
    std::vector<curve_point> best;
    for (const auto& p : sorted)
        if (best.empty() || p.qps > best.back().qps) best.push_back(p);
    std::reverse(best.begin(), best.end());
    return best;
}

std::optional<double> speed_at(std::span<const curve_point> points, double recall) {
    const auto best = frontier(points);
    const auto above = std::find_if(best.begin(), best.end(), [&](const curve_point& p) { return p.recall >= recall; });
    if (above == best.end()) return std::nullopt;
    if (above->recall == recall) return above->qps;
    if (above == best.begin()) return std::nullopt;
    const auto below = above - 1;
    const auto share = (recall - below->recall) / (above->recall - below->recall);
    return std::exp(std::log(below->qps) * (1 - share) + std::log(above->qps) * share);
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace vecstore::bench
