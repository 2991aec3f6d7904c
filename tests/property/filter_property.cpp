/// The compiled filter against the naive one, with rapidcheck's shrinking; filter_conformance.cpp has more pairs.
#include "payload_generators.hpp"

#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <support/naive_filter.hpp>

#include <algorithm>

using namespace vecstore;
using filter::condition;
using filter::expression;
using payload::document;
using payload::value;

namespace generate = payload_generators;

namespace {

bool naively_passes(const expression& e, const point_id& id, const document& d) { return naive::passes(e, {d, &id}); }

rc::Gen<std::string> path_text() {
    return rc::gen::oneOf(generate::key(), rc::gen::element<std::string>("a.b", "a[]", "a[].b", "b.c[]", "a[1]",
                                                                         "c[][]", "tags[1].a", "nope"));
}

rc::Gen<filter::value_list> list() {
    const auto wrap = [](auto items) { return filter::value_list(std::move(items)); };
    const auto texts = rc::gen::container<std::vector<std::string>>(generate::text());
    const auto integers = rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(-2, 4));
    return rc::gen::oneOf(rc::gen::map(rc::gen::resize(3, texts), wrap),
                          rc::gen::map(rc::gen::resize(4, integers), wrap));
}

expression field_expression() {
    const field f(*path_text());
    const auto with = [&](auto test) {
        auto e = f.is_null();
        std::get<filter::field_condition>(e.must[0].content).test = std::move(test);
        return e;
    };
    switch (*rc::gen::inRange(0, 8)) {
        case 0: return f == *generate::text();
        case 1: return f == *rc::gen::inRange(-2, 4);
        case 2: return f == *rc::gen::arbitrary<bool>();
        case 3: return with(filter::match_any{*list()});
        case 4: return with(filter::match_except{*list()});
        case 5: {
            const auto bound = [] { return *rc::gen::maybe(rc::gen::element(-1.5, 0.0, 1.0, 2.0, 2.5)); };
            filter::range r;
            const auto set = [&](std::optional<double>& to) {
                if (const auto b = bound()) to = *b;
            };
            set(r.gt), set(r.gte), set(r.lt), set(r.lte);
            return with(r);
        }
        case 6: return with(filter::is_empty{*rc::gen::arbitrary<bool>()});
        default: return with(filter::is_null{*rc::gen::arbitrary<bool>()});
    }
}

expression tree(int depth);

std::vector<condition> conditions(int depth) {
    std::vector<condition> all;
    for (int n = *rc::gen::inRange(0, 3); n > 0; --n) {
        const int kind = *rc::gen::inRange(0, depth > 0 ? 6 : 4);
        if (kind == 3) {
            const auto ids = *rc::gen::resize(3, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3)));
            all.push_back(has_id({ids.begin(), ids.end()}).must[0]);
        } else if (kind < 3) {
            all.push_back(field_expression().must[0]);
        } else {
            all.push_back(condition{tree(depth - 1)});
        }
    }
    return all;
}

expression tree(int depth) {
    expression e;
    e.must = conditions(depth);
    e.should = conditions(depth);
    e.must_not = conditions(depth);
    if (*rc::gen::inRange(0, 3) == 0) e.at_least.push_back({conditions(depth), *rc::gen::inRange<std::size_t>(1, 3)});
    return e;
}

}  // namespace

TEST_CASE("filter: compiled filters agree with the naive reading of the rules", "[property][filter]") {
    REQUIRE(rc::check("compiled == naive", [] {
        const auto d = *generate::object(2);
        const auto e = tree(2);
        const point_id id = *rc::gen::inRange(0, 3);
        RC_LOG() << filter::to_json(e) << '\n' << payload::to_json(d) << '\n';
        const auto bytes = payload::encode(d).value();
        const auto ready = filter::compiled::compile(e).value();
        const bool expected = naively_passes(e, id, d);
        RC_CLASSIFY(expected, "passes");
        RC_ASSERT(ready(id, payload::view::trusted(bytes)) == expected);
        if (const auto ids = ready.required_ids(); ids && expected)
            RC_ASSERT(std::find(ids->begin(), ids->end(), id) != ids->end());
    }));
}

TEST_CASE("filter: single conditions agree with the naive reading of the rules", "[property][filter]") {
    REQUIRE(rc::check("compiled == naive", [] {
        const auto d = *generate::object(2);
        const auto bytes = payload::encode(d).value();
        for (int i = 0; i < 20; ++i) {
            const auto e = field_expression();
            RC_LOG() << filter::to_json(e) << '\n' << payload::to_json(d) << '\n';
            const bool expected = naively_passes(e, 1, d);
            RC_ASSERT(filter::compiled::compile(e).value()(1, payload::view::trusted(bytes)) == expected);
        }
    }));
}

TEST_CASE("filter: the operators are logic", "[property][filter]") {
    REQUIRE(rc::check("&& || !", [] {
        const auto d = *generate::object(2);
        const auto a = tree(1), b = tree(1);
        const bool x = naively_passes(a, 1, d), y = naively_passes(b, 1, d);
        RC_ASSERT(naively_passes(a && b, 1, d) == (x && y));
        RC_ASSERT(naively_passes(a || b, 1, d) == (x || y));
        RC_ASSERT(naively_passes(!a, 1, d) == !x);
        RC_ASSERT(naively_passes(!(a || !b), 1, d) == !(x || !y));
    }));
}

TEST_CASE("filter: JSON gives back what it was given", "[property][filter]") {
    REQUIRE(rc::check("parse(print(e)) == e", [] {
        auto e = tree(2);
        const auto text = filter::to_json(e);
        RC_LOG() << text << '\n';
        // An empty list of integers prints as one of strings; they mean the same, so compare the text.
        RC_ASSERT(filter::to_json(filter::parse_json(text).value()) == text);
    }));
}
