// Multi-vectors through the public functions.
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

using vectors = std::vector<std::vector<float>>;

vs::collection_options with_multi(vs::metric m, vs::element_type type = vs::element_type::f32) {
    auto tokens = vector_of(3, m, "tokens");
    tokens.multi = true;
    tokens.type = type;
    return {{vector_of(2), tokens}};
}

vs::point multi_point(vs::point_id id, vectors values, vs::payload::document payload = {}) {
    auto p = make_point(id, {}, std::move(payload));
    p.multi.push_back({"tokens", std::move(values)});
    return p;
}

vectors some_vectors(vs::random_source& random, std::size_t most) {
    vectors all;
    for (auto left = 1 + random.below(most); left > 0; --left) {
        auto v = random_vector(random, 3);
        for (auto& x : v) x = std::round(x * 20) + 25;
        all.push_back(v);
    }
    return all;
}

double similarity(vs::metric m, const std::vector<float>& a, const std::vector<float>& b) {
    double dot = 0, aa = 0, bb = 0, squares = 0, sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double x = a[i], y = b[i];
        dot += x * y;
        aa += x * x;
        bb += y * y;
        squares += (x - y) * (x - y);
        sum += std::abs(x - y);
    }
    switch (m) {
        case vs::metric::cosine: return dot / std::sqrt(aa * bb);
        case vs::metric::dot: return dot;
        case vs::metric::euclid: return -squares;
        default: return -sum;
    }
}

double max_sim(vs::metric m, const vectors& query, const vectors& row) {
    double sum = 0;
    for (const auto& q : query) {
        double best = similarity(m, q, row[0]);
        for (const auto& v : row) best = std::max(best, similarity(m, q, v));
        sum += best;
    }
    if (m == vs::metric::euclid) return std::sqrt(-sum);
    return m == vs::metric::manhattan ? -sum : sum;
}

vs::query asking(vectors values, std::size_t limit = 10, vs::filter::expression filter = {}) {
    vs::query q;
    q.nearest_multi = std::move(values);
    q.using_vector = "tokens";
    q.limit = limit;
    q.filter = std::move(filter);
    return q;
}

}  // namespace

TEST_CASE("multi-vectors: searches equal a plain computation of MaxSim, wherever rows lie", "[database]") {
    const auto m = GENERATE(vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan);
    const auto type = GENERATE(vs::element_type::f32, vs::element_type::int8);
    INFO(to_string(m) << " " << to_string(type));
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", with_multi(m, type)).value();
    std::map<std::uint64_t, vectors> rows;
    vs::random_source random(3);
    const auto write = [&](std::uint64_t first, std::uint64_t count) {
        std::vector<vs::point> points;
        for (auto id = first; id < first + count; ++id) {
            rows[id] = some_vectors(random, 4);
            points.push_back(multi_point(id, rows[id], {{"even", id % 2 == 0}}));
        }
        REQUIRE(docs.upsert(points));
    };
    const auto check = [&] {
        for (int i = 0; i < 6; ++i) {
            const bool even = i % 2 == 0;
            const auto query = some_vectors(random, 3);
            std::vector<double> expected;
            for (const auto& [id, row] : rows)
                if (!even || id % 2 == 0) expected.push_back(max_sim(m, query, row));
            std::sort(expected.begin(), expected.end());
            if (vs::larger_is_better(m)) std::reverse(expected.begin(), expected.end());
            auto q = asking(query, 7);
            if (even) q.filter = vs::field("even") == true;
            const auto found = docs.query(q).value();
            REQUIRE(found.size() == std::min<std::size_t>(7, expected.size()));
            for (std::size_t j = 0; j < found.size(); ++j) {
                CHECK(double{found[j].score} == Approx(expected[j]).epsilon(1e-5));
                CHECK(double{found[j].score} == Approx(max_sim(m, query, rows.at(found[j].id.number()))).epsilon(1e-5));
            }
        }
    };
    write(0, 60);
    check();
    db.checkpoint().value();
    write(50, 30);
    REQUIRE(docs.erase({3, 70}));
    rows.erase(3);
    rows.erase(70);
    check();
    db.optimize().value();
    db.close().value();
    db = disk.open().value();
    docs = db.open_collection("docs").value();
    check();
    const auto now = docs.verify_state().value();
    CHECK(docs.info().value().state_hash == now);
}

TEST_CASE("multi-vectors: are read back as they are stored, beside other vectors", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_multi(vs::metric::cosine)).value();
    auto p = multi_point(1, {{0, 3, 0}, {2, 0, 0}});
    p.vector = {1, 2};
    REQUIRE(docs.upsert({p, make_point(2, {5, 5})}));
    for (int i = 0; i < 2; ++i) {
        const auto r = docs.get(1, true, true).value();
        CHECK(r.vector == std::vector<float>{1, 2});
        CHECK(r.multi == std::vector<vs::named_multi_vector>{{"tokens", {{0, 1, 0}, {1, 0, 0}}}});
        CHECK(r.vectors.empty());
        CHECK(docs.get(2, true, true).value().multi.empty());
        CHECK(docs.query(nearest_to({1, 2}, 1)).value()[0].id == vs::point_id(1));
        auto q = asking({{0, 1, 0}, {1, 1, 0}});
        q.within = 1.5f;
        REQUIRE(docs.query(q).value().size() == 1);
        q.within = 1.8f;
        CHECK(docs.query(q).value().empty());
        db.checkpoint().value();
    }
}

TEST_CASE("multi-vectors: what is wrong is refused with its place", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", with_multi(vs::metric::cosine)).value();
    const auto refusal = [&](vs::point p) { return docs.upsert({std::move(p)}).error().message; };
    CHECK(refusal(multi_point(1, {})) == "points[0] (id 1): vector \"tokens\": 0 vectors are not 1 to 4096");
    CHECK(refusal(multi_point(1, {{1, 1, 1}, {1, 2}})) ==
          "points[0] (id 1): vector \"tokens\": expected dimension 3, got 2 (the 2. of them)");
    auto single = make_point(1, {});
    single.vectors = {{"tokens", {1, 2, 3}}};
    CHECK(refusal(single) == "points[0] (id 1): vector \"tokens\": is a multi-vector, which is given as `multi`");
    auto wrong = make_point(1, {});
    wrong.multi = {{"", {{1, 2}}}};
    CHECK(refusal(wrong) == "points[0] (id 1): vector \"\": takes one vector, it is not a multi-vector");
    const auto asked = [&](const vs::query& q) { return docs.query(q).error().message; };
    CHECK(asked(asking({})) == "nearest_multi: 0 vectors are not 1 to 4096");
    CHECK(asked(asking({{1, 2}})) == "nearest_multi[0]: expected dimension 3, got 2");
    CHECK(asked(asking({{0, 0, 0}})) == "nearest_multi[0]: zero vector has no direction under cosine");
    auto dense = nearest_to({1, 2});
    dense.nearest_multi = {{1, 2}};
    CHECK(asked(dense) == "nearest_multi: the vector \"\" is not a multi-vector");
    auto options = with_multi(vs::metric::dot);
    options.vectors[1].index = vs::index_kind::hnsw;
    CHECK(vs::validate(options).error().message ==
          "vectors[1].index = hnsw does not go with multi, which has no index");
    CHECK(docs.info().value().options == with_multi(vs::metric::cosine));
}
