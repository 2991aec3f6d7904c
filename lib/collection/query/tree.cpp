#include "tree.hpp"

#include "checks.hpp"
#include "example_score.hpp"
#include "examples.hpp"
#include "formula.hpp"
#include "fusion.hpp"
#include "mmr.hpp"
#include "ordered.hpp"
#include "other_vectors.hpp"
#include "row_scan.hpp"
#include "time_limit.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/filter/dsl.hpp>

#include <collection/fields/field_filter.hpp>
#include <collection/fields/match_reader.hpp>

#include <algorithm>
#include <span>
#include <unordered_map>

namespace vecstore::detail {
namespace {

/// A score that is better when larger, in an order where smaller comes first.
struct ranked {
    float score;
    ordinal_id ordinal;

    friend bool operator<(const ranked& a, const ranked& b) noexcept {
        return a.score > b.score || (a.score == b.score && a.ordinal < b.ordinal);
    }
};

class tree {
public:
    tree(read_session& session, const collection_access& access, query_plan& plan)
        : session_(session), access_(access), plan_(plan) {}

    /// `above`: the filters of the queries that this is a prefetch of.
    result<point_list> answer(const query& q, const filter::expression& above, bool outermost = false) {
        const auto filter = above.empty() ? q.filter : above && q.filter;
        std::vector<point_list> lists;
        lists.reserve(q.prefetch.size());
        for (std::size_t i = 0; i < q.prefetch.size(); ++i) {
            auto list = answer(q.prefetch[i], filter);
            if (!list) return of_prefetch(i, std::move(list).error());
            lists.push_back(*std::move(list));
        }
        step s{q, {}, lists, q.offset + q.limit, std::nullopt};
        VECSTORE_TRY(s.filter, compile_filter(session_.state(), filter));
        if (!lists.empty()) s.only = union_of(lists);
        // What prefetches have found in time is made the best of.
        std::optional<uninterrupted> to_the_end;
        if (!lists.empty() && session_.interrupted()) to_the_end.emplace(session_);
        VECSTORE_TRY(auto list, std::visit([&](const auto& question) { return ask(s, question); }, q.ask));
        auto& points = list.points;
        std::erase_if(points, [&](const auto& p) { return !good_enough(q, list.larger_is_better, p.score); });
        points.erase(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(std::min(q.offset, points.size())));
        if (points.size() > q.limit) points.resize(q.limit);
        if (outermost && makes_one_of(q.ask)) list.prefetch_scores = scores_by_point(lists, points);
        return list;
    }

private:
    /// One query of the tree, when its prefetches have been answered.
    struct step {
        const query& q;
        filter::compiled filter;
        std::span<const point_list> lists;  ///< of the prefetches
        std::size_t wanted;
        std::optional<ordinal_list> only;  ///< the points of `lists`, which pass the filter; nothing without a prefetch

        [[nodiscard]] const ordinal_list* candidates() const noexcept { return only ? &*only : nullptr; }
    };

    result<point_list> ask(const step& s, const std::monostate&) {
        if (asks_other_vector(session_.collection().options(), s.q)) return nearest_other(s);
        return nearest(s, s.q.nearest, "nearest", {});
    }
    result<point_list> ask(const step& s, const nearest_to_point& question) {
        VECSTORE_TRY(auto source, source_of(s));
        VECSTORE_TRY(const auto vector, source.vector_of(question.id, "nearest_to_point"));
        return nearest(s, vector, "nearest_to_point", source.points());
    }
    result<point_list> ask(const step& s, const recommend& question) {
        VECSTORE_TRY(auto source, source_of(s));
        if (question.strategy != recommend_strategy::average_vector) return by_examples(s, question, source);
        VECSTORE_TRY(auto vector, mean(question.positive, "recommend.positive", source));
        if (!question.negative.empty()) {
            VECSTORE_TRY(const auto negative, mean(question.negative, "recommend.negative", source));
            for (std::size_t i = 0; i < vector.size(); ++i) vector[i] += vector[i] - negative[i];
        }
        return nearest(s, vector, "recommend: the average of the examples", source.points());
    }
    result<point_list> ask(const step& s, const discover& question) {
        VECSTORE_TRY(auto source, source_of(s));
        return by_examples(s, question, source);
    }
    result<point_list> ask(const step& s, const context& question) {
        VECSTORE_TRY(auto source, source_of(s));
        return by_examples(s, question, source);
    }
    result<point_list> ask(const step& s, const order_by& question) {
        return ordered(session_, question, s.filter, s.candidates(), s.wanted, plan_);
    }
    result<point_list> ask(const step& s, const random_sample& question) {
        return sampled(session_, question, s.filter, s.candidates(), s.wanted, plan_);
    }
    result<point_list> ask(const step& s, const all_points&) { return by_id(session_, s.filter, s.wanted, plan_); }
    result<point_list> ask(const step& s, const rrf& how) { return fuse(how, s.lists, s.wanted); }
    result<point_list> ask(const step& s, const dbsf& how) { return fuse(how, s.lists, s.wanted); }
    result<point_list> ask(const step& s, const formula& how) {
        VECSTORE_TRY(const auto score, ready_formula::make(how, [this](const auto& filter) {
                         return compile_filter(session_.state(), filter);
                     }));
        std::vector<scored_point> points;
        for (const auto ordinal : *s.only) points.push_back({ordinal});
        const auto scores = scores_by_point(s.lists, points);
        point_list list;
        for (std::size_t i = 0; i < s.only->size() && !interrupted_at(i); ++i) {
            const auto ordinal = (*s.only)[i];
            VECSTORE_TRY(const auto point, session_.point(ordinal));
            const auto has = [&](std::string_view name) noexcept { return session_.has_vector(name, ordinal); };
            const auto in_lists = std::span(scores).subspan(i * s.lists.size(), s.lists.size());
            VECSTORE_TRY(const auto value, score(point, in_lists, has));
            list.points.push_back({ordinal, value});
        }
        keep_best(list, s.wanted);
        return list;
    }
    [[nodiscard]] bool interrupted_at(std::size_t i) {
        return i % interruption_interval == interruption_interval - 1 && session_.interrupted();
    }
    [[nodiscard]] static bool makes_one_of(const question& asked) noexcept {
        return std::holds_alternative<rrf>(asked) || std::holds_alternative<dbsf>(asked) ||
               std::holds_alternative<formula>(asked);
    }
    /// [points, lists]: what each point has in each list.
    static std::vector<std::optional<float>> scores_by_point(std::span<const point_list> lists,
                                                             std::span<const scored_point> points) {
        std::unordered_map<ordinal_id, std::size_t> places;
        for (std::size_t i = 0; i < points.size(); ++i) places.emplace(points[i].ordinal, i);
        std::vector<std::optional<float>> scores(points.size() * lists.size());
        for (std::size_t i = 0; i < lists.size(); ++i)
            for (const auto& p : lists[i].points)
                if (const auto at = places.find(p.ordinal); at != places.end())
                    scores[at->second * lists.size() + i] = p.score;
        return scores;
    }

    result<example_source> source_of(const step& s) {
        VECSTORE_TRY(const auto slot, find_slot(session_.collection().options(), s.q.using_vector));
        return example_source::open(session_, access_, s.q, slot);
    }

    static result<std::vector<float>> mean(std::span<const example> examples, const std::string& place,
                                           example_source& source) {
        std::vector<double> sums;
        for (std::size_t i = 0; i < examples.size(); ++i) {
            VECSTORE_TRY(const auto vector, source.vector_of(examples[i], place + "[" + std::to_string(i) + "]"));
            sums.resize(vector.size());
            for (std::size_t j = 0; j < vector.size(); ++j) sums[j] += static_cast<double>(vector[j]);
        }
        std::vector<float> mean(sums.size());
        for (std::size_t j = 0; j < sums.size(); ++j)
            mean[j] = static_cast<float>(sums[j] / static_cast<double>(examples.size()));
        return mean;
    }

    /// The nearest to `vector` but for the points of `excluded`, ascending.
    result<point_list> nearest(const step& s, std::span<const float> vector, std::string_view what,
                               const ordinal_list& excluded) {
        VECSTORE_TRY(auto checked, check_nearest(session_, s.q, vector, what));
        auto& request = checked.request;
        if (s.q.mmr) request.wanted = s.q.mmr->candidates_limit.value_or(s.wanted);
        const auto wanted = request.wanted;
        std::vector<candidate> found;
        if (s.only) {
            VECSTORE_TRY(found, rescored(request, *s.only, excluded));
        } else {
            request.wanted += excluded.size();
            VECSTORE_TRY(found, find_nearest(session_, request, s.filter, plan_));
            std::erase_if(
                found, [&](const auto& c) { return std::binary_search(excluded.begin(), excluded.end(), c.ordinal); });
            if (found.size() > wanted) found.resize(wanted);
        }
        point_list list;
        list.larger_is_better = larger_is_better(checked.metric);
        if (s.q.mmr) {
            std::erase_if(found, [&](const auto& c) {
                return !good_enough(s.q, list.larger_is_better, to_score(checked.metric, c.distance));
            });
            VECSTORE_TRY(found, diversify(session_, request.slot, *s.q.mmr, std::move(found), s.wanted));
        }
        for (const auto& c : found) list.points.push_back({c.ordinal, to_score(checked.metric, c.distance)});
        return list;
    }

    /// The same of a sparse vector or a multi-vector.
    result<point_list> nearest_other(const step& s) {
        VECSTORE_TRY(const auto request, check_other_vector(session_.collection(), s.q, s.wanted));
        VECSTORE_TRY(const auto found, find_nearest_other(session_, request, s.filter, s.candidates(), plan_));
        point_list list;
        list.larger_is_better = larger_is_better(request.metric);
        for (const auto& c : found) list.points.push_back({c.ordinal, to_score(request.metric, c.distance)});
        return list;
    }

    /// The nearest of `only`, compared exactly.
    result<std::vector<candidate>> rescored(const nearest_request& request, const ordinal_list& only,
                                            const ordinal_list& excluded) {
        const auto& options = session_.collection().options().vectors[request.slot];
        const distance_computer distance(options.metric, options.type, request.vector, options.dim);
        top_k<candidate> best(request.wanted);
        VECSTORE_CHECK(for_each_row(session_, request.slot, &only, [&](ordinal_id ordinal, const void* row) {
            if (std::binary_search(excluded.begin(), excluded.end(), ordinal)) return;
            ++plan_.distances;
            const auto d = distance(row);
            if (!request.radius || d <= *request.radius) best.push({d, ordinal});
        }));
        return best.take_sorted();
    }

    /// Compares every point that matches with all examples.
    template <class Question>
    result<point_list> by_examples(const step& s, const Question& question, example_source& source) {
        VECSTORE_TRY(const auto slot, find_slot(session_.collection().options(), s.q.using_vector));
        VECSTORE_TRY(auto score, example_score::of(session_.collection().options().vectors[slot], question, source));
        const auto& excluded = source.points();
        std::optional<ordinal_list> matches;
        if (!s.only) {
            VECSTORE_TRY(matches, matching_points(session_, s.filter, plan_));
        }
        const auto* only = s.only ? &*s.only : matches ? &*matches : nullptr;
        top_k<ranked> best(s.wanted);
        std::size_t rows = 0;
        VECSTORE_CHECK(for_each_row(session_, slot, only, [&](ordinal_id ordinal, const void* row) {
            if (std::binary_search(excluded.begin(), excluded.end(), ordinal)) return;
            ++rows;
            best.push({score(row), ordinal});
        }));
        plan_.distances += rows * score.examples();
        plan_.rows_scanned += rows;
        point_list list;
        for (const auto& r : best.take_sorted()) list.points.push_back({r.ordinal, r.score});
        return list;
    }

    read_session& session_;
    const collection_access& access_;
    query_plan& plan_;
};

}  // namespace

result<point_list> answer_tree(read_session& session, const collection_access& access, const query& q,
                               query_plan& plan) {
    return tree(session, access, plan).answer(q, {}, true);
}

}  // namespace vecstore::detail
