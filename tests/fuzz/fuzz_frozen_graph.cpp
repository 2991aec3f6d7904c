/// Hostile frozen graphs: `open` refuses them, or a walk over them stays inside the rows.
/// The first byte chooses: raw blocks, or the blocks of a right graph with bytes changed.
#include <vecstore/core/random.hpp>
#include <vecstore/index/hnsw.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace vecstore;

namespace {

constexpr row_id row_count = 40;
constexpr std::size_t dim = 2;

const std::vector<float>& values() {
    static const auto made = [] {
        random_source random(1);
        std::vector<float> all(row_count * dim);
        for (auto& x : all) x = static_cast<float>(random.unit());
        return all;
    }();
    return made;
}

index::contiguous_rows rows() { return {values().data(), dim, dim, row_count}; }

index::frozen_graph_bytes right_graph() {
    index::hnsw<index::contiguous_rows> graph({.dim = dim, .metric = metric::euclid, .m = 2, .ef_construct = 8},
                                              rows());
    for (row_id row = 0; row < row_count; ++row) graph.link(row);
    return index::freeze(graph);
}

void change(byte_vector& block, byte_reader& in) {
    const auto at = in.get<std::uint16_t>();
    const auto with = in.get<std::uint8_t>();
    if (with == 0)
        block.resize(std::min<std::size_t>(block.size(), at));
    else if (at < block.size())
        block[at] ^= std::byte{with};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    byte_reader in({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    index::frozen_graph_bytes blocks;
    if (data[0] % 4 == 0) {
        for (auto* block : {&blocks.header, &blocks.level0, &blocks.upper}) {
            const auto bytes = in.get_bytes(std::min<std::size_t>(in.remaining(), in.get<std::uint16_t>()));
            block->assign(bytes.begin(), bytes.end());
        }
    } else {
        blocks = right_graph();
        while (in.remaining() >= 4) {
            const auto block = in.get<std::uint8_t>() % 3;
            change(block == 0 ? blocks.header : block == 1 ? blocks.level0 : blocks.upper, in);
        }
    }
    const auto graph = index::frozen_graph::open(blocks.header, blocks.level0, blocks.upper, row_count);
    if (!graph) {
        if (graph.error().code != errc::corruption) __builtin_trap();
        return 0;
    }
    const float query[dim] = {0.5f, 0.5f};
    const distance_computer distance(metric::euclid, query, dim);
    const auto stored = rows();
    for (const auto& found : index::hnsw_search(*graph, index::exact_distances(stored, distance), 5, 10))
        if (found.row >= row_count) __builtin_trap();
    return 0;
}
