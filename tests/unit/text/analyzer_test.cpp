#include <vecstore/text/analyzer.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace vecstore;
using text::analyzer;
using text::analyzer_options;
using text::tokenizer_kind;

namespace {

using tokens = std::vector<std::string>;

tokens document(const analyzer_options& options, std::string_view content) {
    return analyzer::create(options).value().document_tokens(content);
}
tokens query(const analyzer_options& options, std::string_view content) {
    return analyzer::create(options).value().query_tokens(content);
}

}  // namespace

TEST_CASE("analyzer: words are folded by Unicode's rules", "[text]") {
    CHECK(document({}, "HELLO Straße ÉCOLE ΣΊΣΥΦΟΣ") == tokens{"hello", "strasse", "école", "σίσυφοσ"});
    CHECK(document({.lowercase = false}, "HELLO École") == tokens{"HELLO", "École"});
    CHECK(document({}, "cafe\u0301") == document({}, "caf\u00E9"));
    CHECK(document({.tokenizer = tokenizer_kind::multilingual}, "can\u2019t") == tokens{"can't"});
}

TEST_CASE("analyzer: ascii folding makes Latin letters ASCII and leaves other scripts", "[text]") {
    const analyzer_options folding{.ascii_folding = true};
    CHECK(document(folding, "Ångström façade ærø Łódź straße \uFB01sh x\u0302y Ｗｉｄｅ") ==
          tokens{"angstrom", "facade", "aero", "lodz", "strasse", "fish", "xy", "wide"});
    CHECK(document(folding, "नमस्ते йод") == tokens{"नमस्ते", "йод"});
}

TEST_CASE("analyzer: stop words are left out before stemming", "[text]") {
    const analyzer_options english{.stop_word_languages = {"english"}, .stemmer = "english"};
    CHECK(document(english, "The runners were running, but I don't run.") == tokens{"runner", "run", "run"});
    CHECK(document({.stop_words = {"Foo", "BAR"}}, "foo bar baz") == tokens{"baz"});
    CHECK(document({.ascii_folding = true, .stop_word_languages = {"german"}}, "für fur alle Häuser") ==
          tokens{"hauser"});
    CHECK(document({.lowercase = false, .stop_word_languages = {"english"}}, "The the cat") == tokens{"The", "cat"});
}

TEST_CASE("analyzer: every list of stop words is in order and folded", "[text]") {
    const auto languages = text::stop_word_languages();
    CHECK(languages.size() >= 12);
    CHECK(std::is_sorted(languages.begin(), languages.end()));
    for (const auto language : languages) {
        INFO(language);
        CHECK(analyzer::create({.stop_word_languages = {std::string(language)}}).has_value());
    }
    CHECK(document({.stop_word_languages = {"russian", "french"}}, "я не читаю pas été livre") ==
          tokens{"читаю", "livre"});
}

TEST_CASE("analyzer: stemming is Snowball's", "[text]") {
    CHECK(document({.stemmer = "english"}, "Relational connections generously") ==
          tokens{"relat", "connect", "generous"});
    CHECK(document({.stemmer = "de"}, "Häuser aufeinander") == tokens{"haus", "aufeinand"});
    CHECK(document({.stemmer = "russian"}, "книгами") == tokens{"книг"});
    const auto languages = text::stemmer_languages();
    CHECK(std::find(languages.begin(), languages.end(), "english") != languages.end());
}

TEST_CASE("analyzer: lengths are counted in characters, after stemming", "[text]") {
    CHECK(document({.min_token_len = 2, .max_token_len = 4}, "a bb ёлка fünf fünfe") == tokens{"bb", "ёлка", "fünf"});
}

TEST_CASE("analyzer: prefixes of documents are what a query asks for", "[text]") {
    const analyzer_options all{.tokenizer = tokenizer_kind::prefix};
    CHECK(document(all, "Größe") == tokens{"g", "gr", "grö", "grös", "gröss", "grösse"});
    CHECK(query(all, "GRÖ x") == tokens{"grö", "x"});
    const analyzer_options some{.tokenizer = tokenizer_kind::prefix, .min_token_len = 2, .max_token_len = 4};
    CHECK(document(some, "hello a be") == tokens{"he", "hel", "hell", "a", "be"});
    CHECK(query(some, "hello a") == tokens{"hell", "a"});
}

TEST_CASE("analyzer: what it cannot do is refused by name", "[text]") {
    const auto message = [](const analyzer_options& options) { return analyzer::create(options).error().message; };
    CHECK(message({.stop_word_languages = {"english", "klingon"}}) ==
          "stop_word_languages[1]: there is no list for \"klingon\"");
    CHECK(message({.stemmer = "klingon"}) == "stemmer: there is none for \"klingon\"");
    CHECK(message({.min_token_len = 5, .max_token_len = 4}) == "min_token_len = 5 is above max_token_len = 4");
    CHECK(message({.tokenizer = static_cast<tokenizer_kind>(9)}) == "tokenizer = 9 is unknown");
}

TEST_CASE("analyzer: a very long word is a token", "[text]") {
    const std::string word(100'000, 'x');
    CHECK(document({.stemmer = "english"}, word) == tokens{word});
    std::string wide;
    for (int i = 0; i < 5'000; ++i) wide += "\uFDFA";  // folds to 18 code points by compatibility, to itself by case
    CHECK(document({}, wide) == tokens{wide});
}
