// Recall against speed of an index, beside peers in the same run. See --help.
#include "churn.hpp"
#include "curve.hpp"
#include "engine.hpp"
#include "factory.hpp"
#include "inserting.hpp"
#include "memory.hpp"
#include "plot.hpp"
#include "report.hpp"
#include "stopwatch.hpp"
#include "vecs.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/computer.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace vecstore;

struct arguments {
    std::string base, query, truth, metric = "cosine", type = "f32", quantization = "automatic", store, cache, svg,
                                    title;
    std::vector<std::string> indexes, peers;
    std::vector<std::size_t> efs{10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640};
    std::vector<std::size_t> nprobes{1, 2, 4, 8, 16, 32, 64, 128, 256};
    std::vector<double> at;
    std::size_t batch = 1, churn_rounds = 0;
    double inserting_seconds = 0;
    bool rss = false, table = false, recheck = false;
    bench::engine_options engine;
    bench::curve_options curve;
};

/// An engine, and all that is needed to run it.
struct entry {
    std::string name;
    std::unique_ptr<bench::engine> engine;
    bool peer = false;
    bool probes_lists = false;
};

void declare_data(CLI::App& app, arguments& a) {
    app.add_option("--base", a.base, "vectors to index, .fvecs")->required();
    app.add_option("--query", a.query, "query vectors, .fvecs")->required();
    app.add_option("--truth", a.truth, "exact nearest rows of each query, .ivecs")->required();
    app.add_option("--metric", a.metric, "cosine, euclid or dot")->check(CLI::IsMember({"cosine", "euclid", "dot"}));
}

void declare_engines(CLI::App& app, arguments& a) {
    app.add_option("--index", a.indexes, "[store:]hnsw|ivf|flat|auto[/quantization], comma separated; default hnsw")
        ->delimiter(',');
    app.add_option("--quantization", a.quantization, "automatic, none, int8, int4, ... where --index names none");
    app.add_option("--type", a.type, "f32, f16, bf16 or int8: how the store keeps the originals")
        ->check(CLI::IsMember({"f32", "f16", "bf16", "int8"}));
    app.add_option("--store", a.store, "directory for the whole store; without --index it alone is measured");
    app.add_flag("--on-disk", a.engine.on_disk, "the store leaves originals and graph on the disk");
    app.add_option("--peer", a.peers, "hnswlib, faiss, faiss-ivf or faiss-ivf/candidates, comma separated")
        ->delimiter(',');
    app.add_option("--m", a.engine.m, "links of a row")->check(CLI::Range(2, 128));
    app.add_option("--ef-construct", a.engine.ef_construct, "breadth of an insert's walk");
    app.add_option("--lists", a.engine.lists, "lists of an IVF; 0 = chosen from the rows");
    app.add_option("--rescore", a.engine.rescore, "candidates that get exact distances; 0 = the engine's choice");
    app.add_option("--cache", a.cache, "keep built indexes in this directory, and use those that are there");
}

void declare_measurements(CLI::App& app, arguments& a) {
    app.add_option("--k", a.curve.k, "neighbours asked for")->check(CLI::PositiveNumber);
    app.add_option("--threads", a.curve.threads, "threads that build and search")->check(CLI::PositiveNumber);
    app.add_option("--rounds", a.curve.rounds, "turns of each engine at each setting")->check(CLI::PositiveNumber);
    app.add_option("--ef", a.efs, "breadths of the walk, comma separated")->delimiter(',');
    app.add_option("--nprobe", a.nprobes, "lists probed by an IVF, comma separated")->delimiter(',');
    app.add_option("--batch", a.batch, "measure own engines with this many queries at once, too")
        ->check(CLI::PositiveNumber);
    app.add_option("--recall", a.curve.recalls, "ask for these recalls, too, of the engines that can be asked")
        ->delimiter(',');
    app.add_flag(
        "--recheck", a.recheck,
        "ask every other query beforehand and let stores measure their indexes with these; then measure with the rest");
    app.add_option("--at", a.at, "interpolate the speeds at these recalls")->delimiter(',');
    app.add_option("--while-inserting", a.inserting_seconds, "search beside an inserting thread, so many seconds")
        ->check(CLI::PositiveNumber);
    app.add_option("--churn", a.churn_rounds,
                   "only this: so many rounds of replacing a fifth of the rows, beside an index built anew");
    app.add_flag("--rss", a.rss, "measure resident memory beside what the engines say");
    app.add_option("--svg", a.svg, "write the plot to this file");
    app.add_option("--title", a.title, "of the plot");
    app.add_flag("--table", a.table, "tables for people on stderr");
}

void scale_rows(bench::matrix<float>& m) {
    for (std::size_t i = 0; i < m.rows; ++i)
        if (!normalize({m.row(i), m.dim})) throw std::runtime_error("a zero vector under cosine");
}

/// A directory of its own, removed at the end.
class scratch_directory {
public:
    scratch_directory() = default;
    ~scratch_directory() {
        std::error_code ignored;
        if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    [[nodiscard]] const std::string& path() {
        if (!path_.empty()) return path_;
        path_ = (std::filesystem::temp_directory_path() / "ann_bench-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
        return path_;
    }

private:
    std::string path_;
};

const std::string& store_directory(const arguments& a, scratch_directory& scratch) {
    return a.store.empty() ? scratch.path() : a.store;
}

/// For each own engine, in a directory of its own each time.
void churn(const arguments& a, const bench::matrix<float>& base, const bench::matrix<float>& queries,
           scratch_directory& scratch) {
    std::size_t made = 0;
    for (const auto& text : a.indexes.empty() ? std::vector<std::string>{"hnsw/none"} : a.indexes) {
        const auto spec = bench::parse_spec(text, a.quantization);
        const auto make = [&] {
            auto options = a.engine;
            options.directory = store_directory(a, scratch) + "/churn-" + std::to_string(made++);
            return bench::make_own(spec, options);
        };
        const bench::churn_options options{.rounds = a.churn_rounds,
                                           .k = a.curve.k,
                                           .efs = spec.kind == "ivf" ? a.nprobes : a.efs,
                                           .threads = a.curve.threads};
        if (!bench::run_churn(text, make, base, queries, a.engine.metric, options))
            std::fprintf(stderr, "ann_bench: %s cannot replace rows\n", text.c_str());
    }
}

std::vector<entry> make_entries(const arguments& a, const bench::matrix<float>& base, scratch_directory& scratch) {
    auto names = a.indexes;
    if (names.empty()) names.push_back(a.store.empty() ? "hnsw" : "store:hnsw");
    std::vector<entry> entries;
    for (const auto& text : names) {
        const auto spec = bench::parse_spec(text, a.quantization);
        const auto name = std::string(spec.in_store ? "store:" : "") + spec.kind +
                          (spec.quantization == "automatic" ? "" : "/" + spec.quantization);
        auto options = a.engine;
        if (spec.in_store)
            options.directory = store_directory(a, scratch) + "/" + bench::cache_file(name, options, base);
        entries.push_back({name, bench::make_own(spec, options), false, spec.kind == "ivf"});
    }
    for (const auto& name : a.peers)
        entries.push_back({name, bench::make_peer(name, a.engine), true, name.rfind("faiss-ivf", 0) == 0});
    return entries;
}

void build(const arguments& a, const entry& e, const bench::matrix<float>& base) {
    std::string file;
    // A peer's name may carry what only its searches depend on.
    const auto name = e.peer ? e.engine->name() : e.name;
    if (!a.cache.empty()) file = a.cache + "/" + bench::cache_file(name, a.engine, base);
    const bench::stopwatch watch;
    const auto cached = !file.empty() && e.engine->load(file);
    if (!cached) e.engine->build(base, a.curve.threads);
    bench::print_build(e.name, {cached, watch.wall_seconds(), watch.cpu_seconds(), e.engine->bytes_per_vector()});
    if (!cached && !file.empty()) (void)e.engine->save(file);
}

void build_all(const arguments& a, const std::vector<entry>& entries, const bench::matrix<float>& base,
               const bench::matrix<float>& queries) {
    if (!a.cache.empty()) std::filesystem::create_directories(a.cache);
    for (const auto& e : entries) {
        const auto before = a.rss ? bench::resident_now() : bench::resident_bytes{};
        build(a, e, base);
        if (!a.rss) continue;
        bench::run_pass(*e.engine, queries, a.curve.k, e.probes_lists ? a.nprobes.back() : a.efs.back());
        bench::print_memory(e.name, before, bench::resident_now(), static_cast<double>(base.rows),
                            e.engine->bytes_per_vector());
    }
}

std::vector<bench::contender> contenders_of(const arguments& a, const std::vector<entry>& entries) {
    std::vector<bench::contender> all;
    for (const auto& e : entries) {
        const auto& efs = e.probes_lists ? a.nprobes : a.efs;
        all.push_back({e.name, e.engine.get(), efs, 1, e.peer});
        if (a.batch > 1 && !e.peer && e.engine->has_ef())
            all.push_back({e.name + " x" + std::to_string(a.batch), e.engine.get(), efs, a.batch, false});
    }
    return all;
}

void write_plot(const arguments& a, const std::vector<bench::curve>& curves, bool by_cpu) {
    std::vector<bench::plot_series> series;
    for (const auto& c : curves) series.push_back({c.name, bench::points_of(c, by_cpu), c.peer});
    std::ofstream out(a.svg);
    out << bench::svg_plot(a.title.empty() ? std::filesystem::path(a.base).stem().string() : a.title, series);
    if (!out.flush()) throw std::runtime_error("cannot write " + a.svg);
}

/// At the first setting of each own engine that reaches recall 0.95, or else at its last.
void search_while_inserting(const arguments& a, const std::vector<bench::contender>& contenders,
                            const std::vector<bench::curve>& curves, const bench::matrix<float>& base,
                            const bench::matrix<float>& queries) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        if (contenders[i].peer || contenders[i].batch > 1) continue;
        auto ef = contenders[i].efs.back();
        for (auto m = curves[i].points.rbegin(); m != curves[i].points.rend(); ++m)
            if (m->middle().recall >= 0.95) ef = m->at.ef;
        const bench::inserting_options options{.k = a.curve.k, .ef = ef, .seconds = a.inserting_seconds};
        if (!bench::run_while_inserting(contenders[i], base, queries, options))
            std::fprintf(stderr, "ann_bench: %s cannot insert\n", contenders[i].name.c_str());
    }
}

/// Every other row, from `first` on.
template <class T>
bench::matrix<T> every_other(const bench::matrix<T>& m, std::size_t first) {
    bench::matrix<T> half;
    half.dim = m.dim;
    for (std::size_t i = first; i < m.rows; i += 2, ++half.rows)
        half.values.insert(half.values.end(), m.row(i), m.row(i) + m.dim);
    return half;
}

/// What engines learn from queries they learn from one half, and are measured with the other.
void recheck(const arguments& a, const std::vector<entry>& entries, bench::matrix<float>& queries,
             bench::matrix<std::int32_t>& truth) {
    constexpr int passes = 2;
    constexpr double usual_recall = 0.95;
    const auto known = every_other(queries, 0);
    for (const auto& e : entries) {
        if (e.peer || !e.engine->ask_recall(usual_recall)) continue;
        for (int pass = 0; pass < passes; ++pass) bench::run_pass(*e.engine, known, a.curve.k, 0);
        e.engine->ask_recall(0);
        e.engine->settle();
    }
    queries = every_other(queries, 1);
    truth = every_other(truth, 1);
}

void run(arguments& a) {
    auto base = bench::read_fvecs(a.base);
    auto queries = bench::read_fvecs(a.query);
    auto truth = bench::read_ivecs(a.truth);
    if (base.dim != queries.dim) throw std::runtime_error("base and queries have different dimensions");
    if (truth.rows < queries.rows || truth.dim < a.curve.k) throw std::runtime_error("too little truth");
    a.engine.metric = parse_metric(a.metric).value();
    a.engine.type = parse_element_type(a.type).value();
    a.engine.dim = base.dim;
    a.engine.rows = base.rows;
    a.engine.background = !a.recheck;  // which would learn from the other half, too
    if (a.engine.metric == metric::cosine) scale_rows(base), scale_rows(queries);

    scratch_directory scratch;  // outlives the stores in it
    if (a.churn_rounds > 0) return churn(a, base, queries, scratch);
    const auto entries = make_entries(a, base, scratch);
    build_all(a, entries, base, queries);
    if (a.recheck) recheck(a, entries, queries, truth);
    const auto contenders = contenders_of(a, entries);
    const auto curves = bench::run_curves(contenders, queries, truth, a.curve);
    const auto by_cpu = a.curve.threads == 1;
    bench::print_points(curves);
    bench::print_asked(curves, by_cpu);
    bench::print_at(curves, a.at, by_cpu);
    bench::print_batches(curves, a.at, by_cpu);
    if (!a.svg.empty()) write_plot(a, curves, by_cpu);
    if (a.table) bench::print_table(curves, a.at, by_cpu);
    if (a.inserting_seconds > 0) search_while_inserting(a, contenders, curves, base, queries);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Recall against speed of an index, beside peers in the same run; one JSON object a line."};
    arguments a;
    declare_data(app, a);
    declare_engines(app, a);
    declare_measurements(app, a);
    CLI11_PARSE(app, argc, argv);
    try {
        run(a);
    } catch (const bench::unsupported& e) {
        std::fprintf(stderr, "ann_bench: %s\n", e.what());
        return 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "ann_bench: %s\n", e.what());
        return 1;
    }
    return 0;
}
