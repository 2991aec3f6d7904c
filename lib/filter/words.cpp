#include "element_tests.hpp"

#include <array>

namespace vecstore::filter::detail {
namespace {

/// White_Space characters beyond ASCII, as UTF-8. Source: Unicode 15, PropList.txt.
constexpr std::array<std::string_view, 19> wide_blanks = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

/// Bytes of the blank that the text begins with; 0 when it begins with none.
std::size_t blank_bytes(std::string_view text) noexcept {
    if (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')) return 1;
    if (static_cast<unsigned char>(text.front()) < 0x80) return 0;
    for (const auto blank : wide_blanks)
        if (text.starts_with(blank)) return blank.size();
    return 0;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    bool inside = false;
    while (!text.empty()) {
        if (const auto blank = blank_bytes(text); blank > 0) {
            inside = false;
            text.remove_prefix(blank);
            continue;
        }
        if (!inside) words.emplace_back();
        inside = true;
        words.back() += text.front();
        text.remove_prefix(1);
    }
    return words;
}

}  // namespace vecstore::filter::detail
