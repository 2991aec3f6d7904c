// Search in 10,000 dictionary entries by meaning: loads the sample into a store on disk, asks it held-out sentences,
// plain and with filters, measures what it found against an exact search, and then kills a writing process to show that
// nothing is lost. usage: word_search [WORD ...]     with words: also shows the entries nearest to each of them
#include "common/sample.hpp"
#include "crash_proof.hpp"

#include <vecstore/payload/format.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace vs = vecstore;
using clock_type = std::chrono::steady_clock;

namespace {

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// A bar that redraws itself on a terminal, and is written once, full, elsewhere.
void show_bar(const char* what, std::size_t done, std::size_t total) {
    constexpr std::size_t width = 30;
    static const bool terminal = isatty(STDOUT_FILENO) != 0;
    if (!terminal && done < total) return;
    const auto filled = total == 0 ? 0 : done * width / total;
    fmt::print("{}  {:<9}[{:#<{}}{:.<{}}]", terminal ? "\r" : "", what, "", filled, "", width - filled);
    std::fflush(stdout);
}

std::string lemmas(const vs::payload::document& payload) {
    std::string text;
    if (const auto* words = payload["lemma"].if_array())
        for (const auto& word : *words) text += (text.empty() ? "" : ", ") + std::string(word.string_or(""));
    return text;
}

std::string shortened(std::string text, std::size_t width) {
    if (text.size() > width) text = text.substr(0, width - 3) + "...";
    return text;
}

void print_hits(const vs::query_result& found) {
    for (const auto& h : found)
        fmt::print("    {:.3f}  {:<28} {:<5} {}\n", h.score, shortened(lemmas(h.payload), 28), h.payload["pos"],
                   shortened(std::string(h.payload["gloss"].string_or("")), 58));
}

void load(vs::collection& words, const sample::data& data) {
    constexpr std::size_t batch = 500;
    const auto start = clock_type::now();
    for (std::size_t row = 0; row < data.vectors.rows; row += batch) {
        std::vector<vs::point> points;
        for (auto i = row; i < std::min(row + batch, data.vectors.rows); ++i)
            points.push_back({.id = i,
                              .vector = data.vectors.row(i),
                              .payload = vs::payload::parse_document(data.payloads[i]).value()});
        words.upsert(points).value();
        show_bar("loading", row + batch, data.vectors.rows);
    }
    const auto seconds = seconds_since(start);
    fmt::print(" {:.1f} s, {:.0f} points/s, each batch synced to the disk\n", seconds,
               static_cast<double>(data.vectors.rows) / seconds);
}

void build_graph(vs::database& db) {
    const auto start = clock_type::now();
    db.optimize([](const vs::progress& p) {
          if (p.done < p.total) show_bar("indexing", p.done, p.total);
          return true;
      }).value();
    show_bar("indexing", 1, 1);
    fmt::print(" {:.1f} s, graph and lists, measured, one thread; from now on reopening is instant\n", seconds_since(start));
}

/// Asks all held-out sentences twice, as a user would and exactly, and compares.
void measure(const vs::collection& words, const sample::data& data, const char* name,
             const vs::filter::expression& filter) {
    constexpr std::size_t k = 10;
    const auto run = [&](bool exact, double& seconds) {
        std::vector<std::vector<vs::point_id>> answers;
        const auto start = clock_type::now();
        for (std::size_t q = 0; q < data.query_vectors.rows; ++q) {
            const auto found =
                words.query({.nearest = data.query_vectors.row(q), .filter = filter, .limit = k, .exact = exact})
                    .value();
            auto& ids = answers.emplace_back();
            for (const auto& h : found) ids.push_back(h.id);
        }
        seconds = seconds_since(start);
        return answers;
    };
    double seconds = 0, exact_seconds = 0;
    const auto answers = run(false, seconds);
    const auto truth = run(true, exact_seconds);
    std::size_t right = 0, wanted = 0, sources = 0;
    for (std::size_t q = 0; q < truth.size(); ++q) {
        const auto in = [](const auto& ids, const vs::point_id& id) {
            return std::find(ids.begin(), ids.end(), id) != ids.end();
        };
        for (const auto& id : truth[q]) right += in(answers[q], id);
        wanted += truth[q].size();
        sources += in(answers[q], vs::point_id(data.queries[q].source_row));
    }
    const auto n = static_cast<double>(truth.size());
    fmt::print("  {:<38} recall@10 {:.3f}   {:>6.0f} queries/s (exact: {:>5.0f})\n", name,
               static_cast<double>(right) / static_cast<double>(wanted), n / seconds, n / exact_seconds);
    if (filter.empty()) fmt::print("  {:<38} {} of {}\n", "its own entry in the top 10", sources, truth.size());
}

/// Resident memory of this process in MiB: that of its own, and pages of mapped files.
void print_memory(const vs::collection& words) {
    std::ifstream status("/proc/self/status");
    double own = 0, mapped = 0;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssAnon:")) own = std::stod(line.substr(8)) / 1024;
        if (line.starts_with("RssFile:")) mapped = std::stod(line.substr(8)) / 1024;
    }
    const auto info = words.info().value();
    fmt::print("  memory: {:.0f} MiB own + {:.0f} MiB of mapped files; vectors and graph on disk: {:.0f} MiB\n", own,
               mapped, static_cast<double>(info.mapped_bytes) / (1 << 20));
}

/// The entries nearest to an entry that has this word.
void print_nearest_to(const vs::collection& words, const std::string& word) {
    using vs::field;
    const auto page = words.scroll({.limit = 1, .filter = field("lemma[]") == word, .with_vectors = true}).value();
    if (page.records.empty()) {
        fmt::print("\n  \"{}\" is not among the entries of the sample\n", word);
        return;
    }
    fmt::print("\n  near \"{}\"\n", word);
    print_hits(words.query({.nearest = page.records[0].vector, .limit = 5}).value());
}

int run(const std::string& program, const std::vector<std::string>& wanted) {
    const std::string directory = "word_search.data";
    std::filesystem::remove_all(directory);
    auto data = sample::load(sample::default_folder()).value();
    fmt::print("{} entries of WordNet, {}-d sentence embeddings, in ./{}\n", data.vectors.rows, data.vectors.dim,
               directory);
    {
        auto db = vs::database::open(directory).value();
        auto words =
            db.create_collection("words", {.vectors = {{.dim = data.vectors.dim, .metric = vs::metric::cosine}}})
                .value();
        load(words, data);
        build_graph(db);
        db.close().value();
    }
    data.vectors = {};
    data.payloads = {};

    const auto start = clock_type::now();
    auto db = vs::database::open(directory).value();
    auto words = db.open_collection("words").value();
    fmt::print("  reopened in {:.0f} ms\n", seconds_since(start) * 1e3);

    using vs::field;
    const std::size_t shown = 2;
    fmt::print("\n  \"{}\"\n", data.queries[shown].text);
    print_hits(words.query({.nearest = data.query_vectors.row(shown), .limit = 3}).value());
    fmt::print("  the same, where pos == \"verb\" && word_count <= 8\n");
    print_hits(words
                   .query({.nearest = data.query_vectors.row(shown),
                           .filter = field("pos") == "verb" && field("word_count") <= 8,
                           .limit = 3})
                   .value());
    for (const auto& word : wanted) print_nearest_to(words, word);

    fmt::print("\n  {} held-out sentences, .recall = 0.95 asked\n", data.queries.size());
    measure(words, data, "all entries", {});
    measure(words, data, "where pos == \"noun\"", field("pos") == "noun");
    measure(words, data, "where domain == \"noun.food\"", field("domain") == "noun.food");
    print_memory(words);
    db.close().value();

    fmt::print("\n");
    return word_search::prove(program, "crash_proof.data");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        if (arguments.size() == 2 && arguments[0] == "--write-until-killed")
            return word_search::write_until_killed(arguments[1]);
        return run("/proc/self/exe", arguments);
    } catch (const std::exception& e) {
        fmt::print(stderr, "word_search: {}\n", e.what());
        return 1;
    }
}
