// Questions by examples, fusion, mmr and trees of prefetches answer what plain loops over all points answer, wherever the
// points lie.
#include "support/naive_query.hpp"
#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

int number(int low, int high) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high)); }

/// Numbers between which no two distances are equal by chance.
std::vector<float> some_vector(vs::random_source& random, std::size_t dim) { return random_vector(random, dim); }

struct world {
    oracle wanted;
    std::vector<vs::point_id> ids;  ///< of points that have the vector
    std::size_t dim = 0;
    vs::random_source random{1};

    [[nodiscard]] vs::example some_example() {
        if (number(0, 3) == 0) return some_vector(random, dim);
        return ids[static_cast<std::size_t>(number(0, static_cast<int>(ids.size())))];
    }
    [[nodiscard]] std::vector<vs::example> some_examples(int least) {
        std::vector<vs::example> list;
        for (auto left = number(least, 4); left > 0; --left) list.push_back(some_example());
        return list;
    }
    [[nodiscard]] std::vector<vs::example_pair> some_pairs(int least) {
        std::vector<vs::example_pair> list;
        for (auto left = number(least, 4); left > 0; --left) list.push_back({some_example(), some_example()});
        return list;
    }
    [[nodiscard]] vs::query some_query(int depth) {
        vs::query q;
        q.exact = true;
        q.limit = static_cast<std::size_t>(number(1, 12));
        if (number(0, 3) == 0) q.filter = vs::field("a") < number(1, 5);
        for (auto left = depth > 0 ? number(0, 3) : 0; left > 0; --left) q.prefetch.push_back(some_query(depth - 1));
        switch (number(0, q.prefetch.empty() ? 5 : 7)) {
            case 0: q.nearest = some_vector(random, dim); break;
            case 1: q.ask = vs::nearest_to_point{ids.front()}; break;
            case 2: {
                const auto strategy = static_cast<vs::recommend_strategy>(number(0, 3));
                q.ask = vs::recommend{some_examples(1), some_examples(0), strategy};
                break;
            }
            case 3: q.ask = vs::discover{some_example(), some_pairs(0)}; break;
            case 4:
                q.nearest = some_vector(random, dim);
                q.mmr = vs::mmr{0.3f, static_cast<std::size_t>(number(1, 20))};
                break;
            case 5: {
                vs::rrf how{static_cast<std::size_t>(number(1, 70))};
                if (number(0, 2) == 0)
                    for (std::size_t i = 0; i < q.prefetch.size(); ++i) how.weights.push_back(number(0, 5) / 2.0);
                q.ask = how;
                break;
            }
            default: q.ask = vs::dbsf{}; break;
        }
        // Fused scores are equal at times; which of them a limit cuts off is nobody's business.
        if (q.ask.index() == vs::question(vs::rrf{}).index() || q.ask.index() == vs::question(vs::dbsf{}).index())
            q.limit = 200;
        return q;
    }
};

}  // namespace

TEST_CASE("query tree: answers equal plain loops over all points", "[property]") {
    const bool held = rc::check([] {
        world w;
        w.dim = static_cast<std::size_t>(number(2, 9));  // one alone has equal cosines
        w.random = vs::random_source(static_cast<std::uint64_t>(number(0, 1'000'000)));
        const auto metric =
            *rc::gen::element(vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan);
        w.wanted = oracle(one_vector(w.dim, metric));
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", w.wanted.options()).value();
        for (auto batches = number(1, 4); batches > 0; --batches) {
            std::vector<vs::point> points;
            for (auto left = number(1, 20); left > 0; --left) {
                points.push_back(make_point(number(0, 60), some_vector(w.random, w.dim), {{"a", number(0, 5)}}));
                if (number(0, 6) == 0) points.back().vector.clear();
            }
            w.wanted.upsert(points);
            RC_ASSERT(docs.upsert(points).has_value());
            if (number(0, 2) == 0) RC_ASSERT(db.checkpoint().has_value());
        }
        for (const auto& [id, p] : w.wanted.points())
            if (!p.vector.empty()) w.ids.push_back(id);
        if (w.ids.empty()) return;
        auto q = w.some_query(number(0, 3));
        if (number(0, 4) == 0) q.offset = static_cast<std::size_t>(number(0, 4));
        const auto found = docs.query(q);
        RC_ASSERT(found.has_value());
        RC_ASSERT(difference(*found, naive_engine(w.wanted).answer(q)) == "");
    });
    CHECK(held);
}
