// Sparse vectors of texts rank documents as the formula of BM25 does, computed from the words themselves.
#include <vecstore/core/random.hpp>
#include <vecstore/index/sparse.hpp>
#include <vecstore/text/bm25.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace vs = vecstore;

namespace {

using words = std::vector<std::string>;

words words_of(const std::string& text) {
    std::istringstream in(text);
    words all;
    for (std::string word; in >> word;) all.push_back(word);
    return all;
}

/// Robertson & Zaragoza 2009, equation 3.15, with 1 added inside the logarithm.
std::vector<double> plain_scores(const std::vector<std::string>& documents, const std::string& query, double k1,
                                 double b, double average) {
    std::map<std::string, double> containing;
    std::vector<std::map<std::string, double>> counts;
    std::vector<double> lengths;
    for (const auto& document : documents) {
        auto& count = counts.emplace_back();
        const auto all = words_of(document);
        for (const auto& word : all) ++count[word];
        for (const auto& [word, times] : count) ++containing[word];
        lengths.push_back(static_cast<double>(all.size()));
    }
    const auto asked_words = words_of(query);
    const std::set<std::string> asked(asked_words.begin(), asked_words.end());
    std::vector<double> scores;
    for (std::size_t i = 0; i < documents.size(); ++i) {
        double score = 0;
        for (const auto& word : asked) {
            const auto tf = counts[i].count(word) > 0 ? counts[i][word] : 0;
            if (tf == 0) continue;
            const auto df = containing[word];
            const auto idf = std::log((static_cast<double>(documents.size()) - df + 0.5) / (df + 0.5) + 1);
            score += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * lengths[i] / average));
        }
        scores.push_back(score);
    }
    return scores;
}

/// Frequent and rare words, as in a language.
std::string random_text(vs::random_source& random, std::size_t words_most) {
    std::string text;
    for (auto left = 1 + random.below(words_most); left > 0; --left) {
        const auto share = random.unit();
        text += "w" + std::to_string(static_cast<int>(share * share * share * 200)) + " ";
    }
    return text;
}

}  // namespace

TEST_CASE("bm25: ranks as a plain computation from words does", "[text][property]") {
    vs::random_source random(3);
    for (int round = 0; round < 20; ++round) {
        const double k1 = random.unit() * 2, b = random.unit(), average = 5 + random.unit() * 20;
        vs::text::bm25_options options;
        options.analyzer = {};
        options.k1 = k1;
        options.b = b;
        options.average_length = average;
        const auto encoder = vs::text::bm25_encoder::create(options).value();
        std::vector<std::string> documents;
        std::vector<vs::sparse_vector> rows;
        for (int i = 0; i < 400; ++i) rows.push_back(encoder.document(documents.emplace_back(random_text(random, 30))));
        const auto count = static_cast<vs::row_id>(rows.size());
        const auto arrays = vs::index::build_sparse(count, [&](vs::row_id row) -> vs::index::sparse_view {
                                return {rows[row].indices, rows[row].values};
                            }).value();
        const auto lists = vs::index::sparse_lists::open(arrays.sections(), count).value();
        for (int i = 0; i < 10; ++i) {
            const auto text = random_text(random, 6);
            const auto plain = plain_scores(documents, text, k1, b, average);
            auto query = encoder.query(text);
            for (std::size_t j = 0; j < query.indices.size(); ++j)
                query.values[j] *=
                    static_cast<float>(vs::index::inverse_document_frequency(count, lists.frequency(query.indices[j])));
            vs::index::sparse_cost cost;
            const auto found = lists.search({query.indices, query.values}, 20, {}, {}, cost);
            std::vector<double> best;
            std::copy_if(plain.begin(), plain.end(), std::back_inserter(best), [](double s) { return s > 0; });
            std::sort(best.rbegin(), best.rend());
            REQUIRE(found.size() == std::min<std::size_t>(20, best.size()));
            for (std::size_t j = 0; j < found.size(); ++j) {
                CHECK(-found[j].distance == Approx(plain[found[j].row]).epsilon(1e-5));
                CHECK(plain[found[j].row] == Approx(best[j]).epsilon(1e-5));
            }
        }
    }
}
