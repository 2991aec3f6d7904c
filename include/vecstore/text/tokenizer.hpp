/// How a text is cut into words, before anything is done to the words.
/// Standard: Unicode 15 (of utf8proc), UAX #29 "Unicode Text Segmentation", section 4.1, for `multilingual`.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace vecstore::text {

/// The values are on disk, do not renumber.
enum class tokenizer_kind : std::uint8_t {
    /// Runs of letters, marks and numbers of any script. "don't" is two words, a sentence in Chinese is one.
    word = 0,
    /// What stands between white space, with its punctuation.
    whitespace = 1,
    /// Words as for `word`, of which documents have all prefixes as tokens: "cat" is found by "c", "ca" and "cat".
    prefix = 2,
    /// Word boundaries of UAX #29, rules WB4 to WB13b: "don't", "3.14" and "a_b" are one word. Segments without a letter or
    /// a digit (punctuation, symbols, emoji) are no words. Han, Hiragana, Thai, Lao, Khmer, Myanmar and other scripts that
    /// are written without blanks and that the standard leaves to dictionaries are cut as `unspaced_kind` says; Katakana
    /// and Hangul are words by the standard. utf8proc has no Word_Break property, so classes come from general categories
    /// and from ranges: ALetter is L and Nl, Numeric is Nd, ExtendNumLet is Pc, Extend and Format are M and Cf.
    multilingual = 3,
};
/// "word", "whitespace", "prefix", "multilingual".
[[nodiscard]] std::string_view to_string(tokenizer_kind kind) noexcept;
/// Errors: invalid_argument.
[[nodiscard]] result<tokenizer_kind> parse_tokenizer_kind(std::string_view name);

/// What `multilingual` makes of scripts without blanks. The values are on disk, do not renumber.
enum class unspaced_kind : std::uint8_t {
    /// Each two neighbouring characters, overlapping; a character alone is itself. Ranks well; a query of one character
    /// finds it only where it stands alone.
    bigrams = 0,
    singles = 1,  ///< each character: finds all, also what has the same characters elsewhere
};

/// Called with each word, in order: a part of the text given. Bigrams overlap.
using word_visitor = std::function<void(std::string_view word)>;

/// Cuts `text`. `prefix` is cut as `word`. Bytes that are not UTF-8 separate words.
/// Cost: one pass; about 10 ns for each byte that is not ASCII.
void for_each_word(tokenizer_kind kind, unspaced_kind unspaced, std::string_view text, const word_visitor& visit);

}  // namespace vecstore::text
