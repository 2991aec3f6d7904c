/// Words that say little, by language.
/// Thread safety: constants.
#pragma once

#include <span>
#include <string_view>

namespace vecstore::text::detail {

struct stop_word_list {
    std::string_view language;
    std::string_view words;  ///< separated by blanks, lower case
};
/// Ascending by language.
[[nodiscard]] std::span<const stop_word_list> stop_word_lists() noexcept;

}  // namespace vecstore::text::detail
