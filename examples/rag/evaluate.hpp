/// How often a search finds what was meant, on the sample of examples/data: 10,000 dictionary entries, and sentences that are
/// not in it, each of which illustrates one of them.
///
/// The numbers of `fusion_options` and `corpus_options` were chosen with other entries and other sentences, the development
/// sentences: 50,000 further entries of WordNet in five samples of 10,000, made as this one is (cmake/pack_sample.py), with
/// 867 sentences. Of those the first ten have: by BM25 0.792, by the built-in embedder 0.766, by both 0.830; by sentence
/// embeddings 0.627, with BM25 0.853. Both hybrids are ahead in each of the five. This sample's 162 sentences are few: 0.012
/// is two of them.
/// Thread safety: a function without state.
#pragma once

#include "search.hpp"

#include <vecstore/core/result.hpp>

#include <cstddef>
#include <string>

namespace rag {

struct evaluation {
    std::size_t entries = 0, questions = 0;
    /// Share of the questions whose entry is among the first ten: by keywords, by the built-in embedder, by both; and by
    /// the sentence embeddings that the sample has, alone and with keywords.
    double keywords = 0, built_in = 0, hybrid = 0;
    double sentences = 0, sentence_hybrid = 0;
};

struct evaluate_options {
    std::string folder = {};  ///< with a sample's four files; empty: examples/data
    corpus_options corpus = {};
    fusion_options fusion = {};
};

/// Errors: those of `sample::load` and of the store.  Cost: some seconds.
[[nodiscard]] vecstore::result<evaluation> evaluate(const evaluate_options& options = {});

}  // namespace rag
