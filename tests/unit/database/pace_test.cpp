// The optimizer's budgets.
#include "support/store.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <database/pace.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::detail::optimizer_pace;
using seconds = optimizer_pace::seconds;

TEST_CASE("pace: rests for as long as it is ahead of its share of the processor", "[database]") {
    const optimizer_pace quarter(0.25, 0);
    CHECK(quarter.rest_after(seconds(1), seconds(1)).count() == Approx(3));
    CHECK(quarter.rest_after(seconds(4), seconds(1)).count() == Approx(0));
    CHECK(quarter.rest_after(seconds(9), seconds(1)).count() == 0);
    CHECK(optimizer_pace(1, 0).rest_after(seconds(1), seconds(1)).count() == 0);
}

TEST_CASE("pace: rests for as long as it is ahead of its bytes", "[database]") {
    optimizer_pace slow(1, 1'000);
    CHECK(slow.rest_after(seconds(0), seconds(0)).count() == 0);
    slow.wrote(5'000);
    CHECK(slow.rest_after(seconds(2), seconds(1)).count() == Approx(3));
    slow.wrote(1'000);
    CHECK(slow.rest_after(seconds(2), seconds(1)).count() == Approx(4));
    optimizer_pace both(0.5, 1'000);
    both.wrote(1'000);
    CHECK(both.rest_after(seconds(1), seconds(4)).count() == Approx(7));
}

TEST_CASE("pace: a job under budgets ends, and can be cancelled while it rests", "[database]") {
    auto options = quiet();
    options.optimizer_cpu_share = 0.5;
    options.optimizer_bytes_per_second = 1u << 20;
    const memory_disk disk;
    auto db = disk.open(options).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    vs::random_source random(1);
    const auto write = [&](std::uint64_t first) {
        std::vector<vs::point> points;
        for (std::uint64_t i = 0; i < 500; ++i) points.push_back(make_point(first + i, random_vector(random, 3)));
        REQUIRE(docs.upsert(points));
        REQUIRE(db.checkpoint());
    };
    write(0);
    write(250);
    REQUIRE(db.optimize());
    CHECK(docs.count().value() == 750);
    write(500);
    int asked = 0;
    CHECK(code_of(db.optimize([&](const vs::progress&) { return ++asked < 3; })) == errc::cancelled);
    CHECK(docs.count().value() == 1'000);
    for (const double wrong : {0.0, -1.0, 1.5}) {
        options.optimizer_cpu_share = wrong;
        CHECK(code_of(memory_disk().open(options)) == errc::invalid_argument);
    }
}
