/// What the tokenizers and the analyzer need of Unicode; the only place that knows utf8proc.
/// Thread safety: functions without state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore::text::detail {

/// A code point and the bytes it takes; `code` is `invalid` for a byte that is no UTF-8.
struct decoded {
    char32_t code = 0;
    std::size_t bytes = 1;
};
inline constexpr char32_t invalid = 0xFFFF'FFFF;
/// Precondition: at < text.size().
[[nodiscard]] decoded decode(std::string_view text, std::size_t at) noexcept;

/// Classes that the tokenizers tell apart: of the property Word_Break, as far as they bear on words.
enum class word_class : std::uint8_t {
    other,
    space,
    letter,
    hebrew,
    katakana,
    unspaced,  ///< Han, Hiragana, and the scripts that the standard leaves to dictionaries
    digit,
    number,        ///< numbers that are no digits, such as fractions
    connector,     ///< ExtendNumLet: _
    extend,        ///< marks and format characters, which belong to what stands before them
    mid_letter,    ///< : and the like
    mid_number,    ///< , and the like
    mid_both,      ///< . and the like
    single_quote,  ///< '
    double_quote,  ///< "
};
[[nodiscard]] word_class class_of(char32_t code) noexcept;

/// Length in code points. Precondition: UTF-8.
[[nodiscard]] std::size_t character_count(std::string_view text) noexcept;
/// The first `count` code points of `text`. Precondition: UTF-8.
[[nodiscard]] std::string_view first_characters(std::string_view text, std::size_t count) noexcept;

/// Case folding, then composition (NFC); without `fold_case`, composition alone. U+2019 becomes '. Bytes that are not UTF-8 are
/// left out. May throw std::bad_alloc.
void normalize(std::string& text, bool fold_case);
/// See `analyzer_options::ascii_folding`. Precondition: UTF-8.
void fold_to_ascii(std::string& text);

}  // namespace vecstore::text::detail
