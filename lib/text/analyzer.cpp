#include "stemmer.hpp"
#include "stop_words.hpp"
#include "unicode.hpp"

#include <vecstore/text/analyzer.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

namespace vecstore::text {
namespace {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};
using word_set = std::unordered_set<std::string, text_hash, std::equal_to<>>;

template <class Visit>
void for_each_blank_separated(std::string_view words, const Visit& visit) {
    while (!words.empty()) {
        const auto end = std::min(words.find(' '), words.size());
        visit(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
}

const detail::stop_word_list* find_stop_words(std::string_view language) noexcept {
    for (const auto& list : detail::stop_word_lists())
        if (list.language == language) return &list;
    return nullptr;
}

void fold(std::string& word, const analyzer_options& options) {
    detail::normalize(word, options.lowercase);
    if (options.ascii_folding) detail::fold_to_ascii(word);
}

}  // namespace

struct analyzer::state {
    analyzer_options options;
    word_set stop_words;
};

namespace {

/// One pass over one text. A stemmer keeps a word between calls, so each pass has its own.
class token_pass {
public:
    token_pass(const analyzer_options& options, const word_set& stop_words)
        : options_(options), stop_words_(stop_words) {
        if (!options.stemmer.empty()) stemmer_.emplace(detail::stemmer::create(options.stemmer).value());
    }

    /// The token of a word; empty when it is left out. Good until the next call.
    std::string_view token_of(std::string_view word) {
        folded_.assign(word);
        fold(folded_, options_);
        if (folded_.empty() || (!stop_words_.empty() && stop_words_.find(folded_) != stop_words_.end())) return {};
        return stemmer_ ? stemmer_->stem(folded_) : folded_;
    }

private:
    const analyzer_options& options_;
    const word_set& stop_words_;
    std::optional<detail::stemmer> stemmer_;
    std::string folded_;
};

bool length_fits(const analyzer_options& options, std::string_view token) noexcept {
    if (options.min_token_len == 0 && options.max_token_len == 0) return true;
    const auto count = detail::character_count(token);
    return count >= options.min_token_len && (options.max_token_len == 0 || count <= options.max_token_len);
}

/// Prefixes of a token, shortest first; the last one is as long as the token or the bound.
void visit_prefixes(const analyzer_options& options, std::string_view token, const token_visitor& visit) {
    const auto count = detail::character_count(token);
    const auto longest = options.max_token_len == 0 ? count : std::min(count, options.max_token_len);
    const auto shortest = std::max<std::size_t>(options.min_token_len, 1);
    if (shortest >= longest) return visit(detail::first_characters(token, longest));
    for (auto length = shortest; length <= longest; ++length) visit(detail::first_characters(token, length));
}

}  // namespace

std::vector<std::string_view> stop_word_languages() {
    std::vector<std::string_view> languages;
    for (const auto& list : detail::stop_word_lists()) languages.push_back(list.language);
    return languages;
}

std::vector<std::string_view> stemmer_languages() { return detail::stemmer::languages(); }

result<void> validate(const analyzer_options& options) {
    if (to_string(options.tokenizer) == "unknown")
        return invalid_argument("tokenizer = " + std::to_string(static_cast<int>(options.tokenizer)) + " is unknown");
    if (options.unspaced != unspaced_kind::bigrams && options.unspaced != unspaced_kind::singles)
        return invalid_argument("unspaced = " + std::to_string(static_cast<int>(options.unspaced)) + " is unknown");
    if (options.max_token_len != 0 && options.min_token_len > options.max_token_len)
        return invalid_argument("min_token_len = " + std::to_string(options.min_token_len) +
                                " is above max_token_len = " + std::to_string(options.max_token_len));
    for (std::size_t i = 0; i < options.stop_word_languages.size(); ++i)
        if (find_stop_words(options.stop_word_languages[i]) == nullptr)
            return invalid_argument("stop_word_languages[" + std::to_string(i) + "]: there is no list for \"" +
                                    options.stop_word_languages[i] + "\"");
    if (!options.stemmer.empty()) VECSTORE_CHECK(detail::stemmer::create(options.stemmer));
    return {};
}

analyzer::analyzer(std::shared_ptr<const state> ready) : state_(std::move(ready)) {}

result<analyzer> analyzer::create(analyzer_options options) {
    VECSTORE_CHECK(validate(options));
    auto ready = std::make_shared<state>();
    const auto add = [&](std::string_view word) {
        std::string folded(word);
        fold(folded, options);
        ready->stop_words.insert(std::move(folded));
    };
    for (const auto& language : options.stop_word_languages)
        for_each_blank_separated(find_stop_words(language)->words, add);
    for (const auto& word : options.stop_words) add(word);
    ready->options = std::move(options);
    return analyzer(std::move(ready));
}

const analyzer_options& analyzer::options() const noexcept { return state_->options; }

void analyzer::document_tokens(std::string_view text, const token_visitor& visit) const {
    const auto& options = state_->options;
    token_pass pass(options, state_->stop_words);
    for_each_word(options.tokenizer, options.unspaced, text, [&](std::string_view word) {
        const auto token = pass.token_of(word);
        if (token.empty()) return;
        if (options.tokenizer == tokenizer_kind::prefix)
            visit_prefixes(options, token, visit);
        else if (length_fits(options, token))
            visit(token);
    });
}

void analyzer::query_tokens(std::string_view text, const token_visitor& visit) const {
    const auto& options = state_->options;
    if (options.tokenizer != tokenizer_kind::prefix) return document_tokens(text, visit);
    token_pass pass(options, state_->stop_words);
    const auto longest = options.max_token_len == 0 ? std::numeric_limits<std::size_t>::max() : options.max_token_len;
    for_each_word(options.tokenizer, options.unspaced, text, [&](std::string_view word) {
        const auto token = pass.token_of(word);
        if (!token.empty()) visit(detail::first_characters(token, longest));
    });
}

std::vector<std::string> analyzer::document_tokens(std::string_view text) const {
    std::vector<std::string> tokens;
    document_tokens(text, [&](std::string_view token) { tokens.emplace_back(token); });
    return tokens;
}

std::vector<std::string> analyzer::query_tokens(std::string_view text) const {
    std::vector<std::string> tokens;
    query_tokens(text, [&](std::string_view token) { tokens.emplace_back(token); });
    return tokens;
}

}  // namespace vecstore::text
