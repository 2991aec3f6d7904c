// Changes of some vectors of points, and of payloads at a path: what stays, what is refused, and what the log makes of it.
#include "support/store.hpp"

#include <vecstore/database/write_batch.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::field;

namespace {

vs::collection_options two_vectors() {
    return {{vector_of(2, vs::metric::cosine), vector_of(3, vs::metric::dot, "text")}};
}

vs::point both(vs::point_id id, vs::payload::document payload = {}) {
    auto p = make_point(id, {3, 4}, std::move(payload));
    p.vectors.push_back({"text", {1, 2, 3}});
    return p;
}

vs::point_vectors text_of(vs::point_id id, std::vector<float> values) {
    vs::point_vectors v;
    v.id = id;
    v.vectors.push_back({"text", std::move(values)});
    return v;
}

struct opened {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection docs = db.create_collection("docs", two_vectors()).value();
};

}  // namespace

TEST_CASE("vector writes: the vectors given are replaced, all else stays", "[database]") {
    opened o;
    auto p = both(1, {{"k", 5}});
    p.expire_at = 9'000'000'000'000;
    REQUIRE(o.docs.upsert({p}));
    for (const bool checkpointed : {false, true}) {
        if (checkpointed) REQUIRE(o.db.checkpoint());
        const auto before = o.docs.get(1, true, true).value();
        const auto x = checkpointed ? 7.0f : 8.0f;
        const auto written = o.docs.update_vectors({text_of(1, {x, 0, 0})});
        REQUIRE(written);
        CHECK(written->points == 1);
        const auto after = o.docs.get(1, true, true).value();
        CHECK(after.version == written->lsn);
        CHECK(after.vector == before.vector);
        CHECK(after.vectors.front().values == std::vector<float>{x, 0, 0});
        CHECK(after.payload == before.payload);
        CHECK(after.expire_at == before.expire_at);
        CHECK(o.docs.count().value() == 1);
        auto q = nearest_to({1, 0, 0}, 5);
        q.using_vector = "text";
        const auto hits = o.docs.query(q).value();
        REQUIRE(hits.size() == 1);
        CHECK(hits[0].score == Approx(x));
        CHECK(o.docs.verify_state());
    }
}

TEST_CASE("vector writes: a vector that a point lacks is added", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({make_point(1, {3, 4})}));
    CHECK(o.docs.count(vs::has_vector("text")).value() == 0);
    REQUIRE(o.docs.update_vectors({text_of(1, {1, 1, 1})}));
    CHECK(o.docs.count(vs::has_vector("text")).value() == 1);
    CHECK(o.docs.count(vs::has_vector("") && vs::has_vector("text")).value() == 1);
    // Of an id that is given twice, both happen.
    vs::point_vectors first;
    first.id = 1;
    first.vector = {0, 5};
    REQUIRE(o.docs.update_vectors({first, text_of(1, {2, 2, 2})}));
    const auto found = o.docs.get(1, true, true).value();
    CHECK(found.vector == std::vector<float>{0, 1});
    CHECK(found.vectors.front().values == std::vector<float>{2, 2, 2});
}

TEST_CASE("vector writes: what is refused changes nothing", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({both(1)}));
    const auto before = o.docs.get(1, true, true).value();
    const auto refused = [&](const vs::point_vectors& second) {
        const auto written = o.docs.update_vectors({text_of(1, {9, 9, 9}), second});
        REQUIRE_FALSE(written);
        return written.error();
    };
    CHECK(refused(text_of(2, {1, 1, 1})).code == vs::errc::not_found);
    CHECK(refused(text_of(1, {1, 1})).message == "points[1] (id 1): vector \"text\": expected dimension 3, got 2");
    vs::point_vectors none;
    none.id = 1;
    CHECK(refused(none).message == "points[1] (id 1): no vector is given");
    none.vectors.push_back({"image", {1}});
    CHECK(refused(none).code == vs::errc::invalid_argument);
    CHECK(o.docs.get(1, true, true).value().vectors == before.vectors);
    CHECK(o.docs.get(1).value().version == before.version);
    vs::write_options only_new;
    only_new.condition.mode = vs::update_mode::insert_only;
    CHECK(code_of(o.docs.update_vectors({text_of(1, {1, 1, 1})}, only_new)) == vs::errc::invalid_argument);
    CHECK(o.docs.update_vectors(std::vector<vs::point_vectors>{}).value().points == 0);
}

TEST_CASE("vector writes: conditions hold for them", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({both(1, {{"k", 1}}), both(2, {{"k", 2}})}));
    vs::write_options options;
    options.condition.only_matching = field("k") == 2;
    options.condition.when_unmet = vs::unmet::skip;
    const auto written = o.docs.update_vectors({text_of(1, {9, 9, 9}), text_of(2, {8, 8, 8})}, options);
    REQUIRE(written);
    CHECK(written->points == 1);
    CHECK(written->skipped_ids == std::vector<vs::point_id>{1});
    CHECK(o.docs.get(1, true, true).value().vectors.front().values == std::vector<float>{1, 2, 3});
    options = {};
    options.condition.if_versions = {o.docs.get(1).value().version + 1};
    CHECK(code_of(o.docs.update_vectors({text_of(1, {9, 9, 9})}, options)) == vs::errc::conflict);
    options = {};
    options.condition.only_matching = vs::has_vector("text");
    REQUIRE(o.docs.upsert({make_point(3, {1, 1})}));
    CHECK(code_of(o.docs.set_payload({3}, {{"k", 3}}, options)) == vs::errc::conflict);
    CHECK(o.docs.set_payload({1}, {{"k", 3}}, options));
}

TEST_CASE("vector writes: vectors are erased by name, of ids or of what a filter means", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({both(1, {{"k", 1}}), both(2, {{"k", 2}}), make_point(3, {1, 1}, {{"k", 2}})}));
    const auto erased = o.docs.erase_vectors(field("k") == 2, {"text"});
    REQUIRE(erased);
    CHECK(erased->points == 1);  // the third has none
    CHECK(o.docs.count(vs::has_vector("text")).value() == 1);
    CHECK(o.docs.get(2).value().payload["k"].int64_or(0) == 2);
    REQUIRE(o.docs.erase_vectors({1, 2}, {"", "text"}));
    CHECK(o.docs.count(vs::has_vector("text") || vs::has_vector("")).value() == 1);
    CHECK(o.docs.query(nearest_to({1, 1})).value().size() == 1);
    CHECK(o.docs.count().value() == 3);
    CHECK(code_of(o.docs.erase_vectors({7}, {"text"})) == vs::errc::not_found);
    CHECK(code_of(o.docs.erase_vectors({1}, {"image"})) == vs::errc::invalid_argument);
    CHECK(code_of(o.docs.erase_vectors({1}, {})) == vs::errc::invalid_argument);
    CHECK(o.docs.verify_state());
}

TEST_CASE("vector writes: the log and its copies say the same", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({both(1, {{"k", 1}}), both(2)}));
    REQUIRE(o.docs.update_vectors({text_of(1, {7, 7, 7})}));
    REQUIRE(o.docs.erase_vectors({2}, {""}));
    REQUIRE(o.docs.set_payload_at({1}, "a.b", {{"c", 1}}));
    const auto hash = o.docs.info().value().state_hash;
    auto feed = o.db.changes().value();
    std::vector<vs::change> changes;
    while (auto c = feed.next().value()) changes.push_back(*std::move(c));
    REQUIRE(changes.size() == 5);
    CHECK(changes[2].kind == vs::change_kind::upsert);
    CHECK(changes[2].points.front().payload["k"].int64_or(0) == 1);
    CHECK(changes[2].points.front().vectors.front().values == std::vector<float>{7, 7, 7});
    CHECK(changes[3].points.front().vector.empty());
    CHECK(changes[4].kind == vs::change_kind::set_payload);
    CHECK(changes[4].paths == std::vector<std::string>{"a.b"});
    CHECK(changes[4].values["c"].int64_or(0) == 1);
    REQUIRE(o.db.close());
    const auto again = o.disk.open().value().open_collection("docs").value();
    CHECK(again.info().value().state_hash == hash);
    CHECK(again.verify_state());
}

TEST_CASE("payload at a path: objects are merged there and made on the way", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert(
        {both(1, vs::payload::parse_document(R"({"a":{"b":{"x":1}},"list":[{"n":1},5],"s":2})").value())}));
    const auto payload = [&] { return vs::payload::to_json(o.docs.get(1).value().payload); };
    REQUIRE(o.docs.set_payload_at({1}, "a.b", {{"y", 2}}));
    CHECK(payload() == R"({"a":{"b":{"x":1,"y":2}},"list":[{"n":1},5],"s":2})");
    REQUIRE(o.docs.set_payload_at({1}, "s.t", {{"z", nullptr}}));
    CHECK(payload() == R"({"a":{"b":{"x":1,"y":2}},"list":[{"n":1},5],"s":{"t":{"z":null}}})");
    REQUIRE(o.docs.set_payload_at(field("s.t").is_empty() || !field("s.t").is_empty(), "list[]", {{"m", 3}}));
    CHECK(payload() == R"({"a":{"b":{"x":1,"y":2}},"list":[{"n":1,"m":3},{"m":3}],"s":{"t":{"z":null}}})");
    REQUIRE(o.docs.set_payload_at({1}, "list[9]", {{"m", 3}}));
    CHECK(code_of(o.docs.set_payload_at({1}, "a b", {{"m", 3}})) == vs::errc::invalid_argument);
    CHECK(code_of(o.docs.set_payload_at({2}, "a", {{"m", 3}})) == vs::errc::not_found);
    CHECK(o.docs.verify_state());
}

TEST_CASE("vector writes: in a batch each entry sees those before it", "[database]") {
    opened o;
    REQUIRE(o.docs.upsert({both(1, {{"k", 1}})}));
    vs::write_batch batch;
    vs::write_condition has_text;
    has_text.only_matching = vs::has_vector("text") && field("k") == 2;
    batch.upsert(o.docs, {make_point(5, {1, 0}, {{"k", 2}})})
        .update_vectors(o.docs, {text_of(5, {5, 5, 5})})
        .set_payload(o.docs, {5}, {{"later", true}}, has_text)
        .set_payload_at(o.docs, {1}, "a", {{"b", 1}})
        .update_vectors(o.docs, {text_of(1, {6, 6, 6})})
        .erase_vectors(o.docs, {1}, {""})
        .overwrite_payload(o.docs, {1}, {{"k", 3}})
        .update_vectors(o.docs, {text_of(1, {7, 7, 7})});
    const auto written = o.db.write(batch);
    REQUIRE(written);
    CHECK(written->points == 8);
    const auto five = o.docs.get(5, true, true).value(), one = o.docs.get(1, true, true).value();
    CHECK(vs::payload::to_json(five.payload) == R"({"k":2,"later":true})");
    CHECK(five.vector == std::vector<float>{1, 0});
    CHECK(five.vectors.front().values == std::vector<float>{5, 5, 5});
    CHECK(vs::payload::to_json(one.payload) == R"({"k":3})");
    CHECK(one.vector.empty());
    CHECK(one.vectors.front().values == std::vector<float>{7, 7, 7});
    CHECK(o.docs.verify_state());
    vs::write_batch gone;
    gone.erase(o.docs, {1}).update_vectors(o.docs, {text_of(1, {1, 1, 1})});
    const auto refused = o.db.write(gone);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == vs::errc::not_found);
    CHECK(o.docs.count().value() == 2);
    // A filter looks at the state before, so it must come first.
    vs::write_batch late;
    late.upsert(o.docs, {both(9)}).erase_vectors(o.docs, field("k") == 3, {"text"});
    CHECK(code_of(o.db.write(late)) == vs::errc::invalid_argument);
}
