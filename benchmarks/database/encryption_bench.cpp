// What encryption costs: the same work on a plain and on an encrypted store, in turn, in processor time of the whole
// process. One JSON object a line; `ratio` is the median over the rounds of encrypted / plain.
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace vecstore;

struct arguments {
    std::string directory = "encryption_bench.data";
    std::string index = "hnsw";
    std::size_t points = 50'000, dim = 128, batch = 256, queries = 5'000, reads = 50'000, rounds = 5, ef = 64;
    bool on_disk = false;
};

/// Of this process, all its threads.
double cpu_seconds() {
    timespec now{};
    (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::vector<float> some_vector(std::mt19937_64& random, std::size_t dim) {
    std::normal_distribution<float> normal;
    std::vector<float> vector(dim);
    for (auto& x : vector) x = normal(random);
    return vector;
}

std::vector<std::vector<point>> make_batches(const arguments& a) {
    std::mt19937_64 random(1);
    std::vector<std::vector<point>> batches;
    for (std::size_t id = 0; id < a.points;) {
        auto& batch = batches.emplace_back();
        for (; batch.size() < a.batch && id < a.points; ++id)
            batch.push_back({.id = id,
                             .vector = some_vector(random, a.dim),
                             .payload = {{"title", "document number " + std::to_string(id)},
                                         {"lang", id % 3 == 0 ? "en" : "de"},
                                         {"year", 1990 + id % 35},
                                         {"price", static_cast<double>(id % 1'000) / 10},
                                         {"tags", payload::value::array{"alpha", "beta"}}}});
    }
    return batches;
}

/// Processor time of each piece of work, by its name.
using times = std::map<std::string, double>;

class measurement {
public:
    explicit measurement(times& into) : into_(into) {}
    template <class Work>
    void take(const std::string& name, const Work& work) {
        const auto start = cpu_seconds();
        work();
        into_[name] = cpu_seconds() - start;
    }

private:
    times& into_;
};

times work(const arguments& a, const std::vector<std::vector<point>>& batches, bool encrypted) {
    times taken;
    measurement measured(taken);
    const auto directory = a.directory + (encrypted ? "/encrypted" : "/plain");
    std::filesystem::remove_all(directory);
    database_options options{.background_threads = 0, .checkpoint_bytes = std::uint64_t{4} << 30};
    if (encrypted) {
        std::array<std::byte, encryption_key::bytes> key{};
        options.encryption = encryption_key(key);
    }
    std::mt19937_64 random(7);
    {
        auto db = database::open(directory, options).value();
        const auto kind = parse_index_kind(a.index).value();
        auto points =
            db.create_collection("points", {.vectors = {{.dim = a.dim, .index = kind, .on_disk = a.on_disk}}}).value();
        measured.take("upsert", [&] {
            for (const auto& batch : batches) (void)points.upsert(batch, {durability::async}).value();
            db.flush().value();
        });
        measured.take("checkpoint", [&] { db.checkpoint().value(); });
        measured.take("index", [&] { db.optimize().value(); });
        db.close().value();
    }
    auto opened = database{database::open(directory, options).value()};
    opened.close().value();
    measured.take("open", [&] { opened = database::open(directory, options).value(); });
    const auto points = opened.open_collection("points").value();
    std::vector<query> asked;
    for (std::size_t i = 0; i < a.queries; ++i)
        asked.push_back({.nearest = some_vector(random, a.dim), .limit = 10, .with_payload = false, .ef = a.ef});
    measured.take("first_search", [&] { (void)points.query(asked.front()).value(); });
    for (const auto& each : asked) (void)points.query(each).value();  // touches all there is
    measured.take("search", [&] {
        for (const auto& each : asked) (void)points.query(each).value();
    });
    for (auto& each : asked) each.with_payload = true;
    measured.take("search_payload", [&] {
        for (const auto& each : asked) (void)points.query(each).value();
    });
    measured.take("get", [&] {
        for (std::size_t i = 0; i < a.reads; ++i) (void)points.get(random() % a.points).value();
    });
    return taken;
}

std::uint64_t bytes_below(const std::string& directory) {
    std::uint64_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && entry.path().filename() != "reserve") sum += entry.file_size();
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"The cost of encryption, in processor time; one JSON object a line."};
    arguments a;
    app.add_option("--directory", a.directory, "made anew each round, removed at the end");
    app.add_option("--index", a.index, "hnsw, ivf or none");
    app.add_option("--points", a.points)->check(CLI::PositiveNumber);
    app.add_option("--dim", a.dim)->check(CLI::PositiveNumber);
    app.add_option("--batch", a.batch)->check(CLI::PositiveNumber);
    app.add_option("--queries", a.queries)->check(CLI::PositiveNumber);
    app.add_option("--ef", a.ef)->check(CLI::PositiveNumber);
    app.add_option("--rounds", a.rounds)->check(CLI::PositiveNumber);
    app.add_flag("--on-disk", a.on_disk, "originals stay on the disk");
    CLI11_PARSE(app, argc, argv);
    try {
        const auto batches = make_batches(a);
        std::map<std::string, std::vector<double>> plain, encrypted, ratios;
        for (std::size_t round = 0; round < a.rounds; ++round) {
            times first, second;
            const bool swapped = round % 2 == 1;  // neither is always the first
            (swapped ? second : first) = work(a, batches, swapped);
            (swapped ? first : second) = work(a, batches, !swapped);
            for (const auto& [name, seconds] : first) {
                plain[name].push_back(seconds);
                encrypted[name].push_back(second[name]);
                ratios[name].push_back(second[name] / seconds);
            }
        }
        for (const auto& [name, all] : ratios)
            fmt::print("{{\"kind\":\"{}\",\"plain_ms\":{:.3f},\"encrypted_ms\":{:.3f},\"ratio\":{:.3f}}}\n", name,
                       median(plain[name]) * 1e3, median(encrypted[name]) * 1e3, median(all));
        fmt::print("{{\"kind\":\"bytes\",\"plain\":{},\"encrypted\":{}}}\n", bytes_below(a.directory + "/plain"),
                   bytes_below(a.directory + "/encrypted"));
        std::filesystem::remove_all(a.directory);
    } catch (const std::exception& e) {
        fmt::print(stderr, "encryption_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
