/// Latent semantic analysis: vectors of words, learnt from nothing but the texts themselves. Words that come in the same
/// texts get vectors that point the same way, so that a question finds passages that say it in other words.
/// Paper: Deerwester, Dumais, Furnas, Landauer & Harshman, "Indexing by latent semantic analysis", JASIS 41(6), 1990. Differs:
/// the singular vectors come by randomised subspace iteration (Halko, Martinsson & Tropp, "Finding structure with
/// randomness", arXiv:0909.4061, algorithms 4.4 and 5.1).
/// Thread safety: functions without state, plain values.
#pragma once

#include <vecstore/core/sparse_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace rag {

struct lsa_options {
    /// Numbers of each vector. More keep words apart that only seem alike; fewer bring more together.
    std::size_t dim = 256;
    /// A direction counts with its singular value to this power. 0: words are alike only where directions were dropped, so not
    /// at all in a small folder; 1: as often as they come together.
    double singular_value_power = 0.5;
    /// Words that fewer texts have are left out: they say nothing about others.
    std::size_t texts_min = 2;
};

/// What was learnt of each word.
struct lsa_basis {
    std::size_t dim = 0;
    std::size_t texts = 0;             ///< learnt from so many
    std::vector<std::uint32_t> words;  ///< indexes of the sparse vectors, ascending
    std::vector<float> rarity;         ///< [words] inverse document frequency
    std::vector<float> rows;           ///< [words, dim]
    double left_out = 0;               ///< share of the texts' weights that is of other words
};

/// How rare a word is that `frequency` of `texts` texts have.
[[nodiscard]] float rarity_of(double frequency, std::size_t texts);

/// Learns from the weights of words in each text, rarity not counted. With fewer texts or words than `dim`, the last numbers
/// of all rows are zero. The same texts give the same basis.
/// Cost: about 20 * dim * (all weights + words * dim) operations: a second for 10,000 short texts.
[[nodiscard]] lsa_basis learn_lsa(std::span<const vecstore::sparse_vector> texts, const lsa_options& options = {});

/// A name that is different for different bases, to mark vectors with.
[[nodiscard]] std::string name_of(const lsa_basis& basis);

}  // namespace rag
