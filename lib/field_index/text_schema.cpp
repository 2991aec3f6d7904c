#include "text_schema.hpp"

#include <string>
#include <utility>
#include <vector>

namespace vecstore {
namespace {

using text::analyzer_options;

error must_be(std::string_view name, std::string_view what) {
    return invalid_argument(std::string(name) + ": must be " + std::string(what));
}

result<void> read(bool& to, std::string_view name, const payload::value& given) {
    const auto* const flag = given.if_bool();
    if (flag == nullptr) return must_be(name, "true or false");
    to = *flag;
    return {};
}
result<void> read(std::size_t& to, std::string_view name, const payload::value& given) {
    const auto* const number = given.if_int64();
    if (number == nullptr || *number < 0) return must_be(name, "an integer, 0 or larger");
    to = static_cast<std::size_t>(*number);
    return {};
}
result<void> read(std::vector<std::string>& to, std::string_view name, const payload::value& given) {
    if (given.is_null()) return {};
    const auto* const list = given.if_array();
    if (list == nullptr) return must_be(name, "a list of texts");
    for (const auto& each : *list) {
        if (each.if_string() == nullptr) return must_be(name, "a list of texts");
        to.push_back(*each.if_string());
    }
    return {};
}

/// A language, or {languages, custom}.
result<void> read_stop_words(analyzer_options& options, const payload::value& given) {
    options.stop_word_languages.clear();
    options.stop_words.clear();
    if (const auto* const language = given.if_string()) {
        options.stop_word_languages.push_back(*language);
        return {};
    }
    const auto* const set = given.if_object();
    if (set == nullptr) return must_be("stopwords", "a language or an object");
    for (const auto& [name, content] : *set) {
        if (name == "languages")
            VECSTORE_CHECK(read(options.stop_word_languages, "stopwords.languages", content));
        else if (name == "custom")
            VECSTORE_CHECK(read(options.stop_words, "stopwords.custom", content));
        else
            return invalid_argument("stopwords." + std::string(name).substr(0, 64) + ": no option of stop words");
    }
    return {};
}

result<void> read_stemmer(analyzer_options& options, const payload::value& given) {
    const auto type = given["type"].string_or("");
    if (type == "none") {
        options.stemmer.clear();
        return {};
    }
    const auto* const language = given["language"].if_string();
    if (type != "snowball") return invalid_argument("stemmer.type: must be \"snowball\" or \"none\"");
    if (language == nullptr || language->empty()) return must_be("stemmer.language", "a language");
    options.stemmer = *language;
    return {};
}

result<void> read_unspaced(analyzer_options& options, const payload::value& given) {
    const auto name = given.string_or("");
    if (name != "bigrams" && name != "singles") return must_be("unspaced", "\"bigrams\" or \"singles\"");
    options.unspaced = name == "bigrams" ? text::unspaced_kind::bigrams : text::unspaced_kind::singles;
    return {};
}

result<void> read_tokenizer(analyzer_options& options, const payload::value& given) {
    auto kind = text::parse_tokenizer_kind(given.string_or(""));
    if (!kind) return invalid_argument("tokenizer: " + kind.error().message);
    options.tokenizer = *kind;
    return {};
}

payload::value list_of(const std::vector<std::string>& texts) {
    payload::value::array list;
    for (const auto& each : texts) list.push_back(each);
    return list;
}

struct option {
    std::string_view name;
    result<void> (*read)(analyzer_options&, const payload::value&);
};
constexpr option options_known[] = {
    {"tokenizer", read_tokenizer},
    {"stopwords", read_stop_words},
    {"stemmer", read_stemmer},
    {"unspaced", read_unspaced},
    {"lowercase", [](analyzer_options& o, const payload::value& v) { return read(o.lowercase, "lowercase", v); }},
    {"ascii_folding",
     [](analyzer_options& o, const payload::value& v) { return read(o.ascii_folding, "ascii_folding", v); }},
    {"min_token_len",
     [](analyzer_options& o, const payload::value& v) { return read(o.min_token_len, "min_token_len", v); }},
    {"max_token_len",
     [](analyzer_options& o, const payload::value& v) { return read(o.max_token_len, "max_token_len", v); }},
};

}  // namespace

void write_analyzer(const analyzer_options& options, payload::document& to) {
    const analyzer_options usual;
    if (options.tokenizer != usual.tokenizer) to.set("tokenizer", to_string(options.tokenizer));
    if (options.unspaced != usual.unspaced) to.set("unspaced", "singles");
    if (options.lowercase != usual.lowercase) to.set("lowercase", options.lowercase);
    if (options.ascii_folding != usual.ascii_folding) to.set("ascii_folding", options.ascii_folding);
    if (options.min_token_len != 0) to.set("min_token_len", static_cast<std::int64_t>(options.min_token_len));
    if (options.max_token_len != 0) to.set("max_token_len", static_cast<std::int64_t>(options.max_token_len));
    if (!options.stop_word_languages.empty() || !options.stop_words.empty())
        to.set("stopwords", payload::document{{"languages", list_of(options.stop_word_languages)},
                                              {"custom", list_of(options.stop_words)}});
    if (!options.stemmer.empty())
        to.set("stemmer", payload::document{{"type", "snowball"}, {"language", options.stemmer}});
}

result<bool> read_analyzer_option(field_schema& schema, std::string_view name, const payload::value& given) {
    for (const auto& known : options_known) {
        if (known.name != name) continue;
        if (schema.kind != field_kind::text)
            return invalid_argument(std::string(name) + ": a " + std::string(to_string(schema.kind)) +
                                    " index has no such option");
        VECSTORE_CHECK(known.read(schema.analyzer, given));
        return true;
    }
    return false;
}

}  // namespace vecstore
