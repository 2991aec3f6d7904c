// Recall against speed of one index, beside peers in the same run. See --help.
#include "curve.hpp"
#include "engine.hpp"
#include "vecs.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/distance/computer.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace vecstore;

struct arguments {
    std::string base, query, truth, metric = "cosine", index = "hnsw", quantization = "none", store;
    std::vector<std::string> peers;
    bench::engine_options engine;
    bench::curve_options curve;
};

/// An option that is known, but that this build cannot do.
struct unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void declare(CLI::App& app, arguments& a) {
    app.add_option("--base", a.base, "vectors to index, .fvecs")->required();
    app.add_option("--query", a.query, "query vectors, .fvecs")->required();
    app.add_option("--truth", a.truth, "exact nearest rows of each query, .ivecs")->required();
    app.add_option("--metric", a.metric, "cosine, euclid or dot")->check(CLI::IsMember({"cosine", "euclid", "dot"}));
    app.add_option("--index", a.index, "flat, hnsw, ivf or auto")
        ->check(CLI::IsMember({"flat", "hnsw", "ivf", "auto"}));
    app.add_option("--m", a.engine.m, "links of a row")->check(CLI::Range(2, 128));
    app.add_option("--ef-construct", a.engine.ef_construct, "breadth of an insert's walk");
    app.add_option("--quantization", a.quantization, "none, int8, int4, binary or pq")
        ->check(CLI::IsMember({"none", "int8", "int4", "binary", "pq"}));
    app.add_option("--k", a.curve.k, "neighbours asked for")->check(CLI::PositiveNumber);
    app.add_option("--threads", a.curve.threads, "threads that build and search")->check(CLI::PositiveNumber);
    app.add_option("--rounds", a.curve.rounds, "turns of each engine at each ef")->check(CLI::PositiveNumber);
    app.add_option("--peer", a.peers, "hnswlib or faiss; may be given twice")
        ->check(CLI::IsMember({"hnswlib", "faiss"}));
    app.add_option("--ef", a.curve.efs, "breadths of the walk, comma separated")->delimiter(',');
    app.add_option("--store", a.store, "measure the whole store in this directory");
    a.curve.efs = {10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640};
}

std::unique_ptr<bench::engine> make_own(const arguments& a) {
    if (a.quantization != "none") throw unsupported("--quantization " + a.quantization + " is not there yet");
    if (!a.store.empty()) {
#if defined(VECSTORE_COMPILED) && defined(VECSTORE_BENCH_STORE)
        return bench::make_store(a.engine);
#else
        throw unsupported("--store: this program was built without the store");
#endif
    }
    if (a.index == "flat") return bench::make_flat(a.engine);
    if (a.index == "hnsw") return bench::make_hnsw(a.engine);
    throw unsupported("--index " + a.index + " is not there yet");
}

std::unique_ptr<bench::engine> make_peer(const std::string& name, const bench::engine_options& options) {
    if (name == "hnswlib") return bench::make_hnswlib(options);
#ifdef VECSTORE_BENCH_FAISS
    if (name == "faiss") return bench::make_faiss(options);
#endif
    throw unsupported("--peer " + name + ": this program was built without it");
}

void scale_rows(bench::matrix<float>& m) {
    for (std::size_t i = 0; i < m.rows; ++i)
        if (!normalize({m.row(i), m.dim})) throw std::runtime_error("a zero vector under cosine");
}

void run(arguments& a) {
    auto base = bench::read_fvecs(a.base);
    auto queries = bench::read_fvecs(a.query);
    const auto truth = bench::read_ivecs(a.truth);
    if (base.dim != queries.dim) throw std::runtime_error("base and queries have different dimensions");
    if (truth.rows < queries.rows || truth.dim < a.curve.k) throw std::runtime_error("too little truth");
    a.engine.metric = parse_metric(a.metric).value();
    a.engine.dim = base.dim;
    a.engine.rows = base.rows;
    a.engine.directory = a.store;
    if (a.engine.metric == metric::cosine) scale_rows(base), scale_rows(queries);

    std::vector<std::unique_ptr<bench::engine>> engines;
    engines.push_back(make_own(a));
    for (const auto& peer : a.peers) engines.push_back(make_peer(peer, a.engine));
    for (const auto& e : engines) bench::build_and_report(*e, base, a.curve.threads);
    bench::run_curve(engines, queries, truth, a.curve);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Recall against speed of an index, beside peers in the same run; one JSON object a line."};
    arguments a;
    declare(app, a);
    CLI11_PARSE(app, argc, argv);
    try {
        run(a);
    } catch (const unsupported& e) {
        std::fprintf(stderr, "ann_bench: %s\n", e.what());
        return 2;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "ann_bench: %s\n", e.what());
        return 1;
    }
    return 0;
}
