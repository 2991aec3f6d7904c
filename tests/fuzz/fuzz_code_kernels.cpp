/// Kernels for scalar codes: every table against the plain one, which is the truth; and codecs from hostile bytes.
/// The first byte chooses: a codec loaded from the rest, distances, pools, or slabs.
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

using namespace vecstore;
using namespace vecstore::quantization;

namespace {

constexpr kernel_table truth = detail::make_code_kernels<code_arch::scalar>();

struct alignas(64) line {
    std::byte bytes[64];
};

void require(bool condition) {
    if (!condition) __builtin_trap();
}

/// All six kernels on the same codes and numbers.
void compare_distances(byte_reader& in) {
    const std::size_t lines = 1 + in.get<std::uint8_t>() % 6, rows = 1 + in.get<std::uint8_t>() % 8;
    std::vector<line> codes(lines * rows), narrow(2 * lines), wide(2 * lines);
    const auto fill = [&](std::vector<line>& to) {
        const auto bytes = in.get_bytes(std::min(in.remaining(), to.size() * sizeof(line)));
        if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
    };
    fill(narrow);
    fill(wide);
    fill(codes);
    auto* small = reinterpret_cast<std::int8_t*>(narrow.data());
    auto* large = reinterpret_cast<std::int16_t*>(wide.data());
    std::vector<row_id> ids(in.remaining() % 41);
    for (auto& id : ids) id = in.get<std::uint8_t>() % rows;
    const auto compare = [&](code_distances_function kernel_table::*kernel) {
        const code_query_view query{small, large, lines, 0, 1, 0};
        const auto* base = reinterpret_cast<const std::byte*>(codes.data());
        std::vector<float> expected(ids.size()), out(ids.size() + 1, 1);
        (truth.*kernel)(query, base, lines * code_line, ids.data(), ids.size(), expected.data());
        for (const auto* table : available_kernels()) {
            (table->*kernel)(query, base, lines * code_line, ids.data(), ids.size(), out.data());
            require(std::equal(expected.begin(), expected.end(), out.begin()) && out.back() == 1);
        }
    };
    // each kernel sees the numbers that its query may hold
    const auto clamp_small = [&](int low) {
        for (std::size_t i = 0; i < 128 * lines; ++i) small[i] = static_cast<std::int8_t>(std::max<int>(small[i], low));
    };
    for (std::size_t i = 0; i < 64 * lines; ++i)
        large[i] = static_cast<std::int16_t>(std::clamp<int>(large[i], -2'000, 2'000));
    compare(&kernel_table::l2_u8);
    compare(&kernel_table::l1_u8);
    for (std::size_t i = 0; i < 64 * lines; ++i) large[i] = small[i];
    compare(&kernel_table::dot_u8);
    clamp_small(-127);
    compare(&kernel_table::dot_u4);
    clamp_small(-7);
    compare(&kernel_table::l2_u4);
    compare(&kernel_table::l1_u4);
}

/// What one table finds in a run of slabs, for four queries or fewer.
struct found_in_slabs {
    std::vector<float> distances[slab_queries];
    std::vector<std::uint32_t> numbers[slab_queries];

    found_in_slabs(const kernel_table& table, const slab_run& run, std::span<const slab_query> asked) {
        slab_query queries[slab_queries];
        slab_query* four[slab_queries] = {};
        for (std::size_t i = 0; i < asked.size(); ++i) {
            distances[i].resize(slab_run_rows + 16);
            numbers[i].resize(slab_run_rows + 16);
            queries[i] = asked[i];
            queries[i].distances = distances[i].data();
            queries[i].numbers = numbers[i].data();
            four[i] = &queries[i];
        }
        table.scan_slabs(run, four);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            distances[i].resize(queries[i].count);
            numbers[i].resize(queries[i].count);
        }
    }
};

/// The same slabs and queries through each table. Scale 1 and whole numbers: no table has anything to round.
void compare_slabs(byte_reader& in) {
    slab_run run;
    run.lines = 1 + in.get<std::uint8_t>() % 40;
    run.count = 1 + in.get<std::uint8_t>() % (slab_run_rows / slab_rows);
    run.first = in.get<std::uint16_t>();
    std::vector<line> slabs(run.count * run.lines);
    std::vector<float> terms(run.count * slab_rows);
    std::vector<std::int8_t> weights(slab_queries * 4 * run.lines);
    slab_query queries[slab_queries];
    const std::size_t asked = 1 + in.get<std::uint8_t>() % slab_queries;
    for (std::size_t i = 0; i < asked; ++i) {
        queries[i].weights = weights.data() + i * 4 * run.lines;
        queries[i].scale = in.get<std::uint8_t>() % 2 == 0 ? 1.0f : -1.0f;
        queries[i].bias = in.get<std::int8_t>();
        queries[i].limit = static_cast<float>(in.get<std::int16_t>());
    }
    for (auto& term : terms) {
        const auto byte = in.get<std::uint8_t>();
        term = byte == 255 ? std::numeric_limits<float>::infinity() : static_cast<float>(byte);
    }
    const auto fill = [&](void* to, std::size_t size) {
        const auto bytes = in.get_bytes(std::min(in.remaining(), size));
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    };
    fill(weights.data(), weights.size());
    fill(slabs.data(), slabs.size() * sizeof(line));
    run.slabs = reinterpret_cast<const std::byte*>(slabs.data());
    run.terms = terms.data();
    const found_in_slabs expected(truth, run, {queries, asked});
    for (const auto* table : available_kernels()) {
        const found_in_slabs found(*table, run, {queries, asked});
        for (std::size_t i = 0; i < asked; ++i)
            require(found.distances[i] == expected.distances[i] && found.numbers[i] == expected.numbers[i]);
    }
}

struct owned_pool {
    std::vector<float> distances;
    std::vector<row_id> rows, kept;
    nearest_pool pool;
    explicit owned_pool(std::size_t capacity)
        : distances(pool_slots(capacity)), rows(pool_slots(capacity)), pool{distances.data(), rows.data()} {
        pool.start(capacity);
    }
    void keep(const kernel_table& table, const std::vector<float>& from, const std::vector<row_id>& ids) {
        kept.assign(ids.size(), 0);
        kept.resize(table.keep_nearest(pool, from.data(), ids.data(), ids.size(), kept.data()));
    }
    [[nodiscard]] bool same(const owned_pool& other) const {
        return pool.size == other.pool.size && pool.next == other.pool.next && kept == other.kept &&
               distances == other.distances &&
               std::equal(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(pool.size), other.rows.begin());
    }
};

/// The same hops into a pool of each table.
void compare_pools(byte_reader& in) {
    const std::size_t capacity = 1 + in.get<std::uint8_t>();
    const auto tables = available_kernels();
    owned_pool expected(capacity);
    std::vector<owned_pool> pools;
    for (std::size_t i = 0; i < tables.size(); ++i) pools.emplace_back(capacity);
    row_id row = 0;
    while (in.remaining() > 0) {
        std::vector<float> distances(in.get<std::uint8_t>() % 41);
        std::vector<row_id> ids(distances.size());
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const auto byte = in.get<std::uint8_t>();
            distances[i] = byte == 255   ? std::numeric_limits<float>::quiet_NaN()
                           : byte == 254 ? std::numeric_limits<float>::infinity()
                                         : static_cast<float>(byte) - 100;
            ids[i] = row++;
        }
        const auto next = in.get<std::uint8_t>() % (expected.pool.size + 1);
        expected.pool.next = next;
        expected.keep(truth, distances, ids);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            pools[i].pool.next = next;
            pools[i].keep(*tables[i], distances, ids);
            require(pools[i].same(expected));
        }
    }
}

/// What loads can be used, and is saved as it was.
void use_codec(byte_span bytes) {
    const auto codec = scalar_codec::load(bytes);
    if (!codec) return require(codec.error().code == errc::corruption);
    const auto saved = codec->save();
    require(std::equal(saved.begin(), saved.end(), bytes.begin(), bytes.end()));
    std::vector<float> vector(codec->dim());
    for (std::size_t d = 0; d < vector.size(); ++d) vector[d] = static_cast<float>(d % 7) - 3;
    std::vector<line> code(codec->code_bytes() / sizeof(line));
    auto* at = reinterpret_cast<std::byte*>(code.data());
    codec->encode(vector.data(), at);
    code_query query;
    codec->prepare(vector.data(), query);
    for (const auto* table : available_kernels()) require(!std::isnan(code_distances(*codec, at, query, *table)(0)));
    if (codec->fits_slabs()) {
        std::vector<std::int8_t> weights(4 * slab_lines(codec->dim()));
        const auto scale = codec->prepare_slab(vector.data(), weights.data());
        require(std::isfinite(scale.scale) && std::isfinite(scale.bias) && std::isfinite(codec->slab_term(at)));
    }
    if (codec->type() == code_type::u8) {
        codec->prepare_row(at, query);
        for (const auto* table : available_kernels())
            require(!std::isnan(code_distances(*codec, at, query, *table)(0)));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const byte_span rest{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    byte_reader in(rest);
    switch (data[0] % 4) {
        case 0: use_codec(rest); break;
        case 1: compare_distances(in); break;
        case 3: compare_slabs(in); break;
        default: compare_pools(in);
    }
    return 0;
}
