/// BM25 as a dot product: a document's weights and a query's weights as sparse vectors, whose product is the score.
/// Paper: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, equation 3.15. Differs: the
/// average length is an option, so that vectors do not depend on what else is in a collection; the inverse document
/// frequency is left to the search (`index::inverse_document_frequency`), which knows how many documents have a token.
/// Thread safety: an encoder is immutable; any number of threads.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/core/sparse_vector.hpp>
#include <vecstore/text/analyzer.hpp>

#include <cstdint>
#include <string_view>

namespace vecstore::text {

struct bm25_options {
    /// Default: English words, folded, stopped, stemmed.
    analyzer_options analyzer = {.tokenizer = tokenizer_kind::word,
                                 .max_token_len = 40,
                                 .stop_word_languages = {"english"},
                                 .stemmer = "english"};

    /// How soon more occurrences of a token count less, >= 0. 0: once is as good as often.
    double k1 = 1.2;

    /// How much long documents lose, 0 to 1.
    double b = 0.75;

    /// Tokens of a usual document, > 0. Only its order of magnitude matters; the mean of the collection is best.
    double average_length = 256;

    friend bool operator==(const bm25_options&, const bm25_options&) = default;
};

/// Errors: invalid_argument that names the field and the value.
[[nodiscard]] result<void> validate(const bm25_options& options);

/// The dimension of a token: the absolute value of MurmurHash3 (x86, 32 bits, seed 0) as a signed number, which is also what
/// the fastembed library makes of tokens for its BM25 vectors. Two tokens of a thousand million share one.
[[nodiscard]] std::uint32_t token_index(std::string_view token) noexcept;

class bm25_encoder {
public:
    /// Errors: as `validate`.
    [[nodiscard]] static result<bm25_encoder> create(bm25_options options);

    [[nodiscard]] const bm25_options& options() const noexcept { return options_; }

    /// For each distinct token with tf occurrences among n: tf (k1 + 1) / (tf + k1 (1 - b + b n / average_length)). Ascending by
    /// index; empty when the text has no token.
    [[nodiscard]] sparse_vector document(std::string_view text) const;

    /// 1 for each distinct token, ascending by index.
    [[nodiscard]] sparse_vector query(std::string_view text) const;

private:
    bm25_encoder(bm25_options options, analyzer ready) : options_(std::move(options)), analyzer_(std::move(ready)) {}
    bm25_options options_;
    analyzer analyzer_;
};

}  // namespace vecstore::text
