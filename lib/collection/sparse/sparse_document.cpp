#include "sparse_document.hpp"

#include <string>
#include <utility>
#include <vector>

namespace vecstore::detail {
namespace {

payload::value::array to_array(const std::vector<std::string>& texts) {
    payload::value::array array;
    for (const auto& text : texts) array.emplace_back(text);
    return array;
}

std::vector<std::string> texts_of(const payload::value& content) {
    std::vector<std::string> texts;
    if (const auto* array = content.if_array(); array != nullptr)
        for (const auto& text : *array) texts.emplace_back(text.string_or(""));
    return texts;
}

payload::document to_document(const text::bm25_options& options) {
    const auto& a = options.analyzer;
    return {{"k1", options.k1},
            {"b", options.b},
            {"average_length", options.average_length},
            {"tokenizer", to_string(a.tokenizer)},
            {"unspaced_singles", a.unspaced == text::unspaced_kind::singles},
            {"lowercase", a.lowercase},
            {"ascii_folding", a.ascii_folding},
            {"min_token_len", a.min_token_len},
            {"max_token_len", a.max_token_len},
            {"stop_word_languages", to_array(a.stop_word_languages)},
            {"stop_words", to_array(a.stop_words)},
            {"stemmer", a.stemmer}};
}

result<text::bm25_options> bm25_from(const payload::value& content) {
    text::bm25_options options;
    options.k1 = content["k1"].double_or(options.k1);
    options.b = content["b"].double_or(options.b);
    options.average_length = content["average_length"].double_or(options.average_length);
    auto& a = options.analyzer;
    VECSTORE_TRY(a.tokenizer, text::parse_tokenizer_kind(content["tokenizer"].string_or("word")));
    if (content["unspaced_singles"].bool_or(false)) a.unspaced = text::unspaced_kind::singles;
    a.lowercase = content["lowercase"].bool_or(true);
    a.ascii_folding = content["ascii_folding"].bool_or(false);
    a.min_token_len = static_cast<std::size_t>(content["min_token_len"].int64_or(0));
    a.max_token_len = static_cast<std::size_t>(content["max_token_len"].int64_or(0));
    a.stop_word_languages = texts_of(content["stop_word_languages"]);
    a.stop_words = texts_of(content["stop_words"]);
    a.stemmer = content["stemmer"].string_or("");
    return options;
}

}  // namespace

payload::value to_value(const sparse_vector_options& options) {
    payload::document content{{"name", options.name}, {"modifier", to_string(options.modifier)}};
    if (options.bm25) content.set("bm25", to_document(*options.bm25));
    return content;
}

result<sparse_vector_options> sparse_options_from(const payload::value& content) {
    sparse_vector_options options;
    options.name = content["name"].string_or("");
    VECSTORE_TRY(options.modifier, parse_sparse_modifier(content["modifier"].string_or("none")));
    if (content["bm25"].is_object()) {
        VECSTORE_TRY(options.bm25, bm25_from(content["bm25"]));
    }
    return options;
}

}  // namespace vecstore::detail
