// Vectors of every element type through the public functions: in memory, in parts, in graphs, after reopening.
#include "support/store.hpp"

#include <vecstore/distance/reference.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::element_type;
using vs::errc;
using vs::metric;

namespace {

struct combination {
    metric m;
    element_type type;
};
constexpr combination combinations[] = {{metric::cosine, element_type::f16},    {metric::dot, element_type::f16},
                                        {metric::euclid, element_type::bf16},   {metric::cosine, element_type::bf16},
                                        {metric::cosine, element_type::int8},   {metric::euclid, element_type::int8},
                                        {metric::dot, element_type::int8},      {metric::manhattan, element_type::int8},
                                        {metric::hamming, element_type::binary}};

std::vector<float> vector_for(element_type type, vs::random_source& random, std::size_t dim) {
    auto values = random_vector(random, dim);
    for (auto& x : values) {
        if (type == element_type::int8) x = std::round(100 * x);
        if (type == element_type::binary) x = x > 0 ? 1.0f : 0.0f;
    }
    values[0] = 1;
    return values;
}

vs::collection_options options_for(const combination& c, std::size_t dim) {
    auto vector = vector_of(dim, c.m);
    vector.type = c.type;
    return {{vector}};
}

/// The score by its definition, of what the store holds.
double score(metric m, const std::vector<float>& query, const std::vector<float>& stored) {
    namespace reference = vs::distance::reference;
    const auto dim = query.size();
    const auto dot = [&](const auto& a, const auto& b) { return reference::dot(a.data(), b.data(), dim); };
    switch (m) {
        case metric::cosine: return dot(query, stored) / std::sqrt(dot(query, query) * dot(stored, stored));
        case metric::dot: return dot(query, stored);
        case metric::euclid: return std::sqrt(reference::l2_squared(query.data(), stored.data(), dim));
        case metric::manhattan:
        case metric::hamming: return reference::l1(query.data(), stored.data(), dim);
    }
    return 0;
}

/// Every hit has the vector that was kept, and the score that this one has; hits come best first.
void check_query(const vs::collection& docs, const combination& c, const std::vector<float>& nearest, bool exact,
                 const std::map<std::uint64_t, std::vector<float>>& kept) {
    auto q = nearest_to(nearest, 10);
    q.exact = exact;
    q.with_vectors = true;
    const auto hits = docs.query(q).value();
    REQUIRE(hits.size() == 10);
    std::vector<double> all;
    for (const auto& [id, values] : kept) all.push_back(score(c.m, nearest, values));
    std::sort(all.begin(), all.end());
    if (larger_is_better(c.m)) std::reverse(all.begin(), all.end());
    // Rounding to bf16 changes the length of a vector of unit length by a few thousandths.
    const double tolerance = c.type == element_type::bf16 && c.m == metric::cosine ? 4e-3 : 1e-3;
    for (std::size_t i = 0; i < hits.size(); ++i) {
        const auto& values = kept.at(hits[i].id.number());
        CHECK(hits[i].vector == values);
        CHECK(static_cast<double>(hits[i].score) ==
              Approx(score(c.m, nearest, values)).epsilon(1e-3).margin(tolerance));
        if (exact) CHECK(static_cast<double>(hits[i].score) == Approx(all[i]).epsilon(1e-3).margin(tolerance));
    }
}

}  // namespace

TEST_CASE("element types: kept and found in memtables, parts and graphs, and after reopening", "[database]") {
    constexpr std::size_t dim = 20, count = 2'300;
    for (const auto& c : combinations) {
        INFO(to_string(c.m) << " " << to_string(c.type));
        vs::random_source random(11);
        const memory_disk disk;
        auto db = std::make_unique<vs::database>(disk.open().value());
        auto docs = db->create_collection("docs", options_for(c, dim)).value();
        std::vector<vs::point> points;
        for (std::uint64_t i = 0; i < count; ++i) points.push_back(make_point(i, vector_for(c.type, random, dim)));
        REQUIRE(docs.upsert(points));
        std::map<std::uint64_t, std::vector<float>> kept;
        for (std::uint64_t i = 0; i < count; ++i) {
            kept[i] = docs.get(i, true, true).value().vector;
            REQUIRE(kept[i].size() == dim);
            if (c.type == element_type::int8 || c.type == element_type::binary) REQUIRE(kept[i] == points[i].vector);
        }
        std::vector<std::vector<float>> queries;
        for (int i = 0; i < 3; ++i) queries.push_back(vector_for(c.type, random, dim));
        const auto check_all = [&] {
            for (const auto& q : queries) {
                check_query(docs, c, q, true, kept);
                check_query(docs, c, q, false, kept);
            }
        };
        check_all();
        REQUIRE(db->checkpoint());
        check_all();
        REQUIRE(db->optimize());
        check_all();
        REQUIRE(db->close());
        db = std::make_unique<vs::database>(disk.open().value());
        docs = db->open_collection("docs").value();
        check_all();
    }
}

TEST_CASE("element types: replayed from the log as they were kept", "[database]") {
    for (const auto& c : combinations) {
        vs::random_source random(12);
        const memory_disk disk;
        std::vector<float> before;
        {
            auto db = disk.open().value();
            auto docs = db.create_collection("docs", options_for(c, 7)).value();
            REQUIRE(docs.upsert({make_point(1, vector_for(c.type, random, 7))}));
            before = docs.get(1, true, true).value().vector;
        }
        auto db = disk.open().value();
        CHECK(db.open_collection("docs").value().get(1, true, true).value().vector == before);
    }
}

TEST_CASE("element types: queries to binary vectors are 0 and 1, to int8 any numbers", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto bits = db.create_collection("bits", options_for({metric::hamming, element_type::binary}, 9)).value();
    REQUIRE(bits.upsert({make_point(1, {1, 1, 1, 1, 0, 0, 0, 0, 1}), make_point(2, {0, 0, 0, 0, 0, 0, 0, 0, 0})}));
    const auto hits = bits.query(nearest_to({1, 0, 0, 0, 0, 0, 0, 0, 1})).value();
    REQUIRE(hits.size() == 2);
    CHECK(hits[0].id == vs::point_id(2));
    CHECK(hits[0].score == 2);
    CHECK(hits[1].score == 3);
    const auto refused = bits.query(nearest_to({1, 0, 0, 0, 0, 0, 0, 0.5f, 1}));
    REQUIRE(code_of(refused) == errc::invalid_argument);
    CHECK(refused.error().message.find("nearest: element 7") != std::string::npos);

    auto whole = db.create_collection("whole", options_for({metric::dot, element_type::int8}, 2)).value();
    REQUIRE(whole.upsert({make_point(1, {100, -100})}));
    CHECK(whole.query(nearest_to({0.5f, 0.25f})).value()[0].score == 25);
    CHECK(code_of(whole.upsert({make_point(2, {0.5f, 1})})) == errc::invalid_argument);
}
