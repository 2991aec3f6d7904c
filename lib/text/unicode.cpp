#include "unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <vector>

namespace vecstore::text::detail {
namespace {

struct range {
    char32_t first, last;
};
bool within(char32_t code, std::span<const range> ranges) noexcept {
    const auto at =
        std::lower_bound(ranges.begin(), ranges.end(), code, [](const range& r, char32_t c) { return r.last < c; });
    return at != ranges.end() && at->first <= code;
}

// Scripts=Han and Hiragana, and the blocks of scripts with Line_Break=SA. Ascending.
constexpr range unspaced_ranges[] = {{0x0E00, 0x0E7F},   {0x0E80, 0x0EFF},   {0x1000, 0x109F},   {0x1780, 0x17FF},
                                     {0x1950, 0x19DF},   {0x1A20, 0x1AAF},   {0x3005, 0x3007},   {0x3021, 0x3029},
                                     {0x3038, 0x303B},   {0x3041, 0x3096},   {0x309D, 0x309F},   {0x3400, 0x4DBF},
                                     {0x4E00, 0x9FFF},   {0xA9E0, 0xA9FF},   {0xAA60, 0xAADF},   {0xF900, 0xFAFF},
                                     {0x11700, 0x1174F}, {0x16FE0, 0x18D08}, {0x1B001, 0x1B11F}, {0x1B150, 0x1B152},
                                     {0x1B170, 0x1B2FB}, {0x20000, 0x3FFFF}};
// Word_Break=Katakana. Ascending.
constexpr range katakana_ranges[] = {{0x3031, 0x3035},   {0x309B, 0x309C},   {0x30A0, 0x30FA},   {0x30FC, 0x30FF},
                                     {0x31F0, 0x31FF},   {0x32D0, 0x32FE},   {0x3300, 0x3357},   {0xFF66, 0xFF9D},
                                     {0x1AFF0, 0x1B000}, {0x1B120, 0x1B122}, {0x1B155, 0x1B155}, {0x1B164, 0x1B167}};
// Word_Break=Hebrew_Letter. Ascending.
constexpr range hebrew_ranges[] = {
    {0x05D0, 0x05EA}, {0x05EF, 0x05F2}, {0xFB1D, 0xFB1D}, {0xFB1F, 0xFB28}, {0xFB2A, 0xFB4F}};

word_class punctuation_class(char32_t code) noexcept {
    switch (code) {
        case ':':
        case 0x00B7:
        case 0x0387:
        case 0x055F:
        case 0x05F4:
        case 0x2027:
        case 0xFE13:
        case 0xFE55:
        case 0xFF1A: return word_class::mid_letter;
        case ',':
        case ';':
        case 0x037E:
        case 0x0589:
        case 0x060C:
        case 0x060D:
        case 0x066C:
        case 0x07F8:
        case 0x2044:
        case 0xFE10:
        case 0xFE14:
        case 0xFE50:
        case 0xFE54:
        case 0xFF0C:
        case 0xFF1B: return word_class::mid_number;
        case '.':
        case 0x2018:
        case 0x2019:
        case 0x2024:
        case 0xFE52:
        case 0xFF07:
        case 0xFF0E: return word_class::mid_both;
        case '\'': return word_class::single_quote;
        case '"': return word_class::double_quote;
        default: return word_class::other;
    }
}

word_class letter_class(char32_t code) noexcept {
    if (code < 0x05D0) return word_class::letter;
    if (within(code, unspaced_ranges)) return word_class::unspaced;
    if (within(code, katakana_ranges)) return word_class::katakana;
    if (within(code, hebrew_ranges)) return word_class::hebrew;
    return word_class::letter;
}

word_class slow_class_of(char32_t code) noexcept {
    if (const auto known = punctuation_class(code); known != word_class::other) return known;
    if ((code >= 0x09 && code <= 0x0D) || code == 0x85 || code == 0x200B) return word_class::space;
    if (code == 0xFF9E || code == 0xFF9F) return word_class::extend;
    switch (utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->category) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
        case UTF8PROC_CATEGORY_NL: return letter_class(code);
        case UTF8PROC_CATEGORY_SK:
        case UTF8PROC_CATEGORY_SO: return within(code, katakana_ranges) ? word_class::katakana : word_class::other;
        case UTF8PROC_CATEGORY_MN:
        case UTF8PROC_CATEGORY_MC:
        case UTF8PROC_CATEGORY_ME:
        case UTF8PROC_CATEGORY_CF: return word_class::extend;
        case UTF8PROC_CATEGORY_ND: return word_class::digit;
        case UTF8PROC_CATEGORY_NO: return word_class::number;
        case UTF8PROC_CATEGORY_PC: return word_class::connector;
        case UTF8PROC_CATEGORY_ZS:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP: return word_class::space;
        default: return word_class::other;
    }
}

std::array<word_class, 128> ascii_classes() noexcept {
    std::array<word_class, 128> classes{};
    for (char32_t code = 0; code < 128; ++code) classes[code] = slow_class_of(code);
    return classes;
}

bool is_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

const utf8proc_uint8_t* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

void append(std::string& text, utf8proc_int32_t code) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const auto count = utf8proc_encode_char(code, bytes.data());
    text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count));
}

/// Latin letters that are no letter with marks, for which Unicode has no decomposition. Ascending.
struct replacement {
    char32_t code;
    std::string_view ascii;
};
constexpr replacement replacements[] = {
    {0xC6, "AE"},  {0xD0, "D"},   {0xD8, "O"},   {0xDE, "TH"}, {0xDF, "ss"},   {0xE6, "ae"},  {0xF0, "d"},
    {0xF8, "o"},   {0xFE, "th"},  {0x110, "D"},  {0x111, "d"}, {0x126, "H"},   {0x127, "h"},  {0x131, "i"},
    {0x138, "q"},  {0x141, "L"},  {0x142, "l"},  {0x14A, "N"}, {0x14B, "n"},   {0x152, "OE"}, {0x153, "oe"},
    {0x166, "T"},  {0x167, "t"},  {0x180, "b"},  {0x181, "B"}, {0x187, "C"},   {0x188, "c"},  {0x189, "D"},
    {0x18A, "D"},  {0x18F, "A"},  {0x190, "E"},  {0x191, "F"}, {0x192, "f"},   {0x193, "G"},  {0x197, "I"},
    {0x198, "K"},  {0x199, "k"},  {0x19A, "l"},  {0x19D, "N"}, {0x19E, "n"},   {0x1A4, "P"},  {0x1A5, "p"},
    {0x1AC, "T"},  {0x1AD, "t"},  {0x1B2, "V"},  {0x1B3, "Y"}, {0x1B4, "y"},   {0x1B5, "Z"},  {0x1B6, "z"},
    {0x1E4, "G"},  {0x1E5, "g"},  {0x237, "j"},  {0x23A, "A"}, {0x23B, "C"},   {0x23C, "c"},  {0x23D, "L"},
    {0x23E, "T"},  {0x243, "B"},  {0x246, "E"},  {0x247, "e"}, {0x248, "J"},   {0x249, "j"},  {0x24C, "R"},
    {0x24D, "r"},  {0x24E, "Y"},  {0x24F, "y"},  {0x253, "b"}, {0x257, "d"},   {0x259, "a"},  {0x25B, "e"},
    {0x260, "g"},  {0x268, "i"},  {0x272, "n"},  {0x289, "u"}, {0x1E9E, "SS"}, {0x2010, "-"}, {0x2011, "-"},
    {0x2018, "'"}, {0x2019, "'"}, {0x2C65, "a"}, {0x2C66, "t"}};

}  // namespace

decoded decode(std::string_view text, std::size_t at) noexcept {
    if (const auto byte = static_cast<unsigned char>(text[at]); byte < 0x80) return {byte, 1};
    utf8proc_int32_t code = 0;
    const auto bytes = utf8proc_iterate(bytes_of(text) + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (bytes <= 0) return {invalid, 1};
    return {static_cast<char32_t>(code), static_cast<std::size_t>(bytes)};
}

word_class class_of(char32_t code) noexcept {
    static const auto ascii = ascii_classes();
    if (code < 128) return ascii[code];
    return code == invalid ? word_class::other : slow_class_of(code);
}

std::size_t character_count(std::string_view text) noexcept {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string_view first_characters(std::string_view text, std::size_t count) noexcept {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && count-- == 0) break;
    return text.substr(0, at);
}

void normalize(std::string& text, bool fold_case) {
    if (is_ascii(text)) {
        if (fold_case)
            for (auto& c : text)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return;
    }
    std::string valid;
    valid.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto next = decode(text, at);
        if (next.code == 0x2019)
            valid += '\'';
        else if (next.code != invalid)
            valid.append(text, at, next.bytes);
        at += next.bytes;
    }
    const auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | (fold_case ? UTF8PROC_CASEFOLD : 0));
    // No code point becomes more than 4 by full folding and canonical decomposition; else the call says what it needs.
    std::vector<utf8proc_int32_t> codes(valid.size() * 4 + 8);
    const auto decompose = [&] {
        return utf8proc_decompose(bytes_of(valid), static_cast<utf8proc_ssize_t>(valid.size()), codes.data(),
                                  static_cast<utf8proc_ssize_t>(codes.size()), options);
    };
    auto count = decompose();
    if (count >= static_cast<utf8proc_ssize_t>(codes.size())) {
        codes.resize(static_cast<std::size_t>(count) + 8);
        count = decompose();
    }
    if (count < 0) throw std::bad_alloc();
    // Composes in place and writes UTF-8 over the code points, with a zero behind.
    const auto bytes = utf8proc_reencode(codes.data(), count, options);
    if (bytes < 0) throw std::bad_alloc();
    text.assign(reinterpret_cast<const char*>(codes.data()), static_cast<std::size_t>(bytes));
}

void fold_to_ascii(std::string& text) {
    if (is_ascii(text)) return;
    std::string folded;
    folded.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, bytes] = decode(text, at);
        std::array<utf8proc_int32_t, 32> parts{};
        const bool after_ascii = !folded.empty() && static_cast<unsigned char>(folded.back()) < 0x80;
        const auto* const known = std::lower_bound(std::begin(replacements), std::end(replacements), code,
                                                   [](const replacement& r, char32_t c) { return r.code < c; });
        if (code < 0x80) {
            folded += static_cast<char>(code);
        } else if (known != std::end(replacements) && known->code == code) {
            folded += known->ascii;
        } else if (code >= 0x300 && code <= 0x36F && after_ascii) {
            // a mark that had no composed form with the letter before it
        } else {
            int boundary = 0;
            const auto count = utf8proc_decompose_char(
                static_cast<utf8proc_int32_t>(code), parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), &boundary);
            if (count > 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()) && parts[0] < 0x80)
                for (const auto part : std::span(parts).first(static_cast<std::size_t>(count))) {
                    if (part < 0x300 || part > 0x36F) append(folded, part);
                }
            else
                folded.append(text, at, bytes);
        }
        at += bytes;
    }
    text = std::move(folded);
}

}  // namespace vecstore::text::detail
