// Vectors of every kind in one point, and one question to several of them: a dense vector, the words of a text (BM25), a
// sparse vector of the application's own, and a multi-vector, one small vector for each token. The same in JSON.
#include <vecstore/collection/query_json.hpp>
#include <vecstore/payload/format.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace vs = vecstore;

namespace {

struct article {
    std::string title;
    std::vector<float> meaning;                      // what a model makes of the text as a whole
    vs::sparse_value tags;                           // numbers of tags, and how much each matters
    std::vector<std::vector<float>> token_meanings;  // what a late-interaction model makes of each token
};

const std::vector<article> articles = {
    {"Sourdough bread for beginners", {0.9f, 0.1f, 0.0f}, {{1, 7}, {1, 2}}, {{1, 0}, {0.9f, 0.1f}}},
    {"A history of the bread oven", {0.6f, 0.1f, 0.7f}, {{1, 9}, {2, 1}}, {{0.7f, 0.7f}, {1, 0}}},
    {"Tall ships and their sails", {0.0f, 0.9f, 0.4f}, {{9}, {3}}, {{0, 1}, {0.2f, 0.9f}}},
    {"Baking at sea", {0.7f, 0.6f, 0.0f}, {{1, 4}, {1, 1}}, {{0.9f, 0.2f}, {0.1f, 1}}},
};

void print(const char* what, const vs::query_result& found) {
    fmt::print("{}\n", what);
    for (const auto& h : found) fmt::print("    {:.3f}  {}\n", h.score, h.payload["title"]);
}

vs::collection make_articles(vs::database& db) {
    auto docs =
        db.create_collection(
              "articles", {.vectors = {{.name = "meaning", .dim = 3},
                                       // Many vectors to a point: `multi`.
                                       {.name = "tokens", .dim = 2, .multi = true}},
                           // With `bm25` a sparse vector takes texts; without, numbers.
                           .sparse_vectors = {{.name = "words", .bm25 = vs::text::bm25_options{}}, {.name = "tags"}}})
            .value();
    std::vector<vs::point> points;
    for (const auto& a : articles) {
        vs::point p;
        p.id = points.size() + 1;
        p.vectors = {{"meaning", a.meaning}};
        p.sparse = {{"words", vs::bm25(a.title)}, {"tags", a.tags}};
        p.multi = {{"tokens", a.token_meanings}};
        p.payload = {{"title", a.title}};
        points.push_back(p);
    }
    docs.upsert(points).value();
    return docs;
}

vs::query by_words(const std::string& text) {
    vs::query q;
    q.using_vector = "words";
    q.nearest_sparse = vs::bm25(text);
    return q;
}

vs::query by_meaning(const std::vector<float>& vector) {
    vs::query q;
    q.using_vector = "meaning";
    q.nearest = vector;
    return q;
}

}  // namespace

int main() {
    try {
        auto db = vs::database::in_memory().value();
        const auto docs = make_articles(db);

        // One vector at a time. Words are stemmed: "baked" finds "baking". Rare words count more.
        print("words: baked bread", docs.query(by_words("baked bread")).value());
        vs::query tagged;
        tagged.using_vector = "tags";
        tagged.nearest_sparse = {{1, 7}, {1, 1}};
        print("tags: 1 and 7", docs.query(tagged).value());
        // MaxSim: for each of the query's vectors the best of the point's, added up.
        vs::query tokens;
        tokens.using_vector = "tokens";
        tokens.nearest_multi = {{1, 0}, {0, 1}};
        tokens.limit = 2;
        print("tokens: one of each kind", docs.query(tokens).value());

        // Two at once: each prefetch is answered by itself, and rrf makes one list by their ranks, so that scores of
        // different kinds need not be compared. `weights` says which one is trusted more.
        vs::query hybrid;
        hybrid.prefetch = {by_words("baked bread"), by_meaning({0.8f, 0.5f, 0})};
        hybrid.ask = vs::rrf{.k = 10, .weights = {1, 0.5}};
        hybrid.limit = 3;
        const auto fused = docs.query(hybrid).value();
        print("words and meaning, fused", fused);

        // Or one after the other: the cheap one finds candidates, the expensive one orders them.
        tokens.prefetch = {by_meaning({0.8f, 0.5f, 0})};
        tokens.prefetch[0].limit = 3;
        print("tokens, among the nearest by meaning", docs.query(tokens).value());

        // The same question as the fused one, in JSON.
        const auto parsed = vs::parse_query(R"({
            "prefetch": [{"query": {"text": "baked bread", "model": "bm25"}, "using": "words"},
                         {"query": [0.8, 0.5, 0], "using": "meaning"}],
            "query": {"rrf": {"k": 10, "weights": [1, 0.5]}}, "limit": 3, "with_payload": true})")
                                .value();
        const auto again = docs.query(parsed).value();
        print("the same, from JSON", again);
        return again.size() == fused.size() && again[0].id == fused[0].id ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const vs::exception& e) {
        fmt::print("failed: {}\n", e.what());
        return EXIT_FAILURE;
    }
}
