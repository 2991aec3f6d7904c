// FAISS' IVF with 4-bit codes, fast scan and exact re-scoring as a peer; only in builds that have FAISS.
#ifdef VECSTORE_BENCH_FAISS

#include "engine.hpp"

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFPQFastScan.h>
#include <faiss/IndexRefine.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

namespace vecstore::bench {

namespace {

class faiss_ivf_engine final : public engine {
public:
    explicit faiss_ivf_engine(const engine_options& options) : options_(options) {
        if (options.metric == metric::manhattan) throw unsupported("FAISS IVF has no such metric here");
        if (options.dim % 2 != 0) throw unsupported("faiss-ivf: codes of two dimensions each need an even dimension");
    }
    [[nodiscard]] std::string name() const override { return "faiss-ivf"; }

    void build(const matrix<float>& base, std::size_t threads) override {
        omp_set_num_threads(static_cast<int>(threads));
        const auto metric = options_.metric == metric::euclid ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
        const auto dim = static_cast<int>(options_.dim);
        const auto lists = options_.lists > 0 ? options_.lists
                                              : static_cast<std::size_t>(4 * std::sqrt(static_cast<double>(base.rows)));
        auto coarse = std::make_unique<faiss::IndexFlat>(dim, metric);
        auto codes = std::make_unique<faiss::IndexIVFPQFastScan>(coarse.get(), dim, lists, dim / 2, 4, metric);
        codes->own_fields = true;
        coarse.release();
        // More points than this make no better lists, and with a plain BLAS they take minutes.
        codes->cp.max_points_per_centroid = 64;
        auto whole = std::make_unique<faiss::IndexRefineFlat>(codes.get());
        whole->own_fields = true;
        codes.release();
        whole->train(static_cast<faiss::Index::idx_t>(base.rows), base.values.data());
        whole->add(static_cast<faiss::Index::idx_t>(base.rows), base.values.data());
        index_ = std::move(whole);
    }
    bool save(const std::string& path) override {
        faiss::write_index(index_.get(), path.c_str());
        return true;
    }
    bool load(const std::string& path) override {
        if (!std::filesystem::exists(path)) return false;
        index_.reset(dynamic_cast<faiss::IndexRefineFlat*>(faiss::read_index(path.c_str())));
        omp_set_num_threads(1);
        return index_ != nullptr;
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        lists().nprobe = ef;
        const auto candidates = options_.rescore > 0 ? options_.rescore : 40 * k;
        index_->k_factor = static_cast<float>(std::max(candidates, k)) / static_cast<float>(k);
        std::vector<float> distances(k);
        std::vector<faiss::Index::idx_t> ids(k);
        index_->search(1, query, static_cast<faiss::Index::idx_t>(k), distances.data(), ids.data());
        std::size_t count = 0;
        for (const auto id : ids)
            if (id >= 0) out[count++] = static_cast<std::uint32_t>(id);
        return count;
    }
    /// Codes, ids, centroids and the originals.
    [[nodiscard]] double bytes_per_vector() const override {
        const auto& ivf = lists();
        const auto rows = static_cast<double>(options_.rows);
        const auto dim_bytes = static_cast<double>(options_.dim * sizeof(float));
        double codes = 0;
        for (std::size_t i = 0; i < ivf.nlist; ++i)
            codes += static_cast<double>((ivf.invlists->list_size(i) + 31) / 32 * 32) *
                     (static_cast<double>(ivf.code_size) + sizeof(faiss::Index::idx_t));
        return (codes + static_cast<double>(ivf.nlist) * dim_bytes) / rows + dim_bytes;
    }

private:
    [[nodiscard]] faiss::IndexIVFPQFastScan& lists() const {
        return dynamic_cast<faiss::IndexIVFPQFastScan&>(*index_->base_index);
    }

    engine_options options_;
    std::unique_ptr<faiss::IndexRefineFlat> index_;
};

}  // namespace

std::unique_ptr<engine> make_faiss_ivf(const engine_options& options) {
    return std::make_unique<faiss_ivf_engine>(options);
}

}  // namespace vecstore::bench

#endif
