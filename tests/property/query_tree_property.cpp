// Questions by examples, fusion, mmr and trees of prefetches answer what plain loops over all points answer, wherever the
// points lie.
#include "support/naive_formula.hpp"
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

/// Operations that neither blow up what scores were rounded to, nor jump at it.
vs::scoring::expression some_expression(int depth) {
    using namespace vs::scoring;
    switch (number(0, depth > 0 ? 14 : 4)) {
        case 0: return number(-3, 4) / 2.0;
        case 1: return score(static_cast<std::size_t>(number(0, 3)));
        case 2: return field_value(number(0, 4) > 0 ? "a" : "b");
        case 3: return when(vs::field("a") < number(0, 5));
        case 4: return some_expression(depth - 1) + some_expression(depth - 1);
        case 5: return some_expression(depth - 1) * some_expression(depth - 1);
        case 6: return -some_expression(depth - 1);
        case 7: return abs(some_expression(depth - 1));
        case 8: return sqrt(1 + abs(some_expression(depth - 1)));
        case 9: return ln(1 + abs(some_expression(depth - 1)));
        case 10: return pow(field_value("a"), number(-1, 3));
        case 11: return divide(some_expression(depth - 1), field_value("a"), 0.5);
        case 12: return exp_decay(some_expression(depth - 1), {.target = field_value("a"), .scale = 2});
        default: return lin_decay(some_expression(depth - 1), {.target = score(), .scale = 3, .midpoint = 0.25});
    }
}

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
        if (number(0, 6) == 0) q.ask = vs::context{w.some_pairs(1)}, q.nearest.clear(), q.mmr.reset();
        if (number(0, 4) == 0) q.offset = static_cast<std::size_t>(number(0, 4));
        const auto found = docs.query(q);
        RC_ASSERT(found.has_value());
        RC_ASSERT(difference(*found, naive_engine(w.wanted).answer(q)) == "");
    });
    CHECK(held);
}

TEST_CASE("query tree: a formula gives what its tree says, point by point", "[property]") {
    const bool held = rc::check([] {
        vs::random_source random(static_cast<std::uint64_t>(number(0, 1'000'000)));
        oracle all(one_vector(2, vs::metric::dot));
        auto db = vs::database::in_memory(quiet()).value();
        auto docs = db.create_collection("docs", all.options()).value();
        std::vector<vs::point> points;
        for (int id = 0; id < number(1, 20); ++id) {
            points.push_back(make_point(id, some_vector(random, 2), {{"a", number(0, 5)}}));
            if (number(0, 8) > 0) points.back().payload.set("b", random.unit());
        }
        all.upsert(points);
        if (!points.empty()) RC_ASSERT(docs.upsert(points).has_value());
        vs::query q;
        q.limit = 100;
        q.prefetch = {nearest_to(some_vector(random, 2), 10), nearest_to(some_vector(random, 2), 10)};
        const auto e = some_expression(4);
        q.ask = vs::formula{e};
        const naive_engine engine(all);
        std::map<vs::point_id, std::vector<std::optional<double>>> scores;
        for (std::size_t i = 0; i < 2; ++i)
            for (const auto& h : engine.answer(q.prefetch[i]).hits) {
                scores[h.id].resize(2);
                scores[h.id][i] = h.score;
            }
        std::map<vs::point_id, double> wanted;
        bool fails = false, huge = false;
        for (const auto& [id, in_lists] : scores) {
            const auto value = naive_value(e, id, all.points().at(id).payload, in_lists);
            fails |= !value;
            huge |= value && std::abs(*value) > 1e30;  // near what f32 holds
            wanted[id] = value.value_or(0);
        }
        const auto found = docs.query(q);
        if (huge) return;
        RC_ASSERT(found.has_value() == !fails);
        if (fails) return;
        RC_ASSERT(found->size() == wanted.size());
        for (std::size_t i = 0; i < found->size(); ++i) {
            const double score = static_cast<double>((*found)[i].score), expected = wanted.at((*found)[i].id);
            RC_ASSERT(std::abs(score - expected) <= 1e-4 * (1 + std::abs(expected)));
            if (i > 0) RC_ASSERT((*found)[i - 1].score >= (*found)[i].score);
        }
    });
    CHECK(held);
}
