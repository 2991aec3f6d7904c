/// From text to tokens: words are cut, folded, stopped, stemmed and measured, in this order.
/// Documents and queries that went through equal analyzers have equal tokens where they mean the same words.
/// Thread safety: an analyzer is immutable; any number of threads.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/text/tokenizer.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore::text {

struct analyzer_options {
    tokenizer_kind tokenizer = tokenizer_kind::word;

    /// For `tokenizer_kind::multilingual`.
    unspaced_kind unspaced = unspaced_kind::bigrams;

    /// Full case folding of Unicode, so that the German "Stra\u00DFe" and "STRASSE" are one token.
    bool lowercase = true;

    /// Latin letters with marks, ligatures and full-width forms become ASCII: a with a ring is a, ae as one
    /// letter is two. Letters of other scripts stay as they are, with their marks.
    bool ascii_folding = false;

    /// Tokens with fewer or more characters (code points) after stemming are left out. 0 = no bound. For `prefix`: the
    /// shortest and longest prefix; a word that is shorter than the shortest is a token as it is.
    std::size_t min_token_len = 0;
    std::size_t max_token_len = 0;

    /// Words to leave out: of languages (`stop_word_languages`), and given. They are folded as tokens are, and compared
    /// before stemming.
    std::vector<std::string> stop_word_languages = {};
    std::vector<std::string> stop_words = {};

    /// Snowball algorithm (`stemmer_languages`), "" = none. It expects lower case.
    std::string stemmer = {};

    friend bool operator==(const analyzer_options&, const analyzer_options&) = default;
};

/// Languages that have a list of stop words, ascending: "danish", "dutch", "english", ...
[[nodiscard]] std::vector<std::string_view> stop_word_languages();
/// Algorithms of libstemmer, ascending; none in a build without it. Their ISO 639 codes, such as "en", are understood as well.
[[nodiscard]] std::vector<std::string_view> stemmer_languages();

/// Errors: invalid_argument that names the field and the value (unknown language, lengths that contradict each other);
/// unsupported (a stemmer, in a build without libstemmer).
[[nodiscard]] result<void> validate(const analyzer_options& options);

/// The view is good until the visitor returns.
using token_visitor = std::function<void(std::string_view token)>;

class analyzer {
public:
    /// Errors: as `validate`.
    [[nodiscard]] static result<analyzer> create(analyzer_options options);

    [[nodiscard]] const analyzer_options& options() const noexcept;

    /// Visits the tokens of a document in the order of the text, so that neighbours in a phrase are neighbours here (words
    /// left out leave no gap). With `prefix`, the prefixes of a word come one after the other, shortest first. Valid UTF-8 in
    /// composed form (NFC). May throw std::bad_alloc.
    /// Cost: about 0.1 us for each word, 0.5 us with stemming.
    void document_tokens(std::string_view text, const token_visitor& visit) const;

    /// The same of a query. Differs for `prefix`: one token for each word, its longest prefix that documents have.
    void query_tokens(std::string_view text, const token_visitor& visit) const;

    [[nodiscard]] std::vector<std::string> document_tokens(std::string_view text) const;
    [[nodiscard]] std::vector<std::string> query_tokens(std::string_view text) const;

private:
    struct state;
    explicit analyzer(std::shared_ptr<const state> ready);
    std::shared_ptr<const state> state_;
};

}  // namespace vecstore::text
