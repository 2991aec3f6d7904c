/// A collection as an engine that answers filters: all points are written, half of them before a checkpoint, and scrolled.
#pragma once

#include <vecstore/database/database.hpp>

#include <support/filter_engines.hpp>

#include <map>
#include <string>
#include <vector>

namespace filter_engines {

/// Points may have the vectors "" and "image".
inline engine database_engine() {
    return {"database", [](const filter::expression& e, const std::vector<sample_point>& points) {
                database_options options;
                options.background_threads = 0;
                auto db = database::in_memory(options).value();
                auto all =
                    db.create_collection("all", {.vectors = {{.dim = 1, .metric = metric::dot},
                                                             {.name = "image", .dim = 1, .metric = metric::dot}}})
                        .value();
                std::vector<point> written;
                std::map<point_id, std::size_t> places;
                for (const auto& p : points) {
                    auto& made = written.emplace_back();
                    made.id = p.id;
                    made.payload = p.payload;
                    for (const auto& name : p.vectors)
                        if (name.empty())
                            made.vector = {1};
                        else
                            made.vectors.push_back({name, {1}});
                    places[p.id] = places.size();
                }
                const auto half = std::span<const point>(written).first(written.size() / 2);
                all.upsert(half).value();
                db.checkpoint().value();
                all.upsert(std::span<const point>(written).subspan(half.size())).value();
                std::vector<bool> passed(points.size());
                for (const auto& r : all.scroll({.limit = points.size(), .filter = e}).value().records)
                    passed[places.at(r.id)] = true;
                if (all.count(e).value() != static_cast<std::size_t>(std::count(passed.begin(), passed.end(), true)))
                    passed.clear();  // which no other engine answers
                return passed;
            }};
}

}  // namespace filter_engines
