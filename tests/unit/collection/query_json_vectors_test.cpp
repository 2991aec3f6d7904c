#include "support/store.hpp"

#include <vecstore/collection/query_json.hpp>
#include <vecstore/database/database.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace vs = vecstore;

namespace {

std::string message(const std::string& json) {
    const auto parsed = vs::parse_query(json);
    return parsed ? "" : parsed.error().message;
}

/// Three points with a dense vector, a sparse one, a text and a multi-vector.
vs::collection three_points(vs::database& db) {
    vs::collection_options options{{vs::test::vector_of(2), vs::test::vector_of(2, vs::metric::dot, "many")}};
    options.vectors[1].multi = true;
    options.sparse_vectors.push_back({.name = "words"});
    options.sparse_vectors.push_back({.name = "texts", .bm25 = vs::text::bm25_options{}});
    auto docs = db.create_collection("docs", options).value();
    const std::string texts[] = {"a whale in the sea", "whales are blue whales", "bread"};
    for (std::uint32_t i = 0; i < 3; ++i) {
        auto p = vs::test::make_point(i + 1, {static_cast<float>(i), 1});
        p.sparse = {{"words", {{7, 40 + i}, {1.0f + static_cast<float>(i), 1}}}, {"texts", vs::bm25(texts[i])}};
        p.multi = {{"many", {{static_cast<float>(i), 0}, {0, static_cast<float>(2 - i)}}}};
        (void)docs.upsert({p}).value();
    }
    return docs;
}

std::vector<std::uint64_t> ids(const vs::collection& docs, const std::string& json) {
    std::vector<std::uint64_t> found;
    for (const auto& h : docs.query(vs::parse_query(json).value()).value()) found.push_back(h.id.number());
    return found;
}

}  // namespace

TEST_CASE("query json: sparse vectors, texts and multi-vectors are read", "[query_json]") {
    const auto sparse =
        vs::parse_query(R"({"query": {"indices": [4294967295, 0], "values": [1, -0.5]}, "using": "w"})").value();
    CHECK(sparse.nearest_sparse == vs::sparse_value{{4'294'967'295u, 0}, {1, -0.5f}});
    CHECK(sparse.nearest.empty());
    CHECK(vs::parse_query(R"({"query": {"nearest": {"values": [1], "indices": [3]}}})").value().nearest_sparse ==
          vs::sparse_value{{3}, {1}});
    for (const auto* model : {"bm25", "qdrant/bm25"})
        CHECK(vs::parse_query(R"({"query": {"text": "blue whale", "model": ")" + std::string(model) + "\"}}")
                  .value()
                  .nearest_sparse == vs::bm25("blue whale"));
    CHECK(vs::parse_query(R"({"query": [[1, 2], [3, 4]]})").value().nearest_multi ==
          std::vector<std::vector<float>>{{1, 2}, {3, 4}});
    CHECK(vs::parse_query(R"({"query": {"nearest": [[1]]}})").value().nearest_multi ==
          std::vector<std::vector<float>>{{1}});
    const auto tree = vs::parse_query(R"({"prefetch": [{"query": {"text": "a", "model": "bm25"}}, {"query": [[1]]}],
        "query": {"fusion": "rrf"}})")
                          .value();
    CHECK(tree.prefetch.at(0).nearest_sparse == vs::bm25("a"));
    CHECK(tree.prefetch.at(1).nearest_multi.size() == 1);
}

TEST_CASE("query json: mistakes in sparse vectors, texts and multi-vectors are named by their place", "[query_json]") {
    CHECK(message(R"({"query": {"indices": [1]}})") == "query.values: must be a list of numbers");
    CHECK(message(R"({"query": {"indices": 1, "values": [1]}})") == "query.indices: must be a list of numbers");
    CHECK(message(R"({"query": {"indices": [1, 2], "values": [1]}})") ==
          "query.values: must be the same length as indices");
    CHECK(message(R"({"query": {"indices": [1, 1], "values": [1, 2]}})") == "query.indices: must be unique");
    CHECK(message(R"({"query": {"indices": [], "values": []}})") == "query: an empty vector");
    CHECK(message(R"({"query": {"indices": [4294967296], "values": [1]}})") ==
          "query.indices[0]: must be an integer of 32 bits");
    CHECK(message(R"({"query": {"indices": [-1], "values": [1]}})") ==
          "query.indices[0]: must be an integer of 32 bits");
    CHECK(message(R"({"query": {"indices": [1], "values": ["x"]}})") == "query.values[0]: must be a number");
    CHECK(message(R"({"prefetch": [{"query": {"nearest": {"indices": [1], "values": [1e39]}}}], "query": [1]})") ==
          "prefetch[0].query.nearest.values[0]: is beyond the range of f32");
    CHECK(message(R"({"query": {"text": "x"}})") == "query.model: is missing");
    CHECK(message(R"({"query": {"text": 1, "model": "bm25"}})") == "query.text: must be a string");
    CHECK(message(R"({"query": {"text": "", "model": "bm25"}})") == "query.text: must not be empty");
    CHECK(message(R"({"query": {"text": "x", "model": "y"}})") == "query.model: there is no y here, only bm25");
    CHECK(message(R"({"query": [[1, 2], [3]]})") == "query[1]: 1 numbers, but the first has 2");
    CHECK(message(R"({"query": [[1], 2]})") == "query[1]: must be a list of numbers");
    CHECK(message(R"({"query": [[1], []]})") == "query[1]: an empty vector");
    CHECK(message(R"({"query": [[1, true]]})") == "query[0][1]: must be a number");
}

TEST_CASE("query json: a collection answers sparse, text and multi-vector queries", "[query_json]") {
    auto db = vs::database::in_memory(vs::test::quiet()).value();
    const auto docs = three_points(db);
    CHECK(ids(docs, R"({"query": {"indices": [7], "values": [1]}, "using": "words", "limit": 2})") ==
          std::vector<std::uint64_t>{3, 2});
    CHECK(ids(docs, R"({"query": {"indices": [41], "values": [1]}, "using": "words"})") ==
          std::vector<std::uint64_t>{2});
    CHECK(ids(docs, R"({"query": {"text": "Blue whales!", "model": "bm25"}, "using": "texts"})") ==
          std::vector<std::uint64_t>{2, 1});
    CHECK(ids(docs, R"({"query": [[0, 1]], "using": "many", "limit": 1})") == std::vector<std::uint64_t>{1});
    CHECK(ids(docs, R"({"prefetch": [{"query": {"text": "whale", "model": "qdrant/bm25"}, "using": "texts"}],
        "query": [2, 1]})") == std::vector<std::uint64_t>{2, 1});
    // A vector of another kind than the one that is searched.
    for (const auto* json :
         {R"({"query": {"indices": [7], "values": [1]}})", R"({"query": [[1, 0]], "using": "words"})",
          R"({"query": {"text": "x", "model": "bm25"}, "using": "words"})", R"({"query": [1, 0], "using": "many"})"})
        CHECK(vs::test::code_of(docs.query(vs::parse_query(json).value())) == vs::errc::invalid_argument);
}
