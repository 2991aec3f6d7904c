#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::field;
using vs::search_strategy;

namespace {

constexpr std::size_t width = 12;

std::int64_t n_of(const vs::point& p) { return *p.payload["n"].if_int64(); }

/// Points in a store with a payload index of "n", and what is in them, to compare answers with.
struct searched_points {
    memory_disk disk;
    vs::database db = disk.open().value();
    vs::collection points;
    std::map<std::uint64_t, vs::point> all;
    vs::random_source random{17};

    explicit searched_points(vs::index_kind kind) : points(create(kind)) {}

    vs::collection create(vs::index_kind kind) {
        auto options = one_vector(width, vs::metric::cosine);
        options.vectors[0].index = kind;
        auto made = db.create_collection("points", options).value();
        made.create_field_index("n", {.kind = vs::field_kind::integer}).value();
        return made;
    }
    void put(std::uint64_t id, std::int64_t n) {
        all[id] = make_point(id, random_vector(random, width), {{"n", n}});
        points.upsert(std::vector{all[id]}).value();
    }
    /// "n" runs from 0 to 99.
    void fill(std::uint64_t count) {
        std::vector<vs::point> some;
        for (std::uint64_t id = 0; id < count; ++id) {
            all[id] = make_point(id, random_vector(random, width), {{"n", id % 100}});
            some.push_back(all[id]);
        }
        points.upsert(some).value();
        db.optimize().value();
    }
    /// The share of the ten nearest with n < `below` that `asked` queries find; each must give ten when there are ten.
    double recall(std::int64_t below, std::size_t asked, std::set<search_strategy>* strategies = nullptr) {
        std::size_t found = 0, wanted = 0;
        for (std::size_t i = 0; i < asked; ++i) {
            auto q = nearest_to(random_vector(random, width), 10, field("n") < below);
            q.recall = 0.95;
            const auto hits = points.query(q).value();
            if (strategies != nullptr) strategies->insert(hits.plan.strategy);
            q.exact = true;
            const auto truth = points.query(q).value();
            REQUIRE(hits.size() == truth.size());
            for (const auto& hit : hits) {
                REQUIRE(n_of(all.at(hit.id.number())) < below);
                found += std::any_of(truth.begin(), truth.end(), [&](const auto& t) { return t.id == hit.id; });
            }
            wanted += truth.size();
        }
        return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
    }
};

}  // namespace

TEST_CASE("filtered search: as many as asked for, and the right ones, at every selectivity", "[filtered]") {
    const auto kind = GENERATE(vs::index_kind::hnsw, vs::index_kind::ivf);
    CAPTURE(to_string(kind));
    searched_points store(kind);
    store.fill(4'000);
    for (const std::int64_t below : {100, 60, 25, 8, 2, 1}) {
        CAPTURE(below);
        CHECK(store.recall(below, 40) >= 0.9);
    }
    CHECK(store.recall(0, 2) == 1);
}

TEST_CASE("filtered search: what is kept of a filter follows edits, deletes, checkpoints and merges", "[filtered]") {
    const auto kind = GENERATE(vs::index_kind::hnsw, vs::index_kind::ivf);
    CAPTURE(to_string(kind));
    searched_points store(kind);
    store.fill(4'000);
    const auto ask = [&] {
        for (const std::int64_t below : {50, 10}) REQUIRE(store.recall(below, 8) >= 0.85);
        std::size_t matching = 0;
        for (const auto& [id, p] : store.all) matching += n_of(p) < 10;
        REQUIRE(store.points.count(field("n") < 10).value() == matching);
    };
    ask();
    for (std::uint64_t round = 0; round < 4; ++round) {
        for (std::uint64_t id = round; id < 4'000; id += 97) {  // edited: some match now, some no more
            const auto n = static_cast<std::int64_t>((id * 31 + round) % 100);
            if (store.all.count(id) == 0) continue;
            store.all[id].payload.set("n", n);
            store.points.set_payload({id}, {{"n", n}}).value();
        }
        ask();
        for (std::uint64_t id = round * 10; id < 4'000; id += 101) {
            store.all.erase(id);
            store.points.erase({id}).value();
        }
        ask();
        for (std::uint64_t id = 5'000 + 100 * round; id < 5'030 + 100 * round; ++id)
            store.put(id, static_cast<std::int64_t>(id % 20));
        ask();
        round % 2 == 0 ? store.db.checkpoint().value() : store.db.optimize().value();
        ask();
    }
}
