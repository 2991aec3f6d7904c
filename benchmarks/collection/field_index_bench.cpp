// Creating payload indexes on points that are there, while others are written. One JSON object a line.
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace vecstore;
using clock_type = std::chrono::steady_clock;

std::vector<point> batch(std::uint64_t first, std::size_t count) {
    std::vector<point> points;
    for (auto id = first; id < first + count; ++id) {
        point p{.id = id,
                .payload = {{"city", "city " + std::to_string(id * 7'919 % 1'000)},
                            {"year", 1990 + id % 35},
                            {"price", static_cast<double>(id * 104'729 % 100'000) / 100},
                            {"sold", id % 3 == 0}}};
        p.vector = {static_cast<float>(id % 97), 1, 0, 0};
        points.push_back(std::move(p));
    }
    return points;
}

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

void run(std::size_t count) {
    constexpr std::size_t batch_points = 1'000;
    auto db = database::in_memory({.background_threads = 0}).value();
    auto points = db.create_collection("points", {.vectors = {{.dim = 4, .metric = metric::euclid}}}).value();
    for (std::size_t first = 0; first < count; first += batch_points) points.upsert(batch(first, batch_points)).value();
    db.checkpoint().value();
    std::atomic<bool> done{false};
    std::size_t written = 0;
    double longest = 0;
    std::thread writer([&] {
        while (!done) {
            const auto start = clock_type::now();
            points.upsert(batch(count + written, 10)).value();
            longest = std::max(longest, seconds_since(start));
            written += 10;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    const auto start = clock_type::now();
    points.create_field_index("city", {}).value();
    points.create_field_index("year", {.kind = field_kind::integer}).value();
    points.create_field_index("price", {.kind = field_kind::floating}).value();
    points.create_field_index("sold", {.kind = field_kind::boolean}).value();
    const auto seconds = seconds_since(start);
    done = true;
    writer.join();
    std::size_t file_bytes = 0, memory_bytes = 0;
    for (const auto& field : points.info().value().fields) {
        file_bytes += field.file_bytes;
        memory_bytes += field.memory_bytes;
    }
    fmt::print(
        "{{\"kind\":\"field_indexes\",\"points\":{},\"indexes\":4,\"seconds\":{:.3f},\"written_meanwhile\":{},"
        "\"longest_write_s\":{:.4f},\"file_bytes\":{},\"memory_bytes\":{}}}\n",
        count, seconds, written, longest, file_bytes, memory_bytes);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Payload indexes created on points that are there; one JSON object a line."};
    std::size_t points = 300'000, rounds = 3;
    app.add_option("--points", points)->check(CLI::PositiveNumber);
    app.add_option("--rounds", rounds)->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    try {
        for (std::size_t round = 0; round < rounds; ++round) run(points);
    } catch (const std::exception& e) {
        fmt::print(stderr, "field_index_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
