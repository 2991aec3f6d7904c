// What a durable write costs, and how fast the store opens again. One JSON object a line.
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace vecstore;
using clock_type = std::chrono::steady_clock;

struct arguments {
    std::string directory = "upsert_bench.data";
    std::string durability = "sync";
    std::size_t points = 100'000, dim = 128, batch = 256, writers = 1, rounds = 3;
    bool encrypted = false;

    [[nodiscard]] database_options with_key(database_options options) const {
        constexpr std::array<std::byte, encryption_key::bytes> key{};
        if (encrypted) options.encryption = encryption_key(key);
        return options;
    }
};

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Batches of points with five payload fields, made before the clock starts.
std::vector<std::vector<point>> make_batches(const arguments& a, std::size_t writer) {
    std::mt19937_64 random(writer);
    std::normal_distribution<float> normal;
    std::vector<std::vector<point>> batches;
    const auto count = a.points / a.writers;
    for (std::size_t made = 0; made < count;) {
        auto& batch = batches.emplace_back();
        for (; batch.size() < a.batch && made < count; ++made) {
            const auto id = writer * count + made;
            point p{.id = id,
                    .payload = {{"title", "document number " + std::to_string(id)},
                                {"lang", id % 3 == 0 ? "en" : "de"},
                                {"year", 1990 + id % 35},
                                {"price", static_cast<double>(id % 1'000) / 10},
                                {"tags", payload::value::array{"alpha", "beta"}}}};
            p.vector.resize(a.dim);
            for (auto& x : p.vector) x = normal(random);
            batch.push_back(std::move(p));
        }
    }
    return batches;
}

void write_all(const arguments& a, collection& points, const std::vector<std::vector<std::vector<point>>>& work) {
    const write_options options{a.durability == "async" ? durability::async : durability::sync};
    std::vector<std::thread> writers;
    for (const auto& batches : work)
        writers.emplace_back([&] {
            for (const auto& batch : batches) points.upsert(batch, options).value();
        });
    for (auto& writer : writers) writer.join();
}

void measure_reads(collection& points, std::size_t count) {
    constexpr std::size_t reads = 100'000;
    std::mt19937_64 random(7);
    const auto start = clock_type::now();
    for (std::size_t i = 0; i < reads; ++i) (void)points.get(random() % count).value();
    fmt::print("{{\"kind\":\"get\",\"reads_per_s\":{:.0f}}}\n", reads / seconds_since(start));
}

void run_round(const arguments& a, const std::vector<std::vector<std::vector<point>>>& work) {
    std::filesystem::remove_all(a.directory);
    const auto count = a.points / a.writers * a.writers;
    {
        auto db = database::open(a.directory, a.with_key({})).value();
        auto points = db.create_collection("points", {.vectors = {{.dim = a.dim, .metric = metric::cosine}}}).value();
        auto start = clock_type::now();
        write_all(a, points, work);
        fmt::print(
            "{{\"kind\":\"upsert\",\"durability\":\"{}\",\"batch\":{},\"dim\":{},\"writers\":{},\"points\":{},\"points_"
            "per_s\":{:.0f}}}\n",
            a.durability, a.batch, a.dim, a.writers, count, static_cast<double>(count) / seconds_since(start));
        measure_reads(points, count);
        start = clock_type::now();
        db.close().value();
        fmt::print("{{\"kind\":\"close\",\"seconds\":{:.3f}}}\n", seconds_since(start));
    }
    const auto start = clock_type::now();
    auto db = database::open(a.directory, a.with_key({.background_threads = 0})).value();
    const auto points = db.open_collection("points").value();
    const auto found = points.count().value();
    fmt::print("{{\"kind\":\"reopen\",\"points\":{},\"seconds\":{:.3f}}}\n", found, seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Durable upserts and reopening; one JSON object a line."};
    arguments a;
    app.add_option("--directory", a.directory, "made anew each round, removed at the end");
    app.add_option("--durability", a.durability, "sync or async")->check(CLI::IsMember({"sync", "async"}));
    app.add_option("--points", a.points)->check(CLI::PositiveNumber);
    app.add_option("--dim", a.dim)->check(CLI::PositiveNumber);
    app.add_option("--batch", a.batch)->check(CLI::PositiveNumber);
    app.add_option("--writers", a.writers, "threads that write")->check(CLI::PositiveNumber);
    app.add_option("--rounds", a.rounds)->check(CLI::PositiveNumber);
    app.add_flag("--encrypted", a.encrypted, "into a store with a key");
    CLI11_PARSE(app, argc, argv);
    try {
        std::vector<std::vector<std::vector<point>>> work;
        for (std::size_t writer = 0; writer < a.writers; ++writer) work.push_back(make_batches(a, writer));
        for (std::size_t round = 0; round < a.rounds; ++round) run_round(a, work);
        std::filesystem::remove_all(a.directory);
    } catch (const std::exception& e) {
        fmt::print(stderr, "upsert_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
