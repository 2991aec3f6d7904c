// Exact search of sparse vectors: documents as BM25 vectors, the ten best for each query, one thread, one part. One JSON
// object a line. Each line of --documents is an object with "gloss" and "lemma" (a list): a document is "lemmas: gloss";
// with --split each gloss and each list of lemmas is a document of its own. Each line of --queries has "text".
#include <vecstore/index/sparse.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/text/bm25.hpp>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace vecstore;

struct arguments {
    std::string documents, queries;
    bool split = false;
    std::size_t count = 100'000, k = 10, rounds = 5, checked = 50;
};

double cpu_seconds() {
    timespec now{};
    (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<payload::document> read_lines(const std::string& path) {
    std::vector<payload::document> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines.push_back(payload::parse_document(line).value());
    return lines;
}

std::vector<std::string> read_documents(const arguments& a) {
    std::vector<std::string> glosses, lemmas;
    for (const auto& line : read_lines(a.documents)) {
        std::string names;
        if (const auto* list = line["lemma"].if_array(); list != nullptr)
            for (const auto& name : *list) names += (names.empty() ? "" : ", ") + std::string(name.string_or(""));
        const std::string gloss(line["gloss"].string_or(""));
        glosses.push_back(a.split ? gloss : names + ": " + gloss);
        lemmas.push_back(names);
    }
    if (a.split) glosses.insert(glosses.end(), lemmas.begin(), lemmas.end());
    if (glosses.size() > a.count) glosses.resize(a.count);
    return glosses;
}

index::sparse_view view_of(const sparse_vector& v) { return {v.indices, v.values}; }

void apply_idf(sparse_vector& query, const index::sparse_lists& lists) {
    for (std::size_t i = 0; i < query.indices.size(); ++i)
        query.values[i] = static_cast<float>(
            query.values[i] * index::inverse_document_frequency(lists.size(), lists.frequency(query.indices[i])));
}

std::vector<neighbor> scan(const std::vector<sparse_vector>& rows, const sparse_vector& query, std::size_t k) {
    top_k<neighbor> nearest(k);
    for (std::size_t row = 0; row < rows.size(); ++row)
        if (const auto score = index::sparse_dot(view_of(query), view_of(rows[row])))
            nearest.push({-*score, static_cast<row_id>(row)});
    return nearest.take_sorted();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

int run(const arguments& a) {
    const auto texts = read_documents(a);
    const auto encoder = text::bm25_encoder::create({.average_length = 8}).value();
    auto start = cpu_seconds();
    std::vector<sparse_vector> rows;
    std::size_t values = 0;
    for (const auto& text : texts) values += rows.emplace_back(encoder.document(text)).indices.size();
    const auto encode_seconds = cpu_seconds() - start;
    start = cpu_seconds();
    const auto arrays =
        index::build_sparse(static_cast<row_id>(rows.size()), [&](row_id row) { return view_of(rows[row]); }).value();
    const auto build_seconds = cpu_seconds() - start;
    const auto s = arrays.sections();
    const auto lists = index::sparse_lists::open(s, static_cast<row_id>(rows.size())).value();
    const auto bytes = s.terms.size() + s.starts.size() + s.blocks.size() + s.rows.size() + s.values.size();

    std::vector<std::string> asked;
    for (const auto& line : read_lines(a.queries)) asked.emplace_back(line["text"].string_or(""));
    std::vector<sparse_vector> queries;
    std::vector<double> encode_rates, search_rates;
    std::size_t found = 0;
    index::sparse_cost cost;
    for (std::size_t round = 0; round < a.rounds; ++round) {
        queries.clear();
        start = cpu_seconds();
        for (const auto& text : asked) apply_idf(queries.emplace_back(encoder.query(text)), lists);
        encode_rates.push_back(static_cast<double>(asked.size()) / (cpu_seconds() - start));
        cost = {};
        start = cpu_seconds();
        for (const auto& query : queries) found += lists.search(view_of(query), a.k, {}, {}, cost).size();
        search_rates.push_back(static_cast<double>(queries.size()) / (cpu_seconds() - start));
    }
    std::size_t wrong = 0;
    const auto checked = std::min(a.checked, queries.size());
    start = cpu_seconds();
    std::vector<std::vector<neighbor>> truth;
    for (std::size_t i = 0; i < checked; ++i) truth.push_back(scan(rows, queries[i], a.k));
    const auto scan_seconds = cpu_seconds() - start;
    for (std::size_t i = 0; i < checked; ++i) wrong += lists.search(view_of(queries[i]), a.k, {}, {}, cost) != truth[i];
    const auto per_query = [&](std::size_t n) { return static_cast<double>(n) / static_cast<double>(queries.size()); };
    fmt::print(
        "{{\"kind\":\"sparse\",\"documents\":{},\"values\":{},\"bytes\":{},\"encode_s\":{:.2f},\"build_s\":{:.2f},"
        "\"queries\":{},\"k\":{},\"qps\":{:.0f},\"encode_qps\":{:.0f},\"scan_qps\":{:.0f},\"rows_scored\":{:.1f},"
        "\"postings\":{:.1f},\"found\":{:.2f},\"checked\":{},\"wrong\":{}}}\n",
        rows.size(), values, bytes, encode_seconds, build_seconds, queries.size(), a.k, median(search_rates),
        median(encode_rates), static_cast<double>(checked) / scan_seconds, per_query(cost.rows_scored),
        per_query(cost.postings), per_query(found) / static_cast<double>(a.rounds), checked, wrong);
    return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    arguments a;
    CLI::App app{"sparse search, exact, one thread"};
    app.add_option("--documents", a.documents, "lines of JSON")->required();
    app.add_option("--queries", a.queries, "lines of JSON")->required();
    app.add_flag("--split", a.split, "glosses and lists of lemmas are documents of their own");
    app.add_option("--count", a.count, "documents at most");
    app.add_option("--k", a.k);
    app.add_option("--rounds", a.rounds);
    app.add_option("--checked", a.checked, "queries held against a scan");
    CLI11_PARSE(app, argc, argv);
    return run(a);
}
