/// Hostile inverted lists: `open` refuses them, or a search over them stays inside the rows. The input is changes to the
/// bytes of right lists: pairs of place and value, then searches.
#include <vecstore/core/sparse_vector.hpp>
#include <vecstore/index/sparse.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace vecstore;

namespace {

constexpr row_id row_count = 600;

index::sparse_arrays right_arrays() {
    std::vector<sparse_vector> rows;
    for (row_id row = 0; row < row_count; ++row)
        rows.push_back({{row % 3, 3 + row % 7, 20 + row % 50}, {1, static_cast<float>(row) * 0.01f, -1}});
    return index::build_sparse(row_count,
                               [&](row_id row) -> index::sparse_view {
                                   return {rows[row].indices, rows[row].values};
                               })
        .value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto right = right_arrays();
    auto arrays = right;
    const std::array<byte_vector*, 5> all = {&arrays.terms, &arrays.starts, &arrays.blocks, &arrays.rows,
                                             &arrays.values};
    for (std::size_t i = 0; i + 4 <= size; i += 4) {
        auto& bytes = *all[data[i] % all.size()];
        if (bytes.empty()) continue;
        const auto place = (std::size_t{data[i + 1]} << 8 | data[i + 2]) % bytes.size();
        if (data[i] >= 0x80)
            bytes.resize(place);
        else
            bytes[place] = std::byte{data[i + 3]};
    }
    const auto lists = index::sparse_lists::open(arrays.sections(), row_count);
    if (!lists) return 0;
    const std::vector<std::uint32_t> indices = {0, 1, 4, 5, 22, 60};
    const std::vector<float> values = {1, -2, 0.5f, 3, 0, 1};
    index::sparse_cost cost;
    for (const auto& found : lists->search({indices, values}, 20, {}, {}, cost))
        if (found.row >= row_count) __builtin_trap();
    for (const auto at : indices) {
        std::size_t visited = 0;
        lists->for_each_row(at, [&](row_id row) { visited += row < row_count ? 1 : row_count; });
        if (visited != lists->frequency(at)) __builtin_trap();
    }
    return 0;
}
