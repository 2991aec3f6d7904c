#include "index/ivf_train.hpp"

#include <vecstore/quantization/fast_scan.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#ifdef VECSTORE_FAISS
#include <faiss/Clustering.h>
#include <faiss/Index.h>
#include <omp.h>

#include <exception>
#endif

namespace vecstore::index::detail {

using quantization::panel_rows;

centroid_panels centroid_panels::make(const float* centroids, std::size_t count, std::size_t dim) {
    centroid_panels made;
    const auto padded = (count + panel_rows - 1) / panel_rows * panel_rows;
    made.dim = dim;
    made.count = count;
    made.panels.assign(padded * dim, 0);
    made.half_norms.assign(padded, std::numeric_limits<float>::max());
    for (std::size_t c = 0; c < count; ++c) {
        float* panel = made.panels.data() + c / panel_rows * panel_rows * dim + c % panel_rows;
        double norm = 0;
        for (std::size_t d = 0; d < dim; ++d) {
            const float x = centroids[c * dim + d];
            panel[d * panel_rows] = x;
            norm += static_cast<double>(x) * static_cast<double>(x);
        }
        made.half_norms[c] = static_cast<float>(norm / 2);
    }
    return made;
}

void centroid_panels::score(const float* rows, std::size_t row_count, float* out) const {
    quantization::active_fast_scan().dots(rows, row_count, dim, panels.data(), stride() / panel_rows, dim, out,
                                          stride());
    for (std::size_t r = 0; r < row_count; ++r) {
        float* scores = out + r * stride();
        const float* norms = half_norms.data();
        for (std::size_t c = 0; c < stride(); ++c) scores[c] = norms[c] - scores[c];
    }
}

void in_pieces(std::size_t count, std::size_t grain, std::size_t threads,
               const std::function<void(std::size_t, std::size_t)>& task) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (auto begin = next.fetch_add(grain); begin < count; begin = next.fetch_add(grain))
            task(begin, std::min(count, begin + grain));
    };
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < threads && i * grain < count; ++i) helpers.emplace_back(work);
    work();
}

#ifdef VECSTORE_FAISS

namespace {

/// The index that FAISS asks for the nearest centroid of each training row: only what k-means needs of one.
class nearest_centroid final : public faiss::Index {
public:
    nearest_centroid(std::size_t dim, std::size_t threads)
        : faiss::Index(static_cast<idx_t>(dim), faiss::METRIC_L2), threads_(threads) {}
    void add(idx_t n, const float* x) override {
        centroids_ = centroid_panels::make(x, static_cast<std::size_t>(n), static_cast<std::size_t>(d));
        ntotal = n;
    }
    void reset() override { ntotal = 0; }
    void search(idx_t n, const float* x, idx_t, float* distances, idx_t* labels,
                const faiss::SearchParameters*) const override {
        const auto& kernels = quantization::active_fast_scan();
        constexpr std::size_t batch = 64;
        in_pieces(static_cast<std::size_t>(n), 16 * batch, threads_, [&](std::size_t begin, std::size_t end) {
            std::vector<float> scores(batch * centroids_.stride());
            for (auto first = begin; first < end; first += batch) {
                const auto count = std::min(batch, end - first);
                centroids_.score(x + first * centroids_.dim, count, scores.data());
                for (std::size_t r = 0; r < count; ++r) {
                    const float* row = scores.data() + r * centroids_.stride();
                    const auto best = kernels.argmin(row, centroids_.count);
                    labels[first + r] = static_cast<idx_t>(best);
                    distances[first + r] = row[best];
                }
            }
        });
    }

private:
    centroid_panels centroids_;
    std::size_t threads_;
};

/// FAISS' own loops run on one thread; the number is the calling thread's and is put back.
class one_openmp_thread {
public:
    one_openmp_thread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~one_openmp_thread() { omp_set_num_threads(before_); }
    one_openmp_thread(const one_openmp_thread&) = delete;
    one_openmp_thread& operator=(const one_openmp_thread&) = delete;

private:
    int before_;
};

}  // namespace

result<std::vector<float>> train_centroids(const train_options& options, const float* rows, std::size_t row_count) {
    try {
        const one_openmp_thread guard;
        faiss::ClusteringParameters parameters;
        parameters.niter = static_cast<int>(options.rounds);
        parameters.seed = static_cast<int>(options.seed & 0x7FFF'FFFF);
        parameters.verbose = false;
        parameters.spherical = options.unit_length;
        parameters.min_points_per_centroid = 1;  // fewer than it likes make FAISS write to stderr
        parameters.max_points_per_centroid = std::numeric_limits<int>::max() / static_cast<int>(options.count);
        faiss::Clustering clustering(static_cast<int>(options.dim), static_cast<int>(options.count), parameters);
        nearest_centroid nearest(options.dim, options.threads);
        clustering.train(static_cast<faiss::Index::idx_t>(row_count), rows, nearest);
        return std::move(clustering.centroids);
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        return error{errc::internal, std::string("training failed: ") + e.what()};
    }
}

#else

result<std::vector<float>> train_centroids(const train_options&, const float*, std::size_t) {
    return error{errc::unsupported, "this library was built without FAISS, which trains an ivf"};
}

#endif

}  // namespace vecstore::index::detail
