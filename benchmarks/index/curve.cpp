#include "curve.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace vecstore::bench {

namespace {

struct stopwatch {
    std::chrono::steady_clock::time_point wall = std::chrono::steady_clock::now();
    double cpu = cpu_now();

    [[nodiscard]] double wall_seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count();
    }
    [[nodiscard]] double cpu_seconds() const { return cpu_now() - cpu; }
    [[nodiscard]] static double cpu_now() {
        timespec now{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    }
};

struct round_result {
    double wall_seconds = 0;
    double cpu_seconds = 0;
};

/// All that is known of one engine at one ef.
struct measurement {
    std::vector<round_result> rounds;
    std::vector<double> latencies_us;
    double recall = 0;
    double distances = 0;
};

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

void run_round(engine& e, const matrix<float>& queries, const matrix<std::int32_t>& truth, std::size_t ef,
               const curve_options& options, measurement& into) {
    std::vector<std::uint32_t> found(queries.rows * options.k);
    std::vector<std::size_t> counts(queries.rows);
    std::vector<double> latencies(queries.rows);
    const auto distances = e.distances();
    const stopwatch all;
    in_parallel(queries.rows, options.threads, [&](std::size_t q) {
        const auto start = std::chrono::steady_clock::now();
        counts[q] = e.search(queries.row(q), options.k, ef, found.data() + q * options.k);
        latencies[q] = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
    });
    into.rounds.push_back({all.wall_seconds(), all.cpu_seconds()});
    into.latencies_us.insert(into.latencies_us.end(), latencies.begin(), latencies.end());
    into.recall = recall_of(found, counts, truth, options.k);
    into.distances = static_cast<double>(e.distances() - distances) / static_cast<double>(queries.rows);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void report(const engine& e, std::size_t ef, std::size_t query_count, const measurement& m) {
    std::vector<double> wall, cpu;
    for (const auto& r : m.rounds) wall.push_back(r.wall_seconds), cpu.push_back(r.cpu_seconds);
    auto latencies = m.latencies_us;
    std::sort(latencies.begin(), latencies.end());
    const auto n = static_cast<double>(query_count);
    std::printf(
        "{\"kind\":\"point\",\"engine\":\"%s\",\"ef\":%zu,\"recall\":%.4f,\"qps\":%.0f,\"cpu_qps\":%.0f,"
        "\"p50_us\":%.1f,\"p99_us\":%.1f,\"distances\":%.0f}\n",
        e.name().c_str(), ef, m.recall, n / median(wall), n / median(cpu), latencies[latencies.size() / 2],
        latencies[latencies.size() * 99 / 100], m.distances);
    std::fflush(stdout);
}

}  // namespace

void build_and_report(engine& e, const matrix<float>& base, std::size_t threads) {
    const stopwatch all;
    e.build(base, threads);
    std::printf(
        "{\"kind\":\"build\",\"engine\":\"%s\",\"seconds\":%.2f,\"cpu_seconds\":%.2f,\"bytes_per_vector\":%.1f}\n",
        e.name().c_str(), all.wall_seconds(), all.cpu_seconds(), e.bytes_per_vector());
    std::fflush(stdout);
}

void run_curve(std::span<const std::unique_ptr<engine>> engines, const matrix<float>& queries,
               const matrix<std::int32_t>& truth, const curve_options& options) {
    for (std::size_t i = 0; i < options.efs.size(); ++i) {
        std::vector<measurement> measured(engines.size());
        const auto ef = options.efs[i];
        const auto takes_part = [&](const engine& e) { return i == 0 || e.has_ef(); };
        for (std::size_t round = 0; round < options.rounds; ++round)
            for (std::size_t e = 0; e < engines.size(); ++e)
                if (takes_part(*engines[e])) run_round(*engines[e], queries, truth, ef, options, measured[e]);
        for (std::size_t e = 0; e < engines.size(); ++e)
            if (takes_part(*engines[e])) report(*engines[e], ef, queries.rows, measured[e]);
    }
}

}  // namespace vecstore::bench
