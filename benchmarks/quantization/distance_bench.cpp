/// What a distance costs when rows are read at random and asked for well ahead, as the best possible walk would: times the
/// distances of a walk, this is the floor of its time.
/// Arguments: rows, dim. `distance` is the time of one, `Time` that of a hop of 16.
#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/index/row_distances.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace vecstore;

namespace {

constexpr std::size_t hop = 16;

template <index::row_distances Distances>
void read_at_random(benchmark::State& state, const Distances& distances) {
    random_source random(1);
    std::vector<row_id> rows(std::size_t{1} << 20);  // many more than caches hold
    for (auto& row : rows) row = static_cast<row_id>(random.below(static_cast<std::uint64_t>(state.range(0))));
    float out[hop];
    std::size_t next = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < hop; ++i) distances.prefetch(rows[(next + hop + i) % rows.size()]);
        distances.many(rows.data() + next, hop, out);
        benchmark::DoNotOptimize(out);
        next = (next + hop) % rows.size();
    }
    state.counters["distance"] = benchmark::Counter(static_cast<double>(state.iterations() * hop),
                                                    benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

aligned_buffer<float> random_rows(std::size_t rows, std::size_t dim) {
    random_source random(7);
    aligned_buffer<float> values(rows * dim);
    for (auto& x : values) x = static_cast<float>(random.below(2001)) / 1000 - 1;
    return values;
}

void originals(benchmark::State& state) {
    const auto rows = static_cast<std::size_t>(state.range(0)), dim = static_cast<std::size_t>(state.range(1));
    const auto values = random_rows(rows, dim);
    const index::contiguous_rows stored(values.data(), dim, dim, static_cast<row_id>(rows));
    const distance_computer computer(metric::dot, values.data(), dim);
    read_at_random(state, index::exact_distances(stored, computer));
}

void codes(benchmark::State& state, quantization::code_type type) {
    const auto rows = static_cast<std::size_t>(state.range(0)), dim = static_cast<std::size_t>(state.range(1));
    const auto values = random_rows(rows, dim);
    const auto codec = quantization::scalar_codec::train(
        type, metric::dot, dim, rows,
        [&](std::size_t row, std::span<float> out) { std::copy_n(values.data() + row * dim, dim, out.begin()); });
    aligned_buffer<std::byte> coded(rows * codec.code_bytes());
    for (std::size_t row = 0; row < rows; ++row)
        codec.encode(values.data() + row * dim, coded.data() + row * codec.code_bytes());
    quantization::code_query query;
    codec.prepare(values.data(), query);
    read_at_random(state, quantization::code_distances(codec, coded.data(), query));
}

void sizes(benchmark::internal::Benchmark* b) {
    b->Args({336'479, 100})->Args({500'000, 128})->Args({60'000, 384})->Args({1'000, 100});
}

}  // namespace

BENCHMARK(originals)->Apply(sizes);
BENCHMARK_CAPTURE(codes, int8, quantization::code_type::u8)->Apply(sizes);
BENCHMARK_CAPTURE(codes, int4, quantization::code_type::u4)->Apply(sizes);

BENCHMARK_MAIN();
