#include <vecstore/payload/format.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using payload::document;

TEST_CASE("format: strings print bare, everything else as JSON", "[payload]") {
    const document d = {{"lang", "en"}, {"year", 2024}, {"tags", payload::value::array{"a"}}};
    CHECK(fmt::format("{} {}", point_id(1), d["lang"]) == "1 en");
    CHECK(fmt::format("{} {} {}", d["year"], d["tags"], d["none"]) == R"(2024 ["a"] null)");
    CHECK(fmt::format("{}", d) == R"({"lang":"en","year":2024,"tags":["a"]})");
    CHECK(fmt::format("{:>4}|{:<4}|", d["lang"], point_id(7)) == "  en|7   |");
    const auto id = uuid::parse("0123456789abcdef0123456789abcdef").value();
    CHECK(fmt::format("{}", point_id(id)) == "01234567-89ab-cdef-0123-456789abcdef");
}
