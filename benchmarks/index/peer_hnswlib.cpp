// hnswlib as a peer. It chooses its kernels by compiler flags, so this file alone is built with -O3 -march=native.
// Its headers define functions that are not inline: they may be included by one translation unit only.
#include "engine.hpp"
#include "parallel.hpp"

#include <hnswlib/hnswlib.h>

#include <filesystem>
#include <stdexcept>

namespace vecstore::bench {

namespace {

class hnswlib_engine final : public engine {
public:
    explicit hnswlib_engine(const engine_options& options) : options_(options) {
        if (options.metric == metric::euclid)
            space_ = std::make_unique<hnswlib::L2Space>(options.dim);
        else if (options.metric == metric::cosine || options.metric == metric::dot)
            space_ = std::make_unique<hnswlib::InnerProductSpace>(options.dim);
        else
            throw unsupported("hnswlib has no such metric");
        index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), options.rows, options.m,
                                                                   options.ef_construct);
    }
    [[nodiscard]] std::string name() const override { return "hnswlib"; }
    void build(const matrix<float>& base, std::size_t threads) override {
        in_parallel(base.rows, threads, [&](std::size_t i) { index_->addPoint(base.row(i), i); });
    }
    bool save(const std::string& path) override {
        index_->saveIndex(path);
        return true;
    }
    bool load(const std::string& path) override {
        if (!std::filesystem::exists(path)) return false;
        index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), path, false, options_.rows);
        return index_->cur_element_count == options_.rows;
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        index_->ef_ = ef;
        auto found = index_->searchKnn(query, k);
        const auto count = found.size();
        for (auto i = count; i-- > 0; found.pop()) out[i] = static_cast<std::uint32_t>(found.top().second);
        return count;
    }
    [[nodiscard]] double bytes_per_vector() const override {
        double bytes = 0;
        for (std::size_t i = 0; i < index_->cur_element_count; ++i)
            bytes += static_cast<double>(index_->size_data_per_element_) +
                     index_->element_levels_[i] * static_cast<double>(index_->size_links_per_element_) +
                     static_cast<double>(sizeof(char*) + sizeof(int) + sizeof(std::mutex));
        return bytes / static_cast<double>(options_.rows);
    }

private:
    engine_options options_;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};

}  // namespace

std::unique_ptr<engine> make_hnswlib(const engine_options& options) {
    return std::make_unique<hnswlib_engine>(options);
}

}  // namespace vecstore::bench
