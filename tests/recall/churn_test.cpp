// Indexes whose rows are replaced again and again find as much as new ones.
#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <common/sample.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace vs = vecstore;

namespace {

constexpr std::size_t k = 10, rounds = 10;
/// Rows of an index; a fifth of them is replaced in each round, and comes back in a later one.
constexpr std::size_t live_count = 2'400, replaced = live_count / 5;
constexpr std::size_t query_count = 300;

const sample::matrix& shipped() {
    static const auto data = sample::load(sample::default_folder()).value().vectors;
    return data;
}

/// Which rows of the sample are the points now: `live[i]` is that of point i.
struct turnover {
    std::vector<std::size_t> live = std::vector<std::size_t>(live_count);
    std::vector<std::size_t> out = std::vector<std::size_t>(replaced);
    std::mt19937 random{1};

    turnover() {
        // A stride, since neighbours in the file are neighbours in meaning.
        for (std::size_t i = 0; i < live_count; ++i) live[i] = 3 * i;
        for (std::size_t i = 0; i < replaced; ++i) out[i] = 15 * i + 1;
    }
    /// Calls `replace(point, row of the sample)` for a fifth of the points.
    template <class Replace>
    void round(const Replace& replace) {
        std::vector<std::size_t> points(live_count);
        std::iota(points.begin(), points.end(), std::size_t{0});
        std::shuffle(points.begin(), points.end(), random);
        for (std::size_t i = 0; i < replaced; ++i) {
            std::swap(live[points[i]], out[i]);
            replace(points[i], live[points[i]]);
        }
    }
};

/// Rows that are never points.
std::vector<float> query_of(std::size_t i) { return shipped().row(24 * i + 2); }

vs::collection make(vs::database& db, const char* name, const std::vector<std::size_t>& live) {
    auto words =
        db.create_collection(name, {.vectors = {{.dim = shipped().dim, .index = vs::index_kind::hnsw}}}).value();
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < live.size(); ++i) points.push_back({.id = i, .vector = shipped().row(live[i])});
    words.upsert(points).value();
    db.optimize().value();
    return words;
}

double recall_of(const vs::collection& words, std::size_t ef) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < query_count; ++i) {
        vs::query q{.nearest = query_of(i), .limit = k, .with_payload = false};
        q.ef = ef;
        const auto answer = words.query(q).value();
        q.ef.reset();
        q.exact = true;
        for (const auto& t : words.query(q).value())
            found += std::any_of(answer.begin(), answer.end(), [&](const auto& h) { return h.id == t.id; });
    }
    return static_cast<double>(found) / (k * query_count);
}

/// The same of the bare index.
double recall_of(const vs::index::hnsw<>& graph, std::size_t ef) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < query_count; ++i) {
        const auto query = query_of(i);
        const auto answer = graph.search(query, k, ef).value();
        const vs::distance_computer computer(vs::metric::cosine, query.data(), query.size());
        const auto truth =
            vs::index::flat_search(vs::index::exact_distances(graph.rows(), computer), graph.rows().size(), k,
                                   [&](vs::row_id row) { return graph.contains(row); });
        for (const auto& t : truth)
            found += std::any_of(answer.begin(), answer.end(), [&](const auto& n) { return n.row == t.row; });
    }
    return static_cast<double>(found) / (k * query_count);
}

}  // namespace

TEST_CASE("recall: a store whose points are replaced finds as much as a new one", "[recall]") {
    auto db = vs::database::in_memory({.background_threads = 0}).value();
    turnover points;
    auto churned = make(db, "churned", points.live);
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<vs::point> changed;
        points.round([&](std::size_t point, std::size_t row) {
            changed.push_back({.id = point, .vector = shipped().row(row)});
        });
        churned.upsert(changed).value();
        db.optimize().value();
    }
    const auto fresh = make(db, "fresh", points.live);
    REQUIRE(churned.info().value().rows_indexed == live_count);
    REQUIRE(fresh.info().value().rows_indexed == live_count);
    for (const std::size_t ef : {15, 40, 120}) {
        INFO("ef " << ef);
        CHECK(recall_of(churned, ef) >= recall_of(fresh, ef) - 0.01);
    }
}

TEST_CASE("recall: a growing graph whose rows are replaced finds as much as a new one", "[recall]") {
    vs::index::hnsw_options how;
    how.dim = shipped().dim;
    how.ef_construct = 100;
    for (const bool reuse : {false, true}) {
        how.reuse_rows = reuse;
        vs::index::hnsw<> churned(how), fresh(how);
        turnover points;
        std::vector<vs::row_id> rows;
        for (const auto row : points.live) rows.push_back(churned.insert(shipped().row(row)).value());
        for (std::size_t round = 0; round < rounds; ++round)
            points.round([&](std::size_t point, std::size_t row) {
                churned.remove(rows[point]).value();
                rows[point] = churned.insert(shipped().row(row)).value();
            });
        for (const auto row : points.live) (void)fresh.insert(shipped().row(row)).value();
        CHECK(churned.health().unreachable_rows == 0);
        for (const std::size_t ef : {15, 40, 120}) {
            INFO("ef " << ef << " reuse " << reuse);
            CHECK(recall_of(churned, ef) >= recall_of(fresh, ef) - 0.01);
        }
    }
}
