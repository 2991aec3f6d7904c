/// The scores of questions by examples (include/vecstore/collection/query/recommend.hpp has the formulas).
/// Thread safety: scores belong to one thread; the rest are pure functions.
#pragma once

#include "examples.hpp"

#include <vecstore/distance/computer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace vecstore::detail {

/// Larger for nearer.
[[nodiscard]] inline float similarity(metric m, float distance) noexcept {
    return m == metric::cosine ? 1.0f - distance : -distance;
}
/// (-1, 1), in the order of x.
[[nodiscard]] inline float softsign(float x) noexcept { return x / (1.0f + std::abs(x)); }
/// (0, 1), in the order of x.
[[nodiscard]] inline float unit_softsign(float x) noexcept { return 0.5f * (softsign(x) + 1.0f); }

/// A row's score, out of its similarities to the examples. Larger is better.
class example_score {
public:
    /// Of `best_score` and `sum_scores`.  Errors: those of the examples.
    [[nodiscard]] static result<example_score> of(const vector_options& options, const recommend& question,
                                                  example_source& source);
    [[nodiscard]] static result<example_score> of(const vector_options& options, const discover& question,
                                                  example_source& source);
    [[nodiscard]] static result<example_score> of(const vector_options& options, const context& question,
                                                  example_source& source);

    [[nodiscard]] float operator()(const void* row) {
        for (std::size_t i = 0; i < distances_.size(); ++i) sims_[i] = similarity(metric_, distances_[i](row));
        switch (kind_) {
            case kind::best: return best();
            case kind::sum: return sum();
            case kind::discover: return rank(sims_.data() + 1) + unit_softsign(sims_[0]);
            case kind::context: return loss();
        }
        return 0;
    }

    /// Distances that a score takes.
    [[nodiscard]] std::size_t examples() const noexcept { return distances_.size(); }

private:
    enum class kind : std::uint8_t { best, sum, discover, context };

    example_score(const vector_options& options, kind k) : options_(&options), metric_(options.metric), kind_(k) {}
    result<void> add(const example& e, const std::string& place, example_source& source);
    result<void> add(std::span<const example_pair> pairs, const std::string& place, example_source& source);

    [[nodiscard]] float best() const noexcept {
        float p = -std::numeric_limits<float>::infinity(), n = p;
        for (std::size_t i = 0; i < sims_.size(); ++i)
            (i < positives_ ? p : n) = std::max(i < positives_ ? p : n, sims_[i]);
        return p > n ? unit_softsign(p) : -unit_softsign(n);
    }
    [[nodiscard]] float sum() const noexcept {
        float total = 0;
        for (std::size_t i = 0; i < sims_.size(); ++i) total += i < positives_ ? sims_[i] : -sims_[i];
        return total;
    }
    [[nodiscard]] float rank(const float* pairs) const noexcept {
        int total = 0;
        for (const auto* end = sims_.data() + sims_.size(); pairs < end; pairs += 2)
            total += (pairs[0] > pairs[1]) - (pairs[0] < pairs[1]);
        return static_cast<float>(total);
    }
    [[nodiscard]] float loss() const noexcept {
        constexpr float margin = std::numeric_limits<float>::epsilon();
        float total = 0;
        for (std::size_t i = 0; i + 1 < sims_.size(); i += 2)
            total += softsign(std::min(sims_[i] - sims_[i + 1] - margin, 0.0f));
        return total;
    }

    const vector_options* options_;
    metric metric_;
    kind kind_;
    std::size_t positives_ = 0;          ///< how many come first, for best and sum
    std::vector<ready_vector> vectors_;  ///< positives, negatives; or target, pairs; or pairs
    std::vector<distance_computer> distances_;
    std::vector<float> sims_;
};

}  // namespace vecstore::detail
