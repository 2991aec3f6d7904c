#include "lsa.hpp"

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/core/siphash.hpp>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SparseCore>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace rag {
namespace {

using dense = Eigen::MatrixXf;
using sparse = Eigen::SparseMatrix<float, Eigen::RowMajor>;

/// Fills words, rarities and counts in. Gives a matrix whose rows are texts, of unit length, and whose columns are words.
sparse weigh(std::span<const vecstore::sparse_vector> texts, std::size_t texts_min, lsa_basis& basis) {
    std::map<std::uint32_t, std::size_t> frequencies;
    for (const auto& text : texts)
        for (const auto word : text.indices) ++frequencies[word];
    for (const auto& [word, frequency] : frequencies) {
        if (frequency < texts_min) continue;
        basis.words.push_back(word);
        basis.rarity.push_back(rarity_of(static_cast<double>(frequency), texts.size()));
    }
    std::vector<Eigen::Triplet<float>> entries;
    double all = 0, other = 0;
    for (std::size_t row = 0; row < texts.size(); ++row) {
        const auto first = entries.size();
        double norm = 0;
        for (std::size_t i = 0; i < texts[row].indices.size(); ++i) {
            const auto at = std::lower_bound(basis.words.begin(), basis.words.end(), texts[row].indices[i]);
            const bool known = at != basis.words.end() && *at == texts[row].indices[i];
            all += texts[row].values[i];
            if (!known) other += texts[row].values[i];
            if (!known) continue;
            const auto column = at - basis.words.begin();
            const auto weight = texts[row].values[i] * basis.rarity[static_cast<std::size_t>(column)];
            norm += static_cast<double>(weight) * weight;
            entries.emplace_back(static_cast<int>(row), static_cast<int>(column), weight);
        }
        const auto scale = norm > 0 ? static_cast<float>(1 / std::sqrt(norm)) : 0.0f;
        for (auto i = first; i < entries.size(); ++i)
            entries[i] = {entries[i].row(), entries[i].col(), entries[i].value() * scale};
    }
    basis.left_out = all > 0 ? other / all : 0;
    sparse weights(static_cast<Eigen::Index>(texts.size()), static_cast<Eigen::Index>(basis.words.size()));
    weights.setFromTriplets(entries.begin(), entries.end());
    return weights;
}

dense orthonormal(const dense& columns) {
    const Eigen::HouseholderQR<dense> qr(columns);
    return qr.householderQ() * dense::Identity(columns.rows(), columns.cols());
}

struct singular_vectors {
    dense right;  ///< [words, count], the largest singular value first
    Eigen::VectorXf values;
};

singular_vectors largest(const sparse& matrix, Eigen::Index count) {
    constexpr Eigen::Index spare = 16;
    constexpr int rounds = 4;
    const auto width = std::min({count + spare, matrix.rows(), matrix.cols()});
    vecstore::random_source random(1);
    dense range(matrix.cols(), width);
    for (Eigen::Index i = 0; i < range.size(); ++i) range.data()[i] = static_cast<float>(2 * random.unit() - 1);
    const sparse transposed = matrix.transpose();
    for (int i = 0; i < rounds; ++i) range = orthonormal(transposed * dense(matrix * range));
    const dense seen = matrix * range;
    // In the range it is small: eigenvectors of a [width, width] matrix, the largest eigenvalue last.
    const Eigen::SelfAdjointEigenSolver<dense> solved(seen.transpose() * seen);
    singular_vectors found;
    const auto kept = std::min(count, width);
    found.right = range * solved.eigenvectors().rightCols(kept).rowwise().reverse();
    found.values = solved.eigenvalues().tail(kept).reverse().cwiseMax(0).cwiseSqrt();
    return found;
}

}  // namespace

float rarity_of(double frequency, std::size_t texts) {
    return static_cast<float>(std::log((static_cast<double>(texts) + 1) / (frequency + 0.5)));
}

lsa_basis learn_lsa(std::span<const vecstore::sparse_vector> texts, const lsa_options& options) {
    lsa_basis basis;
    basis.dim = options.dim;
    basis.texts = texts.size();
    const auto weights = weigh(texts, options.texts_min, basis);
    basis.rows.resize(basis.words.size() * basis.dim);
    if (basis.words.empty()) return basis;
    const auto found = largest(weights, static_cast<Eigen::Index>(options.dim));
    // Values that are noise against the largest are none: texts of few words have no more directions.
    const auto least = found.values(0) * 1e-4f;
    for (Eigen::Index d = 0; d < found.values.size() && found.values(d) > least; ++d) {
        const auto relative = static_cast<double>(found.values(d)) / static_cast<double>(found.values(0));
        const auto scale = static_cast<float>(std::pow(relative, options.singular_value_power));
        for (std::size_t w = 0; w < basis.words.size(); ++w)
            basis.rows[w * basis.dim + static_cast<std::size_t>(d)] =
                scale * found.right(static_cast<Eigen::Index>(w), d);
    }
    return basis;
}

std::string name_of(const lsa_basis& basis) {
    const vecstore::byte_span words(reinterpret_cast<const std::byte*>(basis.words.data()), basis.words.size() * 4);
    const vecstore::byte_span rows(reinterpret_cast<const std::byte*>(basis.rows.data()), basis.rows.size() * 4);
    return fmt::format("lsa-{:016x}", vecstore::siphash24(rows, vecstore::siphash24(words)));
}

}  // namespace rag
