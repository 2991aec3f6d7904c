/// Filters against the table of what the dialect's description says, and engines against each other on random filters.
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>
#include <support/database_engine.hpp>
#include <support/filter_cases.hpp>
#include <support/filter_engines.hpp>
#include <support/indexed_engine.hpp>
#include <support/random_filters.hpp>

using namespace vecstore;
using filter_engines::sample_point;

namespace {

std::vector<filter_engines::engine> engines(std::vector<std::string> indexed) {
    return {filter_engines::naive_engine(), filter_engines::compiled_engine(),
            filter_engines::indexed_engine(std::move(indexed))};
}

std::string describe(const sample_point& p) {
    auto text = "id " + to_string(p.id) + ", " + payload::to_json(p.payload) + ", vectors:";
    for (const auto& name : p.vectors) text += " \"" + name + "\"";
    return text;
}

}  // namespace

TEST_CASE("conformance: each rule of the dialect, in C++ and in JSON, for every engine", "[property][filter]") {
    const std::vector<std::string> fields{"a", "b", "a.b", "a[]", "a[].b", "a[0]"};
    for (const auto& row : filter_cases::all()) {
        INFO(row.rule);
        CHECK(filter::to_json(row.spelled) == row.json);
        const auto parsed = filter::parse_json(row.json);
        REQUIRE(parsed);
        CHECK(*parsed == row.spelled);
        for (const auto& one : row.answers) {
            const sample_point p{one.id, payload::parse_document(one.payload).value(), one.vectors};
            INFO(describe(p));
            auto all = engines(fields);
            all.push_back(filter_engines::database_engine());
            for (const auto& engine : all) {
                INFO(engine.name);
                CHECK(engine.ask(row.spelled, {p}).front() == one.expected);
                CHECK(engine.ask(!row.spelled, {p}).front() != one.expected);
            }
        }
    }
}

TEST_CASE("conformance: a collection answers as the naive reading does", "[property][filter]") {
    for (std::uint64_t round = 0; round < 40; ++round) {
        random_filters::generator random(1'000 + round);
        std::vector<sample_point> sample;
        for (std::size_t i = 0; i < 30; ++i) sample.push_back({i, random.object(2), random.vectors()});
        const auto e = round % 2 == 0 ? filter::expression(random.any_condition(1)) : random.tree(2);
        INFO("round " << round << ": " << filter::to_json(e));
        CHECK(filter_engines::database_engine().ask(e, sample) == filter_engines::naive_engine().ask(e, sample));
    }
}

TEST_CASE("conformance: engines agree on 100,000 pairs of random filters and payloads", "[property][filter]") {
    constexpr std::size_t rounds = 100, filters = 25, points = 40;
    std::size_t passed = 0, mixed = 0;
    const auto all = engines(random_filters::generator::paths());
    for (std::size_t round = 0; round < rounds; ++round) {
        random_filters::generator random(round + 1);
        std::vector<sample_point> sample;
        for (std::size_t i = 0; i < points; ++i) sample.push_back({i, random.object(2), random.vectors()});
        for (std::size_t i = 0; i < filters; ++i) {
            // Single conditions, which whole trees seldom depend on, and trees.
            const auto e = i % 2 == 0 ? filter::expression(random.any_condition(1)) : random.tree(2);
            const auto expected = all.front().ask(e, sample);
            const auto passes = static_cast<std::size_t>(std::count(expected.begin(), expected.end(), true));
            passed += passes;
            mixed += passes > 0 && passes < points;
            for (std::size_t other = 1; other < all.size(); ++other) {
                const auto answered = all[other].ask(e, sample);
                if (answered == expected) continue;
                for (std::size_t at = 0; at < points; ++at) {
                    if (answered[at] == expected[at]) continue;
                    INFO("round " << round << ", " << all[other].name << ": " << filter::to_json(e));
                    INFO(describe(sample[at]));
                    REQUIRE(answered[at] == expected[at]);
                }
            }
            const auto text = filter::to_json(e);
            const auto again = filter::parse_json(text);
            INFO(text);
            REQUIRE(again);
            REQUIRE(filter::to_json(*again) == text);
        }
    }
    // The filters must tell points apart, or agreement means nothing.
    CHECK(passed > rounds * filters * points / 20);
    CHECK(mixed > rounds * filters / 6);
}
