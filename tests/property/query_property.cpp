// An exact query equals brute force for random points, filters and metrics, wherever the points lie.
#include "support/oracle.hpp"
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

/// From [low, high), at full size from the first case on.
int number(int low, int high) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high)); }

/// Small values, so that equal vectors, equal distances and zero products occur.
std::vector<float> some_vector(std::size_t dim) {
    auto values =
        *rc::gen::resize(rc::kNominalSize, rc::gen::container<std::vector<int>>(dim, rc::gen::inRange(-3, 4)));
    if (values[0] == 0) values[0] = 4;  // never zero, for cosine
    return {values.begin(), values.end()};
}

vs::point some_point(std::size_t dim) {
    auto p = make_point(number(0, 40), some_vector(dim));
    if (number(0, 8) == 0) p.id = uuid_of(static_cast<std::uint8_t>(number(0, 5)));
    if (number(0, 6) == 0) p.vector.clear();
    if (number(0, 2) == 0) p.payload.set("a", number(0, 4));
    if (number(0, 2) == 0) p.payload.set("b", number(0, 100) / 10.0);
    return p;
}

twin_filter some_filter() {
    switch (number(0, 6)) {
        case 0: {
            const auto a = number(0, 4);
            return {vs::field("a") == a, [a](const auto& p) { return p.payload["a"].int64_or(-1) == a; }};
        }
        case 1: {
            const auto b = number(0, 10);
            return {vs::field("b") < b, [b](const auto& p) { return p.payload["b"].double_or(1e9) < b; }};
        }
        case 2: {
            const auto a = number(0, 4);
            return {vs::field("a") != a && !vs::field("b").is_empty(),
                    [a](const auto& p) { return p.payload["a"].int64_or(-1) != a && !p.payload["b"].is_null(); }};
        }
        case 3: {
            const vs::point_id id = number(0, 40);
            return {vs::has_id({id, 1, 2, 3}), [id](const auto& p) {
                        return p.id == id || p.id == vs::point_id(1) || p.id == vs::point_id(2) ||
                               p.id == vs::point_id(3);
                    }};
        }
        case 4:
            return {vs::field("a") == 1 || vs::field("b") >= 5, [](const auto& p) {
                        return p.payload["a"].int64_or(-1) == 1 || p.payload["b"].double_or(-1) >= 5;
                    }};
        default: return {};
    }
}

}  // namespace

TEST_CASE("query: exact answers equal brute force", "[property]") {
    const bool held = rc::check([] {
        const auto dim = static_cast<std::size_t>(number(1, 20));
        const auto metric =
            *rc::gen::element(vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan);
        const auto options = one_vector(dim, metric);
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", options).value();
        oracle wanted(options);
        for (auto batches = number(0, 6); batches > 0; --batches) {
            std::vector<vs::point> points;
            for (auto left = number(1, 25); left > 0; --left) points.push_back(some_point(dim));
            wanted.upsert(points);
            RC_ASSERT(docs.upsert(points).has_value());
            if (number(0, 3) == 0) {
                const auto gone = some_filter();
                wanted.erase(gone);
                RC_ASSERT(docs.erase(gone.expression).has_value());
            }
            if (number(0, 2) == 0) RC_ASSERT(db.checkpoint().has_value());
            if (number(0, 4) == 0) RC_ASSERT(db.optimize().has_value());
        }
        const auto filter = some_filter();
        const auto limit = static_cast<std::size_t>(number(1, 60));
        RC_ASSERT(difference(docs, wanted, 0, some_vector(dim), limit, filter) == "");
        RC_ASSERT(difference(docs, wanted, filter) == "");
        RC_ASSERT(difference(docs, wanted, limit) == "");
    });
    CHECK(held);
}
