/// What ann_bench asks of each engine, and how engines are made.
#pragma once

#include "vecs.hpp"

#include <vecstore/distance/metric.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace vecstore::bench {

struct engine_options {
    vecstore::metric metric = vecstore::metric::cosine;
    std::size_t dim = 0;
    std::size_t rows = 0;
    std::size_t m = 16;
    std::size_t ef_construct = 200;
    std::string directory;  ///< for engines that write files
};

/// Thread safety: `search` from any number of threads after `build`.
class engine {
public:
    virtual ~engine() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    /// Vectors under cosine have unit length, as have queries; so no engine is charged for scaling what others are not.
    virtual void build(const matrix<float>& base, std::size_t threads) = 0;
    /// Writes up to `k` row numbers, nearest first, and returns how many.
    virtual std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) = 0;
    /// Memory of the whole index divided by its rows, as far as the engine can tell.
    [[nodiscard]] virtual double bytes_per_vector() const = 0;
    /// Distances computed by all searches so far; 0 when the engine does not count.
    [[nodiscard]] virtual std::uint64_t distances() const { return 0; }
    /// False when `ef` has no meaning; then one point is the whole curve.
    [[nodiscard]] virtual bool has_ef() const { return true; }
};

[[nodiscard]] std::unique_ptr<engine> make_flat(const engine_options& options);
[[nodiscard]] std::unique_ptr<engine> make_hnsw(const engine_options& options);
[[nodiscard]] std::unique_ptr<engine> make_hnswlib(const engine_options& options);
#ifdef VECSTORE_BENCH_FAISS
[[nodiscard]] std::unique_ptr<engine> make_faiss(const engine_options& options);
#endif
#if defined(VECSTORE_COMPILED) && defined(VECSTORE_BENCH_STORE)
/// The whole store in `options.directory` (store_engine.cpp).
[[nodiscard]] std::unique_ptr<engine> make_store(const engine_options& options);
#endif

}  // namespace vecstore::bench
