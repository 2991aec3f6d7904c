/// Vectors of words by their letters: words that are spelled alike are near each other, so that "plagiarized" finds
/// "plagiarise" and a slip of the pen what was meant. Nothing is learnt and nothing is stored.
/// Papers: Bojanowski, Grave, Joulin & Mikolov, "Enriching word vectors with subword information", arXiv:1607.04606 (words as
/// sums of their n-grams); Achlioptas, "Database-friendly random projections", JCSS 66(4), 2003 (few signs instead of
/// a matrix).
/// Thread safety: a function without state.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace rag {

inline constexpr std::size_t spelling_dim = 1024;

/// The word's n-grams of 3 to 5 bytes, its ends marked, each in four places by hash. Unit length.
/// Shape: [spelling_dim].  Cost: 4 additions for each n-gram.
[[nodiscard]] std::vector<float> spelling_of(std::string_view word);

}  // namespace rag
