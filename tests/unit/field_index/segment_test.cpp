#include "support.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::test;
using field_index::ordinal_bitmap;
using field_index::segment;

namespace {

const field_schema all_kinds[] = {{.kind = field_kind::keyword},  {.kind = field_kind::integer},
                                  {.kind = field_kind::floating}, {.kind = field_kind::boolean},
                                  {.kind = field_kind::datetime}, {.kind = field_kind::geo},
                                  {.kind = field_kind::uuid},     {.kind = field_kind::text}};

/// A value of any kind; those of one kind more often than others.
std::string some_value(random_source& random, std::uint64_t liked, bool in_array = false) {
    const auto kind = random.below(8) == 0 ? random.below(9) : liked;
    switch (kind) {
        case 0: return "\"" + std::string(1, static_cast<char>('a' + random.below(20))) + "\"";
        case 1: return std::to_string(static_cast<std::int64_t>(random.below(40)) - 20);
        case 2: return std::to_string(static_cast<double>(random.below(80)) / 4 - 10);
        case 3: return random.below(2) == 0 ? "true" : "false";
        case 4: return "\"202" + std::to_string(random.below(4)) + "-0" + std::to_string(1 + random.below(3)) + "-07\"";
        case 5:
            return "{\"lon\":" + std::to_string(static_cast<double>(random.below(40)) - 20) +
                   ",\"lat\":" + std::to_string(static_cast<double>(random.below(220)) - 110) + "}";
        case 6: return "\"" + std::string(1, static_cast<char>('a' + random.below(20))) + "\"";
        case 7: return "null";
        default: break;
    }
    if (in_array) return "[1,\"a\"]";
    std::string text = "[";
    for (auto left = random.below(4); left > 0; --left)
        text += (text.size() > 1 ? "," : "") + some_value(random, liked, true);
    return text + "]";
}

payloads some_payloads(random_source& random, std::uint64_t liked, std::size_t count) {
    payloads points;
    ordinal_id ordinal = 0;
    for (std::size_t i = 0; i < count; ++i) {
        ordinal += 1 + static_cast<ordinal_id>(random.below(3));
        std::string json = "{\"other\":1";
        const auto shape = random.below(10);
        if (shape > 0)
            json += ",\"f\":" +
                    (shape < 4 ? "[" + some_value(random, liked, true) + "," + some_value(random, liked, true) + "]"
                               : some_value(random, liked));
        points.emplace(ordinal, encoded(json + "}"));
    }
    return points;
}

std::vector<segment::field_test> some_tests(random_source& random) {
    using namespace filter;
    const auto integer = [&] { return static_cast<std::int64_t>(random.below(44)) - 22; };
    const auto text = [&] { return std::string(1, static_cast<char>('a' + random.below(22))); };
    const auto number = [&] { return static_cast<double>(random.below(90)) / 4 - 11; };
    const auto time = [&] { return datetime::parse("202" + std::to_string(random.below(4)) + "-02-07").value(); };
    const auto place = [&] {
        return geo_point{static_cast<double>(random.below(40)) - 20, static_cast<double>(random.below(150)) - 60};
    };
    std::vector<segment::field_test> tests{is_empty{true},
                                           is_empty{false},
                                           is_null{true},
                                           is_null{false},
                                           match_value{true},
                                           match_value{false},
                                           range{},
                                           match_any{std::vector<std::string>{}},
                                           match_except{std::vector<std::int64_t>{}}};
    for (int i = 0; i < 6; ++i) {
        tests.push_back(match_value{integer()});
        tests.push_back(match_value{text()});
        tests.push_back(match_any{std::vector<std::string>{text(), text(), text()}});
        tests.push_back(match_any{std::vector<std::int64_t>{integer(), integer(), integer()}});
        tests.push_back(match_except{std::vector<std::string>{text(), text(), text()}});
        tests.push_back(match_except{std::vector<std::int64_t>{integer(), integer()}});
        tests.push_back(range{.gt = number()});
        tests.push_back(match_prefix{i % 2 == 0 ? "202" + std::to_string(random.below(4)) : text()});
        tests.push_back(match_text{text()});
        tests.push_back(datetime_range{.gt = time()});
        tests.push_back(datetime_range{.gte = time(), .lte = time()});
        tests.push_back(values_count{.gte = random.below(3)});
        tests.push_back(values_count{.gt = random.below(3), .lt = random.below(4)});
        tests.push_back(geo_radius{place(), static_cast<double>(random.below(5'000'000))});
        tests.push_back(geo_bounding_box{{-10, 40}, place()});
        const auto corner = place();
        tests.push_back(geo_polygon{{corner, {corner.lon + 20, corner.lat}, {corner.lon, corner.lat - 30}, corner}});
        tests.push_back(range{.gte = number(), .lt = number()});
        tests.push_back(range{.gte = number(), .lte = number() + 5});
    }
    return tests;
}

/// How many tests the segment could answer; all of these like the evaluator.
std::size_t compare(const segment& indexed, const payloads& points, random_source& random) {
    std::size_t answered = 0;
    for (const auto& test : some_tests(random)) {
        const auto found = indexed.matches(test).value();
        const auto bound = indexed.count_at_most(test).value();
        REQUIRE(found.has_value() == bound.has_value());
        if (!found) continue;
        ++answered;
        const auto wanted = evaluated(filter::condition{filter::field_condition{"f", test}}, points);
        REQUIRE(*found == wanted);
        REQUIRE(*bound >= wanted.cardinality());
    }
    return answered;
}

}  // namespace

TEST_CASE("segment: it answers what the evaluator does, for each kind of index", "[field_index]") {
    random_source random(11);
    for (std::uint64_t kind = 0; kind < std::size(all_kinds); ++kind) {
        segment_disk disk;
        for (const std::size_t count : {1u, 5u, 40u, 900u}) {
            for (int round = 0; round < 6; ++round) {
                const auto points = some_payloads(random, kind, count);
                const auto built = disk.build(all_kinds[kind], "f", points);
                REQUIRE(built != nullptr);
                CHECK(built->covered().cardinality() == points.size());
                compare(*built, points, random);
            }
        }
    }
}

TEST_CASE("segment: tests of the kind that is indexed are always answered", "[field_index]") {
    random_source random(12);
    segment_disk disk;
    const auto points = some_payloads(random, 0, 300);
    const auto keyword = disk.build(all_kinds[0], "f", points);
    CHECK(keyword->matches(filter::match_value{std::string("a")}).value());
    CHECK(keyword->matches(filter::match_except{std::vector<std::string>{"a"}}).value());
    CHECK_FALSE(keyword->matches(filter::match_value{std::int64_t{1}}).value());
    CHECK_FALSE(keyword->matches(filter::range{.gt = 1}).value());
    const auto integer = disk.build(all_kinds[1], "f", points);
    CHECK(integer->matches(filter::range{.gt = 1}).value());
    CHECK_FALSE(integer->matches(filter::match_value{true}).value());
    // Where nothing else is, everything is known.
    const auto pure = disk.build(all_kinds[0], "f", {{4, encoded(R"({"f":"x"})")}, {9, encoded(R"({"f":["y","x"]})")}});
    CHECK(pure->matches(filter::range{.gt = 1}).value()->empty());
    CHECK(pure->matches(filter::match_except{std::vector<std::int64_t>{1}}).value()->cardinality() == 2);
}

TEST_CASE("segment: paths step into arrays as the evaluator does", "[field_index]") {
    segment_disk disk;
    const payloads points{{1, encoded(R"({"a":[{"b":1},{"b":[2,3]},{"c":5}]})")},
                          {2, encoded(R"({"a":{"b":1}})")},
                          {3, encoded(R"({"a":[{"b":null}]})")},
                          {5, encoded(R"({"a":[]})")}};
    for (const char* path : {"a[].b", "a.b", "a[0].b", "a", "a[]"}) {
        const auto built = disk.build(all_kinds[1], path, points);
        for (std::int64_t value = 0; value < 6; ++value) {
            const segment::field_test tests[] = {filter::match_value{value}, filter::range{.gte = double(value)},
                                                 filter::match_except{std::vector{value}}};
            for (const auto& test : tests) {
                const auto found = built->matches(test).value();
                REQUIRE(found);
                CHECK(*found == evaluated(filter::condition{filter::field_condition{path, test}}, points));
            }
        }
        for (const segment::field_test& test :
             {segment::field_test(filter::is_empty{}), segment::field_test(filter::is_null{})})
            CHECK(*built->matches(test).value() ==
                  evaluated(filter::condition{filter::field_condition{path, test}}, points));
    }
}

TEST_CASE("segment: many values, of which ranges take few nodes", "[field_index]") {
    segment_disk disk;
    payloads points;
    for (ordinal_id i = 0; i < 5'000; ++i)
        points.emplace(i, encoded("{\"f\":[" + std::to_string(i * 7 % 5'000) + "," + std::to_string(i) + "]}"));
    const auto built = disk.build(all_kinds[1], "f", points);
    random_source random(3);
    for (int i = 0; i < 40; ++i) {
        const auto first = static_cast<double>(random.below(5'000)), end = static_cast<double>(random.below(5'002));
        const filter::range bounds{.gte = first, .lt = end};
        CHECK(*built->matches(bounds).value() ==
              evaluated(filter::condition{filter::field_condition{"f", bounds}}, points));
    }
    CHECK(built->matches(filter::range{}).value()->cardinality() == 5'000);
}

TEST_CASE("segment: what is merged knows as much as what is built", "[field_index]") {
    random_source random(21);
    for (std::uint64_t kind = 0; kind < std::size(all_kinds); ++kind) {
        segment_disk disk;
        const auto points = some_payloads(random, kind, 400);
        payloads parts[3], kept;
        ordinal_bitmap wanted;
        for (const auto& [ordinal, bytes] : points) {
            parts[random.below(3)].emplace(ordinal, bytes);
            if (random.below(4) == 0) continue;
            kept.emplace(ordinal, bytes);
            wanted.add(ordinal);
        }
        auto merger = segment_disk::builder_of(all_kinds[kind], "f");
        for (const auto& part : parts) merger.add(*disk.build(all_kinds[kind], "f", part), wanted).value();
        const auto merged = disk.write(merger);
        REQUIRE(merged != nullptr);
        CHECK(merged->covered() == wanted);
        const auto built = disk.build(all_kinds[kind], "f", kept);
        CHECK(merged->file().root() == built->file().root());  // the same bytes
        compare(*merged, kept, random);
    }
}

TEST_CASE("segment: the bytes are as documented", "[field_index][golden]") {
    segment_disk disk;
    const auto built = disk.build(
        all_kinds[0], "f",
        {{3, encoded(R"({"f":"bb"})")}, {7, encoded(R"({"f":["a","bb",null]})")}, {8, encoded(R"({"f":5})")}});
    const auto& file = built->file();
    const auto section = [&](const char(&name)[5]) { return file.section(storage::fourcc(name)).value(); };
    byte_reader head(section("HEAD"));
    CHECK(head.get<std::uint64_t>() == 3);
    CHECK(head.get<std::uint32_t>() == 3);
    CHECK(head.get<std::uint32_t>() == 8);
    CHECK(head.get<std::uint64_t>() == segment_disk::index);
    CHECK(head.get<std::uint64_t>() == 0);  // keyword
    CHECK(head.get<std::uint64_t>() == 2);  // texts
    CHECK(head.remaining() == 56);
    for (const std::uint64_t values : {0, 0, 0, 0, 2, 0, 0})
        CHECK(head.get<std::uint64_t>() == values);  // counts: 1, 3
    byte_reader bits(section("BITS"));
    const std::vector<std::vector<ordinal_id>> sets{{3, 7, 8}, {7}, {3, 7, 8}, {3, 7, 8}, {8}};
    for (const auto& set : sets) CHECK(ordinal_bitmap::parse(bits.get_sized()).value().to_vector() == set);
    CHECK(bits.finished());
    byte_reader keys(section("TKEY"));
    for (const std::uint64_t offset : {0, 1, 3}) CHECK(keys.get<std::uint64_t>() == offset);
    CHECK(as_text(keys.get_bytes(3)) == "abb");
    byte_reader nodes(section("TNOD"));
    for (const std::uint32_t number : {0, 0, 4, 1, 4, 0, 8, 2}) CHECK(nodes.get<std::uint32_t>() == number);
    CHECK(nodes.finished());
    byte_reader postings(section("TPST"));
    for (const std::uint32_t ordinal : {7, 3, 7}) CHECK(postings.get<std::uint32_t>() == ordinal);
    CHECK_FALSE(file.has_section(storage::fourcc("IKEY")));
    CHECK(file.version() == 1);
    CHECK(static_cast<int>(field_kind::boolean) == 3);
}

TEST_CASE("segment: a flipped byte is found, and the file of another index refused", "[field_index]") {
    segment_disk disk;
    random_source random(8);
    const auto points = some_payloads(random, 0, 200);
    (void)disk.build(all_kinds[0], "f", points);
    const std::string path = "d/1.fields";
    using storage::verify_mode;
    CHECK(segment::open(disk.files, path, 78, verify_mode::footer).error().code == errc::corruption);
    CHECK(segment::open(disk.files, "d/9.fields", 77, verify_mode::footer).error().code == errc::not_found);
    const auto good = storage::read_file(disk.files, path).value();
    for (std::size_t at = 0; at < good.size(); at += 61) {
        auto bytes = good;
        bytes[at] ^= std::byte{0x10};
        disk.files.remove(path).value();
        auto file = disk.files.open(path, storage::open_mode::create).value();
        file->write_at(0, bytes).value();
        file->sync().value();
        const auto opened = segment::open(disk.files, path, 77, verify_mode::footer);
        if (!opened) {
            CHECK(opened.error().code == errc::corruption);
            continue;
        }
        for (const auto& test : some_tests(random))
            if (const auto found = (*opened)->matches(test); found && *found)
                CHECK(**found == evaluated(filter::condition{filter::field_condition{"f", test}}, points));
    }
}
