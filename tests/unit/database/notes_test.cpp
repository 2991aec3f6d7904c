// Metadata of collections, and the models that vectors are tagged with.
#include "support/store.hpp"

#include <vecstore/database/write_batch.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

vs::collection_options tagged(const std::string& model) {
    auto options = one_vector(2);
    options.vectors.push_back(vector_of(3, vs::metric::euclid, "text"));
    options.vectors[0].model = model;
    return options;
}

std::string metadata_of(const vs::collection& c) { return vs::payload::to_json(c.info().value().options.metadata); }

vs::point by_model(vs::point_id id, const std::string& model) {
    auto p = make_point(id, {1, 2});
    p.model = model;
    return p;
}

}  // namespace

TEST_CASE("notes: metadata is merged by key, and survives", "[database]") {
    const bool checkpointed = GENERATE(false, true);
    memory_disk disk;
    {
        auto db = disk.open().value();
        auto options = one_vector(2);
        options.metadata = {{"owner", "search"}, {"deep", {{"x", 1}}}};
        auto docs = db.create_collection("docs", options).value();
        CHECK(metadata_of(docs) == R"({"owner":"search","deep":{"x":1}})");
        REQUIRE(docs.set_metadata({{"deep", {{"y", 2}}}, {"new", nullptr}}));
        CHECK(metadata_of(docs) == R"({"owner":"search","deep":{"y":2},"new":null})");
        const auto lsn = db.change_position().value().lsn;
        REQUIRE(docs.set_metadata({{"owner", "search"}}));
        REQUIRE(docs.set_metadata({}));
        CHECK(db.change_position().value().lsn == lsn);
        if (checkpointed) REQUIRE(db.checkpoint());
    }
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    CHECK(metadata_of(docs) == R"({"owner":"search","deep":{"y":2},"new":null})");
    REQUIRE(db.drop_collection("docs"));
    CHECK(code_of(docs.set_metadata({{"a", 1}})) == vs::errc::not_found);
}

TEST_CASE("notes: another model's vectors and queries are refused, naming both", "[database]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", tagged("bge-m3")).value();
    REQUIRE(docs.upsert({by_model(1, "bge-m3"), by_model(2, "")}));
    const auto refused = docs.upsert({by_model(3, "bge-m3"), by_model(4, "e5")});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == vs::errc::conflict);
    CHECK(refused.error().message ==
          "points[1] (id 4): vector \"\": embeddings of model \"e5\" were given, but the collection has those of model "
          "\"bge-m3\"");
    CHECK(docs.count().value() == 2);
    vs::write_batch batch;
    batch.upsert(docs, {by_model(4, "e5")});
    CHECK(code_of(db.write(batch)) == vs::errc::conflict);
    vs::point_vectors vectors;
    vectors.id = 1;
    vectors.vector = {3, 4};
    vectors.model = "e5";
    CHECK(code_of(docs.update_vectors({vectors})) == vs::errc::conflict);
    vectors.model = "bge-m3";
    CHECK(docs.update_vectors({vectors}));
    auto q = nearest_to({1, 2});
    q.model = "e5";
    const auto asked = docs.query(q);
    REQUIRE_FALSE(asked);
    CHECK(asked.error().code == vs::errc::conflict);
    CHECK(asked.error().message.find("\"e5\"") != std::string::npos);
    CHECK(asked.error().message.find("\"bge-m3\"") != std::string::npos);
    CHECK(code_of(docs.query_batch(std::vector{q})) == vs::errc::conflict);
    q.model = "bge-m3";
    CHECK(docs.query(q).value().size() == 2);
    CHECK(docs.query(nearest_to({1, 2})).value().size() == 2);
}

TEST_CASE("notes: a model can be told once, later", "[database]") {
    const bool checkpointed = GENERATE(false, true);
    memory_disk disk;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", tagged("")).value();
        auto p = by_model(1, "anything");
        p.vectors.push_back({"text", {1, 2, 3}, "something"});
        REQUIRE(docs.upsert({p}));
        REQUIRE(docs.set_model("text", "e5"));
        REQUIRE(docs.set_model("text", "e5"));
        CHECK(code_of(docs.set_model("text", "bge-m3")) == vs::errc::conflict);
        CHECK(code_of(docs.set_model("text", "")) == vs::errc::conflict);
        CHECK(code_of(docs.set_model("image", "e5")) == vs::errc::not_found);
        CHECK(code_of(docs.set_model("", std::string(300, 'x'))) == vs::errc::invalid_argument);
        REQUIRE(docs.set_metadata({{"a", 1}}));
        if (checkpointed) REQUIRE(db.checkpoint());
    }
    auto db = disk.open().value();
    auto docs = db.open_collection("docs").value();
    const auto info = docs.info().value();
    CHECK(info.options.vectors[0].model.empty());
    CHECK(info.options.vectors[1].model == "e5");
    auto p = make_point(2, {1, 2});
    p.vectors.push_back({"text", {1, 2, 3}, "something"});
    CHECK(code_of(docs.upsert({p})) == vs::errc::conflict);
    p.vectors.front().model = "e5";
    CHECK(docs.upsert({p}));
    auto feed = db.changes();
    if (!feed) return;  // the checkpoint has let go of the log
    bool told = false;
    while (const auto c = feed->next().value())
        told |= c->kind == vs::change_kind::annotate && c->collection == "docs" &&
                c->values["models"]["text"].string_or("") == "e5";
    CHECK(told);
}
