#include <catch2/catch.hpp>
#include <index/plot.hpp>

#include <string>
#include <vector>

using namespace vecstore::bench;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

}  // namespace

TEST_CASE("plot: each series has a line, a marker for each point and a place in the legend", "[bench]") {
    const std::vector<plot_series> series{{"ours", {{0.9, 9000}, {0.95, 5000}, {0.99, 900}}, false},
                                          {"peer", {{0.85, 4000}, {0.97, 1000}}, true}};
    const auto svg = svg_plot("a set", series);
    CHECK(svg.rfind("<svg ", 0) == 0);
    CHECK(count_of(svg, "<polyline") == 2);
    CHECK(count_of(svg, "<circle") == 5 + 2);
    CHECK(count_of(svg, "stroke-dasharray") == 2);  // the peer's line and its legend
    CHECK(count_of(svg, ">ours<") == 1);
    CHECK(count_of(svg, ">0.80<") == 1);
    CHECK(count_of(svg, ">1.00<") == 1);
    CHECK(count_of(svg, ">5k<") == 1);
}

TEST_CASE("plot: what has no speed or lies left of the axis is left out", "[bench]") {
    const std::vector<plot_series> series{{"ours", {{0.3, 9000}, {0.9, 0}, {0.95, 500}}, false}};
    const auto svg = svg_plot("a set", series);
    CHECK(count_of(svg, "<circle") == 1 + 1);
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
}

TEST_CASE("plot: nothing to show is still a picture", "[bench]") {
    const auto svg = svg_plot("empty", {});
    CHECK(count_of(svg, "</svg>") == 1);
    CHECK(svg.find("inf") == std::string::npos);
}

TEST_CASE("plot: names cannot break the markup", "[bench]") {
    const std::vector<plot_series> series{{"a<b>&\"c\"", {{0.9, 10}}, false}};
    const auto svg = svg_plot("<script>", series);
    CHECK(svg.find("<script>") == std::string::npos);
    CHECK(svg.find("a&lt;b&gt;&amp;&quot;c&quot;") != std::string::npos);
}
