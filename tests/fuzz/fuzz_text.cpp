/// Any bytes: every tokenizer and analyzer gives tokens that are UTF-8, not empty, and the same for equal input.
#include <vecstore/text/analyzer.hpp>
#include <vecstore/text/bm25.hpp>

#include <payload/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

using namespace vecstore;

namespace {

void check(const text::analyzer& ready, std::string_view content) {
    const auto tokens = ready.document_tokens(content);
    for (const auto& token : tokens)
        if (token.empty() || !payload::detail::is_utf8(token)) __builtin_trap();
    if (ready.document_tokens(content) != tokens) __builtin_trap();
    const auto queried = ready.query_tokens(content);
    // What a document contains is found by the document itself.
    for (const auto& token : queried)
        if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view content(reinterpret_cast<const char*>(data), size);
    using text::analyzer;
    using text::tokenizer_kind;
    static const std::array<analyzer, 5> analyzers = {
        analyzer::create({}).value(),
        analyzer::create({.tokenizer = tokenizer_kind::whitespace, .lowercase = false}).value(),
        analyzer::create({.tokenizer = tokenizer_kind::prefix, .min_token_len = 2, .max_token_len = 6}).value(),
        analyzer::create({.tokenizer = tokenizer_kind::multilingual, .ascii_folding = true}).value(),
        analyzer::create({.tokenizer = tokenizer_kind::multilingual,
                          .unspaced = text::unspaced_kind::singles,
                          .min_token_len = 2,
                          .stop_word_languages = {"german"},
                          .stop_words = {"x"}})
            .value()};
    for (const auto& ready : analyzers) check(ready, content);
    static const auto encoder = text::bm25_encoder::create({.analyzer = {}}).value();
    const auto vector = encoder.document(content);
    if (vector.indices.size() != vector.values.size()) __builtin_trap();
    for (std::size_t i = 1; i < vector.indices.size(); ++i)
        if (vector.indices[i - 1] >= vector.indices[i]) __builtin_trap();
    return 0;
}
