/// What one evaluation of a compiled filter costs, over encoded payloads of five fields.
#include <vecstore/filter/dsl.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>

#include <benchmark/benchmark.h>

#include <vector>

using namespace vecstore;

namespace {

std::vector<byte_vector> make_payloads() {
    const char* languages[] = {"en", "de", "fr", "es"};
    std::vector<byte_vector> all;
    for (int i = 0; i < 1024; ++i)
        all.push_back(payload::encode({{"lang", languages[i * 7 % 4]},
                                       {"year", 2000 + i * 13 % 25},
                                       {"price", i * 0.37},
                                       {"tags", payload::value::array{"new", "sale", "t" + std::to_string(i % 10)}},
                                       {"shop", {{"city", "Berlin"}, {"open", i % 3 == 0}}}})
                          .value());
    return all;
}

void evaluate(benchmark::State& state, const filter::expression& e) {
    const auto payloads = make_payloads();
    const auto ready = filter::compiled::compile(e).value();
    std::uint64_t id = 0;
    std::size_t passed = 0;
    for (auto _ : state) {
        passed += ready(id, payload::view::trusted(payloads[id % payloads.size()]));
        ++id;
    }
    benchmark::DoNotOptimize(passed);
    state.counters["passes"] = static_cast<double>(passed) / static_cast<double>(state.iterations());
}

}  // namespace

BENCHMARK_CAPTURE(evaluate, match_first, field("lang") == "en");
BENCHMARK_CAPTURE(evaluate, match_and_range, field("lang") == "en" && field("year") >= 2020);
BENCHMARK_CAPTURE(evaluate, array_any, field("tags").any_of({"t1", "t2", "t3"}));
BENCHMARK_CAPTURE(evaluate, nested_path, field("shop.open") == true);
BENCHMARK_CAPTURE(evaluate, five_conditions,
                  field("lang").any_of({"en", "de"}) && field("year").between(2000, 2024) && field("price") < 1000 &&
                      field("tags") == "sale" && field("shop.city") == "Berlin");
BENCHMARK_CAPTURE(evaluate, has_id, has_id({1, 5, 9, 100, 1000}));

BENCHMARK_MAIN();
