// Payload indexes that change what a filter means: of texts, by tokens, and of UUIDs, by any spelling.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::field;
using vs::field_kind;
using vs::payload::value;

namespace {

using list = std::vector<std::uint64_t>;

list ids(const vs::collection& c, const vs::filter::expression& filter) {
    vs::scroll page;
    page.limit = 1'000;
    page.filter = filter;
    list found;
    for (const auto& r : c.scroll(page).value().records) found.push_back(r.id.number());
    CHECK(c.count(filter).value() == found.size());
    auto query = nearest_to({0, 0, 0}, 1'000, filter);
    query.exact = true;
    CHECK(c.query(query).value().size() == found.size());
    return found;
}

vs::point text_point(std::uint64_t id, value text) {
    return make_point(id, {static_cast<float>(id), 0, 0}, {{"t", std::move(text)}});
}
std::vector<vs::point> texts() {
    return {text_point(1, "Solar power plants"),
            text_point(2, "the power of solar cells"),
            text_point(3, "solarpower"),
            text_point(4, value::array{"solar", "power"}),
            text_point(5, value::array{"x", "a solar POWER"}),
            text_point(6, 7),
            text_point(7, "")};
}

void check_indexed(const vs::collection& c) {
    CHECK(ids(c, field("t").text("solar power")) == list{1, 2, 5});
    CHECK(ids(c, field("t").text("POWER")) == list{1, 2, 4, 5});
    CHECK(ids(c, field("t").text_any("plants cells")) == list{1, 2});
    CHECK(ids(c, field("t").phrase("solar power")) == list{1, 5});
    CHECK(ids(c, !field("t").text("solar")) == list{3, 6, 7});
    CHECK(ids(c, field("t").text("")) == list{});
    CHECK(ids(c, field("t") == "solarpower") == list{3});
    CHECK(ids(c, field("t").prefix("sol")) == list{3, 4});
    CHECK(ids(c, field("t").is_empty()) == list{});
    CHECK(ids(c, field("t") < 10) == list{6});
    CHECK(ids(c, field("t").text("solar") && field("t").phrase("power plants")) == list{1});
}
void check_plain(const vs::collection& c) {
    CHECK(ids(c, field("t").text("olar power")) == list{1});
    CHECK(ids(c, field("t").text_any("plants cells")) == list{1, 2});
    CHECK(ids(c, field("t").text("POWER")) == list{5});
}

}  // namespace

TEST_CASE("text index: it decides what tests of texts mean, for old points and new ones", "[field_index]") {
    const memory_disk disk;
    auto db = std::optional(disk.open().value());
    auto docs = db->create_collection("docs", one_vector(3)).value();
    docs.upsert(texts()).value();
    check_plain(docs);
    docs.create_field_index("t", {.kind = field_kind::text}).value();
    check_indexed(docs);
    docs.upsert(texts()).value();  // all of them newer than any run
    check_indexed(docs);
    db->checkpoint().value();
    docs.overwrite_payload({2, 4}, {{"t", "other"}}).value();
    docs.erase({1}).value();
    for (const auto& p : texts())
        if (p.id.number() < 3 || p.id.number() == 4) docs.upsert({p}).value();
    check_indexed(docs);
    db->checkpoint().value();
    db->optimize().value();
    CHECK(docs.info().value().fields[0].runs == 1);
    check_indexed(docs);
    db->close().value();
    db.emplace(disk.open().value());
    docs = db->open_collection("docs").value();
    CHECK(docs.info().value().fields[0].ready);
    CHECK(docs.info().value().fields[0].schema == vs::field_schema{.kind = field_kind::text});
    check_indexed(docs);
    docs.drop_field_index("t").value();
    check_plain(docs);
}

TEST_CASE("text index: another analyzer is another meaning, at once", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    docs.upsert(texts()).value();
    auto schema = vs::parse_field_schema(value(vs::payload::document{{"type", "text"},
                                                                     {"tokenizer", "prefix"},
                                                                     {"min_token_len", 2},
                                                                     {"max_token_len", 10},
                                                                     {"stopwords", "english"}}))
                      .value();
    docs.create_field_index("t", {.kind = field_kind::text}).value();
    docs.create_field_index("t", schema).value();
    CHECK(ids(docs, field("t").text("sol pow")) == list{1, 2, 5});
    CHECK(ids(docs, field("t").text("sol")) == list{1, 2, 3, 4, 5});
    CHECK(ids(docs, field("t").phrase("the sol")) == list{1, 2, 3, 4, 5});
    schema = {.kind = field_kind::text};
    schema.analyzer.lowercase = false;
    schema.analyzer.stemmer = "english";
    docs.create_field_index("t", schema).value();
    CHECK(ids(docs, field("t").text("plant")) == list{1});
    CHECK(ids(docs, field("t").text("Solar")) == list{1});
    schema.analyzer.stemmer = "klingon";
    CHECK(code_of(docs.create_field_index("t", schema)) == errc::invalid_argument);
}

TEST_CASE("text index: every read and write by a filter means tokens", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto options = one_vector(3);
    options.strict_filters = true;
    auto docs = db.create_collection("docs", options).value();
    docs.upsert(texts()).value();
    const auto tokens = field("t").text("power SOLAR");
    CHECK(docs.count(tokens).error().message ==
          "filter.must[0].key: strict_filters refuses a test of \"t\", which takes a payload index of kind text");
    docs.create_field_index("t", {.kind = field_kind::text}).value();
    docs.upsert(texts()).value();
    vs::query q;
    q.ask = vs::all_points{};
    q.filter = tokens;
    CHECK(docs.query(q).value().size() == 3);
    q.ask = vs::formula{vs::scoring::when(tokens)};
    q.prefetch = {nearest_to({0, 0, 0}, 10)};
    q.filter = {};
    std::size_t ones = 0;
    for (const auto& hit : docs.query(q).value()) ones += hit.score == 1;
    CHECK(ones == 3);
    CHECK(docs.distance_matrix({.filter = tokens}).value().ids.size() == 3);
    docs.set_payload(tokens, {{"seen", true}}).value();
    CHECK(docs.get(2).value().payload["seen"] == true);
    vs::write_options some;
    some.condition.only_matching = tokens;
    some.condition.when_unmet = vs::unmet::skip;
    CHECK(docs.upsert({text_point(1, "new"), text_point(3, "new")}, some).value().skipped == 1);
    docs.erase(tokens).value();
    CHECK(docs.count().value() == 5);
}

TEST_CASE("uuid index: any spelling of a UUID is that UUID", "[field_index]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    const std::string canonical = "550e8400-e29b-41d4-a716-446655440000", bare = "550E8400E29B41D4A716446655440000";
    docs.upsert({text_point(1, canonical), text_point(2, bare), text_point(3, "{" + canonical + "}"),
                 text_point(4, "another"), text_point(5, value::array{"x", "urn:uuid:" + canonical})})
        .value();
    CHECK(ids(docs, field("t") == canonical) == list{1});
    docs.create_field_index("t", {.kind = field_kind::uuid}).value();
    docs.upsert({text_point(6, bare), text_point(7, canonical)}).value();
    CHECK(ids(docs, field("t") == canonical) == list{1, 2, 3, 5, 6, 7});
    CHECK(ids(docs, field("t").any_of({bare, "another"})) == list{1, 2, 3, 4, 5, 6, 7});
    CHECK(ids(docs, field("t").except({bare})) == list{4, 5});
    CHECK(ids(docs, field("t").prefix("550E")) == list{2, 6});
    CHECK(ids(docs, field("t") == "another") == list{4});
    const std::vector<vs::facet_hit> facets{{canonical, 6}, {std::string("another"), 1}, {std::string("x"), 1}};
    CHECK(docs.facet({.key = "t"}).value() == facets);
}

TEST_CASE("text index: what runs say and what newest points are asked agree, for each tokenizer", "[field_index]") {
    constexpr const char* words[] = {
        "cat", "Cats", "dog's", "a", "ca", "\u00E9t\u00E9", "3.14", "solar-power", "\u732B\u304C\u597D\u304D", "the"};
    vs::random_source random(17);
    const auto text = [&] {
        std::string made;
        for (auto left = random.below(6); left > 0; --left) made += std::string(words[random.below(10)]) + " ";
        return made;
    };
    std::vector<vs::point> points;
    for (std::uint64_t id = 0; id < 120; ++id)
        points.push_back(text_point(id, id % 5 == 0 ? value(value::array{text(), text(), 5}) : value(text())));
    std::size_t found = 0;
    for (const char* tokenizer : {"word", "whitespace", "prefix", "multilingual"}) {
        const auto schema = vs::parse_field_schema(
                                value(vs::payload::document{
                                    {"type", "text"},
                                    {"tokenizer", tokenizer},
                                    {"ascii_folding", true},
                                    {"min_token_len", 2},
                                    {"stopwords", "english"},
                                    {"stemmer", vs::payload::document{{"type", "snowball"}, {"language", "english"}}}}))
                                .value();
        auto db = vs::database::in_memory(quiet()).value();
        auto old = db.create_collection("old", one_vector(3)).value();
        old.upsert(points).value();
        old.create_field_index("t", schema).value();
        auto fresh = db.create_collection("fresh", one_vector(3)).value();
        fresh.create_field_index("t", schema).value();
        fresh.upsert(points).value();
        for (int i = 0; i < 25; ++i) {
            const auto question = text();
            for (const auto& filter : {field("t").text(question), field("t").text_any(question),
                                       field("t").phrase(question), !field("t").phrase(question)}) {
                INFO(tokenizer << ": " << question);
                const auto expected = ids(fresh, filter);
                CHECK(ids(old, filter) == expected);
                found += expected.size();
            }
        }
    }
    CHECK(found > 5'000);
}
