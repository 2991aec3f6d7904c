/// Measures engines and prints one JSON object a line.
#pragma once

#include "engine.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace vecstore::bench {

struct curve_options {
    std::size_t k = 10;
    std::size_t threads = 1;
    std::size_t rounds = 3;
    std::vector<std::size_t> efs;
};

/// Builds `e` and prints {"kind":"build","engine","seconds","cpu_seconds","bytes_per_vector"}.
void build_and_report(engine& e, const matrix<float>& base, std::size_t threads);

/// For each ef, lets the engines take turns, `rounds` times, and prints a line for each engine:
/// {"kind":"point","engine","ef","recall","qps","cpu_qps","p50_us","p99_us","distances"}. `qps` is by wall time,
/// `cpu_qps` by CPU time of the process (the fairer one on a shared machine); both are of the median round.
void run_curve(std::span<const std::unique_ptr<engine>> engines, const matrix<float>& queries,
               const matrix<std::int32_t>& truth, const curve_options& options);

}  // namespace vecstore::bench
