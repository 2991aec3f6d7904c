#include "search.hpp"

#include "indexer.hpp"

#include <vecstore/filter/datetime.hpp>
#include <vecstore/filter/dsl.hpp>

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace rag {

namespace vs = vecstore;
using vs::field;

vs::query hybrid_query(const std::string& text, const std::vector<float>& vector, const std::string& model,
                       std::size_t limit, const fusion_options& options) {
    vs::query by_words;
    by_words.using_vector = bm25_name;
    by_words.nearest_sparse = vs::bm25(text);
    by_words.limit = std::max(options.depth, limit);
    if (vector.empty()) {
        by_words.limit = limit;
        return by_words;
    }
    vs::query by_vector;
    by_vector.using_vector = dense_name;
    by_vector.nearest = vector;
    by_vector.model = model;  // refused, should the store's vectors be those of another
    by_vector.limit = std::max(options.depth, limit);

    vs::query both;
    both.ask = vs::rrf{options.k, {options.keyword_weight, options.dense_weight}};
    both.prefetch = {std::move(by_words), std::move(by_vector)};
    both.limit = limit;
    return both;
}

vs::result<vs::filter::expression> filter_of(const generation& in, const question& asked) {
    vs::filter::expression filter;
    if (asked.path.find_first_of("*?[") != std::string::npos) {
        // Payload indexes know values and beginnings of values, not patterns: the files that match are few enough to name.
        VECSTORE_TRY(const auto files, known_files(in.files));
        std::vector<std::string> matching;
        for (const auto& [path, state] : files)
            if (::fnmatch(asked.path.c_str(), path.c_str(), 0) == 0) matching.push_back(path);
        if (matching.empty()) return vs::error{vs::errc::not_found, "--path " + asked.path + ": no file matches"};
        filter = field("path").any_of(matching);
    } else if (!asked.path.empty()) {
        filter = field("path").prefix(asked.path);
    }
    if (asked.since.empty()) return filter;
    const auto since = vs::datetime::parse(asked.since);
    if (!since) return vs::invalid_argument("--since: " + since.error().message);
    return std::move(filter) && field("modified") >= *since;
}

vs::result<vs::query_result> search(generation& in, const question& asked, const fusion_options& options) {
    VECSTORE_TRY(auto filter, filter_of(in, asked));
    const std::string texts[] = {asked.text};
    VECSTORE_TRY(const auto vectors, in.embedder->embed(texts, text_kind::question));
    auto query = hybrid_query(asked.text, vectors.at(0), in.embedder->model(), asked.limit, options);
    query.filter = std::move(filter);
    return in.passages.query(query);
}

std::string prompt_of(const question& asked, const vs::query_result& found) {
    std::string prompt =
        "Answer the question from these sources alone. Name those that you use by their numbers, as in [1].\n";
    std::size_t number = 0;
    for (const auto& hit : found) {
        const auto text = [&](const char* key) { return hit.payload[key].string_or(""); };
        const auto heading = text("heading");
        prompt += fmt::format("\n[{}] {}{}{} ({})\n{}\n", ++number, text("path"), heading.empty() ? "" : " > ", heading,
                              text("modified").substr(0, 10), text("text"));
    }
    return prompt + "\nQuestion: " + asked.text + "\n";
}

}  // namespace rag
