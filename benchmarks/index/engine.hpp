/// What ann_bench asks of each engine, and how engines are made.
#pragma once

#include "vecs.hpp"

#include <vecstore/distance/element_type.hpp>
#include <vecstore/distance/metric.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace vecstore::bench {

/// An option that is known, but that this build or this engine cannot do.
struct unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct engine_options {
    vecstore::metric metric = vecstore::metric::cosine;
    vecstore::element_type type = vecstore::element_type::f32;  ///< of the originals; peers have f32 only
    std::size_t dim = 0;
    std::size_t rows = 0;
    std::size_t m = 16;
    std::size_t ef_construct = 200;
    std::string quantization =
        "automatic";             ///< none, int8, int4, ...; an engine throws `unsupported` for what it lacks
    std::size_t lists = 0;       ///< of an IVF; 0 = the engine's choice
    std::size_t rescore = 0;     ///< candidates that get exact distances; 0 = the engine's choice
    std::string directory;       ///< for engines that write files; theirs alone
    std::string index = "hnsw";  ///< the kind that the store builds
    bool on_disk = false;        ///< the store keeps originals and graph on the disk
    bool background = true;      ///< the store has a thread of its own
};

/// Thread safety: `search` and `search_many` from any number of threads after `build`, and beside one `insert`.
class engine {
public:
    virtual ~engine() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    /// Vectors under cosine have unit length, as have queries; so no engine is charged for scaling what others are not.
    virtual void build(const matrix<float>& base, std::size_t threads) = 0;
    /// Writes up to `k` row numbers, nearest first, and returns how many. `ef` is the effort: breadth of a graph walk,
    /// or lists probed.
    virtual std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) = 0;
    /// `count` queries at once. Shapes: queries [count, dim] row-major, out [count, k], counts [count].
    virtual void search_many(const float* queries, std::size_t dim, std::size_t count, std::size_t k, std::size_t ef,
                             std::uint32_t* out, std::size_t* counts) {
        for (std::size_t i = 0; i < count; ++i) counts[i] = search(queries + i * dim, k, ef, out + i * k);
    }
    /// Memory of the whole index divided by its rows, as far as the engine can tell.
    [[nodiscard]] virtual double bytes_per_vector() const = 0;
    /// Distances computed by all searches so far; 0 when the engine does not count.
    [[nodiscard]] virtual std::uint64_t distances() const { return 0; }
    /// False when `ef` has no meaning; then one point is the whole curve.
    [[nodiscard]] virtual bool has_ef() const { return true; }
    /// Later searches aim at this recall and ignore `ef`; 0 = by `ef` again. False when the engine cannot.
    virtual bool ask_recall(double) { return false; }
    /// Adds rows [count, dim] with numbers behind all others. False when the engine cannot.
    virtual bool insert(const float*, std::size_t) { return false; }
    /// Gives rows that are there other vectors. Shapes: numbers [count], rows [count, dim]. False when the engine cannot.
    virtual bool replace(const std::uint32_t*, const float*, std::size_t) { return false; }
    /// Does what is left to do after inserts and replacements, for as long as it takes.
    virtual void settle() {}
    /// Writes the index to `path`, or reads it from there instead of `build`. False when the engine cannot.
    virtual bool save(const std::string&) { return false; }
    virtual bool load(const std::string&) { return false; }
};

[[nodiscard]] std::unique_ptr<engine> make_flat(const engine_options& options);
[[nodiscard]] std::unique_ptr<engine> make_hnsw(const engine_options& options);
/// The hnsw kind in its frozen form, walked over int8 or int4 codes.
[[nodiscard]] std::unique_ptr<engine> make_hnsw_codes(const engine_options& options);
#ifdef VECSTORE_BENCH_HNSWLIB
[[nodiscard]] std::unique_ptr<engine> make_hnswlib(const engine_options& options);
#endif
#ifdef VECSTORE_BENCH_FAISS
[[nodiscard]] std::unique_ptr<engine> make_faiss(const engine_options& options);
[[nodiscard]] std::unique_ptr<engine> make_faiss_ivf(const engine_options& options);
#endif
#ifdef VECSTORE_BENCH_IVF
[[nodiscard]] std::unique_ptr<engine> make_ivf(const engine_options& options);
#endif
#ifdef VECSTORE_BENCH_STORE
/// The whole store in `options.directory` (store_engine.cpp).
[[nodiscard]] std::unique_ptr<engine> make_store(const engine_options& options);
#endif

}  // namespace vecstore::bench
