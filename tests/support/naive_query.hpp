/// What a query should answer: plain loops over all points, in double precision, by the formulas of the documentation.
/// Filters are evaluated by the library's evaluator, which has tests of its own.
/// Thread safety: belongs to one thread.
#pragma once

#include "oracle.hpp"

#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace vecstore::test {

struct naive_hit {
    point_id id;
    double score = 0;
};

class naive_engine {
public:
    naive_engine(const oracle& all) : all_(all) {}  // NOLINT: implicit

    struct answer_list {
        std::vector<naive_hit> hits;
        bool larger_is_better = true;
    };

    [[nodiscard]] answer_list answer(const query& q, const filter::expression& above = {}) const {
        const auto filter = above.empty() ? q.filter : above && q.filter;
        std::vector<answer_list> lists;
        for (const auto& p : q.prefetch) lists.push_back(answer(p, filter));
        std::set<point_id> candidates;
        if (lists.empty()) {
            const auto ready = filter::compiled::compile(filter).value();
            for (const auto& [id, p] : all_.points()) {
                const auto payload = payload::encode(p.payload).value();
                if (ready(id, payload::view::trusted(payload))) candidates.insert(id);
            }
        }
        for (const auto& list : lists)
            for (const auto& h : list.hits) candidates.insert(h.id);
        auto found = std::visit([&](const auto& question) { return ask(q, question, candidates, lists); }, q.ask);
        auto& hits = found.hits;
        if (q.score_threshold)
            std::erase_if(hits, [&](const auto& h) {
                const double t = static_cast<double>(*q.score_threshold);
                return found.larger_is_better ? h.score <= t : h.score >= t;
            });
        if (q.mmr) hits = diversified(q, hits);
        hits.erase(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(std::min(q.offset, hits.size())));
        if (hits.size() > q.limit) hits.resize(q.limit);
        return found;
    }

private:
    using ids = std::set<point_id>;
    using lists_type = std::vector<answer_list>;

    [[nodiscard]] const vector_options& vector_of(const query& q) const {
        for (const auto& v : all_.options().vectors)
            if (v.name == q.using_vector) return v;
        throw std::runtime_error("no such vector");
    }
    [[nodiscard]] const std::vector<float>* stored(const query& q, const point_id& id) const {
        return oracle::vector_of(all_.points().at(id), q.using_vector);
    }
    /// As a read gives it: of unit length under cosine.
    [[nodiscard]] std::vector<float> example_vector(const query& q, const example& e) const {
        if (e.if_vector() != nullptr) return *e.if_vector();
        auto v = *stored(q, *e.if_id());
        double squares = 0;
        for (const float x : v) squares += static_cast<double>(x) * static_cast<double>(x);
        if (vector_of(q).metric == metric::cosine)
            for (float& x : v) x = static_cast<float>(static_cast<double>(x) / std::sqrt(squares));
        return v;
    }
    [[nodiscard]] double sim(const query& q, const std::vector<float>& a, const std::vector<float>& b) const {
        const auto m = vector_of(q).metric;
        const double score = oracle::score(m, a, b);
        return larger_is_better(m) ? score : m == metric::euclid ? -score * score : -score;
    }
    static double sig(double x) { return 0.5 * (x / (1 + std::abs(x)) + 1); }

    /// Scores of the candidates that have the vector and are no example, best first.
    template <class Score>
    [[nodiscard]] answer_list scored(const query& q, const ids& candidates, const ids& excluded, bool larger,
                                     const Score& score) const {
        answer_list list;
        list.larger_is_better = larger;
        for (const auto& id : candidates) {
            const auto* vector = stored(q, id);
            if (vector == nullptr || excluded.count(id) > 0) continue;
            list.hits.push_back({id, score(*vector)});
        }
        sort(list);
        return list;
    }
    static void sort(answer_list& list) {
        std::stable_sort(list.hits.begin(), list.hits.end(), [&](const auto& a, const auto& b) {
            return list.larger_is_better ? a.score > b.score : a.score < b.score;
        });
    }

    [[nodiscard]] answer_list nearest(const query& q, const std::vector<float>& vector, const ids& candidates,
                                      const ids& excluded) const {
        const auto m = vector_of(q).metric;
        return scored(q, candidates, excluded, larger_is_better(m),
                      [&](const auto& row) { return oracle::score(m, vector, row); });
    }
    [[nodiscard]] answer_list ask(const query& q, const std::monostate&, const ids& all, const lists_type&) const {
        return nearest(q, q.nearest, all, {});
    }
    [[nodiscard]] answer_list ask(const query& q, const nearest_to_point& n, const ids& all, const lists_type&) const {
        return nearest(q, example_vector(q, n.id), all, {n.id});
    }
    [[nodiscard]] answer_list ask(const query& q, const recommend& r, const ids& all, const lists_type&) const {
        ids excluded;
        std::vector<std::vector<float>> positive, negative;
        for (const auto& e : r.positive) positive.push_back(example_vector(q, e));
        for (const auto& e : r.negative) negative.push_back(example_vector(q, e));
        for (const auto* list : {&r.positive, &r.negative})
            for (const auto& e : *list)
                if (e.if_id() != nullptr) excluded.insert(*e.if_id());
        if (r.strategy == recommend_strategy::average_vector) {
            std::vector<float> target(positive.front().size());
            for (std::size_t j = 0; j < target.size(); ++j) {
                double p = 0, n = 0;
                for (const auto& v : positive) p += static_cast<double>(v[j]) / static_cast<double>(positive.size());
                for (const auto& v : negative) n += static_cast<double>(v[j]) / static_cast<double>(negative.size());
                target[j] = static_cast<float>(negative.empty() ? p : 2 * p - n);
            }
            return nearest(q, target, all, excluded);
        }
        return scored(q, all, excluded, true, [&](const auto& row) {
            double best_p = -std::numeric_limits<double>::infinity(), best_n = best_p, sum = 0;
            for (const auto& v : positive) best_p = std::max(best_p, sim(q, row, v)), sum += sim(q, row, v);
            for (const auto& v : negative) best_n = std::max(best_n, sim(q, row, v)), sum -= sim(q, row, v);
            if (r.strategy == recommend_strategy::sum_scores) return sum;
            return best_p > best_n ? sig(best_p) : -sig(best_n);
        });
    }
    [[nodiscard]] answer_list ask(const query& q, const discover& d, const ids& all, const lists_type&) const {
        ids excluded = of(d.context);
        if (d.target.if_id() != nullptr) excluded.insert(*d.target.if_id());
        return scored(q, all, excluded, true, [&](const auto& row) {
            double score = sig(sim(q, row, example_vector(q, d.target)));
            for (const auto& pair : d.context) {
                const double p = sim(q, row, example_vector(q, pair.positive));
                const double n = sim(q, row, example_vector(q, pair.negative));
                score += p > n ? 1 : p < n ? -1 : 0;
            }
            return score;
        });
    }
    [[nodiscard]] answer_list ask(const query& q, const context& c, const ids& all, const lists_type&) const {
        return scored(q, all, of(c.pairs), true, [&](const auto& row) {
            double score = 0;
            for (const auto& pair : c.pairs) {
                const double p = sim(q, row, example_vector(q, pair.positive));
                const double n = sim(q, row, example_vector(q, pair.negative));
                const double m = std::min(p - n - std::pow(2.0, -23), 0.0);
                score += m / (1 + std::abs(m));
            }
            return score;
        });
    }
    [[nodiscard]] answer_list ask(const query&, const rrf& how, const ids&, const lists_type& lists) const {
        std::map<point_id, double> sums;
        for (std::size_t i = 0; i < lists.size(); ++i)
            for (std::size_t place = 0; place < lists[i].hits.size(); ++place) {
                const double weight = how.weights.empty() ? 1 : how.weights[i];
                if (weight > 0)
                    sums[lists[i].hits[place].id] +=
                        1 / (static_cast<double>(place + 1) / weight + static_cast<double>(how.k) - 1);
            }
        return ranked(sums);
    }
    [[nodiscard]] answer_list ask(const query&, const dbsf&, const ids&, const lists_type& lists) const {
        std::map<point_id, double> sums;
        for (const auto& list : lists) {
            const double sign = list.larger_is_better ? 1 : -1, n = static_cast<double>(list.hits.size());
            double mean = 0, variance = 0;
            for (const auto& h : list.hits) mean += sign * h.score / n;
            for (const auto& h : list.hits) variance += std::pow(sign * h.score - mean, 2) / (n - 1);
            const double sd = std::sqrt(variance);
            for (const auto& h : list.hits)
                sums[h.id] += n < 2 || sd == 0 ? 0.5 : (sign * h.score - (mean - 3 * sd)) / (6 * sd);
        }
        return ranked(sums);
    }
    template <class Other>
    [[nodiscard]] answer_list ask(const query&, const Other&, const ids&, const lists_type&) const {
        throw std::runtime_error("not a question for the naive engine");
    }

    static ids of(const std::vector<example_pair>& pairs) {
        ids all;
        for (const auto& pair : pairs)
            for (const auto* e : {&pair.positive, &pair.negative})
                if (e->if_id() != nullptr) all.insert(*e->if_id());
        return all;
    }
    static answer_list ranked(const std::map<point_id, double>& sums) {
        answer_list list;
        for (const auto& [id, sum] : sums) list.hits.push_back({id, sum});
        sort(list);
        return list;
    }
    [[nodiscard]] std::vector<naive_hit> diversified(const query& q, std::vector<naive_hit> left) const {
        const auto m = vector_of(q).metric;
        const auto as_sim = [&](double score) {
            return larger_is_better(m) ? score : m == metric::euclid ? -score * score : -score;
        };
        left.resize(std::min(left.size(), q.mmr->candidates_limit.value_or(q.limit + q.offset)));
        std::vector<naive_hit> taken;
        const double d = static_cast<double>(q.mmr->diversity);
        while (!left.empty() && taken.size() < q.limit + q.offset) {
            std::size_t best = 0;
            double best_value = -std::numeric_limits<double>::infinity();
            for (std::size_t i = 0; i < left.size(); ++i) {
                double to_taken = -std::numeric_limits<double>::infinity();
                for (const auto& t : taken)
                    to_taken = std::max(to_taken, sim(q, *stored(q, t.id), *stored(q, left[i].id)));
                const double value =
                    taken.empty() ? as_sim(left[i].score) : (1 - d) * as_sim(left[i].score) - d * to_taken;
                if (value > best_value) best = i, best_value = value;
            }
            taken.push_back(left[best]);
            left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
        }
        return taken;
    }

    const oracle& all_;
};

/// The first way in which an answer differs from the naive one; points of equal scores may stand in any order.
[[nodiscard]] inline std::string difference(const query_result& found, const naive_engine::answer_list& wanted) {
    if (found.size() != wanted.hits.size())
        return std::to_string(found.size()) + " hits, not " + std::to_string(wanted.hits.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double score = static_cast<double>(found[i].score), expected = wanted.hits[i].score;
        const double tolerance = 2e-5 * (1 + std::abs(expected));
        if (!(std::abs(score - expected) <= tolerance))
            return "hit " + std::to_string(i) + " has score " + std::to_string(score) + ", not " +
                   std::to_string(expected);
        const bool there = std::any_of(wanted.hits.begin(), wanted.hits.end(), [&](const auto& h) {
            return h.id == found[i].id && std::abs(h.score - score) <= 2 * tolerance;
        });
        // Of points with the first or the last score, offset and limit may have cut off others.
        const auto equal = [&](const naive_hit& h) { return std::abs(h.score - score) <= 2 * tolerance; };
        const bool edge = equal(wanted.hits.front()) || equal(wanted.hits.back());
        if (!there && !edge) return "hit " + std::to_string(i) + " is id " + to_string(found[i].id);
    }
    return {};
}

}  // namespace vecstore::test
