/// What ann_bench prints of its measurements: one JSON object a line on stdout, tables on stderr.
#pragma once

#include "curve.hpp"
#include "memory.hpp"

#include <span>
#include <string>
#include <vector>

namespace vecstore::bench {

struct build_report {
    bool cached = false;
    double seconds = 0;  ///< of building, or of reading what a former run built
    double cpu_seconds = 0;
    double bytes_per_vector = 0;
};

/// {"kind":"build","engine","build":"fresh"|"cached","seconds"|"load_seconds","cpu_seconds","bytes_per_vector"}
void print_build(const std::string& name, const build_report& report);

/// {"kind":"memory","engine","rss_per_vector","anonymous_per_vector","bytes_per_vector"}: growth of resident memory
/// from before the build to after a pass of queries, beside what the engine says of itself.
void print_memory(const std::string& name, resident_bytes before, resident_bytes after, double rows,
                  double bytes_per_vector);

/// {"kind":"point","engine","ef","recall","qps","cpu_qps","p50_us","p99_us","distances"}: medians of the rounds.
void print_points(std::span<const curve> curves);

/// {"kind":"at","recall","engine","qps","by":"cpu"|"wall","ratio":{other engine: ours divided by its}}: for each recall
/// of `recalls`; interpolated in each round, then the median of the rounds. null = not measured on both sides of it.
void print_at(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu);

/// {"kind":"recall","engine","asked","recall","qps","cpu_qps","hand_picked","share"}: what was asked, what was measured,
/// and the speed as a share of that of the ef which just gives the recall asked (interpolated, of the same round).
void print_asked(std::span<const curve> curves, bool by_cpu);

/// {"kind":"batch","recall","engine","qps","of_best_single","best_single"}: each engine that is given batches, against the fastest of ours that
/// is given one query at a time: at each recall of `recalls`, and where recalls were asked at the recall that the batch had.
void print_batches(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu);

/// The same for people.
void print_table(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu);

}  // namespace vecstore::bench
