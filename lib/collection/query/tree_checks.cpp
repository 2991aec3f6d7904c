#include "checks.hpp"
#include "formula.hpp"
#include "ordered.hpp"
#include "tree.hpp"

#include <vecstore/core/limits.hpp>

#include <cmath>

namespace vecstore::detail {
namespace {

template <class... Functions>
struct overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
overloaded(Functions...) -> overloaded<Functions...>;

result<void> check_examples(const char* what, std::size_t count) {
    if (count > examples_max)
        return invalid_argument(std::string(what) + ": " + std::to_string(count) + " examples, " +
                                std::to_string(examples_max) + " are allowed");
    return {};
}

result<void> check_question(const recommend& r) {
    if (r.positive.empty() && r.strategy == recommend_strategy::average_vector)
        return invalid_argument("recommend.positive: is empty, the average_vector needs one");
    if (r.positive.empty() && r.negative.empty())
        return invalid_argument("recommend: positive and negative are both empty");
    return check_examples("recommend", r.positive.size() + r.negative.size());
}
result<void> check_question(const discover& d) { return check_examples("discover", 1 + 2 * d.context.size()); }
result<void> check_question(const context& c) {
    if (c.pairs.empty()) return invalid_argument("context: no pair is given");
    return check_examples("context", 2 * c.pairs.size());
}

result<void> check_has_prefetch(const query& q, const char* what) {
    if (q.prefetch.empty())
        return invalid_argument(std::string(what) + ": there is no prefetch whose points it could take");
    return {};
}
result<void> check_fusion(const query& q, const char* what) {
    if (!q.using_vector.empty())
        return invalid_argument(std::string(what) +
                                ": cannot be combined with using_vector; the prefetches have their own");
    return check_has_prefetch(q, what);
}
result<void> check_weights(const rrf& how, std::size_t lists) {
    if (how.k == 0) return invalid_argument("rrf.k = 0, it must be at least 1");
    if (!how.weights.empty() && how.weights.size() != lists)
        return invalid_argument("rrf.weights: has " + std::to_string(how.weights.size()) + " for " +
                                std::to_string(lists) + " prefetches");
    for (std::size_t i = 0; i < how.weights.size(); ++i)
        if (!(how.weights[i] >= 0 && std::isfinite(how.weights[i])))
            return invalid_argument("rrf.weights[" + std::to_string(i) + "]: must be 0 or a positive number");
    return {};
}

result<void> check_mmr(const query& q) {
    const auto& how = *q.mmr;
    if (!std::holds_alternative<std::monostate>(q.ask) && !std::holds_alternative<nearest_to_point>(q.ask))
        return invalid_argument("mmr: goes with a question for the nearest only");
    if (q.within) return invalid_argument("mmr: cannot be combined with within");
    if (!(how.diversity >= 0 && how.diversity <= 1))
        return invalid_argument("mmr.diversity = " + std::to_string(how.diversity) + " is not in 0 to 1");
    if (how.candidates_limit && (*how.candidates_limit < 1 || *how.candidates_limit > mmr_candidates_max))
        return invalid_argument("mmr.candidates_limit = " + std::to_string(*how.candidates_limit) + " is not in 1 to " +
                                std::to_string(mmr_candidates_max));
    return {};
}

result<void> check_node(const query& q) {
    VECSTORE_CHECK(check_limit(q.limit, q.offset));
    const bool asks = !std::holds_alternative<std::monostate>(q.ask);
    const bool nearest = !q.nearest.empty() || !q.nearest_sparse.empty() || !q.nearest_multi.empty();
    if (asks && nearest) return invalid_argument("nearest and ask are both given");
    if (!asks && !nearest && !q.prefetch.empty())
        return invalid_argument(
            "A query is needed to merge the prefetches. Can't have prefetches without defining a query.");
    if (q.score_threshold && !std::isfinite(*q.score_threshold))
        return invalid_argument("score_threshold is not finite");
    if (asks && q.within && !std::holds_alternative<nearest_to_point>(q.ask))
        return invalid_argument("within: goes with a question for the nearest only");
    if (q.mmr) VECSTORE_CHECK(check_mmr(q));
    return std::visit(
        overloaded{
            [&](const order_by& order) -> result<void> {
                if (q.score_threshold) return invalid_argument("Can't use score_threshold with an order_by query.");
                return check(order);
            },
            [&](const all_points&) -> result<void> {
                if (!q.prefetch.empty())
                    return invalid_argument(
                        "A query is needed to merge the prefetches. Can't have prefetches without defining a query.");
                if (q.score_threshold)
                    return invalid_argument(
                        "A query is needed to use the score_threshold. Can't have score_threshold without defining a "
                        "query.");
                return {};
            },
            [&](const rrf& how) -> result<void> {
                VECSTORE_CHECK(check_fusion(q, "rrf"));
                return check_weights(how, q.prefetch.size());
            },
            [&](const formula& how) -> result<void> {
                VECSTORE_CHECK(check_has_prefetch(q, "formula"));
                VECSTORE_CHECK(ready_formula::make(how));
                return {};
            },
            [&](const dbsf&) { return check_fusion(q, "dbsf"); }, [](const recommend& r) { return check_question(r); },
            [](const discover& d) { return check_question(d); }, [](const context& c) { return check_question(c); },
            [](const auto&) { return result<void>(); }},
        q.ask);
}

result<void> check_below(const query& q, std::size_t depth, std::size_t& prefetches) {
    VECSTORE_CHECK(check_node(q));
    if (q.prefetch.empty()) return {};
    if (depth == query_depth_max)
        return invalid_argument("prefetch: nested deeper than " + std::to_string(query_depth_max));
    prefetches += q.prefetch.size();
    if (prefetches > prefetches_max)
        return invalid_argument("prefetch: more than " + std::to_string(prefetches_max) + " in one query");
    for (std::size_t i = 0; i < q.prefetch.size(); ++i)
        if (auto checked = check_below(q.prefetch[i], depth + 1, prefetches); !checked)
            return of_prefetch(i, std::move(checked).error());
    return {};
}

}  // namespace

error of_prefetch(std::size_t number, error e) {
    const bool deeper = e.message.starts_with("prefetch[");
    e.message = "prefetch[" + std::to_string(number) + "]" + (deeper ? "." : ": ") + e.message;
    return e;
}

result<void> check_tree(const query& q) {
    std::size_t prefetches = 0;
    return check_below(q, 0, prefetches);
}

}  // namespace vecstore::detail
