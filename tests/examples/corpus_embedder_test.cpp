#include <catch2/catch.hpp>
#include <rag/corpus_embedder.hpp>
#include <rag/spelling.hpp>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace vs = vecstore;

namespace {

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Sentences about two subjects, in which words of one subject come together.
std::vector<std::string> two_subjects() {
    return {"the ship sailed over the sea",  "a sailor and his ship on the sea",
            "the sailor likes the wide sea", "bread is baked in the oven",
            "the baker bakes bread",         "dough becomes bread in the oven",
            "the sea carried the ship home", "an oven for the baker and dough",
            "a harbour for ship and sailor"};
}

struct learnt {
    vs::database db = vs::database::in_memory().value();
    std::unique_ptr<rag::corpus_embedder> embedder;

    explicit learnt(const std::vector<std::string>& texts, double meaning = 1, std::size_t dim = 2) {
        auto learner = rag::corpus_learner::create().value();
        for (const auto& text : texts) learner.add(text);
        embedder =
            rag::corpus_embedder::open(learner.save(db, "words", {.lsa = {.dim = dim}, .meaning = meaning}).value())
                .value();
    }
    std::vector<float> operator()(const std::string& text) const {
        const std::string texts[] = {text};
        return embedder->embed(texts, rag::text_kind::passage).value().at(0);
    }
};

}  // namespace

TEST_CASE("lsa: singular vectors of a matrix that is known", "[rag]") {
    // Two groups of words that never meet: two directions, and no third.
    const std::vector<vs::sparse_vector> texts = {
        {{1, 2}, {1, 1}}, {{1, 2}, {1, 1}}, {{7, 9}, {1, 1}}, {{7, 9}, {1, 1}}};
    const auto basis = rag::learn_lsa(texts, {.dim = 3, .singular_value_power = 0});
    REQUIRE(basis.words == std::vector<std::uint32_t>{1, 2, 7, 9});
    CHECK(basis.texts == 4);
    CHECK(basis.left_out == 0);
    const auto at = [&](std::size_t word, std::size_t d) { return static_cast<double>(basis.rows[word * 3 + d]); };
    double within = 0, across = 0;
    for (std::size_t d = 0; d < 2; ++d) {
        within += at(0, d) * at(1, d);
        across += at(0, d) * at(2, d);
    }
    CHECK(within == Approx(0.5).margin(1e-4));
    CHECK(across == Approx(0).margin(1e-4));
    for (std::size_t word = 0; word < 4; ++word) CHECK(at(word, 2) == 0);
    CHECK(rag::name_of(basis) == rag::name_of(rag::learn_lsa(texts, {.dim = 3, .singular_value_power = 0})));
    CHECK(rag::name_of(basis) != rag::name_of(rag::learn_lsa(texts, {.dim = 2})));
}

TEST_CASE("lsa: no texts, no words", "[rag]") {
    CHECK(rag::learn_lsa({}, {}).words.empty());
    const std::vector<vs::sparse_vector> texts = {{{1}, {1}}, {{2}, {1}}, {}};
    const auto basis = rag::learn_lsa(texts, {});
    CHECK(basis.words.empty());
    CHECK(basis.left_out == 1);
}

TEST_CASE("spelling: words that are spelled alike are near", "[rag]") {
    const auto word = rag::spelling_of("plagiarise");
    CHECK(dot(word, word) == Approx(1));
    CHECK(dot(word, rag::spelling_of("plagiarized")) > 0.5);
    CHECK(std::abs(dot(word, rag::spelling_of("mountain"))) < 0.25);
    CHECK(dot(rag::spelling_of("a"), rag::spelling_of("a")) == Approx(1));
}

TEST_CASE("corpus embedder: words that come together mean alike", "[rag]") {
    const learnt embed(two_subjects());
    CHECK(dot(embed("sailor"), embed("sea")) > dot(embed("sailor"), embed("bread")) + 0.3);
    CHECK(dot(embed("baker"), embed("oven")) > dot(embed("baker"), embed("ship")) + 0.3);
    CHECK(embed("zeppelin").empty());  // meaning alone, and nothing is known of it
    CHECK(embed.embedder->dim() == 2 + rag::spelling_dim);
}

TEST_CASE("corpus embedder: unknown words have a spelling, and are counted", "[rag]") {
    const learnt embed(two_subjects(), 0.5);
    CHECK(embed.embedder->news() == 0);
    const auto slip = embed("saillor");
    REQUIRE(slip.size() == embed.embedder->dim());
    CHECK(dot(slip, embed("sailor")) > dot(slip, embed("bread")) + 0.2);
    CHECK(embed("").empty());
    CHECK(embed("the of and").empty());
    CHECK(embed.embedder->news() > 0);
}

TEST_CASE("corpus embedder: opened again it gives the same vectors", "[rag]") {
    const learnt embed(two_subjects(), 0.5);
    const auto before = embed("a ship in the oven");
    const auto again = rag::corpus_embedder::open(embed.db.open_collection("words").value()).value();
    const std::string texts[] = {"bread", "a ship in the oven"};
    CHECK(again->embed(texts, rag::text_kind::question).value()[1] == before);
    CHECK(again->model() == embed.embedder->model());
    CHECK(again->model().substr(0, 4) == "lsa-");
    CHECK(again->learnt_from() == two_subjects().size());
}
