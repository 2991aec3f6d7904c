/// How a scalar codec finds its grid: a sample of the rows, and the ends between which the sample is kept best.
/// Thread safety: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::quantization::detail {

/// Steps outside these bounds would make distances overflow f32 or vanish.
inline constexpr float grid_step_min = 1e-18f;
inline constexpr float grid_step_max = 1e18f;

struct code_grid {
    float lo = 0;
    float step = 1;
    float inverse = 1;
};

/// The number in [0, top] whose value is nearest to x.
[[nodiscard]] inline unsigned level(float x, const code_grid& grid, unsigned top) noexcept {
    const float at = (x - grid.lo) * grid.inverse;
    const float most = static_cast<float>(top);
    const float inside = at > 0 ? (at < most ? at : most) : 0;
    return static_cast<unsigned>(static_cast<int>(inside + 0.5f));
}

[[nodiscard]] inline code_grid grid_between(double lo, double hi, unsigned top) noexcept {
    const double step = std::clamp((hi - lo) / top, double{grid_step_min}, double{grid_step_max});
    return {static_cast<float>(lo), static_cast<float>(step), static_cast<float>(1 / step)};
}

/// Rows at even distances, one after another.
template <class Read>
[[nodiscard]] std::vector<float> read_sample(std::size_t dim, std::size_t row_count, const Read& read) {
    constexpr std::size_t rows_max = 20'000, rows_min = 256, values_max = 2'000'000;
    const auto rows = std::min(row_count, std::clamp(values_max / dim, rows_min, rows_max));
    std::vector<float> values(rows * dim);
    for (std::size_t i = 0; i < rows; ++i) read(i * row_count / rows, std::span<float>(values.data() + i * dim, dim));
    return values;
}

/// Mean squared error would do as well: only comparisons of one sample with itself are made.
[[nodiscard]] inline double squared_error(std::span<const float> values, const code_grid& grid, unsigned top) noexcept {
    const auto every = std::max<std::size_t>(1, values.size() / 250'000);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); i += every) {
        const float kept = grid.lo + grid.step * static_cast<float>(level(values[i], grid, top));
        const double error = double{values[i]} - kept;
        sum += error * error;
    }
    return sum;
}

/// The grid of [0, top] that keeps `values` best; sorts them. `symmetric`: the number (top + 1) / 2 stands for zero.
/// The ends are tried at several quantiles: few outliers are better moved than paid for by all.
[[nodiscard]] inline code_grid fit_grid(std::vector<float>& values, unsigned top, bool symmetric) {
    if (values.empty()) return symmetric ? code_grid{-static_cast<float>((top + 1) / 2), 1, 1} : code_grid{};
    std::sort(values.begin(), values.end());
    const double low = values.front(), high = values.back(), middle = (top + 1) / 2;
    const bool whole = std::all_of(values.begin(), values.end(), [](float x) { return x == std::nearbyint(x); });
    if (whole && symmetric && low >= -middle && high < middle) return {static_cast<float>(-middle), 1, 1};
    if (whole && !symmetric && high - low <= top) {
        const double room = std::floor((top - (high - low)) / 2);
        return {static_cast<float>(low >= 0 && high <= top ? 0 : low - room), 1, 1};
    }
    const auto at = [&](double share) {
        return double{values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))]};
    };
    code_grid best;
    double least = -1;
    for (const double tail : {0.0, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 3e-2}) {
        auto grid = grid_between(at(tail), at(1 - tail), top);
        if (symmetric) {
            const double reach = std::max(std::fabs(at(tail)), std::fabs(at(1 - tail)));
            grid = grid_between(0, reach, top / 2);
            grid.lo = -static_cast<float>(middle) * grid.step;
        }
        const double error = squared_error(values, grid, top);
        if (least < 0 || error < least) {
            least = error;
            best = grid;
        }
    }
    return best;
}

}  // namespace vecstore::quantization::detail
