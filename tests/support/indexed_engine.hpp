/// A collection with a payload index on each of some paths as an engine that answers filters. One store serves all filters
/// that are asked of the same points; the kinds of the indexes go round with each new set of points.
#pragma once

#include <vecstore/database/database.hpp>

#include <support/filter_engines.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace filter_engines {

/// Points are in runs of the indexes, changed since, and new; some have died.
class indexed_store {
public:
    explicit indexed_store(std::vector<std::string> paths) : paths_(std::move(paths)) {}

    std::vector<bool> ask(const filter::expression& e, const std::vector<sample_point>& points) {
        if (!all_ || !holds(points)) fill(points);
        std::vector<bool> passed(points.size());
        scroll page;
        page.limit = points.size();
        page.filter = e;
        page.with_payload = false;
        for (const auto& r : all_->scroll(page).value().records) passed[places_.at(r.id)] = true;
        if (all_->count(e).value() != static_cast<std::size_t>(std::count(passed.begin(), passed.end(), true)))
            passed.clear();  // which no other engine answers
        return passed;
    }

private:
    [[nodiscard]] bool holds(const std::vector<sample_point>& points) const {
        return std::equal(points.begin(), points.end(), held_.begin(), held_.end(), [](const auto& a, const auto& b) {
            return a.id == b.id && a.payload == b.payload && a.vectors == b.vectors;
        });
    }
    void fill(const std::vector<sample_point>& points) {
        database_options options;
        options.background_threads = 0;
        db_.emplace(database::in_memory(options).value());
        held_ = points;
        all_.emplace(db_->create_collection("all", {.vectors = {{.dim = 1, .metric = metric::dot},
                                                                {.name = "image", .dim = 1, .metric = metric::dot}}})
                         .value());
        places_.clear();
        for (const auto& p : points) places_.emplace(p.id, places_.size());
        const auto third = points.size() / 3;
        // What the first ones have at first is another's.
        for (std::size_t i = 0; i < third; ++i) write({points[i].id, points[points.size() - 1 - i].payload, {}});
        constexpr field_kind kinds[] = {field_kind::keyword,  field_kind::integer, field_kind::boolean, field_kind::geo,
                                        field_kind::datetime, field_kind::uuid,    field_kind::floating};
        for (const auto& path : paths_)
            all_->create_field_index(path, {.kind = kinds[turn_++ % std::size(kinds)]}).value();
        for (std::size_t i = 0; i < 2 * third; ++i) write(points[i]);
        db_->checkpoint().value();
        for (std::size_t i = 0; i < third / 2; ++i) all_->overwrite_payload({points[i].id}, points[i].payload).value();
        for (auto i = 2 * third; i < points.size(); ++i) write(points[i]);
    }
    void write(const sample_point& p) {
        point made;
        made.id = p.id;
        made.payload = p.payload;
        for (const auto& name : p.vectors)
            if (name.empty())
                made.vector = {1};
            else
                made.vectors.push_back({name, {1}});
        all_->upsert({made}).value();
    }

    std::vector<std::string> paths_;
    std::vector<sample_point> held_;
    std::optional<database> db_;
    std::optional<collection> all_;
    std::map<point_id, std::size_t> places_;
    std::size_t turn_ = 0;
};

inline engine indexed_engine(std::vector<std::string> paths) {
    auto store = std::make_shared<indexed_store>(std::move(paths));
    return {"indexed", [store](const filter::expression& e, const std::vector<sample_point>& points) {
                return store->ask(e, points);
            }};
}

}  // namespace filter_engines
