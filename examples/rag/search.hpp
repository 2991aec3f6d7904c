/// Questions to the store: by keywords and by dense vectors at once, the two lists made one by their ranks.
/// Thread safety: functions without state.
#pragma once

#include "store.hpp"

#include <vecstore/collection/query.hpp>
#include <vecstore/core/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace rag {

/// How two lists become one. These defaults were chosen with sentences that `rag evaluate` does not ask (evaluate.hpp).
struct fusion_options {
    std::size_t depth = 100;  ///< hits taken of each list
    std::size_t k = 10;       ///< larger: the front of a list matters less (vecstore::rrf)
    double keyword_weight = 1;
    double dense_weight = 0.5;
};

/// The query for the `limit` best passages; without a vector, by keywords alone.
[[nodiscard]] vecstore::query hybrid_query(const std::string& text, const std::vector<float>& vector,
                                           const std::string& model, std::size_t limit,
                                           const fusion_options& options = {});

struct question {
    std::string text = {};
    std::string path = {};   ///< what paths begin with, or a pattern with * ? [ ] that they match; * takes slashes, too
    std::string since = {};  ///< files modified then or later: "2024-01-31", "2024-01-31T12:00:00Z"
    std::size_t limit = 5;
};

/// The filter of a question.  Errors: invalid_argument (`since`), not_found (no file matches), those of `scroll`.
[[nodiscard]] vecstore::result<vecstore::filter::expression> filter_of(const generation& in, const question& asked);

/// Errors: those of `filter_of`, of the embedder and of the collection.
[[nodiscard]] vecstore::result<vecstore::query_result> search(generation& in, const question& asked,
                                                              const fusion_options& options = {});

/// The passages with their numbers and sources, and what a language model is to do with them.
[[nodiscard]] std::string prompt_of(const question& asked, const vecstore::query_result& found);

}  // namespace rag
