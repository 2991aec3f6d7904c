#include "curve.hpp"

#include "parallel.hpp"
#include "stopwatch.hpp"

#include <algorithm>

namespace vecstore::bench {

namespace {

double recall_of(const std::vector<std::uint32_t>& found, const std::vector<std::size_t>& counts,
                 const matrix<std::int32_t>& truth, std::size_t k) {
    std::size_t hits = 0;
    for (std::size_t q = 0; q < counts.size(); ++q) {
        const auto* right = truth.row(q);
        for (std::size_t i = 0; i < counts[q]; ++i)
            hits += static_cast<std::size_t>(std::count(right, right + k, static_cast<std::int32_t>(found[q * k + i])));
    }
    return static_cast<double>(hits) / static_cast<double>(counts.size() * k);
}

void run_round(const contender& c, const matrix<float>& queries, const matrix<std::int32_t>& truth,
               const curve_options& options, measurement& into) {
    auto& e = *c.engine;
    const auto ef = into.at.ef;
    std::vector<std::uint32_t> found(queries.rows * options.k);
    std::vector<std::size_t> counts(queries.rows);
    std::vector<double> latencies((queries.rows + c.batch - 1) / c.batch);
    const auto distances = e.distances();
    const stopwatch all;
    in_parallel(latencies.size(), options.threads, [&](std::size_t i) {
        const auto start = std::chrono::steady_clock::now();
        const auto first = i * c.batch, count = std::min(c.batch, queries.rows - first);
        auto* const out = found.data() + first * options.k;
        if (c.batch == 1)
            counts[first] = e.search(queries.row(first), options.k, ef, out);
        else
            e.search_many(queries.row(first), queries.dim, count, options.k, ef, out, counts.data() + first);
        latencies[i] = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() /
                       static_cast<double>(count);
    });
    const auto wall = all.wall_seconds(), cpu = all.cpu_seconds();
    const auto n = static_cast<double>(queries.rows);
    into.latencies_us.insert(into.latencies_us.end(), latencies.begin(), latencies.end());
    into.rounds.push_back({recall_of(found, counts, truth, options.k), n / wall, n / cpu,
                           static_cast<double>(e.distances() - distances) / n});
}

std::vector<measurement> settings_by_ef(const contender& c) {
    std::vector<measurement> all;
    for (const auto ef : c.efs) all.push_back({.at = {.ef = ef}});
    if (!c.engine->has_ef() && all.size() > 1) all.resize(1);
    return all;
}

std::vector<measurement> settings_by_recall(const contender& c, const std::vector<double>& recalls) {
    std::vector<measurement> all;
    for (const auto recall : recalls)
        if (c.engine->ask_recall(recall)) all.push_back({.at = {.recall = recall}});
    c.engine->ask_recall(0);
    return all;
}

}  // namespace

round_result measurement::middle() const {
    const auto of = [&](double round_result::*field) {
        std::vector<double> values;
        for (const auto& r : rounds) values.push_back(r.*field);
        return median(values);
    };
    return {of(&round_result::recall), of(&round_result::wall_qps), of(&round_result::cpu_qps),
            of(&round_result::distances)};
}

void run_pass(engine& e, const matrix<float>& queries, std::size_t k, std::size_t ef) {
    std::vector<std::uint32_t> found(k);
    for (std::size_t q = 0; q < queries.rows; ++q) (void)e.search(queries.row(q), k, ef, found.data());
}

std::vector<curve> run_curves(std::span<const contender> contenders, const matrix<float>& queries,
                              const matrix<std::int32_t>& truth, const curve_options& options) {
    std::vector<curve> curves;
    std::size_t steps = 0;
    for (const auto& c : contenders) {
        curves.push_back({c.name, c.peer, c.batch, settings_by_ef(c), settings_by_recall(c, options.recalls)});
        steps = std::max(steps, curves.back().points.size());
        if (!c.efs.empty()) run_pass(*c.engine, queries, options.k, c.efs.front());
    }
    const auto n = contenders.size();
    for (std::size_t round = 0; round < options.rounds; ++round) {
        const auto turn = [&](std::size_t i) { return round % 2 == 0 ? i : n - 1 - i; };
        for (std::size_t step = 0; step < steps; ++step)
            for (std::size_t i = 0; i < n; ++i)
                if (auto& points = curves[turn(i)].points; step < points.size())
                    run_round(contenders[turn(i)], queries, truth, options, points[step]);
        for (std::size_t step = 0; step < options.recalls.size(); ++step)
            for (std::size_t i = 0; i < n; ++i)
                if (auto& asked = curves[turn(i)].asked; step < asked.size()) {
                    contenders[turn(i)].engine->ask_recall(asked[step].at.recall);
                    run_round(contenders[turn(i)], queries, truth, options, asked[step]);
                    contenders[turn(i)].engine->ask_recall(0);
                }
    }
    return curves;
}

std::vector<curve_point> points_of(const curve& c, bool by_cpu, std::optional<std::size_t> round) {
    std::vector<curve_point> points;
    for (const auto& m : c.points) {
        const auto r = round ? m.rounds[*round] : m.middle();
        points.push_back({r.recall, by_cpu ? r.cpu_qps : r.wall_qps});
    }
    return points;
}

}  // namespace vecstore::bench
