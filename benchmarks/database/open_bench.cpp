// How long opening takes: after a clean close, and after a writer was killed at full speed. One JSON object a line.
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace vecstore;
namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

struct arguments {
    std::string directory = "open_bench.data";
    std::string index = "automatic";
    std::size_t rows = 1'000'000, dim = 128, rounds = 5, kills = 3, queries = 0;
    unsigned threads = 2;
};

double milliseconds_since(clock_type::time_point start) {
    return std::chrono::duration<double, std::milli>(clock_type::now() - start).count();
}

/// Of this process, all its threads.
double cpu_milliseconds() {
    timespec now{};
    (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

/// Points around centres, so that a graph over them is like one over real data.
class point_source {
public:
    explicit point_source(std::size_t dim) : dim_(dim), random_(1) {
        constexpr std::size_t centres = 1'000;
        centres_.resize(centres * dim);
        for (auto& x : centres_) x = normal_(random_);
    }
    std::vector<float> vector() {
        const auto centre = random_() % (centres_.size() / dim_) * dim_;
        std::vector<float> made(dim_);
        for (std::size_t i = 0; i < dim_; ++i) made[i] = centres_[centre + i] + 0.6f * normal_(random_);
        return made;
    }
    std::vector<point> batch(std::uint64_t first, std::size_t count) {
        std::vector<point> made;
        for (std::size_t i = 0; i < count; ++i)
            made.push_back({.id = first + i, .vector = vector(), .payload = {{"n", (first + i) % 100}}});
        return made;
    }

private:
    std::size_t dim_;
    std::mt19937_64 random_;
    std::normal_distribution<float> normal_;
    std::vector<float> centres_;
};

/// True when a former run left the store that is wanted.
bool made_before(const arguments& a) {
    if (!fs::exists(a.directory)) return false;
    const auto db = database::open(a.directory, {.create = false, .read_only = true});
    if (!db) return false;
    const auto points = db->open_collection("points");
    if (!points) return false;
    const auto info = points->info().value();
    return info.points == a.rows && info.rows_indexed == a.rows && info.options.vectors[0].dim == a.dim;
}

void make_store(const arguments& a) {
    fs::remove_all(a.directory);
    point_source source(a.dim);
    auto db = database::open(
                  a.directory,
                  {.background_threads = 0, .build_threads = a.threads, .checkpoint_bytes = std::uint64_t{256} << 20})
                  .value();
    const auto index = parse_index_kind(a.index).value();
    auto points = db.create_collection("points", {.vectors = {{.dim = a.dim, .index = index}}}).value();
    constexpr std::size_t batch = 1'000;
    for (std::size_t first = 0; first < a.rows; first += batch)
        points.upsert(source.batch(first, std::min(batch, a.rows - first)), {durability::async}).value();
    db.optimize().value();
    db.close().value();
}

/// Times of one opening, in milliseconds.
struct opening {
    double open, open_cpu, first, second;
    std::size_t points;
};

opening open_once(const std::string& directory, std::size_t dim, const database_options& options) {
    const query ask{.nearest = point_source(dim).vector(), .limit = 10, .with_payload = false};
    const auto start = clock_type::now();
    const auto cpu = cpu_milliseconds();
    auto db = database::open(directory, options).value();
    opening times{milliseconds_since(start), cpu_milliseconds() - cpu, 0, 0, 0};
    const auto points = db.open_collection("points").value();
    (void)points.query(ask).value();
    times.first = milliseconds_since(start);
    (void)points.query(ask).value();
    times.second = milliseconds_since(start);
    times.points = points.count().value();
    return times;
}

void report(const char* kind, const arguments& a, const std::vector<opening>& all) {
    const auto of = [&](double opening::*member) {
        std::vector<double> values;
        for (const auto& one : all) values.push_back(one.*member);
        return median(values);
    };
    fmt::print(
        "{{\"kind\":\"{}\",\"rows\":{},\"dim\":{},\"rounds\":{},\"open_ms\":{:.1f},\"open_cpu_ms\":{:.1f},"
        "\"first_query_ms\":{:.1f},\"second_query_ms\":{:.1f}}}\n",
        kind, a.rows, a.dim, all.size(), of(&opening::open), of(&opening::open_cpu), of(&opening::first),
        of(&opening::second));
}

void measure_clean(const arguments& a) {
    (void)open_once(a.directory, a.dim, {});  // warms the page cache
    std::vector<opening> all;
    for (std::size_t i = 0; i < a.rounds; ++i) all.push_back(open_once(a.directory, a.dim, {}));
    report("clean", a, all);
}

double thread_microseconds() {
    timespec now{};
    (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

/// What a query costs while blocks are still to be checked: the same questions to a store that was checked at opening
/// and to one where nobody has touched all blocks, by turns. Both have seen the questions before.
void measure_queries(const arguments& a) {
    constexpr std::size_t turns = 15;
    const auto checked = database::open(a.directory, {.read_only = true, .verify = verification::on_open}).value();
    const auto touched = database::open(a.directory, {.read_only = true}).value();
    const std::vector<collection> stores{checked.open_collection("points").value(),
                                         touched.open_collection("points").value()};
    for (const bool exact : {false, true}) {
        std::vector<query> questions;
        point_source source(a.dim);
        for (std::size_t i = 0; i < (exact ? std::max<std::size_t>(1, a.queries / 500) : a.queries); ++i)
            questions.push_back({.nearest = source.vector(), .limit = 10, .with_payload = false, .exact = exact});
        std::vector<std::vector<double>> times(stores.size());
        for (std::size_t turn = 0; turn <= turns; ++turn)
            for (std::size_t s = 0; s < stores.size(); ++s) {
                const auto start = thread_microseconds();
                for (const auto& q : questions) (void)stores[s].query(q).value();
                if (turn > 0)
                    times[s].push_back((thread_microseconds() - start) / static_cast<double>(questions.size()));
            }
        fmt::print(
            "{{\"kind\":\"query\",\"exact\":{},\"checked_us\":{:.2f},\"first_touch_us\":{:.2f},\"unverified_mib\":"
            "{}}}\n",
            exact, median(times[0]), median(times[1]), touched.stats().value().scrub.unverified_bytes >> 20);
    }
}

/// A copy that shares the parts, which do not change.
void copy_store(const std::string& from, const std::string& to) {
    fs::remove_all(to);
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const auto place = fs::path(to) / fs::relative(entry.path(), from);
        if (entry.is_directory())
            fs::create_directories(place);
        else if (place.string().find("/parts/") != std::string::npos)
            fs::create_hard_link(entry.path(), place);
        else
            fs::create_directories(place.parent_path()), fs::copy_file(entry.path(), place);
    }
}

/// Writes as fast as it can until it is killed.
[[noreturn]] void write_forever(const std::string& directory, std::size_t dim, std::uint64_t first) {
    constexpr std::size_t batch = 256, kept = 64;
    point_source source(dim);
    std::vector<std::vector<point>> batches;
    for (std::size_t i = 0; i < kept; ++i) batches.push_back(source.batch(first + i * batch, batch));
    auto db = database::open(directory).value();
    const auto points = db.open_collection("points").value();
    for (std::uint64_t round = 0;; ++round)
        for (auto& one : batches) {
            for (auto& p : one) p.id = first++;
            collection(points).upsert(one, {durability::async}).value();
        }
}

void measure_killed(const arguments& a) {
    const auto copy = a.directory + ".killed";
    for (std::size_t i = 0; i < a.kills; ++i) {
        copy_store(a.directory, copy);
        const auto child = ::fork();
        if (child == 0) write_forever(copy, a.dim, a.rows);
        std::this_thread::sleep_for(std::chrono::milliseconds(4'000 + 1'500 * i));
        (void)::kill(child, SIGKILL);
        (void)::waitpid(child, nullptr, 0);
        std::uintmax_t log = 0;
        for (const auto& entry : fs::directory_iterator(copy + "/wal")) log += entry.file_size();
        const auto times = open_once(copy, a.dim, {});
        fmt::print(
            "{{\"kind\":\"killed\",\"rows\":{},\"dim\":{},\"log_mib\":{},\"open_ms\":{:.1f},\"open_cpu_ms\":"
            "{:.1f},\"first_query_ms\":{:.1f}}}\n",
            times.points, a.dim, log >> 20, times.open, times.open_cpu, times.first);
    }
    fs::remove_all(copy);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Opening a database: after a clean close, after kill -9. One JSON object a line."};
    arguments a;
    app.add_option("--directory", a.directory, "reused when it holds the store wanted, else made; kept");
    app.add_option("--index", a.index)->check(CLI::IsMember({"automatic", "hnsw", "ivf", "flat"}));
    app.add_option("--rows", a.rows)->check(CLI::PositiveNumber);
    app.add_option("--dim", a.dim)->check(CLI::PositiveNumber);
    app.add_option("--rounds", a.rounds, "openings after a clean close; medians are printed");
    app.add_option("--kills", a.kills, "writers that are killed");
    app.add_option("--queries", a.queries, "compares queries of a checked store with those of first touch");
    app.add_option("--threads", a.threads, "that build the index")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    try {
        if (!made_before(a)) make_store(a);
        if (a.rounds > 0) measure_clean(a);
        if (a.queries > 0) measure_queries(a);
        measure_killed(a);
    } catch (const std::exception& e) {
        fmt::print(stderr, "open_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
