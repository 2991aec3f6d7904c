#include "churn.hpp"

#include "parallel.hpp"
#include "stopwatch.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>

namespace vecstore::bench {

namespace {

/// Truth takes a scan for each.
constexpr std::size_t queries_max = 500;
constexpr std::size_t rows_at_once = 256;

/// The rows that are in the index, and those that are not.
class rows_in_turn {
public:
    rows_in_turn(const matrix<float>& base, double share) {
        live_.rows = static_cast<std::size_t>(static_cast<double>(base.rows) / (1 + share));
        live_.dim = base.dim;
        live_.values.assign(base.values.begin(),
                            base.values.begin() + static_cast<std::ptrdiff_t>(live_.rows * base.dim));
        out_ = {{base.values.begin() + static_cast<std::ptrdiff_t>(live_.rows * base.dim), base.values.end()},
                base.rows - live_.rows,
                base.dim};
        for (std::uint32_t i = 0; i < live_.rows; ++i) numbers_.push_back(i);
    }
    /// One round; false when the engine cannot.
    bool replace_some(engine& e) {
        std::shuffle(numbers_.begin(), numbers_.end(), random_);
        const auto count = std::min(out_.rows, live_.rows);
        for (std::size_t first = 0; first < count; first += rows_at_once) {
            const auto some = std::min(rows_at_once, count - first);
            if (!e.replace(numbers_.data() + first, out_.row(first), some)) return false;
            for (std::size_t i = first; i < first + some; ++i)
                std::swap_ranges(out_.row(i), out_.row(i) + out_.dim, live_.row(numbers_[i]));
        }
        e.settle();
        return true;
    }
    [[nodiscard]] const matrix<float>& live() const { return live_; }

private:
    matrix<float> live_, out_;
    std::vector<std::uint32_t> numbers_;
    std::mt19937 random_{1};
};

matrix<std::uint32_t> truth_of(const matrix<float>& base, const matrix<float>& queries, vecstore::metric metric,
                               const churn_options& options) {
    matrix<std::uint32_t> truth{{}, std::min(queries_max, queries.rows), options.k};
    truth.values.resize(truth.rows * truth.dim);
    const index::contiguous_rows rows(base.values.data(), base.dim, base.dim, static_cast<row_id>(base.rows));
    in_parallel(truth.rows, options.threads, [&](std::size_t q) {
        const distance_computer computer(metric, queries.row(q), base.dim);
        const auto found =
            index::flat_search(index::exact_distances(rows, computer), rows.size(), options.k, index::allow_all{});
        std::transform(found.begin(), found.end(), truth.row(q), [](const neighbor& n) { return n.row; });
    });
    return truth;
}

struct found_share {
    double recall = 0;
    double microseconds = 0;
};
found_share search_all(engine& e, const matrix<float>& queries, const matrix<std::uint32_t>& truth, std::size_t ef) {
    std::vector<std::uint32_t> found(truth.dim);
    std::size_t hits = 0;
    const stopwatch watch(stopwatch::scope::thread);
    for (std::size_t q = 0; q < truth.rows; ++q) {
        const auto count = e.search(queries.row(q), truth.dim, ef, found.data());
        for (std::size_t i = 0; i < count; ++i)
            hits += std::find(truth.row(q), truth.row(q) + truth.dim, found[i]) != truth.row(q) + truth.dim;
    }
    return {static_cast<double>(hits) / static_cast<double>(truth.values.size()),
            watch.cpu_seconds() * 1e6 / static_cast<double>(truth.rows)};
}

}  // namespace

bool run_churn(const std::string& name, const std::function<std::unique_ptr<engine>()>& make, const matrix<float>& base,
               const matrix<float>& queries, vecstore::metric metric, const churn_options& options) {
    rows_in_turn rows(base, options.share);
    const auto churned = make();
    churned->build(rows.live(), options.threads);
    for (std::size_t round = 0; round < options.rounds; ++round)
        if (!rows.replace_some(*churned)) return false;
    const auto truth = truth_of(rows.live(), queries, metric, options);
    std::vector<found_share> after;
    for (const auto ef : options.efs) after.push_back(search_all(*churned, queries, truth, ef));
    const auto fresh = make();
    fresh->build(rows.live(), options.threads);
    for (std::size_t i = 0; i < options.efs.size(); ++i) {
        const auto anew = search_all(*fresh, queries, truth, options.efs[i]);
        fmt::print(R"({{"kind":"churn","engine":"{}","rounds":{},"ef":{},"recall":{:.4f},"recall_fresh":{:.4f},)"
                   R"("us":{:.1f},"us_fresh":{:.1f}}})"
                   "\n",
                   name, options.rounds, options.efs[i], after[i].recall, anew.recall, after[i].microseconds,
                   anew.microseconds);
    }
    std::fflush(stdout);
    return true;
}

}  // namespace vecstore::bench
