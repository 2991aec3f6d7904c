// Whether the disk grows: all points are written anew, again and again, and the space is compared with that of a store
// in which the same points were written once. One JSON object a line.
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace vecstore;

struct arguments {
    std::string directory = "churn_disk_bench.data";
    std::size_t points = 300'000, dim = 128, batch = 256, rounds = 5;
    std::uint64_t checkpoint_bytes = database_options().checkpoint_bytes;
    std::uint64_t interval_ms = 1'000;
};

std::uint64_t disk_bytes(const std::string& directory) {
    std::uint64_t bytes = 0;
    std::error_code gone;  // files come and go meanwhile
    for (std::filesystem::recursive_directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone))
        if (std::error_code failed; at->is_regular_file(failed))
            if (const auto size = at->file_size(failed); !failed) bytes += size;
    return bytes;
}

void write_all(const arguments& a, collection& docs, std::size_t round) {
    std::mt19937_64 random(round);
    std::normal_distribution<float> normal;
    for (std::size_t first = 0; first < a.points; first += a.batch) {
        std::vector<point> points;
        for (auto id = first; id < std::min(a.points, first + a.batch); ++id) {
            point p{.id = id,
                    .payload = {{"title", "document number " + std::to_string(id)},
                                {"lang", id % 3 == 0 ? "en" : "de"},
                                {"year", 1990 + id % 35},
                                {"round", 1'000 + round}}};
            p.vector.resize(a.dim);
            for (auto& x : p.vector) x = normal(random);
            points.push_back(std::move(p));
        }
        docs.upsert(points, {durability::async}).value();
    }
}

/// Until neither the disk nor the traffic has changed for two seconds and three intervals.
void wait_until_idle(const arguments& a, const database& db, const std::string& directory) {
    std::uint64_t before = 0;
    const auto enough = 20 + 3 * a.interval_ms / 100;
    for (std::uint64_t quiet = 0; quiet < enough;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        const auto written = db.stats().value().written;
        const auto now = disk_bytes(directory) + written.parts + written.tables;
        quiet = now == before ? quiet + 1 : 0;
        before = now;
    }
}

void report(const char* what, const database& db, const std::string& directory, std::uint64_t live) {
    const auto stats = db.stats().value();
    const auto bytes = disk_bytes(directory);
    fmt::print(
        "{{\"state\":\"{}\",\"disk_bytes\":{},\"log_bytes\":{},\"tables_bytes\":{},\"tables_free_bytes\":{},"
        "\"of_live\":{:.2f},\"write_amplification\":{:.2f},\"last_error\":\"{}\"}}\n",
        what, bytes, stats.log_bytes, stats.tables_bytes, stats.tables_free_bytes,
        live == 0 ? 1.0 : static_cast<double>(bytes) / static_cast<double>(live), stats.written.amplification(),
        stats.last_error);
}

/// The bytes once it was optimized.
std::uint64_t run(const arguments& a, const std::string& name, std::size_t first, std::size_t last,
                  std::uint64_t live) {
    const auto directory = a.directory + "/" + name;
    database_options options;
    options.checkpoint_bytes = a.checkpoint_bytes;
    options.checkpoint_interval_ms = a.interval_ms;
    auto db = database::open(directory, options).value();
    vector_options vector;
    vector.dim = a.dim;
    vector.metric = metric::euclid;
    auto docs = db.create_collection("docs", {{vector}}).value();
    for (auto round = first; round <= last; ++round) {
        write_all(a, docs, round);
        report((name + ", round " + std::to_string(round)).c_str(), db, directory, live);
    }
    wait_until_idle(a, db, directory);
    report((name + ", idle").c_str(), db, directory, live);
    db.optimize().value();
    report((name + ", optimized").c_str(), db, directory, live);
    return disk_bytes(directory);
}

}  // namespace

int main(int argc, char** argv) {
    arguments a;
    CLI::App app{"Space on disk after rewriting all points"};
    app.add_option("--directory", a.directory, "made, and removed at the end");
    app.add_option("--points", a.points);
    app.add_option("--dim", a.dim);
    app.add_option("--rounds", a.rounds, "rewrites of all points");
    app.add_option("--checkpoint-bytes", a.checkpoint_bytes);
    app.add_option("--interval-ms", a.interval_ms, "checkpoint_interval_ms; the library's own is 60,000");
    CLI11_PARSE(app, argc, argv);
    std::filesystem::remove_all(a.directory);
    std::filesystem::create_directories(a.directory);
    const auto live = run(a, "fresh", a.rounds, a.rounds, 0);
    run(a, "rewritten", 0, a.rounds, live);
    std::filesystem::remove_all(a.directory);
}
