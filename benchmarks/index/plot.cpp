#include "plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace vecstore::bench {

namespace {

constexpr double width = 760, height = 460, left = 70, right = 180, top = 44, bottom = 56;

/// Middle tones: each has a contrast of about 3 or more against white and against a dark page.
constexpr std::array<const char*, 8> colours{"#2f80ed", "#e4572e", "#1f9d61", "#a259d9",
                                             "#c58a00", "#0c97a8", "#d6408f", "#7a8450"};

struct axes {
    double recall_low = 0.8;
    double log_low = 0, log_high = 1;

    [[nodiscard]] double x(double recall) const {
        return left + (recall - recall_low) / (1 - recall_low) * (width - left - right);
    }
    [[nodiscard]] double y(double qps) const {
        return height - bottom - (std::log10(qps) - log_low) / (log_high - log_low) * (height - top - bottom);
    }
    [[nodiscard]] bool shows(const curve_point& p) const { return p.qps > 0 && p.recall >= recall_low - 1e-9; }
};

axes fit(std::span<const plot_series> series) {
    double recall_low = 1, low = INFINITY, high = 0;
    for (const auto& s : series)
        for (const auto& p : s.points) recall_low = std::min(recall_low, p.recall);
    axes a{.recall_low = recall_low < 0.9 ? 0.8 : 0.9};
    for (const auto& s : series)
        for (const auto& p : s.points)
            if (a.shows(p)) low = std::min(low, p.qps), high = std::max(high, p.qps);
    if (high == 0) low = 100, high = 1000;
    // A tenth of a decade of air on both sides; at least one grid line between.
    a.log_low = std::log10(low) - 0.1;
    a.log_high = std::max(std::log10(high) + 0.1, a.log_low + 0.5);
    return a;
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const auto c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

/// 20000 -> "20k"
std::string short_number(double n) { return n >= 1000 ? fmt::format("{:g}k", n / 1000) : fmt::format("{:g}", n); }

using writer = std::back_insert_iterator<std::string>;

void draw_grid(writer out, const axes& a) {
    const auto line = [&](double x1, double y1, double x2, double y2) {
        fmt::format_to(out,
                       R"(<line class="grid" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)"
                       "\n",
                       x1, y1, x2, y2);
    };
    for (auto i = 0; i <= 10; ++i) {
        const auto recall = a.recall_low + i * (1 - a.recall_low) / 10;
        const auto x = a.x(recall);
        line(x, top, x, height - bottom);
        fmt::format_to(out,
                       R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{:.2f}</text>)"
                       "\n",
                       x, height - bottom + 18, recall);
    }
    const auto decades = a.log_high - a.log_low;
    for (auto decade = static_cast<int>(std::floor(a.log_low)); decade <= a.log_high; ++decade)
        for (const auto digit : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
            const auto qps = digit * std::pow(10.0, decade);
            if (std::log10(qps) < a.log_low || std::log10(qps) > a.log_high) continue;
            const auto labelled = digit == 1 || digit == 2 || digit == 5 || decades < 1;
            if (!labelled && decades > 2.5) continue;
            line(left, a.y(qps), width - right, a.y(qps));
            if (labelled)
                fmt::format_to(out,
                               R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>)"
                               "\n",
                               left - 8, a.y(qps) + 4, short_number(qps));
        }
}

void draw_series(writer out, const axes& a, const plot_series& s, std::size_t number) {
    const auto* const colour = colours[number % colours.size()];
    const auto* const dash = s.dashed ? R"( stroke-dasharray="6 4")" : "";
    auto shown = s.points;
    std::erase_if(shown, [&](const curve_point& p) { return !a.shows(p); });
    std::sort(shown.begin(), shown.end(),
              [](const curve_point& l, const curve_point& r) { return l.recall < r.recall; });
    fmt::format_to(out, R"(<polyline fill="none" stroke="{}" stroke-width="2"{} points=")", colour, dash);
    for (const auto& p : shown) fmt::format_to(out, "{:.1f},{:.1f} ", a.x(p.recall), a.y(p.qps));
    fmt::format_to(out, "\"/>\n");
    for (const auto& p : shown)
        fmt::format_to(out,
                       R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"><title>{}: {:.4f}, {:.0f}/s</title>)"
                       "</circle>\n",
                       a.x(p.recall), a.y(p.qps), colour, escaped(s.name), p.recall, p.qps);
    const auto y = top + 10 + 20 * static_cast<double>(number);
    fmt::format_to(out,
                   R"(<line x1="{0:.1f}" y1="{1:.1f}" x2="{2:.1f}" y2="{1:.1f}" stroke="{3}" stroke-width="2"{4}/>)"
                   R"(<circle cx="{5:.1f}" cy="{1:.1f}" r="3.5" fill="{3}"/>)"
                   R"(<text x="{6:.1f}" y="{7:.1f}">{8}</text>)"
                   "\n",
                   width - right + 16, y, width - right + 44, colour, dash, width - right + 30, width - right + 52,
                   y + 4, escaped(s.name));
}

}  // namespace

std::string svg_plot(const std::string& title, std::span<const plot_series> series) {
    std::string svg;
    const auto out = std::back_inserter(svg);
    fmt::format_to(out,
                   R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">
<title>{2}</title>
<style>
text {{ font: 12px sans-serif; fill: #6e7781; }}
.grid {{ stroke: #8c959f; stroke-opacity: 0.35; }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #adbac7; }} }}
</style>
<text x="{3:.1f}" y="22" style="font-size:15px">{2}</text>
)",
                   width, height, escaped(title), left);
    const auto a = fit(series);
    draw_grid(out, a);
    for (std::size_t i = 0; i < series.size(); ++i) draw_series(out, a, series[i], i);
    fmt::format_to(out,
                   R"svg(<text x="{0:.1f}" y="{1:.1f}" text-anchor="middle">recall</text>
<text transform="translate(18 {2:.1f}) rotate(-90)" text-anchor="middle">queries/s</text>
</svg>
)svg",
                   left + (width - left - right) / 2, height - 14, top + (height - top - bottom) / 2);
    return svg;
}

}  // namespace vecstore::bench
