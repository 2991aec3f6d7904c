/// What a collection should hold: a std::map and the obvious loops.
/// Thread safety: belongs to one thread.
#pragma once

#include <vecstore/collection/collection.hpp>
#include <vecstore/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::test {

/// A filter twice: as the store takes it, and as a plain function.
struct twin_filter {
    filter::expression expression;
    std::function<bool(const point&)> matches = [](const point&) { return true; };
};

class oracle {
public:
    explicit oracle(collection_options options = {}) : options_(std::move(options)) {}

    [[nodiscard]] const collection_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::map<point_id, point>& points() const noexcept { return points_; }
    [[nodiscard]] std::map<point_id, point>& points() noexcept { return points_; }
    void upsert(const std::vector<point>& batch) {
        for (const auto& p : batch) points_[p.id] = p;
    }
    void erase(const twin_filter& filter) {
        std::erase_if(points_, [&](const auto& entry) { return filter.matches(entry.second); });
    }
    /// Calls `edit` for the payload of each point that matches.
    void edit(const twin_filter& filter, const std::function<void(payload::document&)>& edit) {
        for (auto& [id, p] : points_)
            if (filter.matches(p)) edit(p.payload);
    }
    /// Replaces a vector of each point that matches; empty: erases it.
    void set_vector(const twin_filter& filter, const std::string& name, const std::vector<float>& values) {
        for (auto& [id, p] : points_) {
            if (!filter.matches(p)) continue;
            if (name.empty()) {
                p.vector = values;
                continue;
            }
            std::erase_if(p.vectors, [&](const named_vector& v) { return v.name == name; });
            if (!values.empty()) p.vectors.push_back({name, values});
        }
    }
    [[nodiscard]] static const std::vector<float>* vector_of(const point& p, const std::string& name) {
        if (name.empty()) return p.vector.empty() ? nullptr : &p.vector;
        for (const auto& v : p.vectors)
            if (v.name == name) return &v.values;
        return nullptr;
    }
    /// The score as its definition says, in double precision.
    [[nodiscard]] static double score(metric m, const std::vector<float>& a, const std::vector<float>& b) {
        double dot = 0, aa = 0, bb = 0, squares = 0, absolute = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const double x = a[i], y = b[i];
            dot += x * y;
            aa += x * x;
            bb += y * y;
            squares += (x - y) * (x - y);
            absolute += std::abs(x - y);
        }
        switch (m) {
            case metric::cosine: return dot / std::sqrt(aa * bb);
            case metric::dot: return dot;
            case metric::euclid: return std::sqrt(squares);
            case metric::manhattan:
            case metric::hamming: return absolute;
        }
        return 0;
    }
    /// Scores of all matching points that have the vector, best first.
    [[nodiscard]] std::vector<double> scores(std::size_t slot, const std::vector<float>& nearest,
                                             const twin_filter& filter) const {
        std::vector<double> all;
        const auto& vector = options_.vectors[slot];
        for (const auto& [id, p] : points_)
            if (const auto* values = vector_of(p, vector.name); values != nullptr && filter.matches(p))
                all.push_back(score(vector.metric, nearest, *values));
        std::sort(all.begin(), all.end());
        if (larger_is_better(vector.metric)) std::reverse(all.begin(), all.end());
        return all;
    }

private:
    collection_options options_;
    std::map<point_id, point> points_;
};

inline constexpr double score_tolerance = 1e-4;

/// The first way in which vector or payload of `found` differ from `wanted`; empty when they do not.
template <class Record>
[[nodiscard]] std::string difference(const collection_options& options, const point& wanted, const Record& found) {
    const auto where = "id " + to_string(wanted.id) + ": ";
    if (found.id != wanted.id) return where + "found id " + to_string(found.id);
    if (!(found.payload == wanted.payload)) return where + "another payload";
    if (found.sparse != wanted.sparse) return where + "other sparse vectors";
    point as_point;
    as_point.vector = found.vector;
    as_point.vectors = found.vectors;
    for (const auto& vector : options.vectors) {
        const auto* a = oracle::vector_of(wanted, vector.name);
        const auto* b = oracle::vector_of(as_point, vector.name);
        if ((a == nullptr) != (b == nullptr)) return where + "vector \"" + vector.name + "\" missing or too many";
        if (a == nullptr) continue;
        if (a->size() != b->size()) return where + "dimension";
        double squares = 0;
        for (const float x : *a) squares += static_cast<double>(x) * static_cast<double>(x);
        const double scale = vector.metric == metric::cosine ? 1 / std::sqrt(squares) : 1;
        for (std::size_t i = 0; i < a->size(); ++i)
            if (std::abs(scale * static_cast<double>((*a)[i]) - static_cast<double>((*b)[i])) > 1e-6)
                return where + "vector \"" + vector.name + "\" differs at " + std::to_string(i);
    }
    return {};
}

/// Compares all points, walked page by page.
[[nodiscard]] inline std::string difference(const collection& found, const oracle& wanted, std::size_t page_size = 7) {
    scroll page;
    page.limit = page_size;
    page.with_vectors = true;
    auto expected = wanted.points().begin();
    for (;;) {
        const auto records = found.scroll(page);
        if (!records) return "scroll: " + records.error().what();
        for (const auto& record : records->records) {
            if (expected == wanted.points().end()) return "scroll: id " + to_string(record.id) + " should not be there";
            if (auto d = difference(wanted.options(), expected->second, record); !d.empty()) return "scroll: " + d;
            ++expected;
        }
        if (!records->next) break;
        page.offset = records->next;
    }
    if (expected != wanted.points().end()) return "scroll: id " + to_string(expected->first) + " is missing";
    const auto count = found.count();
    if (!count) return "count: " + count.error().what();
    if (*count != wanted.points().size())
        return "count: " + std::to_string(*count) + ", not " + std::to_string(wanted.points().size());
    return {};
}

/// Compares the answer to an exact query, its scores and the points themselves.
[[nodiscard]] inline std::string difference(const collection& found, const oracle& wanted, std::size_t slot,
                                            const std::vector<float>& nearest, std::size_t limit,
                                            const twin_filter& filter) {
    query q;
    q.nearest = nearest;
    q.using_vector = wanted.options().vectors[slot].name;
    q.limit = limit;
    q.filter = filter.expression;
    q.exact = true;
    q.with_vectors = true;
    const auto answer = found.query(q);
    if (!answer) return "query: " + answer.error().what();
    const auto scores = wanted.scores(slot, nearest, filter);
    if (answer->size() != std::min(limit, scores.size()))
        return "query: " + std::to_string(answer->size()) + " hits of limit " + std::to_string(limit) + " and " +
               std::to_string(scores.size()) + " matches";
    for (std::size_t i = 0; i < answer->size(); ++i) {
        const auto& hit = (*answer)[i];
        const auto point = wanted.points().find(hit.id);
        if (point == wanted.points().end()) return "query: id " + to_string(hit.id) + " should not be there";
        if (!filter.matches(point->second)) return "query: id " + to_string(hit.id) + " does not match";
        if (auto d = difference(wanted.options(), point->second, hit); !d.empty()) return "query: " + d;
        if (std::abs(static_cast<double>(hit.score) - scores[i]) > score_tolerance)
            return "query: hit " + std::to_string(i) + " has score " + std::to_string(hit.score) + ", not " +
                   std::to_string(scores[i]);
        for (std::size_t j = 0; j < i; ++j)
            if ((*answer)[j].id == hit.id) return "query: id " + to_string(hit.id) + " twice";
    }
    return {};
}

/// Compares the scores of an answer of the first sparse vector.
[[nodiscard]] inline std::string sparse_difference(const collection& found, const oracle& wanted,
                                                   const sparse_value& nearest, std::size_t limit,
                                                   const twin_filter& filter) {
    query q;
    q.nearest_sparse = nearest;
    q.using_vector = wanted.options().sparse_vectors.front().name;
    q.limit = limit;
    q.filter = filter.expression;
    const auto answer = found.query(q);
    if (!answer) return "sparse query: " + answer.error().what();
    std::vector<float> scores;
    for (const auto& [id, p] : wanted.points()) {
        if (p.sparse.empty() || !filter.matches(p)) continue;
        std::map<std::uint32_t, float> row;
        const auto& value = p.sparse.front().value;
        for (std::size_t i = 0; i < value.indices.size(); ++i) row[value.indices[i]] = value.values[i];
        double sum = 0;
        bool shared = false;
        for (std::size_t i = 0; i < nearest.indices.size(); ++i)
            if (const auto at = row.find(nearest.indices[i]); at != row.end()) {
                sum += double{nearest.values[i]} * double{at->second};
                shared = true;
            }
        if (shared) scores.push_back(static_cast<float>(sum));
    }
    std::sort(scores.rbegin(), scores.rend());
    scores.resize(std::min(scores.size(), limit));
    std::vector<float> got;
    for (const auto& hit : *answer) got.push_back(hit.score);
    return got == scores ? "" : "sparse query: other scores";
}

/// Compares how many match.
[[nodiscard]] inline std::string difference(const collection& found, const oracle& wanted, const twin_filter& filter) {
    const auto count = found.count(filter.expression);
    if (!count) return "count: " + count.error().what();
    std::size_t matches = 0;
    for (const auto& [id, p] : wanted.points()) matches += filter.matches(p);
    if (*count != matches) return "count: " + std::to_string(*count) + ", not " + std::to_string(matches);
    return {};
}

}  // namespace vecstore::test
