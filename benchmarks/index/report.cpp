#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace vecstore::bench {

namespace {

void print_line(const std::string& json) {
    fmt::print("{}\n", json);
    std::fflush(stdout);
}

std::size_t rounds_of(std::span<const curve> curves) {
    for (const auto& c : curves)
        if (!c.points.empty()) return c.points.front().rounds.size();
    return 0;
}

std::string or_null(std::optional<double> value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : "null";
}

double percentile(std::vector<double> values, std::size_t percent) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[values.size() * percent / 100];
}

/// One value for each round in which `recall` was bracketed; none unless it was in all.
std::vector<double> speeds_at(const curve& c, double recall, bool by_cpu, std::size_t rounds) {
    std::vector<double> speeds;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto speed = speed_at(points_of(c, by_cpu, round), recall);
        if (!speed) return {};
        speeds.push_back(*speed);
    }
    return speeds;
}

std::optional<double> median_of(const std::vector<double>& values) {
    return values.empty() ? std::nullopt : std::optional(median(values));
}

/// Rounds are pairs: both engines met the same noise.
std::optional<double> ratio_of(const std::vector<double>& ours, const std::vector<double>& theirs) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) ratios.push_back(ours[i] / theirs[i]);
    return median_of(ratios);
}

}  // namespace

void print_build(const std::string& name, const build_report& r) {
    print_line(fmt::format(
        R"({{"kind":"build","engine":"{}","build":"{}","{}":{:.2f},"cpu_seconds":{:.2f},"bytes_per_vector":{:.1f}}})",
        name, r.cached ? "cached" : "fresh", r.cached ? "load_seconds" : "seconds", r.seconds, r.cpu_seconds,
        r.bytes_per_vector));
}

void print_memory(const std::string& name, resident_bytes before, resident_bytes after, double rows,
                  double bytes_per_vector) {
    const auto growth = [&](std::size_t from, std::size_t to) {
        return (static_cast<double>(to) - static_cast<double>(from)) / rows;
    };
    print_line(fmt::format(
        R"({{"kind":"memory","engine":"{}","rss_per_vector":{:.1f},"anonymous_per_vector":{:.1f},"bytes_per_vector":{:.1f}}})",
        name, growth(before.total, after.total), growth(before.anonymous, after.anonymous), bytes_per_vector));
}

void print_points(std::span<const curve> curves) {
    for (const auto& c : curves)
        for (const auto& m : c.points) {
            const auto r = m.middle();
            print_line(
                fmt::format(R"({{"kind":"point","engine":"{}","ef":{},"recall":{:.4f},"qps":{:.0f},"cpu_qps":{:.0f},)"
                            R"("p50_us":{:.1f},"p99_us":{:.1f},"distances":{:.0f}}})",
                            c.name, m.at.ef, r.recall, r.wall_qps, r.cpu_qps, percentile(m.latencies_us, 50),
                            percentile(m.latencies_us, 99), r.distances));
        }
}

void print_at(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu) {
    const auto rounds = rounds_of(curves);
    for (const auto recall : recalls)
        for (const auto& c : curves) {
            const auto speeds = speeds_at(c, recall, by_cpu, rounds);
            std::string ratios;
            for (const auto& other : curves)
                if (&other != &c)
                    ratios += fmt::format(R"({}"{}":{})", ratios.empty() ? "" : ",", other.name,
                                          or_null(ratio_of(speeds, speeds_at(other, recall, by_cpu, rounds)), 3));
            print_line(fmt::format(R"({{"kind":"at","recall":{},"engine":"{}","qps":{},"by":"{}","ratio":{{{}}}}})",
                                   recall, c.name, or_null(median_of(speeds), 0), by_cpu ? "cpu" : "wall", ratios));
        }
}

void print_asked(std::span<const curve> curves, bool by_cpu) {
    const auto rounds = rounds_of(curves);
    for (const auto& c : curves)
        for (const auto& m : c.asked) {
            const auto r = m.middle();
            const auto hand_picked = speeds_at(c, m.at.recall, by_cpu, rounds);
            std::vector<double> speeds;
            for (const auto& round : m.rounds) speeds.push_back(by_cpu ? round.cpu_qps : round.wall_qps);
            print_line(fmt::format(R"({{"kind":"recall","engine":"{}","asked":{},"recall":{:.4f},"qps":{:.0f},)"
                                   R"("cpu_qps":{:.0f},"hand_picked":{},"share":{}}})",
                                   c.name, m.at.recall, r.recall, r.wall_qps, r.cpu_qps,
                                   or_null(median_of(hand_picked), 0), or_null(ratio_of(speeds, hand_picked), 3)));
        }
}

namespace {

std::vector<double> speeds_of(const measurement& m, bool by_cpu) {
    std::vector<double> speeds;
    for (const auto& round : m.rounds) speeds.push_back(by_cpu ? round.cpu_qps : round.wall_qps);
    return speeds;
}

/// `asked`: the recall that was asked for, 0 = none; then single queries that asked for as much count, too.
void print_batch(const curve& batch, const std::vector<double>& speeds, double recall, double asked,
                 std::span<const curve> curves, bool by_cpu) {
    const curve* best = nullptr;
    std::vector<double> best_speeds;
    const auto consider = [&](const curve& c, const std::vector<double>& alone) {
        if (median_of(alone).value_or(0) > median_of(best_speeds).value_or(0)) best = &c, best_speeds = alone;
    };
    for (const auto& c : curves) {
        if (c.peer || c.batch > 1) continue;
        consider(c, speeds_at(c, recall, by_cpu, speeds.size()));
        for (const auto& m : c.asked)
            if (asked > 0 && m.at.recall >= asked) consider(c, speeds_of(m, by_cpu));
    }
    if (best == nullptr || speeds.empty()) return;
    const auto ratio = ratio_of(speeds, best_speeds);
    print_line(fmt::format(
        R"({{"kind":"batch","recall":{:.4f},"engine":"{}","qps":{},"of_best_single":{},"best_single":"{}"}})", recall,
        batch.name, or_null(median_of(speeds), 0), or_null(ratio, 2), best->name));
    fmt::print(stderr, "batch {} of single at {:.4f}: {} against {}\n", or_null(ratio, 2), recall, batch.name,
               best->name);
}

}  // namespace

void print_batches(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu) {
    const auto rounds = rounds_of(curves);
    for (const auto& c : curves) {
        if (c.batch == 1) continue;
        for (const auto recall : recalls)
            print_batch(c, speeds_at(c, recall, by_cpu, rounds), recall, 0, curves, by_cpu);
        for (const auto& m : c.asked)
            print_batch(c, speeds_of(m, by_cpu), m.middle().recall, m.at.recall, curves, by_cpu);
    }
}

void print_table(std::span<const curve> curves, std::span<const double> recalls, bool by_cpu) {
    fmt::print(stderr, "\n{:<24} {:>8} {:>8} {:>10} {:>10} {:>9} {:>10}\n", "engine", "ef", "recall",
               by_cpu ? "q/s (cpu)" : "q/s", "p50 us", "p99 us", "distances");
    for (const auto& c : curves)
        for (const auto& m : c.points) {
            const auto r = m.middle();
            fmt::print(stderr, "{:<24} {:>8} {:>8.4f} {:>10.0f} {:>10.1f} {:>9.1f} {:>10.0f}\n", c.name, m.at.ef,
                       r.recall, by_cpu ? r.cpu_qps : r.wall_qps, percentile(m.latencies_us, 50),
                       percentile(m.latencies_us, 99), r.distances);
        }
    if (recalls.empty()) return;
    const auto rounds = rounds_of(curves);
    fmt::print(stderr, "\n{:<24}", "q/s at recall");
    for (const auto recall : recalls) fmt::print(stderr, " {:>10}", recall);
    for (const auto& c : curves) {
        fmt::print(stderr, "\n{:<24}", c.name);
        for (const auto recall : recalls) {
            const auto speed = median_of(speeds_at(c, recall, by_cpu, rounds));
            fmt::print(stderr, " {:>10}", speed ? fmt::format("{:.0f}", *speed) : "-");
        }
    }
    for (const auto& peer : curves) {
        if (!peer.peer) continue;
        for (const auto& c : curves) {
            if (c.peer) continue;
            fmt::print(stderr, "\n{:<24}", c.name + " / " + peer.name);
            for (const auto recall : recalls) {
                const auto ratio =
                    ratio_of(speeds_at(c, recall, by_cpu, rounds), speeds_at(peer, recall, by_cpu, rounds));
                fmt::print(stderr, " {:>10}", ratio ? fmt::format("{:.2f}x", *ratio) : "-");
            }
        }
    }
    fmt::print(stderr, "\n");
}

}  // namespace vecstore::bench
