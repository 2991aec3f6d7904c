// Sparse vectors through the public functions: written, read, searched, kept.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/changes.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::collection_options with_sparse(vs::sparse_modifier modifier = vs::sparse_modifier::none) {
    vs::collection_options options{{vector_of(2)}};
    options.sparse_vectors = {{.name = "words", .modifier = modifier}, {.name = "other"}};
    return options;
}

vs::point sparse_point(vs::point_id id, vs::sparse_value value, vs::payload::document payload = {}) {
    auto p = make_point(id, {}, std::move(payload));
    p.sparse.push_back({"words", std::move(value)});
    return p;
}

vs::query asking(vs::sparse_value value, std::size_t limit = 10, vs::filter::expression filter = {}) {
    vs::query q;
    q.nearest_sparse = std::move(value);
    q.using_vector = "words";
    q.limit = limit;
    q.filter = std::move(filter);
    return q;
}

vs::sparse_value random_value(vs::random_source& random, std::size_t most) {
    std::map<std::uint32_t, float> values;
    for (auto left = random.below(most + 1); left > 0; --left) {
        const auto share = random.unit();
        values[static_cast<std::uint32_t>(share * share * 60) * 1'000'003] =
            static_cast<float>(random.below(9)) * 0.5f - 1;
    }
    vs::sparse_value made;
    for (const auto& [at, value] : values) {
        made.indices.push_back(at);
        made.values.push_back(value);
    }
    return made;
}

/// What a collection should hold, and answer.
class mirror {
public:
    std::map<std::uint64_t, vs::sparse_value> rows;

    [[nodiscard]] std::vector<std::pair<float, std::uint64_t>> best(const vs::query& q, bool idf, bool even) const {
        std::vector<float> weights = q.nearest_sparse.values;
        for (std::size_t i = 0; idf && i < weights.size(); ++i) {
            std::size_t with = 0;
            for (const auto& [id, row] : rows) with += value_of(row, q.nearest_sparse.indices[i]) != nullptr;
            const auto n = static_cast<double>(with), all = static_cast<double>(rows.size());
            weights[i] = static_cast<float>(double{weights[i]} * std::log((all - n + 0.5) / (n + 0.5) + 1));
        }
        std::vector<std::pair<float, std::uint64_t>> found;
        for (const auto& [id, row] : rows) {
            double sum = 0;
            bool shared = false;
            for (std::size_t i = 0; i < weights.size(); ++i)
                if (const auto* value = value_of(row, q.nearest_sparse.indices[i]); value != nullptr) {
                    sum += double{weights[i]} * double{*value};
                    shared = true;
                }
            if (shared && (!even || id % 2 == 0)) found.emplace_back(static_cast<float>(sum), id);
        }
        std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
        found.resize(std::min(found.size(), q.limit));
        return found;
    }
    [[nodiscard]] static const float* value_of(const vs::sparse_value& row, std::uint32_t index) {
        const auto at = std::lower_bound(row.indices.begin(), row.indices.end(), index);
        if (at == row.indices.end() || *at != index) return nullptr;
        return &row.values[static_cast<std::size_t>(at - row.indices.begin())];
    }
};

void check_answers(const vs::collection& docs, const mirror& wanted, bool idf, std::uint64_t seed) {
    vs::random_source random(seed);
    for (int i = 0; i < 12; ++i) {
        const bool even = i % 3 == 0;
        auto q = asking(random_value(random, 6), 1 + random.below(15));
        if (even) q.filter = vs::field("even") == true;
        q.with_vectors = {"words"};
        const auto expected = wanted.best(q, idf, even);
        const auto found = docs.query(q).value();
        REQUIRE(found.size() == expected.size());
        for (std::size_t j = 0; j < found.size(); ++j) {
            CHECK(found[j].score == expected[j].first);
            const auto id = found[j].id.number();
            REQUIRE(wanted.rows.contains(id));
            CHECK(found[j].sparse == std::vector<vs::named_sparse_vector>{{"words", wanted.rows.at(id)}});
            CHECK((!even || id % 2 == 0));
        }
    }
    const auto count = docs.count().value();
    CHECK(count == wanted.rows.size());
}

}  // namespace

TEST_CASE("sparse vectors: are stored ascending, zeros and empty ones too, and replaced with the point", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_sparse()).value();
    auto p = sparse_point(1, {{9, 2, 5}, {1, 0, -3}});
    p.vector = {1, 2};
    REQUIRE(docs.upsert({p, sparse_point(2, {}), make_point(3, {5, 5})}));
    auto r = docs.get(1, true, true).value();
    CHECK(r.vector == std::vector<float>{1, 2});
    CHECK(r.sparse == std::vector<vs::named_sparse_vector>{{"words", {{2, 5, 9}, {0, -3, 1}}}});
    CHECK(docs.get(2, true, true).value().sparse == std::vector<vs::named_sparse_vector>{{"words", {}}});
    CHECK(docs.get(3, true, true).value().sparse.empty());
    CHECK(docs.get(1, true, {"other"}).value().sparse.empty());
    CHECK(docs.get(1).value().sparse.empty());
    CHECK(code_of(docs.get(1, true, {"none"})) == errc::not_found);
    REQUIRE(docs.upsert({sparse_point(1, {{4}, {1}})}));
    r = docs.get(1, true, true).value();
    CHECK(r.vector.empty());
    CHECK(r.sparse == std::vector<vs::named_sparse_vector>{{"words", {{4}, {1}}}});
    CHECK(docs.query(asking({{2}, {1}})).value().empty());
    const auto now = docs.verify_state().value();
    CHECK(docs.info().value().state_hash == now);
}

TEST_CASE("sparse vectors: searches equal a plain computation, wherever rows lie", "[database]") {
    const bool idf = GENERATE(false, true);
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs =
        db.create_collection("docs", with_sparse(idf ? vs::sparse_modifier::idf : vs::sparse_modifier::none)).value();
    mirror wanted;
    vs::random_source random(7);
    const auto write = [&](std::uint64_t first, std::uint64_t count) {
        std::vector<vs::point> points;
        for (auto id = first; id < first + count; ++id) {
            wanted.rows[id] = random_value(random, 8);
            points.push_back(sparse_point(id, wanted.rows[id], {{"even", id % 2 == 0}}));
        }
        REQUIRE(docs.upsert(points));
    };
    const auto erase = [&](std::uint64_t id) {
        REQUIRE(docs.erase({id}));
        wanted.rows.erase(id);
    };
    write(0, 300);  // all in the memtable
    check_answers(docs, wanted, idf, 1);
    db.checkpoint().value();  // a part that is scanned
    write(200, 50);           // some of it dead
    erase(10);
    check_answers(docs, wanted, idf, 2);
    write(300, 1'500);
    db.optimize().value();  // one part with lists
    CHECK(docs.info().value().rows_in_lists == wanted.rows.size());
    check_answers(docs, wanted, idf, 3);
    write(100, 400);
    for (std::uint64_t id = 1'000; id < 1'100; ++id) erase(id);
    check_answers(docs, wanted, idf, 4);  // lists with dead rows, and a memtable
    db.checkpoint().value();
    write(1'700, 20);
    db.close().value();
    db = disk.open().value();  // parts, and what the log has
    docs = db.open_collection("docs").value();
    check_answers(docs, wanted, idf, 5);
    db.optimize().value();
    check_answers(docs, wanted, idf, 6);
    const auto now = docs.verify_state().value();
    CHECK(docs.info().value().state_hash == now);
}

TEST_CASE("sparse vectors: thresholds, ranges, offsets and filters by id", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_sparse()).value();
    std::vector<vs::point> points;
    for (std::uint64_t id = 0; id < 10; ++id)
        points.push_back(sparse_point(id, {{1, 2}, {static_cast<float>(id), 1}}, {{"n", id}}));
    points.push_back(sparse_point(99, {{3}, {100}}));
    REQUIRE(docs.upsert(points));
    const auto ids = [&](const vs::query& q) {
        std::vector<std::uint64_t> found;
        const auto answer = docs.query(q).value();
        for (const auto& h : answer) found.push_back(h.id.number());
        return found;
    };
    using list = std::vector<std::uint64_t>;
    auto q = asking({{1}, {1}}, 3);
    CHECK(ids(q) == list{9, 8, 7});
    q.offset = 2;
    CHECK(ids(q) == list{7, 6, 5});
    q.offset = 0;
    q.limit = 10;
    q.score_threshold = 7.0f;
    CHECK(ids(q) == list{9, 8});
    q.score_threshold = {};
    q.within = 7.0f;
    CHECK(ids(q) == list{9, 8, 7});
    q.within = {};
    q.filter = vs::has_id({3, 5, 99, 1'000, 5});
    CHECK(ids(q) == list{5, 3});  // 99 shares no index
    q.filter = vs::has_vector("words");
    CHECK(ids(q).size() == 10);
    q.filter = vs::has_vector("other");
    CHECK(ids(q).empty());
    q.filter = vs::field("n") < 2;
    CHECK(ids(q) == list{1, 0});  // the score of 0 is zero
    CHECK(docs.query_batch({{q, asking({{3}, {-1}})}}).value()[1][0].score == -100);
    CHECK(ids(asking({})).empty());
    CHECK(ids(asking({{77}, {1}})).empty());
}

TEST_CASE("sparse vectors: what is wrong is refused with its place", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_sparse()).value();
    const auto refusal = [&](vs::sparse_value value) { return docs.upsert({sparse_point(1, value)}).error().message; };
    CHECK(refusal({{1, 2, 1}, {1, 1, 1}}) ==
          "points[0] (id 1): sparse \"words\": index 1 is given twice: indices must be unique");
    CHECK(refusal({{1, 2}, {1}}) ==
          "points[0] (id 1): sparse \"words\": 1 values for 2 indices: must be the same length as indices");
    CHECK(refusal({{1}, {std::numeric_limits<float>::infinity()}}) ==
          "points[0] (id 1): sparse \"words\": values[0] is not finite (inf)");
    CHECK(refusal(vs::bm25("a text")) ==
          "points[0] (id 1): sparse \"words\": a text is given, and the vector has no bm25 options");
    auto twice = sparse_point(1, {});
    twice.sparse.push_back({"words", {}});
    CHECK(docs.upsert({twice}).error().message == "points[0] (id 1): sparse \"words\": given twice");
    auto unknown = make_point(1, {});
    unknown.sparse.push_back({"none", {}});
    CHECK(docs.upsert({unknown}).error().message == "points[0] (id 1): no sparse vector \"none\" in this collection");
    CHECK(docs.query(asking({{1, 1}, {1, 1}})).error().message ==
          "nearest_sparse: index 1 is given twice: indices must be unique");
    auto dense = asking({{1}, {1}});
    dense.using_vector = "";
    CHECK(docs.query(dense).error().message == "nearest_sparse: the vector \"\" is not sparse");
    auto both = asking({{1}, {1}});
    both.nearest = {1, 2};
    CHECK(docs.query(both).error().message == "the vector \"words\" is searched with nearest_sparse");
    CHECK(docs.count().value() == 0);

    const auto options = [&](const vs::collection_options& o) { return vs::validate(o).error().message; };
    auto o = with_sparse();
    o.sparse_vectors[1].name = "words";
    CHECK(options(o) == "sparse_vectors[1].name \"words\" is given twice");
    o.sparse_vectors[1].name = "";
    CHECK(options(o) == "sparse_vectors[1].name is empty");
    o = {{vector_of(2, vs::metric::dot, "words")}};
    o.sparse_vectors = {{.name = "words"}};
    CHECK(options(o) == "sparse_vectors[0].name \"words\" is that of a dense vector, too");
    o = {};
    o.sparse_vectors = {{.name = "w", .bm25 = vs::text::bm25_options{.b = 2}}};
    CHECK(options(o) == "sparse_vectors[0].bm25.b = 2.000000 is not in 0.000000 to 1.000000");
}

TEST_CASE("sparse vectors: texts are searched by BM25, with options that a reopened store knows", "[database]") {
    const memory_disk disk;
    vs::collection_options options;
    options.sparse_vectors = {{.name = "words", .bm25 = vs::text::bm25_options{.average_length = 6}}};
    options.sparse_vectors[0].bm25->analyzer.stop_words = {"please"};
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", options).value();
        REQUIRE(docs.upsert({sparse_point(1, vs::bm25("The cats were running in the garden")),
                             sparse_point(2, vs::bm25("A dog runs")), sparse_point(3, vs::bm25("please the of")),
                             sparse_point(4, vs::bm25("Gardens, gardens, gardens and a garden"))}));
    }
    auto db = disk.open().value();
    const auto docs = db.open_collection("docs").value();
    CHECK(docs.info().value().options == options);
    const auto ids = [&](const std::string& text) {
        std::vector<std::uint64_t> found;
        const auto answer = docs.query(asking(vs::bm25(text))).value();
        for (const auto& h : answer) found.push_back(h.id.number());
        return found;
    };
    using list = std::vector<std::uint64_t>;
    CHECK(ids("run, cat!") == list{1, 2});
    CHECK(ids("garden") == list{4, 1});
    CHECK(ids("please").empty());
    CHECK(ids("").empty());
    // N = 4 points have the vector, "garden" is in two of them, four times among four words in point 4.
    const auto score = docs.query(asking(vs::bm25("garden"), 1)).value()[0].score;
    CHECK(score == Approx(std::log((4 - 2 + 0.5) / (2 + 0.5) + 1) * 4 * 2.2 / (4 + 1.2 * (0.25 + 0.75 * 4 / 6))));
    auto both = asking(vs::bm25("garden"));
    both.nearest_sparse.indices = {1};
    both.nearest_sparse.values = {1};
    CHECK(docs.query(both).error().message == "nearest_sparse: both numbers and a text are given");
}

TEST_CASE("sparse vectors: the change feed gives them as they are stored", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", with_sparse()).value();
    REQUIRE(docs.upsert({sparse_point(1, {{9, 2}, {1, 0.5f}})}));
    auto feed = db.changes().value();
    std::vector<vs::change> all;
    while (auto found = feed.next().value()) all.push_back(*std::move(found));
    REQUIRE(all.size() == 2);
    CHECK(all[0].options == with_sparse());
    REQUIRE(all[1].points.size() == 1);
    CHECK(all[1].points[0].sparse == std::vector<vs::named_sparse_vector>{{"words", {{2, 9}, {0.5f, 1}}}});
}

TEST_CASE("sparse vectors: are updated and erased by themselves, and others stay", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto options = with_sparse();
    auto tokens = vector_of(2, vs::metric::dot, "tokens");
    tokens.multi = true;
    options.vectors.push_back(tokens);
    auto docs = db.create_collection("docs", options).value();
    auto p = sparse_point(1, {{1}, {1}}, {{"n", 1}});
    p.vector = {1, 2};
    p.multi = {{"tokens", {{1, 2}, {3, 4}}}};
    REQUIRE(docs.upsert({p}));
    const auto now = [&] { return docs.get(1, true, true).value(); };
    for (const bool stored : {false, true}) {
        if (stored) db.checkpoint().value();
        vs::point_vectors sparse{.id = 1};
        sparse.sparse = {{"words", {{9, 3}, {1, 2}}}, {"other", {{4}, {stored ? 1.0f : 2.0f}}}};
        REQUIRE(docs.update_vectors({sparse}));
        CHECK(now().sparse == std::vector<vs::named_sparse_vector>{{"words", {{3, 9}, {2, 1}}},
                                                                   {"other", {{4}, {stored ? 1.0f : 2.0f}}}});
        CHECK(now().multi == p.multi);
        CHECK(now().vector == p.vector);
        vs::point_vectors multi{.id = 1};
        multi.multi = {{"tokens", {{7, 8}}}};
        REQUIRE(docs.update_vectors({multi}));
        CHECK(now().multi == multi.multi);
        CHECK(now().sparse.size() == 2);
        REQUIRE(docs.update_vectors({vs::point_vectors{.id = 1, .multi = p.multi}}));
    }
    CHECK(docs.erase_vectors({1}, {"words", "tokens"}).value().points == 1);
    CHECK(now().multi.empty());
    CHECK(now().sparse == std::vector<vs::named_sparse_vector>{{"other", {{4}, {1}}}});
    CHECK(now().vector == p.vector);
    CHECK(docs.query(asking({{9}, {1}})).value().empty());
    (void)docs.verify_state().value();
}

TEST_CASE("sparse vectors: go with dense ones in trees of queries", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_sparse(vs::sparse_modifier::idf)).value();
    std::vector<vs::point> points;
    for (std::uint64_t id = 0; id < 20; ++id) {
        auto p = sparse_point(id, {{static_cast<std::uint32_t>(id % 5), 9}, {1 + static_cast<float>(id), 1}});
        p.vector = {static_cast<float>(id), 0};
        points.push_back(p);
    }
    REQUIRE(docs.upsert(points));
    vs::query both;
    auto sparse = asking({{3}, {1}}, 3);
    both.prefetch = {nearest_to({0, 0}, 3), sparse};
    both.ask = vs::rrf{};
    both.limit = 20;
    const auto fused = docs.query(both).value();
    std::vector<std::uint64_t> ids;
    for (const auto& h : fused) ids.push_back(h.id.number());
    std::sort(ids.begin(), ids.end());
    CHECK(ids == std::vector<std::uint64_t>{0, 1, 2, 8, 13, 18});

    auto rescored = asking({{3}, {1}});
    rescored.prefetch = {nearest_to({8, 0}, 7)};  // 5 to 11: of these, 8 has index 3
    const auto found = docs.query(rescored).value();
    REQUIRE(found.size() == 1);
    CHECK(found[0].id == vs::point_id(8));
    CHECK(found[0].score == docs.query(asking({{3}, {1}}, 3)).value()[2].score);

    vs::query example;
    example.ask = vs::nearest_to_point{3};
    example.using_vector = "words";
    CHECK(docs.query(example).error().message == "the vector \"words\" is sparse");
    auto diverse = asking({{3}, {1}});
    diverse.mmr = vs::mmr{};
    CHECK(docs.query(diverse).error().message == "mmr: not for sparse vectors and multi-vectors");
}
