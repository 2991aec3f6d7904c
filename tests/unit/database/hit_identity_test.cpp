// Hits without payload come from the files of parts, those with payload from the tables: both must say the same.
#include "support/store.hpp"

#include <vecstore/distance/computer.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

vs::point_id id_of(std::size_t i) {
    if (i % 4 == 3) return uuid_of(static_cast<std::uint8_t>(i));
    return i;
}

void check_hits(const vs::collection& docs, std::size_t points) {
    auto q = nearest_to({0, 0}, 1'000);
    for (const bool exact : {true, false}) {
        q.exact = exact;
        q.with_payload = true;
        const auto with = docs.query(q).value();
        q.with_payload = false;
        const auto without = docs.query(q).value();
        REQUIRE(with.size() == points);
        REQUIRE(without.size() == points);
        for (std::size_t i = 0; i < points; ++i) {
            CHECK(with[i].id == without[i].id);
            CHECK(with[i].version == without[i].version);
            CHECK(with[i].score == without[i].score);
            CHECK(docs.get(with[i].id).value().version == without[i].version);
            CHECK(without[i].payload.empty());
        }
        auto page = q;
        page.offset = 5;
        page.limit = 7;
        page.with_payload = true;
        page.with_vectors = true;
        const auto batch = docs.query_batch(std::vector<vs::query>{page, q, page}).value();
        CHECK(batch[1][points - 1].id == without[points - 1].id);
        CHECK(batch[1][points - 1].version == without[points - 1].version);
        for (const auto i : {0u, 2u}) {
            REQUIRE(batch[i].size() == 7);
            for (std::size_t j = 0; j < 7; ++j) {
                CHECK(batch[i][j].id == with[5 + j].id);
                CHECK(batch[i][j].payload == with[5 + j].payload);
                CHECK(batch[i][j].vector == docs.get(with[5 + j].id, false, true).value().vector);
            }
        }
    }
}

std::vector<vs::point> points(std::size_t first, std::size_t last) {
    std::vector<vs::point> some;
    for (std::size_t i = first; i < last; ++i)
        some.push_back(make_point(id_of(i), {static_cast<float>(i), 1}, {{"n", static_cast<std::int64_t>(i)}}));
    return some;
}

}  // namespace

TEST_CASE("hits: id and version are right without payload, whatever was edited, sealed, merged or reopened",
          "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert(points(0, 40)));
    REQUIRE(docs.set_payload({id_of(3), id_of(4)}, {{"a", 1}}));
    check_hits(docs, 40);
    REQUIRE(db.checkpoint());
    check_hits(docs, 40);
    REQUIRE(docs.set_payload({id_of(4), id_of(7)}, {{"b", 1}}));
    REQUIRE(docs.upsert(points(38, 60)));
    check_hits(docs, 60);
    REQUIRE(db.checkpoint());
    check_hits(docs, 60);
    REQUIRE(docs.clear_payload({id_of(50)}));
    REQUIRE(docs.erase({id_of(10), id_of(11)}));
    check_hits(docs, 58);
    REQUIRE(db.optimize());
    check_hits(docs, 58);
    REQUIRE(docs.set_payload({id_of(0)}, {{"c", 1}}));
    REQUIRE(db.close());
    auto again = disk.open().value();
    auto same = again.open_collection("docs").value();
    check_hits(same, 58);
    REQUIRE(same.set_payload({id_of(51)}, {{"c", 1}}));
    REQUIRE(again.optimize());
    check_hits(same, 58);
}

TEST_CASE("query: the length of the query does not matter under cosine, however near to one it is", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(11, vs::metric::cosine)).value();
    vs::random_source random(4);
    for (int i = 0; i < 20; ++i) REQUIRE(docs.upsert({make_point(i, random_vector(random, 11))}));
    auto unit = random_vector(random, 11);
    REQUIRE(vs::normalize(unit));
    const auto expected = docs.query(nearest_to(unit)).value();
    for (const float length : {1 - 1e-3f, 1 - 1e-6f, 1 - 1e-7f, 1 + 1e-7f, 1 + 1e-6f, 2.f, 1e-18f, 1e18f}) {
        auto scaled = unit;
        for (auto& x : scaled) x *= length;
        const auto found = docs.query(nearest_to(scaled)).value();
        for (std::size_t i = 0; i < found.size(); ++i) {
            CHECK(found[i].id == expected[i].id);
            CHECK(found[i].score == Approx(expected[i].score).margin(1e-6));
        }
    }
    CHECK(code_of(docs.query(nearest_to(std::vector<float>(11, 0)))) == vs::errc::invalid_argument);
}

TEST_CASE("query_batch: a large batch gives to each query what it gets alone, and names the first that is wrong",
          "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", {{vector_of(3), vector_of(4, vs::metric::cosine, "other")}}).value();
    vs::random_source random(5);
    std::vector<vs::query> queries;
    for (int i = 0; i < 300; ++i) {
        auto p = make_point(i, random_vector(random, 3), {{"n", i}});
        p.vectors.push_back({"other", random_vector(random, 4)});
        REQUIRE(docs.upsert({p}));
        queries.push_back(nearest_to(random_vector(random, 3), 3));
        queries.back().with_payload = i % 2 == 0;
    }
    for (const bool mixed : {false, true}) {
        if (mixed) {
            queries[7].using_vector = "other";
            queries[7].nearest = random_vector(random, 4);
        }
        const auto answers = docs.query_batch(queries).value();
        REQUIRE(answers.size() == queries.size());
        for (std::size_t i = 0; i < queries.size(); ++i) {
            const auto alone = docs.query(queries[i]).value();
            REQUIRE(answers[i].size() == 3);
            for (std::size_t j = 0; j < 3; ++j) {
                CHECK(answers[i][j].id == alone[j].id);
                CHECK(answers[i][j].payload == alone[j].payload);
            }
        }
    }
    queries[250].nearest = {1};
    queries[290].nearest = {1};
    const auto refused = docs.query_batch(queries);
    CHECK(code_of(refused) == vs::errc::invalid_argument);
    CHECK(refused.error().message.find("queries[250]: nearest") == 0);
}
