// Questions to a folder of notes: retrieval for a language model, all of it on this machine.
//
//     rag index ~/notes                        reads .md, .txt and .rst files below ~/notes into ./rag.data
//     rag ask "how do I rotate the keys?"      prints the best passages with their sources, as a model's prompt
//     rag ask "..." --path guide/ --since 2026-01-31 --top 3
//     rag index ~/notes                        again, later: only what has changed is read
//     rag evaluate                             measures the search on the sample of examples/data
//
// How it works, and where to look:
//   source_files, chunker   files are cut into passages at headings, paragraphs and sentences
//   corpus_embedder         vectors of passages, learnt from the passages (lsa: meaning, spelling: letters); or, with
//                           --embeddings URL --model NAME, http_embedder: those of a model on a server
//   store                   the collections: each passage has a dense vector and a BM25 vector, payload and payload indexes
//   indexer                 what has changed since the last time; each file is written in one step
//   search                  both vectors are asked, and rrf makes one list of the two
//   evaluate                is that any better than each alone?
#include "evaluate.hpp"
#include "indexer.hpp"
#include "search.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace vs = vecstore;

namespace {

struct arguments {
    std::string store = "rag.data";
    std::string folder;
    rag::index_options index;
    rag::question question;
    rag::evaluate_options evaluate;
};

void index(const arguments& given) {
    auto store = rag::store::open(given.store, false).value();
    const auto report = rag::index_folder(store, given.folder, given.index).value();
    for (const auto& file : report.left_out) fmt::print("left out: {}\n", file);
    fmt::print("{} files added, {} changed, {} unchanged, {} removed; {} passages written\n", report.added,
               report.changed, report.unchanged, report.removed, report.passages);
    if (!report.advice.empty()) fmt::print("advice: {}; --relearn would take that in\n", report.advice);
    store.database().close().value();
}

void ask(const arguments& given) {
    const auto store = rag::store::open(given.store, true).value();
    auto current = store.current(given.index.embedding).value();
    const auto found = rag::search(current, given.question).value();
    if (found.empty())
        fmt::print("no passage matches\n");
    else
        fmt::print("{}", rag::prompt_of(given.question, found));
}

/// Fails when hybrid search finds less than one of its halves.
bool evaluate(const arguments& given) {
    const auto measured = rag::evaluate(given.evaluate).value();
    fmt::print("{} entries of WordNet, {} held-out sentences; is the entry among the first ten?\n", measured.entries,
               measured.questions);
    const auto row = [](const char* what, double share) { fmt::print("  {:<46}{:.3f}\n", what, share); };
    row("BM25", measured.keywords);
    row("built-in embedder (LSA and spelling)", measured.built_in);
    row("hybrid of these (rrf)", measured.hybrid);
    row("sentence embeddings (all-MiniLM-L6-v2)", measured.sentences);
    row("hybrid of BM25 and these (rrf)", measured.sentence_hybrid);
    return measured.hybrid >= std::max(measured.keywords, measured.built_in) &&
           measured.sentence_hybrid >= std::max(measured.keywords, measured.sentences);
}

void describe(CLI::App& app, arguments& given) {
    app.require_subcommand(1);
    const auto embedding = [&](CLI::App* to) {
        to->add_option("--store", given.store, "directory of the store")->capture_default_str();
        to->add_option("--embeddings", given.index.embedding.url,
                       "OpenAI-compatible server, such as http://localhost:8080/v1; OPENAI_API_KEY is sent if set");
        to->add_option("--model", given.index.embedding.model, "model that the server is to use");
    };
    auto* const to_index = app.add_subcommand("index", "bring the store up to date with a folder");
    to_index->add_option("folder", given.folder, "folder of .md, .txt and .rst files")->required();
    to_index->add_flag("--relearn", given.index.relearn, "make all vectors anew");
    embedding(to_index);
    auto* const to_ask = app.add_subcommand("ask", "print the best passages for a question");
    to_ask->add_option("question", given.question.text, "in words")->required();
    to_ask->add_option("--path", given.question.path, "beginning of the path, or a pattern: 'guide/*.md'");
    to_ask->add_option("--since", given.question.since, "files modified then or later: 2026-01-31");
    to_ask->add_option("--top", given.question.limit, "passages")->capture_default_str()->check(CLI::Range(1, 1'000));
    embedding(to_ask);
    auto* const to_evaluate = app.add_subcommand("evaluate", "measure the search on the shipped sample");
    to_evaluate->add_option("--sample", given.evaluate.folder,
                            "folder of another sample, made by cmake/pack_sample.py");
    to_evaluate->add_option("--meaning", given.evaluate.corpus.meaning, "what LSA counts beside the spelling, 0 to 1")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    to_evaluate->add_option("--k", given.evaluate.fusion.k, "of rrf")->capture_default_str();
    to_evaluate->add_option("--dense", given.evaluate.fusion.dense_weight, "weight of dense hits; BM25's is 1")
        ->capture_default_str();
    to_evaluate->add_option("--depth", given.evaluate.fusion.depth, "hits of each list")->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Questions to a folder of notes, answered with its passages");
    arguments given;
    describe(app, given);
    CLI11_PARSE(app, argc, argv);
    if (const char* key = std::getenv("OPENAI_API_KEY")) given.index.embedding.api_key = key;
    try {
        if (app.got_subcommand("index")) index(given);
        if (app.got_subcommand("ask")) ask(given);
        if (app.got_subcommand("evaluate") && !evaluate(given)) return EXIT_FAILURE;
        return EXIT_SUCCESS;
    } catch (const vs::exception& e) {
        fmt::print(stderr, "rag: {}\n", e.what());
        return EXIT_FAILURE;
    }
}
