/// sim_program [files] SEEDS [EVENTS [FIRST_SEED]]: simulates one cluster for each seed; with `files`, its logs are those of the store.
/// sim_program museum [SEEDS [EVENTS [NAME]]]: looks for
/// each fault of the museum in so many seeds at most. sim_program minimise SEED [EVENTS [NAME]]: what of the weather a seed's
/// violation needs, with that fault of the museum. The last line sums up; the exit status is 0 when nothing was
/// violated, or all faults were found.
#include "museum.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace vecstore;

namespace {

int show_museum(std::uint64_t seeds, std::uint64_t events, std::string_view name) {
    std::uint64_t missed = 0;
    for (const auto& each : sim::museum()) {
        if (!name.empty() && name != each.name) continue;
        const auto found = sim::find(each, seeds, events);
        missed += found.violation.empty() ? 1u : 0u;
        std::printf("%-26s %6llu seeds %10llu events  %s\n", each.name, static_cast<unsigned long long>(found.seeds),
                    static_cast<unsigned long long>(found.events),
                    found.violation.empty() ? "NOT FOUND" : found.violation.c_str());
        std::fflush(stdout);
    }
    std::printf("museum: %zu faults, %llu not found\n", sim::museum().size(), static_cast<unsigned long long>(missed));
    return missed == 0 ? 0 : 1;
}

int show_smallest(std::uint64_t seed, std::uint64_t events, std::string_view name) {
    for (const auto& each : sim::museum())
        if (name == each.name) replication::active_fault = each.fault;
    const auto found = sim::minimise({seed, events});
    std::printf("seed %llu, event %llu: %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(found.result.events),
                found.result.violation.empty() ? "no violation" : found.result.violation.c_str());
    for (std::size_t kind = 0; kind < sim::weather::kinds; ++kind)
        if (!found.result.violation.empty() && (found.options.without >> kind & 1) == 0)
            std::printf("needs %s\n", sim::weather::name_of(kind));
    return found.result.violation.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto number = [&](int at, std::uint64_t otherwise) {
        return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
    };
    if (argc > 1 && std::string_view(argv[1]) == "museum")
        return show_museum(number(2, 500), number(3, 20'000), argc > 4 ? argv[4] : "");
    if (argc > 2 && std::string_view(argv[1]) == "minimise")
        return show_smallest(number(2, 1), number(3, 50'000), argc > 4 ? argv[4] : "");
    const bool files = argc > 1 && std::string_view(argv[1]) == "files";
    const int at = files ? 2 : 1;
    const auto seeds = number(at, 20), events = number(at + 1, 50'000), first = number(at + 2, 1);
    sim::run_result all;
    std::uint64_t violations = 0;
    const auto begun = std::chrono::steady_clock::now();
    for (auto seed = first; seed < first + seeds; ++seed) {
        const auto one = sim::cluster({seed, events, false, 0, files}).run();
        all.events += one.events;
        all.trace = mix64(all.trace ^ one.trace);
        all.committed += one.committed;
        all.acknowledged_writes += one.acknowledged_writes;
        all.reads += one.reads;
        all.leaders += one.leaders;
        all.diverged += one.diverged;
        all.crashes += one.crashes;
        all.simulated_us += one.simulated_us;
        if (one.violation.empty()) continue;
        ++violations;
        std::printf("seed %llu, event %llu: %s\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(one.events), one.violation.c_str());
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
    std::printf(
        "sim: %llu seeds, %llu events in %.1f s (%.0f/s), %.0f simulated s, trace %016llx, %llu records, %llu writes "
        "and "
        "%llu reads acknowledged, %llu leaders, %llu crashes, %llu tails cut, %llu violations\n",
        static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(all.events), taken.count(),
        static_cast<double>(all.events) / taken.count(), static_cast<double>(all.simulated_us) * 1e-6,
        static_cast<unsigned long long>(all.trace), static_cast<unsigned long long>(all.committed),
        static_cast<unsigned long long>(all.acknowledged_writes), static_cast<unsigned long long>(all.reads),
        static_cast<unsigned long long>(all.leaders), static_cast<unsigned long long>(all.crashes),
        static_cast<unsigned long long>(all.diverged), static_cast<unsigned long long>(violations));
    return violations == 0 ? 0 : 1;
}
