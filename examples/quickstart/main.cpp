// Quick start: a store on disk, three points, a filtered search. Five calls, no server, no schema.
#include <vecstore/payload/format.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <filesystem>
#include <vector>

namespace vs = vecstore;

int main() {
    std::filesystem::remove_all("quickstart.data");

    // Open (and make) a database, and a collection of points with one 4-d vector each.
    auto db = vs::database::open("quickstart.data").value();
    auto docs = db.create_collection("docs", {.vectors = {{.dim = 4, .metric = vs::metric::cosine}}}).value();

    // Write. When this returns, the points survive kill -9 and power loss.
    docs.upsert({{.id = 1, .vector = {0.9f, 0.1f, 0.0f, 0.2f}, .payload = {{"lang", "en"}, {"year", 2024}}},
                 {.id = 2, .vector = {0.8f, 0.2f, 0.1f, 0.1f}, .payload = {{"lang", "de"}, {"year", 2019}}},
                 {.id = 3, .vector = {0.1f, 0.9f, 0.3f, 0.0f}, .payload = {{"lang", "en"}, {"year", 2021}}}})
        .value();

    // Ask: the nearest points that match a filter.
    using vs::field;
    const std::vector<float> q = {1.0f, 0.0f, 0.0f, 0.1f};
    auto hits =
        docs.query({.nearest = q, .filter = field("lang") == "en" && field("year") >= 2020, .limit = 5}).value();
    for (const auto& h : hits) fmt::print("{} {:.3f} {} {}\n", h.id, h.score, h.payload["lang"], h.payload["year"]);

    // Errors are values: test the result, or call value() and get an exception.
    if (auto wrong = docs.query({.nearest = {1.0f, 2.0f}}); !wrong) fmt::print("{}\n", wrong.error().what());
}
