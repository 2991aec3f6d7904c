/// Measures engines: recall and speed at each setting, the engines taking turns.
#pragma once

#include "engine.hpp"
#include "interpolate.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vecstore::bench {

/// One line of the plot: an engine and how it is asked.
struct contender {
    std::string name;
    bench::engine* engine = nullptr;
    std::vector<std::size_t> efs;
    std::size_t batch = 1;  ///< queries handed over at once
    bool peer = false;
};

struct curve_options {
    std::size_t k = 10;
    std::size_t threads = 1;
    std::size_t rounds = 3;
    std::vector<double> recalls = {};  ///< asked of the engines that can be asked
};

struct setting {
    std::size_t ef = 0;
    double recall = 0;  ///< above 0: this recall is asked, instead of `ef`
};

struct round_result {
    double recall = 0;
    double wall_qps = 0;
    double cpu_qps = 0;  ///< by CPU time of the process, the fairer one on a shared machine
    double distances = 0;
};

/// What was seen of one contender at one setting.
struct measurement {
    setting at = {};
    std::vector<round_result> rounds = {};
    std::vector<double> latencies_us = {};  ///< of all rounds; of a batch, its time divided by its queries

    /// The median of each number over the rounds.
    [[nodiscard]] round_result middle() const;
};

struct curve {
    std::string name;
    bool peer = false;
    std::size_t batch = 1;
    std::vector<measurement> points;  ///< one for each ef
    std::vector<measurement> asked;   ///< one for each recall asked; empty when the engine cannot be asked
};

/// One pass over all queries that nobody times.
void run_pass(engine& e, const matrix<float>& queries, std::size_t k, std::size_t ef);

/// Runs all settings of all contenders in each of `rounds` rounds: at each step of the curve the contenders take turns,
/// in the opposite order every other round.
[[nodiscard]] std::vector<curve> run_curves(std::span<const contender> contenders, const matrix<float>& queries,
                                            const matrix<std::int32_t>& truth, const curve_options& options);

/// The curve as seen in one round, or by medians; by CPU time, or by wall time when several threads searched.
[[nodiscard]] std::vector<curve_point> points_of(const curve& c, bool by_cpu,
                                                 std::optional<std::size_t> round = std::nullopt);

}  // namespace vecstore::bench
