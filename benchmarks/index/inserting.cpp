#include "inserting.hpp"

#include "stopwatch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <random>
#include <thread>

namespace vecstore::bench {

namespace {

constexpr std::size_t rows_at_once = 256;

struct phase {
    double qps = 0;
    double cpu_qps = 0;
};

phase search_for(const contender& c, const matrix<float>& queries, const inserting_options& options,
                 const std::atomic<bool>& stop) {
    std::vector<std::uint32_t> found(options.k);
    std::size_t done = 0;
    const stopwatch watch(stopwatch::scope::thread);
    for (; !stop.load(std::memory_order_relaxed) && watch.wall_seconds() < options.seconds; ++done)
        (void)c.engine->search(queries.row(done % queries.rows), options.k, options.ef, found.data());
    return {static_cast<double>(done) / watch.wall_seconds(), static_cast<double>(done) / watch.cpu_seconds()};
}

/// Inserts until `stop`; what it inserts lies where the data lies, but nothing twice.
class inserter {
public:
    inserter(engine& e, const matrix<float>& base) : engine_(e), base_(base) {}

    void run() {
        std::mt19937 random(1);
        std::normal_distribution<float> noise(0, 0.01F);
        std::vector<float> rows(rows_at_once * base_.dim);
        const stopwatch watch;
        while (!stop_.load(std::memory_order_relaxed)) {
            const auto first = inserted_ % (base_.rows - std::min(base_.rows - 1, rows_at_once));
            const auto count = std::min(rows_at_once, base_.rows - first);
            std::transform(base_.row(first), base_.row(first) + count * base_.dim, rows.begin(),
                           [&](float x) { return x + noise(random) * std::max(std::abs(x), 0.01F); });
            if (!engine_.insert(rows.data(), count)) break;
            inserted_ += count;
            if (inserted_ >= base_.rows) break;
        }
        seconds_ = watch.wall_seconds();
        finished_ = true;
    }
    void stop() { stop_ = true; }
    [[nodiscard]] const std::atomic<bool>& finished() const { return finished_; }
    /// After the thread has ended.
    [[nodiscard]] std::size_t inserted() const { return inserted_; }
    [[nodiscard]] double seconds() const { return seconds_; }

private:
    engine& engine_;
    const matrix<float>& base_;
    std::atomic<bool> stop_{false};
    std::atomic<bool> finished_{false};
    std::size_t inserted_ = 0;
    double seconds_ = 0;
};

}  // namespace

bool run_while_inserting(const contender& c, const matrix<float>& base, const matrix<float>& queries,
                         const inserting_options& options) {
    const std::atomic<bool> never{false};
    const auto before = search_for(c, queries, options, never);
    inserter writer(*c.engine, base);
    std::thread thread([&] { writer.run(); });
    const auto during = search_for(c, queries, options, writer.finished());
    writer.stop();
    thread.join();
    if (writer.inserted() == 0) return false;
    const auto after = search_for(c, queries, options, never);
    fmt::print(R"({{"kind":"while_inserting","engine":"{}","ef":{},"qps_before":{:.0f},"qps_during":{:.0f},)"
               R"("qps_after":{:.0f},"share":{:.3f},"cpu_share":{:.3f},"inserted":{},"inserts_per_second":{:.0f}}})"
               "\n",
               c.name, options.ef, before.qps, during.qps, after.qps, during.qps / before.qps,
               during.cpu_qps / before.cpu_qps, writer.inserted(),
               static_cast<double>(writer.inserted()) / writer.seconds());
    std::fflush(stdout);
    return true;
}

}  // namespace vecstore::bench
