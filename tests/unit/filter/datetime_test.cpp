#include <vecstore/filter/datetime.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;
using filter::parse_datetime_us;

namespace {
constexpr std::int64_t second = 1'000'000;
}

TEST_CASE("datetime: all accepted forms", "[filter]") {
    constexpr std::int64_t noon = 1'704'110'400 * second;  // 2024-01-01T12:00:00Z
    for (const auto* text :
         {"2024-01-01T12:00:00Z", "2024-01-01t12:00:00z", "2024-01-01T12:00:00", "2024-01-01 12:00:00",
          "2024-01-01 12:00", "2024-01-01T12:00", "2024-01-01T12:00:00.0Z", "2024-01-01T12:00:00.000000",
          "2024-01-01T14:00:00+02:00", "2024-01-01T14:00:00+0200", "2024-01-01T14:00:00+02",
          "2024-01-01 14:00:00 +02:00", "2024-01-01T06:30:00-05:30", "2024-01-01  12:00:00 Z",
          "2024-01-02T00:00:00+12:00", "2024-01-01T11:59:60Z", "2024-01-01T12:00:00.0000009Z"}) {
        INFO(text);
        CHECK(parse_datetime_us(text) == noon);
    }
    CHECK(parse_datetime_us("2024-01-01") == noon - 12 * 3600 * second);
    CHECK(parse_datetime_us("1970-01-01T00:00:00Z") == 0);
    CHECK(parse_datetime_us("1969-12-31T23:59:59.999999Z") == -1);
    CHECK(parse_datetime_us("2024-01-01T12:00:00.5Z") == noon + second / 2);
    CHECK(parse_datetime_us("2024-01-01T12:00:00.123456789Z") == noon + 123'456);
    CHECK(parse_datetime_us("0000-01-01") == filter::datetime_us_min);
    CHECK(parse_datetime_us("9999-12-31T23:59:59.999999Z") == filter::datetime_us_max);
    CHECK(parse_datetime_us("2000-02-29") == 951'782'400 * second);
}

TEST_CASE("datetime: what is no date is none", "[filter]") {
    for (const auto* text : {"",
                             "x",
                             "2024",
                             "2024-01",
                             "2024-1-1",
                             "24-01-01",
                             "2024-13-01",
                             "2024-00-01",
                             "2024-02-30",
                             "2023-02-29",
                             "1900-02-29",
                             "2024-01-32",
                             "2024-01-00",
                             "2024-01-01T",
                             "2024-01-01 ",
                             "2024-01-01T12",
                             "2024-01-01T12:",
                             "2024-01-01T12:0",
                             "2024-01-01T24:00:00Z",
                             "2024-01-01T12:60:00Z",
                             "2024-01-01T12:00:61Z",
                             "2024-01-01T12:00:00.Z",
                             "2024-01-01T12:00:00.",
                             "2024-01-01T12:00:00 ",
                             "2024-01-01T12:00:00+",
                             "2024-01-01T12:00:00+2",
                             "2024-01-01T12:00:00+02:",
                             "2024-01-01T12:00:00+02:0",
                             "2024-01-01T12:00:00+24:00",
                             "2024-01-01T12:00:00+02:60",
                             "2024-01-01T12:00:00ZZ",
                             "2024-01-01T12:00:00 UTC",
                             "2024-01-01Z",
                             "2024-01-01+02:00",
                             " 2024-01-01",
                             "2024-01-01T12:00:00Z ",
                             "2024/01/01",
                             "2024-01-01T12:00:00,5Z",
                             "-2024-01-01",
                             "+2024-01-01",
                             "12024-01-01",
                             "2024-01-01T-1:00"}) {
        INFO(text);
        CHECK_FALSE(parse_datetime_us(text));
    }
    CHECK_FALSE(parse_datetime_us("2024-01-01T12:00:00." + std::string(100, '0') + "Z"));
    CHECK_FALSE(parse_datetime_us(std::string_view("2024-01-01\0", 11)));
}

TEST_CASE("datetime: errors show the text", "[filter]") {
    const auto parsed = datetime::parse("noon");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::invalid_argument);
    CHECK(parsed.error().message ==
          "'noon' does not match accepted datetime format (RFC3339). Example: 2014-01-01T00:00:00Z");
}

TEST_CASE("datetime: printed and read back", "[filter]") {
    CHECK(to_string(datetime()) == "1970-01-01T00:00:00Z");
    CHECK(to_string(datetime::from_us(-1)) == "1969-12-31T23:59:59.999999Z");
    CHECK(to_string(datetime::parse("2024-02-29 13:05:09.25").value()) == "2024-02-29T13:05:09.25Z");
    CHECK(to_string(datetime::from_us(filter::datetime_us_min)) == "0000-01-01T00:00:00Z");
    for (const std::int64_t us : {filter::datetime_us_min, filter::datetime_us_max, std::int64_t{123'456'789'012'345},
                                  std::int64_t{-62'135'596'800'000'000}})
        CHECK(parse_datetime_us(to_string(datetime::from_us(us))) == us);
}

TEST_CASE("datetime: from the calendar and the clock", "[filter]") {
    using namespace std::chrono;
    CHECK(datetime(sys_days(year{2024} / 1 / 1)) == datetime::parse("2024-01-01").value());
    CHECK(datetime(sys_time<nanoseconds>(nanoseconds(-1))).us() == -1);
    CHECK(datetime(system_clock::now()) > datetime::parse("2020-01-01").value());
}
