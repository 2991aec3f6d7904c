#include "unicode.hpp"

#include <vecstore/text/tokenizer.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace vecstore::text {
namespace {

using detail::word_class;

constexpr std::array<std::string_view, 4> tokenizer_names = {"word", "whitespace", "prefix", "multilingual"};

/// Runs of characters for which `belongs` holds.
template <class Belongs>
void for_each_run(std::string_view text, const word_visitor& visit, const Belongs& belongs) {
    std::size_t start = 0;
    bool inside = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto next = detail::decode(text, at);
        const bool in = next.code != detail::invalid && belongs(detail::class_of(next.code), inside);
        if (in && !inside) start = at;
        if (!in && inside) visit(text.substr(start, at - start));
        inside = in;
        at += next.bytes;
    }
    if (inside) visit(text.substr(start));
}

bool of_word(word_class c, bool inside) noexcept {
    switch (c) {
        case word_class::letter:
        case word_class::hebrew:
        case word_class::katakana:
        case word_class::unspaced:
        case word_class::digit:
        case word_class::number: return true;
        case word_class::extend: return inside;
        default: return false;
    }
}

/// UAX #29, the rules that join; all else breaks. A character is taken with what extends it (WB4).
class segmenter {
public:
    segmenter(std::string_view text, unspaced_kind unspaced, const word_visitor& visit)
        : text_(text), unspaced_(unspaced), visit_(visit) {}

    void run() {
        for (auto at = character_at(0); at.begin < text_.size(); at = character_at(at.end)) {
            if (at.kind == word_class::unspaced)
                at = cut_unspaced(at);
            else if (starts_word(at.kind))
                at = cut_word(at);
        }
    }

private:
    struct character {
        std::size_t begin = 0;
        std::size_t end = 0;  ///< behind what extends it
        word_class kind = word_class::other;
    };

    [[nodiscard]] character character_at(std::size_t begin) const noexcept {
        if (begin >= text_.size()) return {text_.size(), text_.size(), word_class::other};
        const auto first = detail::decode(text_, begin);
        character c{begin, begin + first.bytes, detail::class_of(first.code)};
        if (first.code == detail::invalid || c.kind == word_class::space) return c;
        while (c.end < text_.size()) {
            const auto next = detail::decode(text_, c.end);
            if (next.code == detail::invalid || detail::class_of(next.code) != word_class::extend) break;
            c.end += next.bytes;
        }
        return c;
    }
    [[nodiscard]] static bool starts_word(word_class c) noexcept {
        return is_letter(c) || c == word_class::digit || c == word_class::katakana || c == word_class::connector;
    }
    [[nodiscard]] static bool is_letter(word_class c) noexcept {
        return c == word_class::letter || c == word_class::hebrew;
    }
    /// WB5, WB8 to WB10, WB13 to WB13b.
    [[nodiscard]] static bool joins(word_class a, word_class b) noexcept {
        if (a == word_class::connector || b == word_class::connector) return starts_word(a) && starts_word(b);
        if (a == word_class::katakana || b == word_class::katakana) return a == b;
        return starts_word(a) && starts_word(b);
    }
    /// WB6, WB7, WB7b, WB7c, WB11, WB12: `middle` stands between two that belong together.
    [[nodiscard]] static bool joins(word_class a, word_class middle, word_class b) noexcept {
        const bool both = middle == word_class::mid_both || middle == word_class::single_quote;
        if (is_letter(a) && is_letter(b)) {
            if (both || middle == word_class::mid_letter) return true;
            return middle == word_class::double_quote && a == word_class::hebrew && b == word_class::hebrew;
        }
        return a == word_class::digit && b == word_class::digit && (both || middle == word_class::mid_number);
    }

    /// Returns the last character of the word.
    character cut_word(const character& first) {
        auto last = first;
        bool content = first.kind != word_class::connector;
        for (;;) {
            const auto next = character_at(last.end);
            if (joins(last.kind, next.kind)) {
                last = next;
            } else if (const auto second = character_at(next.end); joins(last.kind, next.kind, second.kind)) {
                last = second;
            } else {
                if (last.kind == word_class::hebrew && next.kind == word_class::single_quote) last = next;  // WB7a
                break;
            }
            content = content || last.kind != word_class::connector;
        }
        if (content) visit_(text_.substr(first.begin, last.end - first.begin));
        return last;
    }

    character cut_unspaced(character at) {
        bool alone = true;
        for (;;) {
            const auto next = character_at(at.end);
            const bool more = next.kind == word_class::unspaced;
            if (unspaced_ == unspaced_kind::singles || (alone && !more))
                visit_(text_.substr(at.begin, at.end - at.begin));
            else if (more)
                visit_(text_.substr(at.begin, next.end - at.begin));
            if (!more) return at;
            alone = false;
            at = next;
        }
    }

    std::string_view text_;
    unspaced_kind unspaced_;
    const word_visitor& visit_;
};

}  // namespace

std::string_view to_string(tokenizer_kind kind) noexcept {
    const auto value = static_cast<std::size_t>(kind);
    return value < tokenizer_names.size() ? tokenizer_names[value] : "unknown";
}

result<tokenizer_kind> parse_tokenizer_kind(std::string_view name) {
    for (std::size_t value = 0; value < tokenizer_names.size(); ++value)
        if (tokenizer_names[value] == name) return static_cast<tokenizer_kind>(value);
    return invalid_argument("unknown tokenizer \"" + std::string(name) +
                            "\"; there are word, whitespace, prefix, multilingual");
}

void for_each_word(tokenizer_kind kind, unspaced_kind unspaced, std::string_view text, const word_visitor& visit) {
    switch (kind) {
        case tokenizer_kind::whitespace:
            for_each_run(text, visit, [](word_class c, bool) { return c != word_class::space; });
            break;
        case tokenizer_kind::multilingual: segmenter(text, unspaced, visit).run(); break;
        case tokenizer_kind::word:
        case tokenizer_kind::prefix: for_each_run(text, visit, of_word); break;
    }
}

}  // namespace vecstore::text
