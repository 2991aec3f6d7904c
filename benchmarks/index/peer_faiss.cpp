// FAISS' HNSWFlat as a peer; only in builds that have FAISS.
#ifdef VECSTORE_BENCH_FAISS

#include "engine.hpp"

#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <filesystem>
#include <vector>

namespace vecstore::bench {

namespace {

class faiss_engine final : public engine {
public:
    explicit faiss_engine(const engine_options& options)
        : options_(options),
          index_(std::make_unique<faiss::IndexHNSWFlat>(
              static_cast<int>(options.dim), static_cast<int>(options.m),
              options.metric == metric::euclid ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT)) {
        if (options.metric == metric::manhattan) throw unsupported("FAISS HNSWFlat has no such metric here");
        index_->hnsw.efConstruction = static_cast<int>(options.ef_construct);
    }
    [[nodiscard]] std::string name() const override { return "faiss"; }
    void build(const matrix<float>& base, std::size_t threads) override {
        omp_set_num_threads(static_cast<int>(threads));
        index_->add(static_cast<faiss::Index::idx_t>(base.rows), base.values.data());
    }
    bool save(const std::string& path) override {
        faiss::write_index(index_.get(), path.c_str());
        return true;
    }
    bool load(const std::string& path) override {
        if (!std::filesystem::exists(path)) return false;
        index_.reset(dynamic_cast<faiss::IndexHNSWFlat*>(faiss::read_index(path.c_str())));
        omp_set_num_threads(1);
        return index_ != nullptr;
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        index_->hnsw.efSearch = static_cast<int>(ef);
        std::vector<float> distances(k);
        std::vector<faiss::Index::idx_t> ids(k);
        index_->search(1, query, static_cast<faiss::Index::idx_t>(k), distances.data(), ids.data());
        std::size_t count = 0;
        for (const auto id : ids)
            if (id >= 0) out[count++] = static_cast<std::uint32_t>(id);
        return count;
    }
    [[nodiscard]] double bytes_per_vector() const override {
        const auto& graph = index_->hnsw;
        const auto bytes = graph.neighbors.size() * sizeof(graph.neighbors[0]) +
                           graph.offsets.size() * sizeof(graph.offsets[0]) +
                           graph.levels.size() * sizeof(graph.levels[0]);
        return static_cast<double>(bytes) / static_cast<double>(options_.rows) +
               static_cast<double>(options_.dim * sizeof(float));
    }

private:
    engine_options options_;
    std::unique_ptr<faiss::IndexHNSWFlat> index_;
};

}  // namespace

std::unique_ptr<engine> make_faiss(const engine_options& options) { return std::make_unique<faiss_engine>(options); }

}  // namespace vecstore::bench

#endif
