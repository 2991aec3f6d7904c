// The hnsw kind as a sealed part has it: a frozen graph, walked over codes, the best re-scored by their originals.
#include "engine.hpp"

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/index/sealed_hnsw.hpp>

#include <algorithm>
#include <atomic>
#include <optional>

namespace vecstore::bench {

namespace {

class codes_engine final : public engine {
public:
    explicit codes_engine(const engine_options& options) : options_(options) {
        if (options.quantization != "int8" && options.quantization != "int4")
            throw unsupported("--index hnsw/" + options.quantization + " is not there yet");
        if (options.type != element_type::f32)
            throw unsupported("--index hnsw keeps f32 only; the store keeps all types");
    }
    [[nodiscard]] std::string name() const override { return "hnsw"; }

    void build(const matrix<float>& base, std::size_t threads) override {
        // Whole cache lines, as a part has them.
        const auto stride = (base.dim + 15) / 16 * 16;
        originals_ = aligned_buffer<float>(base.rows * stride);
        for (std::size_t i = 0; i < base.rows; ++i) std::copy_n(base.row(i), base.dim, originals_.data() + i * stride);
        using quantization::code_type;
        index::sealed_hnsw_options options{.metric = options_.metric, .m = options_.m};
        options.codes = options_.quantization == "int8" ? code_type::u8 : code_type::u4;
        options.build = {.ef_construct = options_.ef_construct, .threads = static_cast<unsigned>(threads)};
        const index::contiguous_rows rows(originals_.data(), stride, base.dim, static_cast<row_id>(base.rows));
        index_.emplace(index::sealed_hnsw::build(options, rows).value());
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        index::search_stats stats;
        const auto found =
            index_->search({query, options_.dim}, k, ef, options_.rescore, index::allow_all{}, &stats).value();
        std::transform(found.begin(), found.end(), out, [](const neighbor& n) { return n.row; });
        distances_.fetch_add(stats.distances, std::memory_order_relaxed);
        return found.size();
    }
    [[nodiscard]] double bytes_per_vector() const override {
        return static_cast<double>(originals_.memory_bytes() + index_->memory_bytes()) /
               static_cast<double>(options_.rows);
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    engine_options options_;
    aligned_buffer<float> originals_;
    std::optional<index::sealed_hnsw> index_;
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_hnsw_codes(const engine_options& options) {
    return std::make_unique<codes_engine>(options);
}

}  // namespace vecstore::bench
