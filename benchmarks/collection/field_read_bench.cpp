// Reads by payload with and without payload indexes, of documents that the caller gives: counts by texts, pages in the order of
// a field, facets. Two collections hold the same points, one with indexes; they take turns. One JSON object a line.
#include <vecstore/filter/dsl.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/vecstore.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace vecstore;

struct settings {
    std::string documents, text, keyword, number;
    std::vector<std::string> words;
    std::size_t points = 100'000, rounds = 11;
};

double cpu_seconds() {
    timespec now{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Documents as JSON, one a line.
void load(const settings& of, collection& to) {
    std::ifstream in(of.documents);
    if (!in) throw std::runtime_error("cannot read " + of.documents);
    std::vector<point> batch;
    std::uint64_t id = 0;
    const auto flush = [&] {
        if (!batch.empty()) to.upsert(batch).value();
        batch.clear();
    };
    for (std::string line; id < of.points && std::getline(in, line); ++id) {
        point p{.id = id, .payload = payload::parse_document(line).value()};
        p.vector = {static_cast<float>(id % 97), 1};
        batch.push_back(std::move(p));
        if (batch.size() == 1'000) flush();
    }
    flush();
}

struct question {
    std::string name;
    std::function<std::size_t(const collection&)> ask;  ///< gives how many
};

std::vector<question> questions(const settings& of) {
    std::vector<question> all;
    std::string joined;
    for (const auto& word : of.words) joined += (joined.empty() ? "" : " ") + word;
    const auto count = [](filter::expression e) { return [e](const collection& c) { return c.count(e).value(); }; };
    all.push_back({"text", count(field(of.text).text(of.words.front()))});
    all.push_back({"text, all words", count(field(of.text).text(joined))});
    all.push_back({"text, any word", count(field(of.text).text_any(joined))});
    all.push_back({"phrase", count(field(of.text).phrase(joined))});
    scroll page;
    page.order_by = order_by{.key = of.number, .direction = sort_direction::descending};
    all.push_back({"order_by", [page](const collection& c) { return c.scroll(page).value().records.size(); }});
    all.push_back({"facet", [key = of.keyword](const collection& c) { return c.facet({.key = key}).value().size(); }});
    const facet_query some{.key = of.keyword, .filter = field(of.number) >= 10};
    all.push_back({"facet of some", [some](const collection& c) { return c.facet(some).value().size(); }});
    return all;
}

double median(std::vector<double> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

void run(const settings& of) {
    auto db = database::in_memory({.background_threads = 0}).value();
    const collection_options options{.vectors = {{.dim = 2, .metric = metric::euclid}}};
    auto plain = db.create_collection("plain", options).value();
    auto indexed = db.create_collection("indexed", options).value();
    for (auto* each : {&plain, &indexed}) load(of, *each);
    db.checkpoint().value();
    for (const auto& [path, kind] : {std::pair(of.text, field_kind::text), std::pair(of.keyword, field_kind::keyword),
                                     std::pair(of.number, field_kind::integer)}) {
        const auto start = cpu_seconds();
        indexed.create_field_index(path, {.kind = kind}).value();
        const auto seconds = cpu_seconds() - start;
        for (const auto& known : indexed.info().value().fields)
            if (known.path == path)
                fmt::print("{{\"kind\":\"build\",\"index\":\"{}\",\"points\":{},\"cpu_s\":{:.3f},\"file_bytes\":{}}}\n",
                           to_string(kind), known.points, seconds, known.file_bytes);
    }
    for (const auto& [name, ask] : questions(of)) {
        std::vector<double> times[2];
        std::size_t found[2] = {};
        for (std::size_t round = 0; round < of.rounds; ++round)
            for (const std::size_t turn : {round % 2, 1 - round % 2}) {
                const auto start = cpu_seconds();
                found[turn] = ask(turn == 0 ? plain : indexed);
                times[turn].push_back(cpu_seconds() - start);
            }
        fmt::print(
            "{{\"kind\":\"read\",\"read\":\"{}\",\"plain_ms\":{:.4f},\"indexed_ms\":{:.4f},\"plain_found\":{},"
            "\"indexed_found\":{}}}\n",
            name, 1e3 * median(times[0]), 1e3 * median(times[1]), found[0], found[1]);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Reads by payload, with and without payload indexes; one JSON object a line."};
    settings of;
    app.add_option("--documents", of.documents, "JSON objects, one a line")->required()->check(CLI::ExistingFile);
    app.add_option("--text", of.text, "a field of texts")->required();
    app.add_option("--keyword", of.keyword, "a field of names")->required();
    app.add_option("--number", of.number, "a field of integers")->required();
    app.add_option("--words", of.words, "what texts are asked for")->required();
    app.add_option("--points", of.points)->check(CLI::PositiveNumber);
    app.add_option("--rounds", of.rounds)->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    try {
        run(of);
    } catch (const std::exception& e) {
        fmt::print(stderr, "field_read_bench: {}\n", e.what());
        return 1;
    }
    return 0;
}
