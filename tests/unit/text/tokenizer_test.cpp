#include <vecstore/text/tokenizer.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace vecstore;
using text::tokenizer_kind;
using text::unspaced_kind;

namespace {

using words = std::vector<std::string>;

words cut(tokenizer_kind kind, std::string_view content, unspaced_kind unspaced = unspaced_kind::bigrams) {
    words all;
    text::for_each_word(kind, unspaced, content, [&](std::string_view word) { all.emplace_back(word); });
    return all;
}
words segments(std::string_view content) { return cut(tokenizer_kind::multilingual, content); }

}  // namespace

TEST_CASE("tokenizer: names are read as they are printed", "[text]") {
    for (const auto kind :
         {tokenizer_kind::word, tokenizer_kind::whitespace, tokenizer_kind::prefix, tokenizer_kind::multilingual})
        CHECK(text::parse_tokenizer_kind(to_string(kind)).value() == kind);
    CHECK(text::parse_tokenizer_kind("words").error().message ==
          "unknown tokenizer \"words\"; there are word, whitespace, prefix, multilingual");
}

TEST_CASE("tokenizer: word cuts at all that is no letter, mark or number", "[text]") {
    CHECK(cut(tokenizer_kind::word, "Hello, world! don't a_b x2 3.14") ==
          words{"Hello", "world", "don", "t", "a", "b", "x2", "3", "14"});
    CHECK(cut(tokenizer_kind::word, "naïve cafe\u0301 \u00BD привет") ==
          words{"naïve", "cafe\u0301", "\u00BD", "привет"});
    CHECK(cut(tokenizer_kind::word, "东京塔，高") == words{"东京塔", "高"});
    CHECK(cut(tokenizer_kind::word, "").empty());
    CHECK(cut(tokenizer_kind::word, " ,;- ").empty());
    CHECK(cut(tokenizer_kind::prefix, "one two") == words{"one", "two"});
}

TEST_CASE("tokenizer: bytes that are not UTF-8 separate words", "[text]") {
    for (const auto kind : {tokenizer_kind::word, tokenizer_kind::multilingual})
        CHECK(cut(kind,
                  "ab\xFF"
                  "cd\xC3") == words{"ab", "cd"});
}

TEST_CASE("tokenizer: whitespace leaves punctuation", "[text]") {
    CHECK(cut(tokenizer_kind::whitespace, " a,b  c!\td\u00A0e\u3000f\n") == words{"a,b", "c!", "d", "e", "f"});
}

TEST_CASE("tokenizer: multilingual joins what UAX #29 joins", "[text]") {
    CHECK(segments("The quick (\"brown\") fox can't jump 32.3 feet, right?") ==
          words{"The", "quick", "brown", "fox", "can't", "jump", "32.3", "feet", "right"});
    CHECK(segments("can\u2019t l'été e.g. a:b 1,234.5 3.x x.3") ==
          words{"can\u2019t", "l'été", "e.g", "a:b", "1,234.5", "3", "x", "x", "3"});
    CHECK(segments("a_b __ _x 1st") == words{"a_b", "_x", "1st"});
    CHECK(segments("cafe\u0301 so\u00ADft a\u200Bb") == words{"cafe\u0301", "so\u00ADft", "a", "b"});
    CHECK(segments("\u05E6\u05D4\"\u05DC \u05D2'") == words{"\u05E6\u05D4\"\u05DC", "\u05D2'"});  // Hebrew
    CHECK(segments("\u30B3\u30FC\u30D2\u30FCcup") == words{"\u30B3\u30FC\u30D2\u30FC", "cup"});   // Katakana
    CHECK(segments("안녕하세요 세계") == words{"안녕하세요", "세계"});
    CHECK(segments("नमस्ते दुनिया") == words{"नमस्ते", "दुनिया"});
    CHECK(segments("\U0001F600 \U0001F1E9\U0001F1EA !").empty());
}

TEST_CASE("tokenizer: scripts without blanks are cut by characters", "[text]") {
    CHECK(segments("东京塔") == words{"东京", "京塔"});
    CHECK(segments("高 iPhone手机") == words{"高", "iPhone", "手机"});
    CHECK(cut(tokenizer_kind::multilingual, "东京塔", unspaced_kind::singles) == words{"东", "京", "塔"});
    CHECK(segments("第3章") == words{"第", "3", "章"});
    // Thai: a vowel sign stays with its consonant.
    CHECK(cut(tokenizer_kind::multilingual, "\u0E01\u0E34\u0E19", unspaced_kind::singles) ==
          words{"\u0E01\u0E34", "\u0E19"});
}
