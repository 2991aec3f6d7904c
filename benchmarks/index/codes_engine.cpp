// The hnsw kind as a sealed part has it: a frozen graph, walked over codes, the best re-scored by their originals.
#include "engine.hpp"

#include <vecstore/core/aligned_buffer.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::bench {

namespace {

using quantization::code_type;
using quantization::scalar_codec;

struct coded_rows {
    scalar_codec codec;
    aligned_buffer<std::byte> codes;
};

class codes_engine final : public engine {
public:
    explicit codes_engine(const engine_options& options) : options_(options) {
        if (options.quantization != "int8" && options.quantization != "int4")
            throw unsupported("--index hnsw/" + options.quantization + " is not there yet");
        if (options.type != element_type::f32)
            throw unsupported("--index hnsw keeps f32 only; the store keeps all types");
    }
    [[nodiscard]] std::string name() const override { return "hnsw"; }

    /// The graph is built over codes of 8 bits, whatever it is walked over.
    void build(const matrix<float>& base, std::size_t threads) override {
        originals_ = aligned_buffer<float>(base.rows * stride());
        for (std::size_t i = 0; i < base.rows; ++i)
            std::copy_n(base.row(i), base.dim, originals_.data() + i * stride());
        auto bytes = encode(base, code_type::u8);
        {
            index::graph graph(options_.m);
            std::vector<row_id> rows(base.rows);
            std::iota(rows.begin(), rows.end(), row_id{0});
            index::link_rows(graph, index::code_space(bytes.codec, bytes.codes.data()), rows,
                             {.ef_construct = options_.ef_construct, .threads = static_cast<unsigned>(threads)})
                .value();
            blocks_ = index::freeze(graph, static_cast<row_id>(base.rows));
        }
        coded_.emplace(options_.quantization == "int8" ? std::move(bytes) : encode(base, code_type::u4));
        graph_.emplace(
            index::frozen_graph::open(blocks_.header, blocks_.level0, blocks_.upper, static_cast<row_id>(base.rows))
                .value());
    }
    std::size_t search(const float* query, std::size_t k, std::size_t ef, std::uint32_t* out) override {
        thread_local quantization::code_query prepared;
        coded_->codec.prepare(query, prepared);
        const quantization::code_distances walked(coded_->codec, coded_->codes.data(), prepared);
        const index::contiguous_rows rows(originals_.data(), stride(), options_.dim,
                                          static_cast<row_id>(options_.rows));
        const distance_computer computer(options_.metric, query, options_.dim);
        index::search_stats stats;
        const auto found = index::hnsw_search_rescored(*graph_, walked, index::exact_distances(rows, computer), k, ef,
                                                       rescored(k, ef), index::allow_all{}, &stats);
        std::transform(found.begin(), found.end(), out, [](const neighbor& n) { return n.row; });
        distances_.fetch_add(stats.distances, std::memory_order_relaxed);
        return found.size();
    }
    [[nodiscard]] double bytes_per_vector() const override {
        const auto bytes = originals_.memory_bytes() + coded_->codes.memory_bytes() + blocks_.header.size() +
                           blocks_.level0.size() + blocks_.upper.size() + graph_->memory_bytes();
        return static_cast<double>(bytes) / static_cast<double>(options_.rows);
    }
    [[nodiscard]] std::uint64_t distances() const override { return distances_.load(std::memory_order_relaxed); }

private:
    /// Whole cache lines of f32.
    [[nodiscard]] std::size_t stride() const { return (options_.dim + 15) / 16 * 16; }
    /// Not more than the walk keeps: a small ef is not to be made a larger one behind the curve's back.
    [[nodiscard]] std::size_t rescored(std::size_t k, std::size_t ef) const {
        const auto wanted = options_.rescore > 0 ? options_.rescore : (options_.quantization == "int8" ? 2 : 6) * k;
        return std::clamp(wanted, k, std::max(ef, k));
    }
    [[nodiscard]] coded_rows encode(const matrix<float>& base, code_type type) const {
        const auto read = [&](std::size_t row, std::span<float> values) {
            std::copy_n(base.row(row), base.dim, values.begin());
        };
        coded_rows coded{scalar_codec::train(type, options_.metric, base.dim, base.rows, read), {}};
        coded.codes = aligned_buffer<std::byte>(base.rows * coded.codec.code_bytes());
        for (std::size_t i = 0; i < base.rows; ++i)
            coded.codec.encode(base.row(i), coded.codes.data() + i * coded.codec.code_bytes());
        return coded;
    }

    engine_options options_;
    aligned_buffer<float> originals_;
    std::optional<coded_rows> coded_;
    index::frozen_graph_bytes blocks_;
    std::optional<index::frozen_graph> graph_;
    std::atomic<std::uint64_t> distances_{0};
};

}  // namespace

std::unique_ptr<engine> make_hnsw_codes(const engine_options& options) {
    return std::make_unique<codes_engine>(options);
}

}  // namespace vecstore::bench
