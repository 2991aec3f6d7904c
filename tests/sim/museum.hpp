/// The faults that can be put into the protocol, and how long the simulator takes to find each.
#pragma once

#include "cluster.hpp"

#include <replication/seeded_fault.hpp>

#include <string>
#include <vector>

namespace vecstore::sim {

struct exhibit {
    replication::seeded_fault fault;
    const char* name;
};

[[nodiscard]] const std::vector<exhibit>& museum();

struct finding {
    std::uint64_t seeds = 0;  ///< that were tried
    std::uint64_t events = 0;
    std::string violation;  ///< empty: not found
};

/// Runs seeds from 1 on with that fault until one shows it.
[[nodiscard]] finding find(const exhibit& which, std::uint64_t seeds_max, std::uint64_t events);

/// What of the weather a violation needs: kinds are left out one by one, and the events halved, as long as it stays.
struct smallest_run {
    run_options options;
    run_result result;
};
/// `options.seed` shows a violation; any of the same number counts as the same.
[[nodiscard]] smallest_run minimise(const run_options& options);

}  // namespace vecstore::sim
