#include <catch2/catch.hpp>
#include <rag/chunker.hpp>

#include <string>
#include <vector>

using rag::text_format;

namespace {

std::vector<std::string> texts(const std::vector<rag::passage>& passages) {
    std::vector<std::string> found;
    for (const auto& p : passages) found.push_back(p.text);
    return found;
}

/// Sentences of six words each, that end with their number.
std::string sentences(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "This is a sentence, number " + std::to_string(i) + ". ";
    return text;
}

}  // namespace

TEST_CASE("chunker: a passage of Markdown knows the headings above it", "[rag]") {
    const auto found =
        rag::cut("Before.\n# Guide\nHello\nthere.\n\n## Install ##\nFirst.\n\n### Linux\nSecond.\n## Use\n\nThird.\n",
                 text_format::markdown);
    REQUIRE(found.size() == 5);
    CHECK(found[0].heading.empty());
    CHECK(found[1].heading == "Guide");
    CHECK(found[1].text == "Hello\nthere.");
    CHECK(found[2].heading == "Guide > Install");
    CHECK(found[3].heading == "Guide > Install > Linux");
    CHECK(found[4].heading == "Guide > Use");
    CHECK(found[4].text == "Third.");
}

TEST_CASE("chunker: underlined headings, front matter and code", "[rag]") {
    const auto found = rag::cut(
        "\xEF\xBB\xBF---\ntitle: x\n---\nTitle\n=====\n\nText.\n```sh\n# not a "
        "heading\n\nmake\n```\nSub\n---\nMore.\r\n",
        text_format::markdown);
    REQUIRE(found.size() == 2);
    CHECK(found[0].heading == "Title");
    CHECK(found[0].text == "Text.\n\n# not a heading\nmake");
    CHECK(found[1].heading == "Title > Sub");
    CHECK(found[1].text == "More.");
}

TEST_CASE("chunker: what is a heading in Markdown is text in plain text", "[rag]") {
    const auto found = rag::cut("# one\n\ntwo\n", text_format::plain);
    REQUIRE(found.size() == 1);
    CHECK(found[0].text == "# one\n\ntwo");
    CHECK(rag::format_of("a/B.MD") == text_format::markdown);
    CHECK(rag::format_of("a/b.md.txt") == text_format::plain);
}

TEST_CASE("chunker: long texts are cut between sentences and overlap", "[rag]") {
    const auto found = texts(rag::cut(sentences(10), text_format::plain, {.words_max = 20, .words_overlap = 7}));
    // Three sentences fit; the last of them begins the next passage.
    REQUIRE(found.size() == 5);
    CHECK(found[0] == "This is a sentence, number 0. This is a sentence, number 1. This is a sentence, number 2.");
    CHECK(found[1].substr(0, 29) == "This is a sentence, number 2.");
    CHECK(found[4].find("number 9.") != std::string::npos);
    const auto apart = texts(rag::cut(sentences(10), text_format::plain, {.words_max = 20, .words_overlap = 0}));
    CHECK(apart.size() == 4);
}

TEST_CASE("chunker: sentences that are too long are cut at words, words at characters", "[rag]") {
    std::string words;
    for (int i = 0; i < 100; ++i) words += "w" + std::to_string(i) + " ";
    const auto found = texts(rag::cut(words, text_format::plain, {.words_max = 10, .words_overlap = 3}));
    CHECK(found.size() > 10);
    for (const auto& text : found) CHECK(text.size() <= 10 * 4);
    CHECK(found.front().find("w0 ") == 0);
    CHECK(found.back().find("w99") != std::string::npos);
    CHECK(found[1].substr(0, found[1].find(' ')) == "w6");

    std::string unbroken;
    for (int i = 0; i < 200; ++i) unbroken += "\xE6\x97\xA5";  // 600 bytes without a blank
    std::string joined;
    for (const auto& text : texts(rag::cut(unbroken, text_format::plain, {.words_max = 10, .words_overlap = 0}))) {
        CHECK(text.size() % 3 == 0);
        CHECK(text.size() <= 10 * (8 + 2));
        joined += text;
    }
    CHECK(joined == unbroken);
}

TEST_CASE("chunker: nothing gives nothing", "[rag]") {
    for (const auto format : {text_format::plain, text_format::markdown})
        for (const auto* text : {"", "\n\n", " \t\r\n", "\xEF\xBB\xBF"}) CHECK(rag::cut(text, format).empty());
    CHECK(rag::cut("# Title alone\n## And another\n", text_format::markdown).empty());
    CHECK(rag::cut("```\n", text_format::markdown).empty());
    CHECK(rag::cut("---\nno end", text_format::markdown).size() == 1);
}

TEST_CASE("chunker: every word of a text is in a passage, whatever the limits", "[rag]") {
    const auto text = "# A\n" + sentences(7) + "\n\n```\ncode here\n\nand here\n```\n## B\n" + sentences(3);
    for (const std::size_t words : {1u, 2u, 5u, 8u, 50u})
        for (const std::size_t overlap : {0u, 1u, 4u, 60u}) {
            std::string all;
            for (const auto& p : rag::cut(text, text_format::markdown, {words, overlap})) {
                CHECK_FALSE(p.text.empty());
                all += p.text + "\n";
            }
            for (const auto* wanted : {"number", "6.", "code", "here"}) CHECK(all.find(wanted) != std::string::npos);
        }
}
