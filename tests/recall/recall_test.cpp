// Recall gates on the shipped sample: what a user asks for is what a user gets.
#include <vecstore/payload/json.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <common/sample.hpp>

#include <algorithm>
#include <vector>

namespace vs = vecstore;

namespace {

constexpr std::size_t k = 10;

const sample::data& shipped() {
    static const auto data = sample::load(sample::default_folder()).value();
    return data;
}

/// The sample in a store in memory, indexed, with one numeric field to filter on.
vs::collection indexed() {
    static const auto words = [] {
        auto db = vs::database::in_memory({.background_threads = 0}).value();
        auto made = db.create_collection("words", {.vectors = {{.dim = shipped().vectors.dim}}}).value();
        std::vector<vs::point> points;
        for (std::size_t i = 0; i < shipped().vectors.rows; ++i)
            points.push_back({.id = i,
                              .vector = shipped().vectors.row(i),
                              .payload = vs::payload::parse_document(shipped().payloads[i]).value()});
        for (std::size_t first = 0; first < points.size(); first += 2'000)
            made.upsert(std::span(points).subspan(first, std::min<std::size_t>(2'000, points.size() - first))).value();
        db.optimize().value();
        return made;
    }();
    return words;
}

double recall_of(vs::query q) {
    const auto words = indexed();
    q.with_payload = false;
    q.limit = k;
    std::size_t found = 0, wanted = 0;
    for (std::size_t i = 0; i < shipped().query_vectors.rows; ++i) {
        q.nearest = shipped().query_vectors.row(i);
        q.exact = false;
        const auto answer = words.query(q).value();
        q.exact = true;
        const auto truth = words.query(q).value();
        REQUIRE(answer.size() == truth.size());
        for (const auto& t : truth)
            found += std::any_of(answer.begin(), answer.end(), [&](const auto& h) { return h.id == t.id; });
        wanted += truth.size();
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace

// 162 queries of 10: the measured share of an exact 0.95 has a standard error of about 0.01.
TEST_CASE("recall: a query gets the recall it asks for, plain and filtered", "[recall]") {
    using vs::field;
    CHECK(recall_of({}) >= 0.95);
    CHECK(recall_of({.recall = 0.99}) >= 0.98);
    CHECK(recall_of({.filter = field("pos") == "noun"}) >= 0.95);
    CHECK(recall_of({.filter = field("pos") == "verb" && field("word_count") <= 8}) >= 0.95);
    CHECK(recall_of({.filter = field("domain") == "noun.food"}) >= 0.95);
}

TEST_CASE("recall: a wider walk finds at least as much, up to all of it", "[recall]") {
    const auto narrow = recall_of({.ef = 20}), wide = recall_of({.ef = 400});
    CHECK(narrow >= 0.85);
    CHECK(wide >= narrow);
    CHECK(wide >= 0.99);
}
