// The project's inverted lists.
#include "engine.hpp"

#include <vecstore/index/ivf.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

namespace vecstore::bench {

namespace {

index::ivf_code code_named(const std::string& quantization) {
    if (quantization == "none" || quantization == "pq4" || quantization == "int4") return index::ivf_code::pq4;
    if (quantization == "flat") return index::ivf_code::flat;
    if (quantization == "int8") return index::ivf_code::int8;
    if (quantization == "rabitq") return index::ivf_code::rabitq;
    throw unsupported("ivf has no code " + quantization);
}

/// `ef` is the number of lists probed. Quantization: pq4 (also without a name), int8, rabitq, or flat for lists without codes.
class ivf_engine final : public engine {
public:
    explicit ivf_engine(const engine_options& options) : options_(options), code_(code_named(options.quantization)) {
        if (options.metric == metric::hamming) throw unsupported("ivf has no hamming");
    }
    [[nodiscard]] std::string name() const override {
        return code_ == index::ivf_code::pq4 ? "ivf" : "ivf/" + options_.quantization;
    }
    void build(const matrix<float>& base, std::size_t threads) override {
        rows_ = {base.values.data(), base.dim, base.dim, static_cast<row_id>(base.rows)};
        bytes_ = index::build_ivf({.dim = options_.dim,
                                   .metric = options_.metric,
                                   .lists = options_.lists,
                                   .code = code_,
                                   .seed = 42,
                                   .threads = threads},
                                  rows_)
                     .value();
        index_ = index::ivf::open(bytes_.header, bytes_.model, bytes_.codes, bytes_.ids, rows_.size()).value();
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        const distance_computer distance(options_.metric, query, options_.dim);
        index::ivf_search_stats stats;
        const auto found = index_
                               ->search({query, options_.dim}, index::exact_distances(rows_, distance),
                                        {.k = k, .nprobe = ef, .rescore = options_.rescore}, index::allow_all{}, &stats)
                               .value();
        std::transform(found.begin(), found.end(), out, [](const neighbor& n) { return n.row; });
        distances_.fetch_add(stats.distances, std::memory_order_relaxed);
        return found.size();
    }
    void search_many(const float* queries, std::size_t dim, std::size_t count, std::size_t k, std::size_t ef,
                     std::uint32_t* out, std::size_t* counts) override {
        std::vector<distance_computer> computers;
        computers.reserve(count);
        for (std::size_t i = 0; i < count; ++i) computers.emplace_back(options_.metric, queries + i * dim, dim);
        const auto distances_of = [&](std::size_t i) { return index::exact_distances(rows_, computers[i]); };
        index::ivf_search_stats stats;
        const auto found =
            index_
                ->search_many({queries, count * dim}, distances_of, {.k = k, .nprobe = ef, .rescore = options_.rescore},
                              index::allow_all{}, &stats)
                .value();
        for (std::size_t i = 0; i < count; ++i) {
            std::transform(found[i].begin(), found[i].end(), out + i * k, [](const neighbor& n) { return n.row; });
            counts[i] = found[i].size();
        }
        distances_.fetch_add(stats.distances, std::memory_order_relaxed);
    }
    /// With the originals, which re-scoring reads.
    [[nodiscard]] double bytes_per_vector() const override {
        const auto bytes = bytes_.header.size() + bytes_.model.size() + bytes_.codes.size() + bytes_.ids.size() +
                           index_->memory_bytes();
        return static_cast<double>(bytes) / static_cast<double>(rows_.size()) +
               static_cast<double>(options_.dim * sizeof(float));
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    engine_options options_;
    index::ivf_code code_;
    index::contiguous_rows rows_;
    index::ivf_bytes bytes_;
    std::optional<index::ivf> index_;
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_ivf(const engine_options& options) { return std::make_unique<ivf_engine>(options); }

}  // namespace vecstore::bench
