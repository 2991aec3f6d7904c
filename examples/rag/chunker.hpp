/// Cuts a text into passages that are small enough for a prompt, and that tell where they stand.
/// Thread safety: a function without state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rag {

struct passage {
    std::string heading;  ///< the headings above it, outermost first: "Guide > Install"; empty in plain text
    std::string text;
};

enum class text_format { plain, markdown };

/// Lengths are words. Where a script has no blanks, or words are very long, 8 bytes count as a word.
struct chunk_options {
    std::size_t words_max = 180;
    /// About so many words at the end of a passage begin the next one as well, when both stand under one heading: what
    /// is said on the border is then found as a whole.
    std::size_t words_overlap = 30;
};

/// Passages end at headings, else at paragraphs, else at sentences, else where they are full. Markdown: ATX and setext
/// headings, fenced code as one paragraph, YAML front matter left out. Paragraphs are parted by empty lines.
/// Cost: one pass.
[[nodiscard]] std::vector<passage> cut(std::string_view text, text_format format, const chunk_options& options = {});

/// "a.md" and "a.markdown" are Markdown; the name's case does not matter.
[[nodiscard]] text_format format_of(std::string_view path);

}  // namespace rag
