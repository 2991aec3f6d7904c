/// Payloads survive the codec and JSON, and paths and views agree with plain values.
#include "payload_generators.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/path.hpp>
#include <vecstore/payload/selector.hpp>
#include <vecstore/payload/view.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace vecstore;
using payload::document;
using payload::value;
using payload::view;

namespace generate = payload_generators;

TEST_CASE("payload: the codec gives back what it was given", "[property][payload]") {
    REQUIRE(rc::check("decode(encode(d)) == d", [] {
        const auto d = *generate::object(3);
        const auto bytes = payload::encode(d).value();
        RC_ASSERT(payload::decode(bytes).value() == d);
        RC_ASSERT(payload::encode(view::trusted(bytes).to_document()).value() == bytes);
    }));
}

TEST_CASE("payload: JSON gives back what it was given", "[property][payload]") {
    REQUIRE(rc::check("parse(print(d)) == d", [] {
        const auto d = *generate::object(3);
        const auto text = payload::to_json(d);
        RC_ASSERT(payload::parse_document(text).value() == d);
        RC_ASSERT(payload::to_json(payload::parse_document(text).value()) == text);
        const auto bytes = payload::encode(d).value();
        RC_ASSERT(payload::to_json(view::trusted(bytes)) == text);
    }));
}

TEST_CASE("payload: a changed byte is refused or gives a document that encodes to the same bytes",
          "[property][payload]") {
    REQUIRE(rc::check("hostile bytes", [] {
        auto bytes = payload::encode(*generate::object(3)).value();
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = static_cast<std::byte>(*rc::gen::inRange(0, 256));
        if (const auto d = payload::decode(bytes)) RC_ASSERT(payload::encode(*d).value() == bytes);
    }));
}

TEST_CASE("payload: what was set at a path is found there, and what was erased is not", "[property][payload]") {
    REQUIRE(rc::check("set and erase", [] {
        auto d = *generate::object(2);
        const auto where = payload::path::parse(*generate::key() + "." + *generate::key()).value();
        payload::set(d, where, {{"new", 7}});
        const auto& first = where.steps()[0].key;
        const auto& second = where.steps()[1].key;
        RC_ASSERT(d[first][second]["new"] == 7);
        RC_ASSERT(payload::erase(d, where));
        RC_ASSERT(!d[first].if_object()->contains(second));
        RC_ASSERT(!payload::erase(d, where));
    }));
}

TEST_CASE("payload: include and exclude of whole members split a payload in two", "[property][payload]") {
    REQUIRE(rc::check("selectors are complements", [] {
        const auto d = *generate::object(2);
        const std::vector<std::string> keys = {*generate::key()};
        const auto bytes = payload::encode(d).value();
        const auto in = payload::selector::include(keys).value().apply(view::trusted(bytes));
        auto both = payload::selector::exclude(keys).value().apply(view::trusted(bytes));
        RC_ASSERT(in.size() + both.size() == d.size());
        for (const auto& [key, content] : in) both.set(key, content);
        RC_ASSERT(both == d);
    }));
}
