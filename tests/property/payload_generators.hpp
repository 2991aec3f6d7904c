/// Random payloads for the property tests: small key and value sets, so that filters often hit.
#pragma once

#include <vecstore/payload/value.hpp>

#include <rapidcheck.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace payload_generators {

using vecstore::payload::document;
using vecstore::payload::value;

inline rc::Gen<std::string> key() { return rc::gen::element<std::string>("a", "b", "c", "tags"); }

inline rc::Gen<std::string> text() {
    return rc::gen::oneOf(
        rc::gen::element<std::string>("", "x", "y", "1", "caf\xc3\xa9", "\"\\\n\x01", "\xf0\x9f\x98\x80"),
        rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127)));
}

inline rc::Gen<double> number() {
    return rc::gen::suchThat(
        rc::gen::oneOf(rc::gen::element(0.0, 1.0, 2.0, -1.5, 2.5, 1e300, 5e-324), rc::gen::arbitrary<double>(),
                       rc::gen::map(rc::gen::arbitrary<std::uint64_t>(),
                                    [](std::uint64_t bits) {
                                        double d;
                                        static_assert(sizeof d == sizeof bits);
                                        __builtin_memcpy(&d, &bits, sizeof d);
                                        return d;
                                    })),
        [](double d) { return std::isfinite(d); });
}

inline rc::Gen<value> scalar() {
    const auto as_value = [](auto x) { return value(std::move(x)); };
    return rc::gen::oneOf(rc::gen::just(value()), rc::gen::map(rc::gen::arbitrary<bool>(), as_value),
                          rc::gen::map(rc::gen::inRange<std::int64_t>(-2, 4), as_value),
                          rc::gen::map(rc::gen::arbitrary<std::int64_t>(), as_value), rc::gen::map(number(), as_value),
                          rc::gen::map(text(), as_value));
}

rc::Gen<document> object(int depth);

inline rc::Gen<value> any_value(int depth) {
    if (depth == 0) return scalar();
    return rc::gen::weightedOneOf<value>(
        {{4, scalar()},
         {2, rc::gen::map(rc::gen::resize(4, rc::gen::container<std::vector<value>>(any_value(depth - 1))),
                          [](std::vector<value> items) { return value(std::move(items)); })},
         {2, rc::gen::map(object(depth - 1), [](document d) { return value(std::move(d)); })}});
}

inline rc::Gen<document> object(int depth) {
    using members = std::vector<std::pair<std::string, value>>;
    return rc::gen::map(rc::gen::resize(6, rc::gen::container<members>(rc::gen::pair(key(), any_value(depth)))),
                        [](members list) {
                            document d;
                            for (auto& [key, content] : list) d.set(key, std::move(content));
                            return d;
                        });
}

}  // namespace payload_generators
