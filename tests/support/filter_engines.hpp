/// Engines that answer filters, to be held against each other and against the table of filter_cases.hpp. A new one
/// (payload indexes, say) is one more function that gives an engine.
#pragma once

#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>

#include <support/naive_filter.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace filter_engines {

using namespace vecstore;

struct sample_point {
    point_id id;
    payload::document payload;
    std::vector<std::string> vectors = {};  ///< names of those that it has
};

struct engine {
    std::string name;
    /// Which of the points pass, in their order. The ids of the points differ.
    std::function<std::vector<bool>(const filter::expression&, const std::vector<sample_point>&)> ask;
};

inline engine naive_engine() {
    return {"naive", [](const filter::expression& e, const std::vector<sample_point>& points) {
                std::vector<bool> passed;
                for (const auto& p : points) passed.push_back(naive::passes(e, {p.payload, &p.id, &p.vectors}));
                return passed;
            }};
}

/// The filter as scans ask it.
inline engine compiled_engine() {
    return {"compiled", [](const filter::expression& e, const std::vector<sample_point>& points) {
                const auto ready = filter::compiled::compile(e).value();
                std::vector<bool> passed;
                for (const auto& p : points) {
                    const auto bytes = payload::encode(p.payload).value();
                    const auto has = [&](std::string_view name) noexcept {
                        return std::find(p.vectors.begin(), p.vectors.end(), name) != p.vectors.end();
                    };
                    passed.push_back(ready(p.id, payload::view::trusted(bytes), has));
                }
                return passed;
            }};
}

}  // namespace filter_engines
