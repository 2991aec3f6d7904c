#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>
#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <filesystem>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::field;
using vs::field_kind;

namespace {

/// Points with a city (one of five, or none), a number, and a list of tags.
std::vector<vs::point> places(std::uint64_t first, std::size_t count) {
    constexpr const char* cities[] = {"Aachen", "Bonn", "Celle", "Dortmund", "Essen"};
    vs::random_source random(first + 1);
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < count; ++i) {
        vs::payload::document payload{{"n", first + i}, {"tags", vs::payload::value::array{i % 3, "t"}}};
        if (i % 6 != 5) payload.set("city", cities[i % 6]);
        points.push_back(make_point(first + i, random_vector(random, 3), std::move(payload)));
    }
    return points;
}

std::vector<vs::filter::expression> questions() {
    return {field("city") == "Bonn",
            field("city").any_of({"Bonn", "Essen", "Ulm"}),
            field("city") != "Bonn",
            field("city").is_empty(),
            field("n") < 20,
            field("n") >= 10 && field("n") < 35 && field("city") == "Celle",
            field("city") == "Aachen" || field("n") == 3,
            field("tags") == 2 && !(field("city") == "Bonn"),
            field("absent") == 1 || field("city") == "Essen"};
}

/// Counts, ids of all pages, and ids of exact queries.
std::vector<std::string> answers(const vs::collection& from) {
    std::vector<std::string> all;
    for (const auto& question : questions()) {
        std::string text = std::to_string(from.count(question).value()) + ":";
        vs::scroll page;
        page.limit = 4;
        page.filter = question;
        do {
            const auto found = from.scroll(page).value();
            for (const auto& record : found.records) text += " " + to_string(record.id);
            text += " |";
            page.offset = found.next;
        } while (page.offset);
        auto query = nearest_to({0.1f, 0.2f, 0.3f}, 5, question);
        query.exact = true;
        for (const auto& hit : from.query(query).value()) text += " " + to_string(hit.id);
        all.push_back(text);
    }
    return all;
}

void index_all(vs::collection& in) {
    in.create_field_index("city", {}).value();
    in.create_field_index("n", {.kind = field_kind::integer}).value();
}

}  // namespace

TEST_CASE("payload index: answers are the same with and without, before and after checkpoints", "[field_index]") {
    const memory_disk disk;
    auto db = std::optional(disk.open().value());
    auto plain = db->create_collection("plain", one_vector(3)).value();
    auto indexed = db->create_collection("indexed", one_vector(3)).value();
    const auto both = [&](const auto& write) {
        for (auto* each : {&plain, &indexed}) write(*each);
        CHECK(answers(indexed) == answers(plain));
    };
    both([](vs::collection& c) { c.upsert(places(0, 40)).value(); });
    index_all(indexed);
    CHECK(answers(indexed) == answers(plain));
    both([](vs::collection& c) { c.upsert(places(30, 30)).value(); });
    both([](vs::collection& c) { c.set_payload({vs::point_id(4), vs::point_id(55)}, {{"city", "Bonn"}}).value(); });
    db->checkpoint().value();
    CHECK(answers(indexed) == answers(plain));
    both([](vs::collection& c) { c.set_payload({vs::point_id(4), vs::point_id(8)}, {{"city", "Ulm"}}).value(); });
    both([](vs::collection& c) { c.erase(field("city") == "Essen").value(); });
    for (std::uint64_t i = 0; i < 5; ++i) {
        both([&](vs::collection& c) { c.upsert(places(100 + 10 * i, 10)).value(); });
        db->checkpoint().value();
        both([&](vs::collection& c) { c.erase({vs::point_id(100 + 10 * i)}).value(); });
    }
    CHECK(indexed.info().value().fields[0].runs > 4);
    db->optimize().value();
    CHECK(answers(indexed) == answers(plain));
    CHECK(indexed.info().value().fields[0].runs == 1);
    CHECK(indexed.info().value().fields[0].points == plain.count().value());
    db->close().value();
    db.emplace(disk.open().value());
    indexed = db->open_collection("indexed").value();
    CHECK(indexed.info().value().fields[1].ready);
    CHECK(answers(indexed) == answers(db->open_collection("plain").value()));
}

TEST_CASE("payload index: what there is is told", "[field_index]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto points = db.create_collection("points", one_vector(3)).value();
    CHECK(points.info().value().fields.empty());
    points.upsert(places(0, 12)).value();
    const vs::field_schema schema{.kind = field_kind::integer, .is_principal = true};
    points.create_field_index("n", schema).value();
    points.create_field_index("\"city\"", {}).value();  // the same path, spelt otherwise
    const auto fields = points.info().value().fields;
    REQUIRE(fields.size() == 2);
    CHECK(fields[0].path == "city");
    CHECK(fields[1].path == "n");
    CHECK(fields[1].schema == schema);
    CHECK(fields[1].ready);
    CHECK(fields[1].points == 12);
    CHECK(fields[1].runs == 1);
    CHECK(fields[1].file_bytes > 0);
    CHECK(fields[1].memory_bytes > 0);
}

TEST_CASE("payload index: the same again is nothing new, another schema replaces it, dropping removes its files",
          "[field_index]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto points = db.create_collection("points", one_vector(3)).value();
    points.upsert(places(0, 12)).value();
    const auto files = [&] { return disk.files->list("db/parts/1/fields").value().size(); };
    points.create_field_index("n", {.kind = field_kind::integer}).value();
    const auto lsn = db.stats().value().lsn;
    points.create_field_index("n", {.kind = field_kind::integer}).value();
    CHECK(db.stats().value().lsn == lsn);
    CHECK(files() == 1);
    points.create_field_index("n", {}).value();
    CHECK(db.stats().value().lsn == lsn + 1);
    CHECK(points.info().value().fields[0].schema.kind == field_kind::keyword);
    CHECK(points.count(field("n") < 5).value() == 5);
    points.drop_field_index("n").value();
    CHECK(points.info().value().fields.empty());
    db.checkpoint().value();
    CHECK(files() == 0);
    CHECK(points.count(field("n") < 5).value() == 5);
    CHECK(code_of(points.drop_field_index("n")) == errc::not_found);
}

TEST_CASE("payload index: bad paths and schemas are refused", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto points = db.create_collection("points", one_vector(3)).value();
    const auto refused = points.create_field_index("a..b", {});
    CHECK(code_of(refused) == errc::invalid_argument);
    CHECK(refused.error().message.find("payload index: path 'a..b'") == 0);
    CHECK(code_of(points.create_field_index("a", {.kind = field_kind::integer, .lookup = false, .range = false})) ==
          errc::invalid_argument);
    CHECK(code_of(points.drop_field_index("a[")) == errc::invalid_argument);
    db.drop_collection("points").value();
    CHECK(code_of(points.create_field_index("a", {})) == errc::not_found);
}

TEST_CASE("payload index: one that was cancelled stays, and is built by optimize", "[field_index]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto points = db.create_collection("points", one_vector(3)).value();
    points.upsert(places(0, 30)).value();
    std::size_t asked = 0;
    vs::field_index_options options;
    options.progress = [&](std::size_t, std::size_t of) {
        asked += of == 30;
        return false;
    };
    CHECK(code_of(points.create_field_index("city", {}, options)) == errc::cancelled);
    CHECK(asked == 1);
    CHECK_FALSE(points.info().value().fields[0].ready);
    CHECK(points.count(field("city") == "Bonn").value() == 5);
    points.upsert(places(30, 6)).value();
    db.checkpoint().value();
    CHECK(points.count(field("city") == "Bonn").value() == 6);
    db.optimize().value();
    CHECK(points.info().value().fields[0].ready);
    CHECK(points.count(field("city") == "Bonn").value() == 6);
}

TEST_CASE("payload index: a lost or damaged file costs speed, and is made anew", "[field_index]") {
    for (const bool lost : {true, false}) {
        const memory_disk disk;
        {
            auto db = disk.open().value();
            auto points = db.create_collection("points", one_vector(3)).value();
            points.upsert(places(0, 30)).value();
            points.create_field_index("city", {}).value();
        }
        const auto path = "db/parts/1/fields/" + disk.files->list("db/parts/1/fields").value().front();
        if (lost) {
            disk.files->remove(path).value();
        } else {
            auto file = disk.files->open(path, vs::storage::open_mode::read_write).value();
            file->write_at(200, vs::as_bytes("damage")).value();
        }
        auto db = disk.open().value();
        const auto points = db.open_collection("points").value();
        CHECK(points.count(field("city") == "Bonn").value() == 5);
        CHECK_FALSE(points.info().value().fields[0].ready);
        db.optimize().value();
        CHECK(points.info().value().fields[0].ready);
        CHECK(points.count(field("city") == "Bonn").value() == 5);
    }
}

TEST_CASE("payload index: counting and scanning read no payload where all is indexed", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto points = db.create_collection("points", one_vector(3)).value();
    points.upsert(places(0, 600)).value();
    index_all(points);
    auto query = nearest_to({0.1f, 0.2f, 0.3f}, 5, field("city") == "Bonn" && field("n") < 40);
    query.exact = true;
    CHECK(points.query(query).value().plan.filter_evaluations == 0);
    points.upsert(places(600, 3)).value();
    CHECK(points.query(query).value().plan.filter_evaluations == 3);  // what is newer than the checkpoint
    query.filter = field("n") < 12 && field("tags") == 1;
    CHECK(points.query(query).value().plan.filter_evaluations == 15);
}

TEST_CASE("payload index: snapshots have their files, and a database on disk opens with them", "[field_index]") {
    const temporary_directory directory;
    {
        auto db = vs::database::open(directory / "db", quiet()).value();
        auto points = db.create_collection("points", one_vector(3)).value();
        points.upsert(places(0, 30)).value();
        index_all(points);
        db.snapshot(directory / "copy").value();
    }
    CHECK(std::filesystem::exists(directory / "copy/parts/1/fields"));
    for (const char* name : {"db", "copy"}) {
        auto options = quiet();
        options.read_only = true;
        auto db = vs::database::open(directory / name, options).value();
        const auto points = db.open_collection("points").value();
        CHECK(points.info().value().fields[0].ready);
        CHECK(points.count(field("city") == "Bonn").value() == 5);
    }
    CHECK(vs::check(directory / "db").value().findings.empty());
}

TEST_CASE("payload index: strict collections refuse filters that no index serves", "[field_index]") {
    const memory_disk disk;
    {
        auto db = disk.open().value();
        auto options = one_vector(3);
        options.strict_filters = true;
        auto points = db.create_collection("points", options).value();
        points.upsert(places(0, 12)).value();
        points.create_field_index("city", {}).value();
    }
    auto db = disk.open().value();
    const auto points = db.open_collection("points").value();
    CHECK(points.info().value().options.strict_filters);
    CHECK(points.count(field("city") == "Bonn").value() == 2);
    const auto refused = points.count(field("city") == "Bonn" && field("n") < 3);
    CHECK(refused.error().code == errc::invalid_argument);
    CHECK(refused.error().message ==
          "filter.must[1].key: strict_filters refuses a test of \"n\", which takes a payload "
          "index of kind integer");
    CHECK(code_of(points.query(nearest_to({1, 0, 0}, 3, field("city") == 5))) == errc::invalid_argument);
    vs::scroll page;
    page.filter = field("tags").is_empty();
    CHECK(code_of(points.scroll(page)) == errc::invalid_argument);
    page.filter = field("city").is_empty();
    CHECK(points.scroll(page).value().records.size() == 2);
}

TEST_CASE("field index: a checkpoint that had failed does not stand in the way of a new index", "[field_index]") {
    const memory_disk disk;
    auto options = quiet();
    options.reserve_bytes = 0;
    auto db = disk.open(options).value();
    auto c = db.create_collection("c", one_vector(3)).value();
    (void)c.upsert(places(0, 50)).value();
    disk.files->set_capacity(1);
    CHECK(code_of(db.checkpoint()) == errc::resource_exhausted);
    disk.files->set_capacity(1u << 30);
    (void)c.create_field_index("city", {field_kind::keyword}).value();
    CHECK(c.info().value().fields.at(0).ready);
    CHECK(c.count(field("city") == "Bonn").value() == 9);
}
