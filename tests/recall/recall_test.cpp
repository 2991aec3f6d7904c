// Recall gates on the shipped sample: what a user asks for is what a user gets.
#include <vecstore/payload/json.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <common/sample.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace vs = vecstore;

namespace {

constexpr std::size_t k = 10;

const sample::data& shipped() {
    static const auto data = sample::load(sample::default_folder()).value();
    return data;
}

/// Every 32nd row is no point but a query, so that queries come from where the data comes from.
constexpr std::size_t query_every = 32;

/// The sample in a store in memory, indexed, with one numeric field to filter on.
vs::collection indexed(vs::index_kind kind, vs::quantization_kind quantization) {
    static std::map<std::pair<vs::index_kind, vs::quantization_kind>, vs::collection> made;
    if (const auto found = made.find({kind, quantization}); found != made.end()) return found->second;
    auto db = vs::database::in_memory({.background_threads = 0}).value();
    auto words =
        db.create_collection("words",
                             {.vectors = {{.dim = shipped().vectors.dim, .index = kind, .quantization = quantization}}})
            .value();
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < shipped().vectors.rows; ++i)
        if (i % query_every != 0)
            points.push_back({.id = i,
                              .vector = shipped().vectors.row(i),
                              .payload = vs::payload::parse_document(shipped().payloads[i]).value()});
    for (std::size_t first = 0; first < points.size(); first += 2'000)
        words.upsert(std::span(points).subspan(first, std::min<std::size_t>(2'000, points.size() - first))).value();
    db.optimize().value();
    made.emplace(std::pair(kind, quantization), words);
    return words;
}

std::vector<std::vector<float>> held_out() {
    std::vector<std::vector<float>> rows;
    for (std::size_t i = 0; i < shipped().vectors.rows; i += query_every) rows.push_back(shipped().vectors.row(i));
    return rows;
}
/// Sentences; the points are words with their glosses, so these lie apart from them.
std::vector<std::vector<float>> sentences() {
    std::vector<std::vector<float>> rows;
    for (std::size_t i = 0; i < shipped().query_vectors.rows; ++i) rows.push_back(shipped().query_vectors.row(i));
    return rows;
}

double recall_of(const vs::collection& words, const std::vector<std::vector<float>>& queries, vs::query q) {
    q.with_payload = false;
    q.limit = k;
    std::size_t found = 0, wanted = 0;
    for (const auto& vector : queries) {
        q.nearest = vector;
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

/// The same, all queries in one batch.
double recall_of_batch(const vs::collection& words, const std::vector<std::vector<float>>& queries, double asked) {
    std::vector<vs::query> batch;
    for (const auto& vector : queries)
        batch.push_back({.nearest = vector, .limit = k, .with_payload = false, .recall = asked});
    const auto answers = words.query_batch(batch).value();
    std::size_t found = 0, wanted = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i].exact = true;
        const auto truth = words.query(batch[i]).value();
        for (const auto& t : truth)
            found += std::any_of(answers[i].begin(), answers[i].end(), [&](const auto& h) { return h.id == t.id; });
        wanted += truth.size();
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace

// 313 queries, calibrated with at most 1,000: the difference of two such means has a standard error of about 0.007.
TEST_CASE("recall: every kind of index gives the recall that is asked for", "[recall]") {
    using vs::index_kind;
    using vs::quantization_kind;
    const std::pair<index_kind, quantization_kind> all[] = {
        {index_kind::hnsw, quantization_kind::automatic}, {index_kind::hnsw, quantization_kind::none},
        {index_kind::hnsw, quantization_kind::int4},      {index_kind::ivf, quantization_kind::automatic},
        {index_kind::ivf, quantization_kind::none},       {index_kind::automatic, quantization_kind::automatic}};
    for (const auto& [kind, quantization] : all) {
        const auto words = indexed(kind, quantization);
        for (const double asked : {0.90, 0.95, 0.99}) {
            const auto recall = recall_of(words, held_out(), {.recall = asked});
            INFO(to_string(kind) << " " << to_string(quantization) << " asked " << asked);
            CHECK(recall >= asked - 0.015);
            CHECK(recall <= asked + 0.05);
            // Which may be more: what is cheapest for a batch may be to look at everything.
            CHECK(recall_of_batch(words, held_out(), asked) >= asked - 0.015);
        }
        using vs::field;
        CHECK(recall_of(words, held_out(), {.filter = field("pos") == "noun"}) >= 0.93);
        CHECK(recall_of(words, held_out(), {.filter = field("domain") == "noun.food"}) >= 0.93);
        CHECK(recall_of(words, held_out(), {.recall = 1}) == 1);
    }
}

TEST_CASE("recall: a batch of queries that come from elsewhere gets what it asks for", "[recall]") {
    for (const auto kind : {vs::index_kind::hnsw, vs::index_kind::automatic}) {
        const auto words = indexed(kind, vs::quantization_kind::automatic);
        for (int pass = 0; pass < 6; ++pass) (void)recall_of_batch(words, sentences(), 0.95);
        for (const double asked : {0.90, 0.95, 0.99}) CHECK(recall_of_batch(words, sentences(), asked) >= asked - 0.02);
    }
}

// Queries from elsewhere are harder than rows. How far they lie is learnt from them. The standard error of a
// mean over 162 is about 0.01.
TEST_CASE("recall: queries that come from elsewhere get what they ask for, once some have come", "[recall]") {
    for (const auto kind : {vs::index_kind::hnsw, vs::index_kind::ivf}) {
        const auto words = indexed(kind, vs::quantization_kind::automatic);
        // Rows were asked for before, in the same stores: they are forgotten by and by.
        for (int pass = 0; pass < 6; ++pass) (void)recall_of(words, sentences(), {});
        for (const double asked : {0.90, 0.95, 0.99}) {
            const auto recall = recall_of(words, sentences(), {.recall = asked});
            INFO(to_string(kind) << " asked " << asked);
            CHECK(recall >= asked - 0.02);
            CHECK(recall <= asked + 0.05);
        }
        CHECK(recall_of(words, sentences(), {.recall = 1}) == 1);
    }
}

TEST_CASE("recall: a wider walk finds at least as much, up to all of it", "[recall]") {
    const auto words = indexed(vs::index_kind::hnsw, vs::quantization_kind::automatic);
    const auto narrow = recall_of(words, sentences(), {.ef = 20}), wide = recall_of(words, sentences(), {.ef = 400});
    CHECK(narrow >= 0.85);
    CHECK(wide >= narrow);
    CHECK(wide >= 0.99);
}
