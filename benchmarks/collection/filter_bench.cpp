// Filtered search at several selectivities, beside the search of all points and the exact scan of the matches. One JSON
// object a line. Filters are ranges of an indexed number, in no relation to the vectors ("bucket"), and of how far a point
// lies along one direction ("side"), so that matches lie together and far from most queries.
#include "index/stopwatch.hpp"
#include "index/vecs.hpp"

#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace vecstore;
using bench::matrix;

constexpr std::int64_t buckets = 10'000;

struct arguments {
    std::string base, query, metric = "cosine", store;
    std::size_t k = 10, queries = 500, rounds = 5, rows = 0;
    double recall = 0.95;
    bool indexed = true;
};

/// Larger is better, as the store's scores are for cosine and dot; euclid is negated.
double similarity(metric m, const float* a, const float* b, std::size_t dim) {
    double dot = 0, aa = 0, bb = 0, squares = 0;
    for (std::size_t i = 0; i < dim; ++i) {
        const double x = a[i], y = b[i];
        dot += x * y;
        aa += x * x;
        bb += y * y;
        squares += (x - y) * (x - y);
    }
    if (m == metric::cosine) return dot / std::sqrt(aa * bb);
    return m == metric::dot ? dot : -squares;
}

/// A number from 0 to buckets - 1 for each row: any, and by how far the row lies along the first row's direction.
struct labels {
    std::vector<std::int64_t> bucket, side;

    labels(const matrix<float>& base, metric m) : bucket(base.rows), side(base.rows) {
        std::vector<std::size_t> order(base.rows);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::vector<double> along(base.rows);
        for (std::size_t i = 0; i < base.rows; ++i) along[i] = similarity(m, base.row(0), base.row(i), base.dim);
        std::sort(order.begin(), order.end(), [&](auto a, auto b) { return along[a] > along[b]; });
        const auto place = [&](std::size_t rank) {
            return static_cast<std::int64_t>(rank * static_cast<std::size_t>(buckets) / base.rows);
        };
        for (std::size_t rank = 0; rank < base.rows; ++rank) side[order[rank]] = place(rank);
        std::uint64_t state = 1;
        std::vector<std::size_t> shuffled(base.rows);
        std::iota(shuffled.begin(), shuffled.end(), std::size_t{0});
        for (std::size_t i = base.rows; i > 1; --i) {
            state = state * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
            std::swap(shuffled[i - 1], shuffled[(state >> 33) % i]);
        }
        for (std::size_t rank = 0; rank < base.rows; ++rank) bucket[shuffled[rank]] = place(rank);
    }
};

struct workload {
    std::vector<query> plain, filtered, exact;
    std::vector<std::vector<std::uint64_t>> truth;
    std::size_t matches = 0;
};

workload make(const arguments& a, const matrix<float>& base, const matrix<float>& queries, metric m,
              const std::string& name, const std::vector<std::int64_t>& label, std::int64_t below) {
    workload w;
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < base.rows; ++i)
        if (label[i] < below) rows.push_back(i);
    w.matches = rows.size();
    const auto count = std::min(a.queries, queries.rows);
    for (std::size_t i = 0; i < count; ++i) {
        query q;
        q.nearest.assign(queries.row(i), queries.row(i) + queries.dim);
        q.limit = a.k;
        q.recall = a.recall;
        q.with_payload = false;
        w.plain.push_back(q);
        q.filter = field(name) < static_cast<double>(below);
        w.filtered.push_back(q);
        q.exact = true;
        w.exact.push_back(q);
        std::vector<std::pair<double, std::uint64_t>> near;
        for (const auto row : rows) near.emplace_back(-similarity(m, queries.row(i), base.row(row), base.dim), row);
        const auto kept = std::min(a.k, near.size());
        std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(kept), near.end());
        auto& truth = w.truth.emplace_back();
        for (std::size_t j = 0; j < kept; ++j) truth.push_back(near[j].second);
    }
    return w;
}

/// Queries a second of this thread's CPU time.
double qps(const collection& points, const std::vector<query>& queries) {
    const bench::stopwatch watch(bench::stopwatch::scope::thread);
    for (const auto& q : queries) (void)points.query(q).value();
    return static_cast<double>(queries.size()) / watch.cpu_seconds();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void measure(const arguments& a, const collection& points, const workload& w, const std::string& filter,
             double selectivity) {
    std::size_t found = 0, wanted = 0, short_results = 0, fell_back = 0;
    std::string strategy;
    for (std::size_t i = 0; i < w.filtered.size(); ++i) {
        const auto answer = points.query(w.filtered[i]).value();
        short_results += answer.size() < std::min(a.k, w.matches);
        wanted += w.truth[i].size();
        for (const auto& hit : answer)
            found += std::find(w.truth[i].begin(), w.truth[i].end(), hit.id.number()) != w.truth[i].end();
        fell_back += answer.plan.fell_back;
        strategy = to_string(answer.plan.strategy);
    }
    std::vector<double> plain, exact, filtered;
    for (std::size_t round = 0; round < a.rounds; ++round) {
        plain.push_back(qps(points, w.plain));
        filtered.push_back(qps(points, w.filtered));
        exact.push_back(qps(points, w.exact));
    }
    fmt::print(
        "{{\"kind\":\"filtered\",\"filter\":\"{}\",\"selectivity\":{},\"matches\":{},\"recall\":{:.4f},\"qps\":{:.0f},"
        "\"plain_qps\":{:.0f},\"exact_qps\":{:.0f},\"short_results\":{},\"strategy\":\"{}\",\"fell_back\":{}}}\n",
        filter, selectivity, w.matches, wanted > 0 ? static_cast<double>(found) / static_cast<double>(wanted) : 1,
        median(filtered), median(plain), median(exact), short_results, strategy, fell_back);
    std::fflush(stdout);
}

/// What all queries find without a filter.
void measure_plain(const arguments& a, const collection& points, const matrix<float>& base,
                   const matrix<float>& queries, metric m) {
    const std::vector<std::int64_t> all(base.rows, 0);
    const auto w = make(a, base, queries, m, "bucket", all, 1);
    std::size_t found = 0, wanted = 0;
    for (std::size_t i = 0; i < w.plain.size(); ++i) {
        wanted += w.truth[i].size();
        for (const auto& hit : points.query(w.plain[i]).value())
            found += std::find(w.truth[i].begin(), w.truth[i].end(), hit.id.number()) != w.truth[i].end();
    }
    fmt::print("{{\"kind\":\"plain\",\"recall\":{:.4f},\"qps\":{:.0f}}}\n",
               static_cast<double>(found) / static_cast<double>(wanted), qps(points, w.plain));
    std::fflush(stdout);
}

void fill(const arguments& a, collection& points, const matrix<float>& base, const labels& of) {
    constexpr std::size_t batch = 4'096;
    for (std::size_t first = 0; first < base.rows; first += batch) {
        std::vector<point> some;
        for (auto i = first; i < std::min(base.rows, first + batch); ++i) {
            point p{.id = std::uint64_t{i}, .payload = {{"bucket", of.bucket[i]}, {"side", of.side[i]}}};
            p.vector.assign(base.row(i), base.row(i) + base.dim);
            some.push_back(std::move(p));
        }
        points.upsert(some).value();
    }
    if (!a.indexed) return;
    points.create_field_index("bucket", {.kind = field_kind::integer}).value();
    points.create_field_index("side", {.kind = field_kind::integer}).value();
}

void run(const arguments& a) {
    auto base = bench::read_fvecs(a.base);
    if (a.rows > 0 && a.rows < base.rows) base.rows = a.rows;
    const auto queries = bench::read_fvecs(a.query);
    const auto m = parse_metric(a.metric).value();
    const labels of(base, m);
    const database_options options{.background_threads = 0, .build_threads = 2};
    auto db = (a.store.empty() ? database::in_memory(options) : database::open(a.store, options)).value();
    const collection_options shape{.vectors = {{.dim = base.dim, .metric = m}}};
    auto kept = db.open_collection("points");
    auto points = kept ? *kept : db.create_collection("points", shape).value();
    if (!kept) {
        fill(a, points, base, of);
        db.optimize().value();
    }
    measure_plain(a, points, base, queries, m);
    for (const double selectivity : {0.5, 0.1, 0.01, 0.001, 0.0001}) {
        const auto below = static_cast<std::int64_t>(std::lround(selectivity * static_cast<double>(buckets)));
        measure(a, points, make(a, base, queries, m, "bucket", of.bucket, below), "bucket", selectivity);
        measure(a, points, make(a, base, queries, m, "side", of.side, below), "side", selectivity);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Filtered search at several selectivities; one JSON object a line."};
    arguments a;
    app.add_option("--base", a.base, ".fvecs")->required();
    app.add_option("--query", a.query, ".fvecs")->required();
    app.add_option("--metric", a.metric, "cosine, dot or euclid");
    app.add_option("--k", a.k)->check(CLI::PositiveNumber);
    app.add_option("--queries", a.queries, "so many of them")->check(CLI::PositiveNumber);
    app.add_option("--rows", a.rows, "so many of the base; 0 = all");
    app.add_option("--rounds", a.rounds)->check(CLI::PositiveNumber);
    app.add_option("--recall", a.recall);
    app.add_option("--store", a.store, "where the points are kept, to be used again; else in memory");
    app.add_flag("!--unindexed", a.indexed, "without payload indexes");
    CLI11_PARSE(app, argc, argv);
    try {
        run(a);
    } catch (const std::exception& e) {
        fmt::print(stderr, "filter_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
