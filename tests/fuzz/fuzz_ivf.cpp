/// Hostile inverted lists: `open` refuses them, or a search over them stays inside the rows.
/// The first byte chooses: raw blocks, or the blocks of a right index with bytes changed. The right index is made by hand,
/// so that a library without FAISS has the same corpus.
#include <vecstore/core/random.hpp>
#include <vecstore/index/ivf.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using namespace vecstore;

namespace {

constexpr row_id row_count = 80;
constexpr std::size_t dim = 3, subs = 2, lists = 2;

const std::vector<float>& values() {
    static const auto made = [] {
        random_source random(1);
        std::vector<float> all(row_count * dim);
        for (auto& x : all) x = static_cast<float>(random.unit());
        return all;
    }();
    return made;
}

/// Rows 0 to 39 in the first list, the others in the second; codes at random.
index::ivf_bytes right_bytes(metric m, index::ivf_code code) {
    random_source random(2);
    byte_writer header, model, codes, ids;
    constexpr std::uint32_t blocks = 4, entries = row_count / lists;
    const auto put_random = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) model.put(static_cast<float>(random.unit() - 0.5));
    };
    put_random(32 * dim);
    for (std::size_t i = 0; i < 32; ++i) model.put(i < lists ? 0.5f : std::numeric_limits<float>::max());
    for (std::uint32_t l = 0; l < lists; ++l) {
        model.put(l * 2);
        model.put(entries);
        model.put(-0.25f);
        model.put(0.01f);
    }
    put_random(dim);
    if (code == index::ivf_code::pq4) {
        put_random(subs * quantization::codebook_stride);
        for (std::size_t i = 0; i < blocks * quantization::block_bytes(subs); ++i)
            codes.put(static_cast<std::uint8_t>(random.below(256)));
    }
    if (code == index::ivf_code::int8) {
        const auto codec = quantization::scalar_codec::train(
            quantization::code_type::u8, m, dim, row_count,
            [](std::size_t row, std::span<float> to) { std::copy_n(values().data() + row * dim, dim, to.begin()); });
        model.put_bytes(codec.save());
        for (std::size_t i = 0; i < blocks * 32 * codec.code_bytes(); ++i)
            codes.put(static_cast<std::uint8_t>(random.below(256)));
    }
    if (code == index::ivf_code::rabitq) {
        model.put(std::uint64_t{7});
        for (std::size_t i = 0; i < 4 * lists; ++i) model.put(0.01f);
        for (std::size_t i = 0; i < blocks * quantization::sign_block_bytes(1); ++i)
            codes.put(static_cast<std::uint8_t>(random.below(256)));
    }
    for (std::uint32_t i = 0; i < blocks * 32; ++i) ids.put(i % 64 < entries ? i / 64 * entries + i % 64 : row_none);
    for (const auto number : {index::ivf_magic, index::ivf_version, row_count, static_cast<std::uint32_t>(dim)})
        header.put(number);
    header.put(static_cast<std::uint8_t>(m));
    header.put(static_cast<std::uint8_t>(code));
    header.put(std::uint16_t{0});
    header.put(static_cast<std::uint32_t>(lists));
    header.put(blocks);
    header.put(0.1f);
    header.put(std::uint64_t{row_count});
    for (const auto size : {model.size(), codes.size(), ids.size(), std::size_t{0}})
        header.put(static_cast<std::uint64_t>(size));
    return {std::move(header).take(), std::move(model).take(), std::move(codes).take(), std::move(ids).take()};
}

void change(byte_vector& block, byte_reader& in) {
    const auto at = in.get<std::uint16_t>();
    const auto with = in.get<std::uint8_t>();
    if (with == 0)
        block.resize(std::min<std::size_t>(block.size(), at));
    else if (at < block.size())
        block[at] ^= std::byte{with};
}

index::ivf_bytes blocks_of(std::uint8_t mode, byte_reader& in) {
    index::ivf_bytes blocks;
    if (mode % 8 == 0) {
        for (auto* block : {&blocks.header, &blocks.model, &blocks.codes, &blocks.ids}) {
            const auto bytes = in.get_bytes(std::min<std::size_t>(in.remaining(), in.get<std::uint16_t>()));
            block->assign(bytes.begin(), bytes.end());
        }
        return blocks;
    }
    const auto m = static_cast<metric>(1 + mode / 8 % 4);
    const auto code = static_cast<index::ivf_code>(1 + mode % 4);
    // Rabitq has no manhattan.
    blocks = right_bytes(m, m == metric::manhattan && code == index::ivf_code::rabitq ? index::ivf_code::pq4 : code);
    while (in.remaining() >= 4) {
        byte_vector* each[] = {&blocks.header, &blocks.model, &blocks.codes, &blocks.ids};
        change(*each[in.get<std::uint8_t>() % 4], in);
    }
    return blocks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    byte_reader in({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    const auto blocks = blocks_of(data[0], in);
    const auto opened = index::ivf::open(blocks.header, blocks.model, blocks.codes, blocks.ids, row_count);
    if (!opened) {
        if (opened.error().code != errc::corruption) __builtin_trap();
        if (size == 1 && data[0] % 8 != 0) __builtin_trap();
        return 0;
    }
    const std::vector<float> query(opened->lists().dim(), 0.5f);
    const index::contiguous_rows rows(values().data(), dim, dim, row_count);
    const distance_computer distance(metric::euclid, query.data(), dim);
    const index::exact_distances distances(rows, distance);
    for (const std::size_t nprobe : {1, 2}) {
        const auto found = opened->search(query, distances, {.k = 5, .nprobe = nprobe, .rescore = 20});
        if (!found) __builtin_trap();
        for (const auto& n : *found)
            if (n.row >= row_count) __builtin_trap();
        std::vector<float> twice(query);
        twice.insert(twice.end(), query.begin(), query.end());
        const auto many = opened->search_many(twice, [&](std::size_t) { return distances; },
                                              {.k = 5, .nprobe = nprobe, .rescore = 20});
        if (!many || (*many)[0] != (*many)[1]) __builtin_trap();
        for (const auto& n : (*many)[0])
            if (n.row >= row_count) __builtin_trap();
        // Lists of bytes are scanned another way for batches: of codes at random, other rows seem near enough to compare.
        if (opened->lists().code() != index::ivf_code::int8 && (*many)[0] != *found) __builtin_trap();
    }
    return 0;
}
