#include "example_score.hpp"

#include <algorithm>

namespace vecstore::detail {
namespace {

std::string numbered(const std::string& place, std::size_t index) { return place + "[" + std::to_string(index) + "]"; }

}  // namespace

result<void> example_score::add(const example& e, const std::string& place, example_source& source) {
    VECSTORE_TRY(auto ready, source.ready(e, place));
    const auto& vector = vectors_.emplace_back(std::move(ready));
    distances_.emplace_back(metric_, options_->type, vector.data, options_->dim);
    sims_.push_back(0);
    return {};
}

result<void> example_score::add(std::span<const example_pair> pairs, const std::string& place, example_source& source) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        VECSTORE_CHECK(add(pairs[i].positive, numbered(place, i) + ".positive", source));
        VECSTORE_CHECK(add(pairs[i].negative, numbered(place, i) + ".negative", source));
    }
    return {};
}

result<example_score> example_score::of(const vector_options& options, const recommend& question,
                                        example_source& source) {
    example_score score(options, question.strategy == recommend_strategy::sum_scores ? kind::sum : kind::best);
    for (std::size_t i = 0; i < question.positive.size(); ++i)
        VECSTORE_CHECK(score.add(question.positive[i], numbered("recommend.positive", i), source));
    score.positives_ = question.positive.size();
    for (std::size_t i = 0; i < question.negative.size(); ++i)
        VECSTORE_CHECK(score.add(question.negative[i], numbered("recommend.negative", i), source));
    return score;
}

result<example_score> example_score::of(const vector_options& options, const discover& question,
                                        example_source& source) {
    example_score score(options, kind::discover);
    VECSTORE_CHECK(score.add(question.target, "discover.target", source));
    VECSTORE_CHECK(score.add(question.context, "discover.context", source));
    return score;
}

result<example_score> example_score::of(const vector_options& options, const context& question,
                                        example_source& source) {
    example_score score(options, kind::context);
    VECSTORE_CHECK(score.add(question.pairs, "context", source));
    return score;
}

}  // namespace vecstore::detail
