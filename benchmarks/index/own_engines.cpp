// The project's own indexes that need the headers alone.
#include "engine.hpp"
#include "parallel.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <algorithm>
#include <atomic>

namespace vecstore::bench {

namespace {

void refuse_codes(const std::string& kind, const engine_options& options) {
    if (options.quantization != "none")
        throw unsupported("--index " + kind + "/" + options.quantization + " is not there yet");
    if (options.type != element_type::f32)
        throw unsupported("--index " + kind + " keeps f32 only; the store keeps all types");
}

class flat_engine final : public engine {
public:
    explicit flat_engine(const engine_options& options) : options_(options), index_(options.dim, options.metric) {}
    [[nodiscard]] std::string name() const override { return "flat"; }
    void build(const matrix<float>& base, std::size_t) override {
        for (std::size_t i = 0; i < base.rows; ++i) (void)index_.insert({base.row(i), base.dim}).value();
    }
    std::size_t search(const float* query, std::size_t k, std::size_t, std::uint32_t* out) override {
        const auto found = index_.search({query, options_.dim}, k).value();
        std::transform(found.begin(), found.end(), out, [](const neighbor& n) { return n.row; });
        return found.size();
    }
    [[nodiscard]] double bytes_per_vector() const override {
        return static_cast<double>(index_.memory_bytes()) /
               static_cast<double>(std::max<std::size_t>(index_.size(), 1));
    }
    [[nodiscard]] bool has_ef() const override { return false; }

private:
    engine_options options_;
    index::flat index_;
};

class hnsw_engine final : public engine {
public:
    explicit hnsw_engine(const engine_options& options)
        : options_(options), index_({options.dim, options.metric, options.m, options.ef_construct, 42}) {}
    [[nodiscard]] std::string name() const override { return "hnsw"; }
    void build(const matrix<float>& base, std::size_t threads) override {
        ids_.resize(base.rows);
        in_parallel(base.rows, threads, [&](std::size_t i) {
            const auto row = index_.insert({base.row(i), base.dim}).value();
            ids_[row] = static_cast<std::uint32_t>(i);
        });
    }
    bool insert(const float* rows, std::size_t count) override {
        for (std::size_t i = 0; i < count; ++i) (void)index_.insert({rows + i * options_.dim, options_.dim}).value();
        return true;
    }
    bool replace(const std::uint32_t* numbers, const float* rows, std::size_t count) override {
        if (rows_.empty()) {
            rows_.resize(ids_.size());
            for (row_id row = 0; row < ids_.size(); ++row) rows_[ids_[row]] = row;
        }
        for (std::size_t i = 0; i < count; ++i) {
            index_.remove(rows_[numbers[i]]).value();
            const auto row = index_.insert({rows + i * options_.dim, options_.dim}).value();
            rows_[numbers[i]] = row;
            if (row >= ids_.size()) ids_.resize(row + 1);
            ids_[row] = numbers[i];
        }
        return true;
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        index::search_stats stats;
        const auto found = index_.search({query, options_.dim}, k, ef, &stats).value();
        std::transform(found.begin(), found.end(), out, [this](const neighbor& n) { return number_of(n.row); });
        distances_.fetch_add(stats.distances, std::memory_order_relaxed);
        return found.size();
    }
    [[nodiscard]] double bytes_per_vector() const override {
        return static_cast<double>(index_.memory_bytes()) /
               static_cast<double>(std::max<std::size_t>(index_.size(), 1));
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    /// Under several threads rows get numbers in the order of arrival; truth speaks of the file's order. Rows inserted
    /// after the build keep theirs.
    [[nodiscard]] std::uint32_t number_of(row_id row) const { return row < ids_.size() ? ids_[row] : row; }

    engine_options options_;
    index::hnsw<> index_;
    std::vector<std::uint32_t> ids_;
    std::vector<row_id> rows_;  // of each number, once rows are replaced
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_flat(const engine_options& options) {
    refuse_codes("flat", options);
    return std::make_unique<flat_engine>(options);
}

std::unique_ptr<engine> make_hnsw(const engine_options& options) {
    refuse_codes("hnsw", options);
    return std::make_unique<hnsw_engine>(options);
}

}  // namespace vecstore::bench
