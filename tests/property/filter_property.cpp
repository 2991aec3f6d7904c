/// The compiled filter against a naive one, written over plain values from the text of the rules.
#include "payload_generators.hpp"

#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>

using namespace vecstore;
using filter::condition;
using filter::expression;
using payload::document;
using payload::value;

namespace generate = payload_generators;

namespace naive {

/// Values at a path of the few forms that the generator makes, taken apart by hand.
std::vector<value> reach(std::vector<value> from, std::string_view rest) {
    while (!rest.empty()) {
        std::vector<value> next;
        if (rest.starts_with("[]")) {
            rest.remove_prefix(2);
            for (const auto& v : from)
                if (const auto* items = v.if_array()) next.insert(next.end(), items->begin(), items->end());
        } else if (rest.starts_with("[1]")) {
            rest.remove_prefix(3);
            for (const auto& v : from)
                if (const auto* items = v.if_array(); items && items->size() > 1) next.push_back((*items)[1]);
        } else {
            if (rest.front() == '.') rest.remove_prefix(1);
            const auto key = rest.substr(0, rest.find_first_of(".["));
            rest.remove_prefix(key.size());
            for (const auto& v : from)
                if (const auto* object = v.if_object())
                    if (const auto* found = object->find(key)) next.push_back(*found);
        }
        from = std::move(next);
    }
    return from;
}

bool listed(const filter::value_list& list, const value& v) {
    const auto equals = [&](const auto& item) { return value(item) == v; };
    return std::visit([&](const auto& items) { return std::any_of(items.begin(), items.end(), equals); }, list);
}

bool holds(const filter::match_value& t, const value& v) {
    return std::visit([&](const auto& wanted) { return value(wanted) == v; }, t.value);
}
bool holds(const filter::match_any& t, const value& v) { return listed(t.values, v); }
bool holds(const filter::match_except& t, const value& v) { return !v.is_null() && !listed(t.values, v); }
bool holds(const filter::range& t, const value& v) {
    if (!v.is_int64() && !v.is_double()) return false;
    const double n = v.double_or(0);
    return !(t.gt && n <= *t.gt) && !(t.gte && n < *t.gte) && !(t.lt && n >= *t.lt) && !(t.lte && n > *t.lte);
}

template <class Test>
bool any_holds(const std::vector<value>& reached, const Test& test) {
    std::vector<value> flat;
    for (const auto& v : reached)
        if (const auto* items = v.if_array())
            flat.insert(flat.end(), items->begin(), items->end());
        else
            flat.push_back(v);
    return std::any_of(flat.begin(), flat.end(), [&](const value& v) { return holds(test, v); });
}
bool any_holds(const std::vector<value>& reached, const filter::is_empty& test) {
    const bool empty = std::all_of(reached.begin(), reached.end(),
                                   [](const value& v) { return v.is_null() || v == value(value::array{}); });
    return test.wanted ? empty : !empty;
}
bool any_holds(const std::vector<value>& reached, const filter::is_null& test) {
    bool null = false;
    for (const auto& v : reached) {
        null |= v.is_null();
        if (const auto* items = v.if_array()) null |= std::count(items->begin(), items->end(), value()) > 0;
    }
    return test.wanted ? null : !null;
}

bool passes(const expression& e, const point_id& id, const document& d);

std::size_t count(const std::vector<condition>& list, const point_id& id, const document& d) {
    std::size_t n = 0;
    for (const auto& c : list) {
        if (const auto* inner = std::get_if<expression>(&c.content)) n += passes(*inner, id, d);
        if (const auto* ids = std::get_if<filter::has_id_condition>(&c.content))
            n += std::count(ids->ids.begin(), ids->ids.end(), id) > 0;
        if (const auto* f = std::get_if<filter::field_condition>(&c.content))
            n += std::visit([&](const auto& test) { return any_holds(reach({value(d)}, f->key), test); }, f->test);
    }
    return n;
}

bool passes(const expression& e, const point_id& id, const document& d) {
    bool all = count(e.must, id, d) == e.must.size() && count(e.must_not, id, d) == 0;
    if (!e.should.empty()) all = all && count(e.should, id, d) > 0;
    for (const auto& q : e.at_least) all = all && count(q.conditions, id, d) >= q.min_count;
    return all;
}

}  // namespace naive

namespace {

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
        const bool expected = naive::passes(e, id, d);
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
            const bool expected = naive::passes(e, 1, d);
            RC_ASSERT(filter::compiled::compile(e).value()(1, payload::view::trusted(bytes)) == expected);
        }
    }));
}

TEST_CASE("filter: the operators are logic", "[property][filter]") {
    REQUIRE(rc::check("&& || !", [] {
        const auto d = *generate::object(2);
        const auto a = tree(1), b = tree(1);
        const bool x = naive::passes(a, 1, d), y = naive::passes(b, 1, d);
        RC_ASSERT(naive::passes(a && b, 1, d) == (x && y));
        RC_ASSERT(naive::passes(a || b, 1, d) == (x || y));
        RC_ASSERT(naive::passes(!a, 1, d) == !x);
        RC_ASSERT(naive::passes(!(a || !b), 1, d) == !(x || !y));
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
