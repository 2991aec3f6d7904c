// Formulas: every operation by a score worked out by hand.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::field;
using namespace vecstore::scoring;

namespace {

/// One point with all kinds of fields; scored 3 by the first prefetch and 5 by the second, which misses point 2.
struct fixture {
    vs::database db = vs::database::in_memory(quiet()).value();
    vs::collection docs = db.create_collection("docs", one_vector(1, vs::metric::dot)).value();
    fixture() {
        using vs::payload::value;
        (void)docs
            .upsert({make_point(1, {1},
                                {{"price", 8},
                                 {"rate", 0.25},
                                 {"one", value::array{4}},
                                 {"two", value::array{4, 5}},
                                 {"text", "x"},
                                 {"nothing", nullptr},
                                 {"a", {{"b", 2}}},
                                 {"loc", {{"lon", 13.0}, {"lat", 52.0}}},
                                 {"date", "1970-01-02T00:00:00Z"}}),
                     make_point(2, {2})})
            .value();
    }
    [[nodiscard]] vs::query asked(expression e, vs::payload::document defaults = {}) const {
        vs::query q;
        q.prefetch = {nearest_to({3}, 1, vs::has_id({1})), nearest_to({5}, 1, vs::has_id({1}))};
        q.ask = vs::formula{std::move(e), std::move(defaults)};
        return q;
    }
    [[nodiscard]] double value(expression e, vs::payload::document defaults = {}) const {
        const auto found = docs.query(asked(std::move(e), std::move(defaults)));
        if (!found) FAIL(found.error().what());
        REQUIRE(found->size() == 1);
        return static_cast<double>((*found)[0].score);
    }
    [[nodiscard]] std::string refused(expression e, vs::payload::document defaults = {}) const {
        const auto found = docs.query(asked(std::move(e), std::move(defaults)));
        CHECK(code_of(found) == vs::errc::invalid_argument);
        return found ? "" : found.error().message;
    }
};

}  // namespace

TEST_CASE("formula: constants, scores, fields and conditions", "[formula]") {
    const fixture f;
    CHECK(f.value(2.5) == 2.5);
    CHECK(f.value(score()) == 3);
    CHECK(f.value(score(1)) == 5);
    CHECK(f.value("price") == 8);
    CHECK(f.value("a.b") == 2);
    CHECK(f.value("one") == 4);
    CHECK(f.value("one[]") == 4);
    CHECK(f.value("two[1]") == 5);
    CHECK(f.value(when(field("price") == 8)) == 1);
    CHECK(f.value(when(field("price") > 8)) == 0);
    CHECK(f.value(score() + 0.5 * when(field("text") == "x")) == 3.5);
}

TEST_CASE("formula: arithmetic", "[formula]") {
    const fixture f;
    CHECK(f.value(score() * score(1) * "rate") == 3.75);
    CHECK(f.value(score() - score(1)) == -2);
    CHECK(f.value(-field_value("price")) == -8);
    CHECK(f.value(abs(score() - score(1))) == 2);
    CHECK(f.value(sqrt("rate")) == 0.5);
    CHECK(f.value(exp(score())) == Approx(std::exp(3.0)));
    CHECK(f.value(ln("price")) == Approx(std::log(8.0)));
    CHECK(f.value(log10(field_value("price") * 125)) == Approx(3));
    CHECK(f.value(pow(score(), 2)) == 9);
    CHECK(f.value(score() / "price") == 0.375);
    CHECK(f.value(divide(1, score() - 3, 7)) == 7);
    CHECK(f.value(sum({})) == 0);
    CHECK(f.value(product({})) == 1);
    CHECK(f.value(sum({1, 2, 3, 4})) == 10);
    CHECK(f.value(product({1, 2, 3, 4})) == 24);
}

TEST_CASE("formula: behind a factor of zero nothing is looked at", "[formula]") {
    const fixture f;
    CHECK(f.value(product({0, "missing"})) == 0);
    CHECK(f.value(expression(0) / field_value("missing")) == 0);
    CHECK(f.value(when(field("price") == 1) * "missing") == 0);
    CHECK_FALSE(f.refused(product({"missing", 0})).empty());
}

TEST_CASE("formula: decays", "[formula]") {
    const fixture f;
    // 8 is 3 away from 5.
    CHECK(f.value(lin_decay("price", {.target = 5, .scale = 6})) == Approx(0.75));
    CHECK(f.value(lin_decay("price", {.target = 5, .scale = 1})) == 0);
    CHECK(f.value(exp_decay("price", {.target = 5, .scale = 3})) == Approx(0.5));
    CHECK(f.value(exp_decay("price", {.target = 5, .scale = 1.5, .midpoint = 0.1})) == Approx(0.01));
    CHECK(f.value(gauss_decay("price", {.target = 5, .scale = 3})) == Approx(0.5));
    CHECK(f.value(gauss_decay("price", {.target = 5, .scale = 1.5})) == Approx(0.0625));
    CHECK(f.value(exp_decay("rate", {})) == Approx(std::pow(0.5, 0.25)));
    CHECK(f.value(exp_decay("price", {.target = score(1), .scale = 3})) == Approx(0.5));
    CHECK(f.value(lin_decay(5, {.target = "price", .scale = 6, .midpoint = 1})) == 1);
}

TEST_CASE("formula: places and datetimes", "[formula]") {
    const fixture f;
    // A degree of a meridian.
    CHECK(f.value(geo_distance({13, 53}, "loc")) == Approx(111'195).epsilon(0.001));
    CHECK(f.value(geo_distance({13, 52}, "loc")) == 0);
    CHECK(f.value(datetime_field("date")) == 86'400);
    CHECK(f.value(seconds(vs::datetime::parse("1970-01-01T00:01:00Z").value())) == 60);
    const auto target = seconds(vs::datetime::parse("1970-01-03").value());
    CHECK(f.value(exp_decay(datetime_field("date"), {.target = target, .scale = 86'400})) == Approx(0.5));
}

TEST_CASE("formula: defaults stand in for what is missing", "[formula]") {
    const fixture f;
    CHECK(f.value("missing", {{"missing", 6}}) == 6);
    CHECK(f.value("nothing", {{"nothing", 6}}) == 6);
    CHECK(f.value("price", {{"price", 6}}) == 8);
    CHECK(f.value(field_value("\"a\".x"), {{"a.x", 6}}) == 6);
    CHECK(f.value(geo_distance({1, 2}, "missing"), {{"missing", {{"lon", 1}, {"lat", 2}}}}) == 0);
    CHECK(f.value(datetime_field("missing"), {{"missing", "1970-01-02"}}) == 86'400);
    // Point 2 is in the second prefetch alone.
    auto q = f.asked(score() + 10 * score(1));
    q.prefetch[1] = nearest_to({5}, 1, vs::has_id({2}));
    auto found = f.docs.query(q).value();
    REQUIRE(found.size() == 2);
    CHECK(found[0].score == 100);
    CHECK(found[1].score == 3);
    std::get<vs::formula>(q.ask).defaults = {{"$score", 1}, {"$score[1]", 2}};
    found = f.docs.query(q).value();
    CHECK(found[0].score == 101);
    CHECK(found[1].score == 23);
}

TEST_CASE("formula: what has no value is refused, with the point and the reason", "[formula]") {
    const fixture f;
    CHECK(f.refused("missing") == "formula: point 1: no number at \"missing\", and no default");
    CHECK(f.refused("text") == "formula: point 1: the value at \"text\" is no number");
    CHECK(f.refused("two") == "formula: point 1: the value at \"two\" is no number");
    CHECK(f.refused("text", {{"text", 1}}) == "formula: point 1: the value at \"text\" is no number");
    CHECK(f.refused(geo_distance({1, 2}, "price")) == "formula: point 1: the value at \"price\" is no place");
    CHECK(f.refused(datetime_field("text")) == "formula: point 1: the value at \"text\" is no datetime");
    CHECK(f.refused(score() / 0) == "formula: point 1: the result of div is not finite");
    CHECK(f.refused(ln(0)) == "formula: point 1: the result of ln is not finite");
    CHECK(f.refused(log10(expression(-1))) == "formula: point 1: the result of log10 is not finite");
    CHECK(f.refused(sqrt(expression(-1))) == "formula: point 1: the result of sqrt is not finite");
    CHECK(f.refused(exp(expression(1'000))) == "formula: point 1: the result of exp is not finite");
    CHECK(f.refused(pow(expression(0), -1)) == "formula: point 1: the result of pow is not finite");
    CHECK(f.refused(product({1e300, 1e300})) == "formula: point 1: the result of mult is not finite");
    CHECK(f.refused(1e300) == "formula: point 1: the score is not finite");
}

TEST_CASE("formula: mistakes are named by their place", "[formula]") {
    const fixture f;
    CHECK(f.refused(score() + exp_decay("price", {.scale = 0})).starts_with("formula.sum[1].exp_decay.scale: "));
    CHECK(f.refused(gauss_decay("price", {.midpoint = 1})).starts_with("formula.gauss_decay.midpoint: "));
    CHECK(f.refused(lin_decay("price", {.midpoint = 1.5})).starts_with("formula.lin_decay.midpoint: "));
    CHECK(f.refused(pow(1, "a b")).starts_with("formula.pow.exponent: "));
    CHECK(f.refused(geo_distance({181, 0}, "loc")).starts_with("formula.geo_distance.origin: "));
    CHECK(f.refused(std::numeric_limits<double>::infinity()) == "formula: is not finite");
    CHECK(f.refused(1, {{"a b", 1}}).starts_with("formula.defaults: "));
    CHECK(f.refused(when(field("a b") == 1)).starts_with("formula: filter.must[0].key: "));
    expression deep = 1;
    for (int i = 0; i < 64; ++i) deep = -deep;
    CHECK(f.refused(deep).find("nested deeper than 64") != std::string::npos);
    CHECK(f.value(deep.operands[0]) == -1);
    CHECK(f.refused(expression(operation::quotient, {1})) == "formula.div: wrong number of operands");
    vs::query alone;
    alone.ask = vs::formula{1};
    CHECK(code_of(f.docs.query(alone)) == vs::errc::invalid_argument);
}

TEST_CASE("formula: hits are ordered by the result, then cut", "[formula]") {
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    (void)docs.upsert(numbered_points(1, 20)).value();
    vs::query all, q;
    all.ask = vs::all_points{};
    all.limit = 20;
    q.prefetch = {all};
    q.ask = vs::formula{field_value("n") * -1};
    q.limit = 3;
    q.offset = 1;
    q.score_threshold = -4.0f;
    const auto found = docs.query(q).value();
    REQUIRE(found.size() == 2);
    CHECK(found[0].id == vs::point_id(2));
    CHECK(found[1].id == vs::point_id(3));
}
