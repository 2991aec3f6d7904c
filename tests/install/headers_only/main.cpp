// The header-only part in place of a search library: no other package, nothing to link.
#include <vecstore/filter/dsl.hpp>
#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <vector>

int main() {
    constexpr std::size_t dim = 16;
    vecstore::index::hnsw<> index({.dim = dim, .metric = vecstore::metric::euclid});
    std::vector<float> row(dim);
    for (int i = 0; i < 500; ++i) {
        for (std::size_t d = 0; d < dim; ++d) row[d] = static_cast<float>((i * 37 + static_cast<int>(d) * 11) % 101);
        if (!index.insert(row).has_value()) return 1;
    }
    const auto found = index.search(row, 3);
    const auto filter = vecstore::field("lang") == "en" && vecstore::field("year") >= 2020;
    return found.has_value() && !found->empty() && (*found)[0].distance == 0.0F && !filter.empty() ? 0 : 1;
}
