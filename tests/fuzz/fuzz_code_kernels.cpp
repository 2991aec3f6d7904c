/// Kernels for scalar codes: every table against the plain one, which is the truth; and codecs from hostile bytes.
/// The first byte chooses: a codec loaded from the rest, distances, or pools.
#include <vecstore/quantization/code_distances.hpp>
#include <vecstore/quantization/simd_code_kernels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
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
    switch (data[0] % 3) {
        case 0: use_codec(rest); break;
        case 1: compare_distances(in); break;
        default: compare_pools(in);
    }
    return 0;
}
