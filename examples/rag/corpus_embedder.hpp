/// The embedder that needs neither a model nor a network: what the passages themselves teach. Half of a vector says what the
/// words of a text come together with (lsa.hpp), the other half how they are spelled (spelling.hpp).
///
/// What was learnt is a collection of the store: a point for each word, under the word's hash. So it is as safe as the
/// passages, it goes with them into backups, and a question reads only the few words that it has.
/// Thread safety: an embedder belongs to one thread.
#pragma once

#include "embedder.hpp"
#include "lsa.hpp"

#include <vecstore/database/database.hpp>
#include <vecstore/text/analyzer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rag {

/// How words are cut: folded, English stop words left out, not stemmed, for the spelling says more.
[[nodiscard]] vecstore::text::analyzer_options word_options();

struct corpus_options {
    lsa_options lsa = {};
    /// How much the meaning counts in a similarity, 0 to 1; the spelling counts the rest. Ten thousand dictionary entries of
    /// ten words teach little meaning: hybrid search finds 0.832 of the development sentences (evaluate.hpp) with 0 and 0.830
    /// with 0.03, BM25 0.792. But spelling alone never finds what is said in other words.
    double meaning = 0.03;
};

/// Takes the passages in, one after the other, and learns from all of them.
class corpus_learner {
public:
    /// Errors: those of the analyzer.
    [[nodiscard]] static vecstore::result<corpus_learner> create();

    void add(std::string_view text);
    [[nodiscard]] double words_per_text() const noexcept {
        return texts_.empty() ? 0 : static_cast<double>(word_count_) / static_cast<double>(texts_.size());
    }
    /// Makes the collection `name` of what was learnt.  Errors: those of `create_collection` and `upsert`.
    /// Cost: as `learn_lsa`.
    [[nodiscard]] vecstore::result<vecstore::collection> save(vecstore::database& db, const std::string& name,
                                                              const corpus_options& options = {}) const;

private:
    explicit corpus_learner(vecstore::text::analyzer words) : words_(std::move(words)) {}
    vecstore::text::analyzer words_;
    std::vector<vecstore::sparse_vector> texts_;
    std::size_t word_count_ = 0;
};

class corpus_embedder final : public embedder {
public:
    /// `words`: a collection that a learner saved.
    /// Errors: those of `collection::info`; corruption (it is something else).
    [[nodiscard]] static vecstore::result<std::unique_ptr<corpus_embedder>> open(const vecstore::collection& words);

    [[nodiscard]] const std::string& model() const override { return model_; }
    [[nodiscard]] std::size_t dim() const override;
    [[nodiscard]] vecstore::result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts,
                                                                          text_kind kind) override;

    /// Texts that the basis was learnt from.
    [[nodiscard]] std::size_t learnt_from() const noexcept { return texts_; }
    /// Of the words of all texts so far, by weight, those that the basis does not know; beyond what it left out itself.
    [[nodiscard]] double news() const noexcept { return weight_ > 0 ? unknown_ / weight_ - left_out_ : 0; }

private:
    struct word {
        float rarity = 0;
        std::vector<float> meaning;  ///< empty: not in the basis
    };
    using word_weights = std::map<std::string, float>;

    corpus_embedder(vecstore::collection words, vecstore::text::analyzer cutter)
        : words_(std::move(words)), cutter_(std::move(cutter)) {}
    /// Reads the words that were not met before.
    [[nodiscard]] vecstore::result<void> read_words(const std::vector<word_weights>& texts);
    [[nodiscard]] std::vector<float> sum(const word_weights& text);

    vecstore::collection words_;
    vecstore::text::analyzer cutter_;
    std::string model_;
    std::size_t lsa_dim_ = 0, texts_ = 0;
    double meaning_ = 0, left_out_ = 0;
    std::unordered_map<std::string, word> known_;
    double weight_ = 0, unknown_ = 0;
};

}  // namespace rag
