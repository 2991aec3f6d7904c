#include "support.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <field_index/text_rules.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::test;
using field_index::ordinal_bitmap;
using field_index::rule_for;
using field_index::token_rule;

namespace {

const auto ascii_stems = text::analyzer_options{.ascii_folding = true, .min_token_len = 2, .stemmer = "english"};

field_schema texts_by(text::analyzer_options options) {
    field_schema schema{.kind = field_kind::text};
    schema.analyzer = std::move(options);
    return schema;
}

token_rule rule_of(const text::analyzer_options& options, const filter::field_test& test) {
    return token_rule::make(text::analyzer::create(options).value(), test).value();
}
bool all_in(std::string_view text, std::string question, const text::analyzer_options& options = {}) {
    return rule_of(options, filter::match_text{std::move(question)}).holds(text);
}
bool any_in(std::string_view text, std::string question, const text::analyzer_options& options = {}) {
    return rule_of(options, filter::match_text_any{std::move(question)}).holds(text);
}
bool phrase_in(std::string_view text, std::string question, const text::analyzer_options& options = {}) {
    return rule_of(options, filter::match_phrase{std::move(question)}).holds(text);
}

/// A few words, some of them often, in a few spellings.
std::string some_text(random_source& random) {
    constexpr const char* words[] = {"cat",           "Cat", "cats", "dog",   "a",  "ca",
                                     "\u00E9t\u00E9", "ete", "-",    "solar", "the"};
    std::string text;
    for (auto left = random.below(5); left > 0; --left)
        text += (text.empty() ? "" : " ") + std::string(words[random.below(11)]);
    return text;
}
payloads some_points(random_source& random, std::size_t count) {
    payloads points;
    for (ordinal_id i = 0; i < count; ++i) {
        std::string json = "\"" + some_text(random) + "\"";
        const auto shape = random.below(8);
        if (shape == 0) json = "7";
        if (shape < 3) json = "[" + json + ",\"" + some_text(random) + "\"" + (shape == 1 ? ",null,5" : "") + "]";
        points.emplace(3 * i, encoded(random.below(9) == 0 ? "{}" : "{\"f\":" + json + "}"));
    }
    return points;
}

std::vector<text::analyzer_options> some_analyzers() {
    return {{},
            {.tokenizer = text::tokenizer_kind::whitespace, .lowercase = false},
            {.tokenizer = text::tokenizer_kind::prefix, .min_token_len = 2, .max_token_len = 3},
            {.tokenizer = text::tokenizer_kind::multilingual, .stop_word_languages = {"english"}},
            ascii_stems};
}

/// How many questions were answered for certain, and with some but not all points.
std::size_t compare(const field_index::segment& indexed, const field_schema& schema, const payloads& points,
                    random_source& random) {
    const auto analyzer = text::analyzer::create(schema.analyzer).value();
    const auto rules = [&](const std::string&, const filter::field_test& test) {
        return rule_for(schema, &analyzer, test);
    };
    std::size_t telling = 0;
    for (int i = 0; i < 12; ++i) {
        const auto question = some_text(random);
        for (const filter::field_test& test :
             {filter::field_test(filter::match_text{question}), filter::field_test(filter::match_text_any{question}),
              filter::field_test(filter::match_phrase{question})}) {
            const auto found = indexed.matches(*token_rule::make(analyzer, test)).value();
            const auto wanted = evaluated(filter::condition{filter::field_condition{"f", test}}, points, rules);
            INFO(question << ", test " << test.index());
            auto missing = wanted;
            missing -= found.set;
            REQUIRE(missing.empty());
            if (found.exact) REQUIRE(found.set == wanted);
            telling += found.exact && !wanted.empty();
        }
    }
    return telling;
}

}  // namespace

TEST_CASE("text rules: all tokens, any of them, or all beside each other", "[field_index]") {
    CHECK(all_in("Solar power, on the roof", "POWER solar"));
    CHECK_FALSE(all_in("Solar panels", "solar power"));
    CHECK_FALSE(all_in("solarpower", "solar"));
    CHECK(all_in("a a b", "b a a"));
    CHECK(any_in("Solar panels", "wind solar"));
    CHECK_FALSE(any_in("Solar panels", "wind"));
    CHECK(phrase_in("the solar power plant", "Solar POWER"));
    CHECK_FALSE(phrase_in("power of solar", "solar power"));
    CHECK(phrase_in("a b a c", "a c"));
    CHECK_FALSE(phrase_in("a b a c", "a a"));
    for (const char* nothing : {"", " ", "--"}) {
        CHECK_FALSE(all_in("x", nothing));
        CHECK_FALSE(any_in("", nothing));
        CHECK_FALSE(phrase_in(" ", nothing));
    }
}

TEST_CASE("text rules: questions go through the options of the index", "[field_index]") {
    const text::analyzer_options plain{.tokenizer = text::tokenizer_kind::whitespace, .lowercase = false};
    CHECK_FALSE(all_in("Solar power", "solar", plain));
    CHECK(all_in("Solar-power", "Solar-power", plain));
    const text::analyzer_options prefix{
        .tokenizer = text::tokenizer_kind::prefix, .min_token_len = 2, .max_token_len = 4};
    CHECK(all_in("solar power", "so", prefix));
    CHECK(all_in("solar power", "solarium", prefix));  // as far as prefixes go
    CHECK_FALSE(all_in("solar power", "s", prefix));
    CHECK_FALSE(all_in("solar power", "olar", prefix));
    CHECK(phrase_in("cheap solar power", "so po", prefix));
    CHECK_FALSE(phrase_in("solar is power", "so po", prefix));
    CHECK(all_in("caf\u00E9s open", "CAFE opening", ascii_stems));
    CHECK_FALSE(all_in("x ray", "x", ascii_stems));  // shorter than two
    CHECK(all_in("the cat", "the cat", {.stop_word_languages = {"english"}}));
    CHECK_FALSE(all_in("the cat", "the", {.stop_word_languages = {"english"}}));
    CHECK(phrase_in("cat on the mat", "cat mat", {.stop_word_languages = {"english"}}));  // no gap
}

TEST_CASE("text rules: segments of texts answer what the evaluator does, or tell that they cannot", "[field_index]") {
    random_source random(31);
    std::size_t telling = 0;
    for (const auto& options : some_analyzers()) {
        const auto schema = texts_by(options);
        segment_disk disk;
        for (const std::size_t count : {1u, 9u, 300u}) {
            const auto points = some_points(random, count);
            const auto built = disk.build(schema, "f", points);
            REQUIRE(built != nullptr);
            telling += compare(*built, schema, points, random);
            auto merger = segment_disk::builder_of(schema, "f");
            payloads halves[2];
            for (const auto& [ordinal, bytes] : points) halves[random.below(2)].emplace(ordinal, bytes);
            for (const auto& half : halves)
                if (!half.empty()) merger.add(*disk.build(schema, "f", half), built->covered()).value();
            const auto merged = disk.write(merger);
            CHECK(merged->file().root() == built->file().root());  // the same bytes
        }
    }
    CHECK(telling > 100);
}

TEST_CASE("text rules: spellings of a UUID are one, of other texts each its own", "[field_index]") {
    const std::string canonical = "550e8400-e29b-41d4-a716-446655440000";
    const std::vector<std::string> spellings{canonical, "550E8400-E29B-41D4-A716-446655440000",
                                             "550e8400e29b41d4a716446655440000", "urn:uuid:" + canonical,
                                             "{" + canonical + "}"};
    for (const auto& each : spellings) CHECK(field_index::canonical_uuid(each) == canonical);
    for (const std::string other :
         {"", "550e", "550e8400-e29b-41d4-a716-44665544000g", "Some text of thirty-six characters!!"})
        CHECK(field_index::canonical_uuid(other) == other);

    const field_schema schema{.kind = field_kind::uuid};
    payloads points;
    for (ordinal_id i = 0; i < spellings.size(); ++i) points.emplace(i, encoded("{\"f\":\"" + spellings[i] + "\"}"));
    points.emplace(10, encoded(R"({"f":["x","550e8400-e29b-41d4-a716-446655440001"]})"));
    points.emplace(11, encoded(R"({"f":["X",5]})"));
    segment_disk disk;
    const auto built = disk.build(schema, "f", points);
    const auto rules = [&](const std::string&, const filter::field_test& test) {
        return rule_for(schema, nullptr, test);
    };
    for (const filter::field_test& test :
         {filter::field_test(filter::match_value{spellings[3]}),
          filter::field_test(filter::match_value{std::string("x")}),
          filter::field_test(filter::match_any{std::vector{spellings[1], std::string("X")}}),
          filter::field_test(filter::match_except{std::vector{spellings[4], std::string("x")}}),
          filter::field_test(filter::match_any{std::vector<std::int64_t>{5}}),
          filter::field_test(filter::is_empty{})}) {
        const auto found = built->matches(field_index::canonical_uuids(test)).value();
        const auto wanted = evaluated(filter::condition{filter::field_condition{"f", test}}, points, rules);
        INFO("test " << test.index());
        if (found) CHECK(*found == wanted);
        CHECK(found.has_value() == (test.index() != filter::field_test(filter::match_any{}).index() ||
                                    std::get<filter::match_any>(test).values.index() == 0));
    }
    CHECK(evaluated(field("f") == spellings[2], points, rules).cardinality() == spellings.size());
    CHECK_FALSE(built->matches(filter::match_prefix{"550e"}).value());
}

TEST_CASE("text rules: they reach into nested elements, by the whole path", "[field_index]") {
    const auto schema = texts_by({});
    const auto analyzer = text::analyzer::create({}).value();
    std::vector<std::string> asked;
    const auto compiled =
        filter::compiled::compile(nested("list", nested("inner[]", field("t").text("Cat")) || field("u") == 1),
                                  [&](const std::string& path, const filter::field_test& test) {
                                      asked.push_back(path);
                                      return rule_for(schema, &analyzer, test);
                                  })
            .value();
    CHECK(asked == std::vector<std::string>{"list[].inner[].t"});
    const auto passes = [&](std::string_view json) {
        const auto bytes = encoded(json);
        return compiled(1, payload::view::trusted(bytes));
    };
    CHECK(passes(R"({"list":[{"inner":[{"t":"a cat"}]}]})"));
    CHECK_FALSE(passes(R"({"list":[{"inner":[{"t":"Cats"}]}]})"));
}

TEST_CASE("text rules: the bytes of a segment of texts are as documented", "[field_index][golden]") {
    segment_disk disk;
    const auto built = disk.build(
        texts_by({}), "f",
        {{3, encoded(R"({"f":"B a b"})")}, {7, encoded(R"({"f":["a","-",5]})")}, {8, encoded(R"({"f":null})")}});
    const auto& file = built->file();
    CHECK(file.version() == 2);
    CHECK(static_cast<int>(field_kind::text) == 7);
    const auto section = [&](const char(&name)[5]) { return file.section(storage::fourcc(name)).value(); };
    byte_reader head(section("HEAD"));
    (void)head.get_bytes(24);
    CHECK(head.get<std::uint64_t>() == 7);  // text
    CHECK(head.get<std::uint64_t>() == 2);  // tokens
    byte_reader bits(section("BITS"));
    const std::vector<std::vector<ordinal_id>> sets{{3, 7, 8}, {8}, {3, 7}, {3, 7}, {7}, {3, 7}, {7}};
    for (const auto& set : sets) CHECK(ordinal_bitmap::parse(bits.get_sized()).value().to_vector() == set);
    CHECK(bits.finished());
    byte_reader keys(section("TKEY"));
    for (const std::uint64_t offset : {0, 1, 2}) CHECK(keys.get<std::uint64_t>() == offset);
    CHECK(as_text(keys.get_bytes(2)) == "ab");
    byte_reader postings(section("TPST"));
    for (const std::uint32_t ordinal : {3, 7, 3}) CHECK(postings.get<std::uint32_t>() == ordinal);
}

TEST_CASE("text rules: a segment of UUIDs as earlier programs wrote it is refused, and so built again",
          "[field_index]") {
    segment_disk disk;
    const auto built = disk.build({}, "f", {{3, encoded(R"({"f":"B"})")}});
    auto file = storage::block_file_writer::create(disk.files, "d/old", field_index::segment_file_kind, 1).value();
    for (const char* name : {"HEAD", "BITS", "TKEY", "TNOD", "TPST", "CKEY", "CNOD", "CPST"}) {
        const char chars[5] = {name[0], name[1], name[2], name[3], 0};
        const auto bytes = built->file().section(storage::fourcc(chars)).value();
        byte_vector copy(bytes.begin(), bytes.end());
        if (std::string_view(name) == "HEAD") copy[24] = std::byte{5};  // uuid
        file.begin_section(storage::fourcc(chars), 64).value();
        file.append(copy).value();
    }
    file.finish().value();
    const auto old = field_index::segment::open(disk.files, "d/old", segment_disk::index, storage::verify_mode::footer);
    CHECK(old.error().code == errc::unsupported);
}
