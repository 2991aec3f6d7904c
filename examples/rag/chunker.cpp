#include "chunker.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace rag {
namespace {

constexpr std::string_view blanks = " \t\r\f\v\n";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Cuts the first line off, without its end.
std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::size_t length_of(std::string_view text) {
    std::size_t words = 0;
    bool inside = false;
    for (const char c : text) {
        const bool blank = blanks.find(c) != blanks.npos;
        words += !blank && !inside;
        inside = !blank;
    }
    return std::max(words, text.size() / 8);
}

/// The smallest thing that a passage is made of: a sentence, a line of code.
struct piece {
    std::string_view text;
    std::size_t length = 0;
    std::string_view before;  ///< what parts it from the piece before: blank, line, paragraph
};

/// Where the first sentence of `text` ends: behind a stop, when a blank and no small letter follow.
std::size_t sentence_end(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("\xE3\x80\x82")) return i + 3;  // ideographic full stop
        if (text[i] != '.' && text[i] != '!' && text[i] != '?') continue;
        auto end = i + 1;
        while (end < text.size() && std::string_view(".!?\"')]").find(text[end]) != std::string_view::npos) ++end;
        const auto next = text.find_first_not_of(blanks, end);
        if (next == text.npos) return text.size();
        if (next > end && std::islower(static_cast<unsigned char>(text[next])) == 0) return end;
    }
    return text.size();
}

/// A beginning of `text` of about `length` words, that ends at a blank if it can and never inside a character.
std::size_t cut_of_length(std::string_view text, std::size_t length) {
    std::size_t words = 0, end = 0;
    while (end < text.size() && words < length && end < 8 * length) {
        const auto start = text.find_first_not_of(blanks, end);
        if (start == text.npos) return text.size();
        const auto stop = std::min(text.find_first_of(blanks, start), text.size());
        if (stop > 8 * length && end > 0) return end;
        end = stop;
        ++words;
    }
    if (end <= 8 * length) return end;
    end = 8 * length;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return end;
}

/// Collects the pieces of one section and packs them.
class section {
public:
    section(std::string heading, const chunk_options& options) : heading_(std::move(heading)), options_(options) {}

    void add_paragraph(std::string_view text) {
        std::string_view before = "\n\n";
        for (text = trimmed(text); !text.empty(); before = " ") {
            const auto end = sentence_end(text);
            add(text.substr(0, end), before);
            text = trimmed(text.substr(end));
        }
    }
    void add_code(std::string_view text) {
        std::string_view before = "\n\n";
        while (!text.empty()) {
            const auto line = take_line(text);
            if (!line.empty()) add(line, before);
            before = "\n";
        }
    }

    void pack_into(std::vector<passage>& passages) const {
        std::size_t first = 0, length = 0;
        for (std::size_t i = 0; i < pieces_.size(); ++i) {
            if (length > 0 && length + pieces_[i].length > options_.words_max) {
                passages.push_back({heading_, joined(first, i)});
                // Go on with what the end of it has in common with the next.
                for (length = 0, first = i; first > 0; --first) {
                    const auto more = length + pieces_[first - 1].length;
                    if (more > options_.words_overlap || more + pieces_[i].length > options_.words_max) break;
                    length = more;
                }
            }
            length += pieces_[i].length;
        }
        if (!pieces_.empty()) passages.push_back({heading_, joined(first, pieces_.size())});
    }

private:
    void add(std::string_view text, std::string_view before) {
        // A sentence that no passage can hold becomes pieces that can overlap.
        const auto part = std::max<std::size_t>(std::min(options_.words_overlap, options_.words_max), 1);
        while (length_of(text) > options_.words_max && !text.empty()) {
            const auto end = std::max<std::size_t>(cut_of_length(text, part), 1);
            pieces_.push_back({text.substr(0, end), length_of(text.substr(0, end)), before});
            const auto rest = text.substr(end);
            before = rest.empty() || blanks.find(rest[0]) == blanks.npos ? "" : " ";
            text = trimmed(rest);
        }
        if (!text.empty()) pieces_.push_back({text, length_of(text), before});
    }
    [[nodiscard]] std::string joined(std::size_t first, std::size_t last) const {
        std::string text;
        for (auto i = first; i < last; ++i) {
            if (!text.empty()) text += pieces_[i].before;
            text += pieces_[i].text;
        }
        return text;
    }

    std::string heading_;
    chunk_options options_;
    std::vector<piece> pieces_;
};

/// Walks through the lines of a Markdown text, with the headings that it is under.
class markdown_reader {
public:
    markdown_reader(std::string_view text, const chunk_options& options) : rest_(text), options_(options) {}

    std::vector<passage> read() {
        skip_front_matter();
        section current("", options_);
        std::string_view paragraph;  // lines side by side in the text, from its first to its last
        const auto end_paragraph = [&] { current.add_paragraph(std::exchange(paragraph, {})); };
        const auto enter = [&](std::size_t level, std::string_view title) {
            current.pack_into(passages_);
            current = section(path_to(level, title), options_);
        };
        while (!rest_.empty()) {
            const auto line = take_line(rest_);
            const auto bare = trimmed(line);
            if (bare.starts_with("```") || bare.starts_with("~~~")) {
                end_paragraph();
                current.add_code(take_code(bare.substr(0, 3)));
            } else if (const auto level = level_of(line); level > 0) {
                end_paragraph();
                enter(level, title_of(bare));
            } else if (!paragraph.empty() && paragraph.find('\n') == paragraph.npos && underlines(bare)) {
                enter(bare[0] == '=' ? 1 : 2, trimmed(std::exchange(paragraph, {})));
            } else if (bare.empty()) {
                end_paragraph();
            } else {
                const auto* const start = paragraph.empty() ? line.data() : paragraph.data();
                paragraph = {start, static_cast<std::size_t>(line.data() + line.size() - start)};
            }
        }
        end_paragraph();
        current.pack_into(passages_);
        return std::move(passages_);
    }

private:
    void skip_front_matter() {
        auto rest = rest_;
        if (trimmed(take_line(rest)) != "---") return;
        while (!rest.empty())
            if (trimmed(take_line(rest)) == "---") {
                rest_ = rest;
                return;
            }
    }
    /// Up to the line that closes the fence.
    std::string_view take_code(std::string_view fence) {
        const auto all = rest_;
        auto size = all.size();
        while (!rest_.empty()) {
            const auto at = all.size() - rest_.size();
            if (!trimmed(take_line(rest_)).starts_with(fence)) continue;
            size = at;
            break;
        }
        return all.substr(0, size);
    }
    /// 1 to 6 for "# Title", else 0.
    static std::size_t level_of(std::string_view line) {
        const auto level = std::min(line.find_first_not_of('#'), line.size());
        const bool heading = level >= 1 && level <= 6 && (level == line.size() || line[level] == ' ');
        return heading ? level : 0;
    }
    static std::string_view title_of(std::string_view bare) {
        bare.remove_prefix(std::min(bare.find_first_not_of('#'), bare.size()));
        const auto last = bare.find_last_not_of("# \t");
        return trimmed(bare.substr(0, last == bare.npos ? 0 : last + 1));
    }
    static bool underlines(std::string_view bare) {
        return bare.size() >= 2 && (bare[0] == '=' || bare[0] == '-') && bare.find_first_not_of(bare[0]) == bare.npos;
    }
    std::string path_to(std::size_t level, std::string_view title) {
        titles_.resize(level);
        titles_[level - 1] = title;
        std::string path;
        for (const auto& t : titles_)
            if (!t.empty()) path += (path.empty() ? "" : " > ") + t;
        return path;
    }

    std::string_view rest_;
    const chunk_options& options_;
    std::vector<std::string> titles_;
    std::vector<passage> passages_;
};

std::vector<passage> cut_plain(std::string_view text, const chunk_options& options) {
    section all("", options);
    std::string_view paragraph;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (trimmed(line).empty()) {
            all.add_paragraph(std::exchange(paragraph, {}));
            continue;
        }
        const auto* const start = paragraph.empty() ? line.data() : paragraph.data();
        paragraph = {start, static_cast<std::size_t>(line.data() + line.size() - start)};
    }
    all.add_paragraph(paragraph);
    std::vector<passage> passages;
    all.pack_into(passages);
    return passages;
}

}  // namespace

std::vector<passage> cut(std::string_view text, text_format format, const chunk_options& options) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
    return format == text_format::markdown ? markdown_reader(text, options).read() : cut_plain(text, options);
}

text_format format_of(std::string_view path) {
    std::string lower(path);
    for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return lower.ends_with(".md") || lower.ends_with(".markdown") ? text_format::markdown : text_format::plain;
}

}  // namespace rag
