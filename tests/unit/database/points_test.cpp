// Writing and reading points through the public functions.
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::collection_options two_vectors() { return {{vector_of(2), vector_of(3, vs::metric::cosine, "text")}}; }

struct fixture {
    vs::database db = vs::database::in_memory(quiet()).value();
    vs::collection docs = db.create_collection("docs", two_vectors()).value();
};

}  // namespace

TEST_CASE("points: upsert replaces a point whole, and the last of equal ids wins", "[database]") {
    fixture f;
    auto p = make_point(1, {1, 2}, {{"a", 1}, {"b", 2}});
    p.vectors.push_back({"text", {0, 0, 2}});
    const auto first = f.docs.upsert({p, make_point(2, {5, 5})}).value();
    CHECK(first.points == 2);
    CHECK(first.lsn > 0);
    auto r = f.docs.get(1, true, true).value();
    CHECK(r.version == first.lsn);
    CHECK(r.vector == std::vector<float>{1, 2});
    CHECK(r.vectors == std::vector<vs::named_vector>{{"text", {0, 0, 1}}});  // unit length under cosine
    CHECK(r.payload == p.payload);
    const auto second = f.docs.upsert({make_point(1, {9, 9}, {{"c", 1}}), make_point(1, {3, 4}, {{"d", 1}})}).value();
    CHECK(second.lsn > first.lsn);
    r = f.docs.get(1, true, true).value();
    CHECK(r.version == second.lsn);
    CHECK(r.vector == std::vector<float>{3, 4});
    CHECK(r.vectors.empty());
    CHECK(r.payload == vs::payload::document{{"d", 1}});
    CHECK(f.docs.count().value() == 2);
}

TEST_CASE("points: get returns what exists in the order asked", "[database]") {
    fixture f;
    REQUIRE(f.docs.upsert({make_point(1, {1, 1}), make_point(2, {2, 2}), make_point(uuid_of(7), {3, 3})}));
    const vs::point_id ids[] = {uuid_of(7), 99, 1, uuid_of(8), 1};
    const auto found = f.docs.get(ids).value();
    REQUIRE(found.size() == 3);
    CHECK(found[0].id == vs::point_id(uuid_of(7)));
    CHECK(found[1].id == vs::point_id(1));
    CHECK(found[2].id == vs::point_id(1));
    CHECK(found[0].vector.empty());
    CHECK(code_of(f.docs.get(99)) == errc::not_found);
    CHECK(code_of(f.docs.get(1, true, {"none"})) == errc::not_found);
    CHECK(f.docs.get(std::span<const vs::point_id>()).value().empty());
}

TEST_CASE("points: erase by ids ignores what is not there, by filter takes what matches", "[database]") {
    fixture f;
    std::vector<vs::point> points;
    for (int i = 0; i < 20; ++i) points.push_back(make_point(i, {1.0f * static_cast<float>(i), 0}, {{"n", i}}));
    REQUIRE(f.docs.upsert(points));
    CHECK(f.docs.erase({3, 4, 99}).value().points == 2);
    CHECK(f.docs.count().value() == 18);
    CHECK(f.docs.erase(vs::field("n") >= 15).value().points == 5);
    CHECK(f.docs.count().value() == 13);
    CHECK(f.docs.erase(vs::field("n") >= 15).value().points == 0);
    CHECK(f.docs.erase({3}).value().points == 0);
    CHECK(code_of(f.docs.get(3)) == errc::not_found);
    const auto hits = f.docs.query(nearest_to({3, 0}, 2)).value();
    CHECK(hits[0].id == vs::point_id(2));
    CHECK(hits[1].id == vs::point_id(1));  // as far as 5, and older
    CHECK(f.docs.erase(vs::filter::expression{}).value().points == 13);
    CHECK(f.docs.count().value() == 0);
}

TEST_CASE("points: payload edits merge, replace, erase fields and clear; vectors stay", "[database]") {
    fixture f;
    const vs::payload::document start{
        {"a", 1}, {"b", {{"c", 2}, {"d", 3}}}, {"tags", vs::payload::value::array{"x", "y"}}};
    REQUIRE(f.docs.upsert({make_point(1, {1, 1}, start), make_point(2, {2, 2}, start)}));
    for (const bool checkpointed : {false, true}) {
        if (checkpointed) REQUIRE(f.db.checkpoint());
        REQUIRE(f.docs.overwrite_payload({1, 2}, start));
        CHECK(f.docs.get(1).value().payload == start);

        const auto set = f.docs.set_payload({1}, {{"b", 5}, {"e", nullptr}}).value();
        CHECK(set.points == 1);
        CHECK(f.docs.get(1).value().version == set.lsn);
        CHECK(f.docs.get(1).value().payload ==
              vs::payload::document{{"a", 1}, {"b", 5}, {"tags", vs::payload::value::array{"x", "y"}}, {"e", nullptr}});
        CHECK(f.docs.get(2).value().payload == start);

        REQUIRE(f.docs.erase_payload({2}, {"b.c", "tags", "none", "a.b.c"}));
        CHECK(f.docs.get(2).value().payload == vs::payload::document{{"a", 1}, {"b", {{"d", 3}}}});

        CHECK(f.docs.set_payload(vs::field("b") == 5, {{"found", true}}).value().points == 1);
        CHECK(f.docs.get(1).value().payload["found"].bool_or(false));
        CHECK_FALSE(f.docs.get(2).value().payload["found"].bool_or(false));

        REQUIRE(f.docs.clear_payload({1}));
        CHECK(f.docs.get(1).value().payload.empty());
        CHECK(f.docs.get(1, true, true).value().vector == std::vector<float>{1, 1});
        CHECK(f.docs.query(nearest_to({1, 1}, 1)).value()[0].id == vs::point_id(1));
    }
}

TEST_CASE("points: an edit that lists an id that does not exist changes nothing", "[database]") {
    fixture f;
    REQUIRE(f.docs.upsert({make_point(1, {1, 1}, {{"a", 1}})}));
    CHECK(code_of(f.docs.set_payload({1, 2}, {{"a", 2}})) == errc::not_found);
    CHECK(code_of(f.docs.overwrite_payload({2}, {})) == errc::not_found);
    CHECK(code_of(f.docs.erase_payload({1, 2}, {"a"})) == errc::not_found);
    CHECK(code_of(f.docs.clear_payload({2, 1})) == errc::not_found);
    CHECK(f.docs.get(1).value().payload == vs::payload::document{{"a", 1}});
}

TEST_CASE("points: a payload cannot grow above its limit by merging", "[database]") {
    fixture f;
    const std::string large(vs::payload_bytes_max * 3 / 5, 'x');
    REQUIRE(f.docs.upsert({make_point(1, {1, 1}, {{"a", large}}), make_point(2, {1, 1})}));
    const auto refused = f.docs.set_payload({2, 1}, {{"b", large}});
    REQUIRE(code_of(refused) == errc::invalid_argument);
    CHECK(refused.error().message.find("id 1") != std::string::npos);
    CHECK(f.docs.get(2).value().payload.empty());
    CHECK(f.docs.set_payload({1}, {{"a", large}}));
    CHECK(f.docs.get(1).value().payload["a"].string_or("") == large);
}

TEST_CASE("points: scroll walks numbers, then UUIDs, page by page, over memory and tables alike", "[database]") {
    fixture f;
    oracle wanted(two_vectors());
    const auto write = [&](std::vector<vs::point> points) {
        wanted.upsert(points);
        REQUIRE(f.docs.upsert(points));
    };
    vs::random_source random(1);
    for (int round = 0; round < 4; ++round) {
        std::vector<vs::point> points;
        for (int i = 0; i < 25; ++i) {
            const auto n = random.below(100);
            const vs::point_id id =
                i % 5 == 0 ? vs::point_id(uuid_of(static_cast<std::uint8_t>(n))) : vs::point_id(n << 32);
            points.push_back(make_point(id, {1, static_cast<float>(round)}, {{"round", round}}));
        }
        write(points);
        const auto gone = points[random.below(points.size())].id;
        wanted.points().erase(gone);
        REQUIRE(f.docs.erase({gone}));
        for (const std::size_t page : {1u, 3u, 1'000u}) REQUIRE(difference(f.docs, wanted, page) == "");
        if (round % 2 == 0) REQUIRE(f.db.checkpoint());
    }
    // From the middle, an id that need not exist; with a filter.
    vs::scroll page;
    page.offset = vs::point_id((std::uint64_t{50} << 32) + 1);
    page.limit = 1'000;
    page.filter = vs::field("round") == 3;
    page.with_payload = false;
    const auto found = f.docs.scroll(page).value();
    CHECK_FALSE(found.next);
    std::vector<vs::point_id> ids, expected;
    for (const auto& r : found.records) ids.push_back(r.id);
    for (const auto& [id, p] : wanted.points())
        if (!(id < *page.offset) && p.payload["round"].int64_or(0) == 3) expected.push_back(id);
    CHECK(ids == expected);
    CHECK(found.records.front().payload.empty());
    page.limit = expected.size();
    CHECK_FALSE(f.docs.scroll(page).value().next);
    --page.limit;
    CHECK(f.docs.scroll(page).value().next == expected.back());
}

TEST_CASE("points: count with and without filter", "[database]") {
    fixture f;
    CHECK(f.docs.count().value() == 0);
    std::vector<vs::point> points;
    for (int i = 0; i < 30; ++i) points.push_back(make_point(i, {}, {{"n", i}}));
    REQUIRE(f.docs.upsert(points));
    CHECK(f.docs.count().value() == 30);
    CHECK(f.docs.count(vs::field("n") < 10).value() == 10);
    CHECK(f.docs.count(vs::has_id({1, 2, 99})).value() == 2);
    CHECK(f.docs.count(!(vs::field("n") < 10)).value() == 20);
}

TEST_CASE("points: a collection without vectors holds payloads", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", {}).value();
    REQUIRE(docs.upsert({make_point(1, {}, {{"a", 1}})}));
    REQUIRE(db.optimize());
    CHECK(docs.get(1, true, true).value().payload["a"].int64_or(0) == 1);
    CHECK(docs.count(vs::field("a") == 1).value() == 1);
    CHECK(code_of(docs.query(nearest_to({1}))) == errc::not_found);
    CHECK(code_of(docs.upsert({make_point(1, {1})})) == errc::invalid_argument);
}

TEST_CASE("points: a large batch is one write", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(256)).value();
    vs::random_source random(1);
    std::vector<vs::point> points;
    for (int i = 0; i < 5'000; ++i) points.push_back(make_point(i, random_vector(random, 256)));
    const auto written = docs.upsert(points).value();
    CHECK(written.lsn > 3);  // several records
    CHECK(docs.count().value() == 5'000);
    CHECK(docs.get(4'999, true, true).value().vector == points[4'999].vector);
}
