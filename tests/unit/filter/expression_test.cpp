#include <vecstore/core/limits.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/expression.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace vecstore;
using filter::condition;
using filter::expression;
using filter::validate;

namespace {
std::string complaint(const expression& e) {
    const auto checked = validate(e);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::invalid_argument);
    return checked.error().message;
}
expression nested(std::size_t depth) {
    expression e = field("a") == 1;
    for (std::size_t i = 1; i < depth; ++i) e = condition{std::move(e)};
    return e;
}
}  // namespace

TEST_CASE("expression: a default one is no constraint", "[filter]") {
    CHECK(expression{}.empty());
    CHECK(validate(expression{}).has_value());
    CHECK_FALSE((field("a") == 1).empty());
}

TEST_CASE("expression: copies compare equal, changed ones do not", "[filter]") {
    const auto a = field("a") == 1 && (field("b") < 2 || has_id({1}));
    auto b = a;
    CHECK(a == b);
    b.must.pop_back();
    CHECK_FALSE(a == b);
}

TEST_CASE("expression: validate names the place", "[filter]") {
    CHECK(complaint(field("a") == 1 && field("") == 1) == "filter.must[1].key: must not be empty");
    CHECK(complaint(!(field("a.") == 1)).find("filter.must_not[0].key: path 'a.', byte 2: ") == 0);
    CHECK(complaint((field("x[") == 1 || field("y") == 1)).find("filter.should[0].key: ") == 0);
    CHECK(complaint(field("a") < std::numeric_limits<double>::infinity()) ==
          "filter.must[0].range: a bound is not finite");
    CHECK(complaint(field("a") > std::numeric_limits<double>::quiet_NaN()) ==
          "filter.must[0].range: a bound is not finite");
    expression quorum;
    quorum.at_least.push_back({{field("a b").is_null().must[0]}, 1});
    CHECK(complaint(quorum).find("filter.min_should.conditions[0].key: ") == 0);
    quorum.at_least[0].min_count = 0;
    CHECK(complaint(quorum) == "filter.min_should.min_count: value 0 invalid, must be 1 or larger");
}

TEST_CASE("expression: nesting, conditions and lists are bounded", "[filter]") {
    CHECK(validate(nested(filter_depth_max)).has_value());
    CHECK(complaint(nested(filter_depth_max + 1)).find("nested deeper than 32") != std::string::npos);
    expression many;
    many.should.assign(filter_conditions_max, (field("a") == 1).must[0]);
    CHECK(validate(many).has_value());
    many.must_not = (field("a") == 1).must;
    CHECK(complaint(many) == "filter.must_not[0]: more than 4096 conditions");
    CHECK(validate(field("a").any_of(std::vector<int>(filter_values_max))).has_value());
    CHECK(
        complaint(field("a").any_of(std::vector<int>(filter_values_max + 1))).find("filter.must[0].match.any: 65537") ==
        0);
    CHECK(complaint(field("a").except(std::vector<int>(filter_values_max + 1))).find("match.except") !=
          std::string::npos);
    CHECK(complaint(has_id(std::vector<point_id>(filter_values_max + 1))).find("filter.must[0].has_id: ") == 0);
}
