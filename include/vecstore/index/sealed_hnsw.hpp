/// The HNSW index of rows that are all there and do not change: the fastest form. Codes are walked, the best candidates
/// are compared by their originals. `hnsw` (hnsw.hpp) is the one that grows.
/// Paper: as hnsw.hpp. Differs: walked over scalar codes, which take a quarter or an eighth of the memory that a walk
/// must read.
/// Needs the standard library alone.
#pragma once

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/top_k.hpp>
#include <vecstore/index/coded_rows.hpp>
#include <vecstore/index/hnsw/build.hpp>
#include <vecstore/index/hnsw/frozen_graph.hpp>
#include <vecstore/index/hnsw/search.hpp>
#include <vecstore/index/input.hpp>
#include <vecstore/index/rows.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace vecstore::index {

struct sealed_hnsw_options {
    vecstore::metric metric = vecstore::metric::cosine;
    std::size_t m = 16;  ///< links of a row on each level, [2, 128]
    /// What is walked: a byte for each number, or half a byte: less memory, and faster where that is what limits; it needs
    /// more re-scoring.
    quantization::code_type codes = quantization::code_type::u8;
    build_options build = {};  ///< ef_construct in [m, ef_max]
};

/// Thread safety: constant; any number of searches at once.
/// Lifetime: borrows the memory of the originals; movable, not copyable.
class sealed_hnsw {
public:
    /// Builds the graph over 8-bit codes of `originals`, of unit length for cosine.
    /// Errors: invalid_argument (an option out of range; a metric and type without codes; no rows), cancelled,
    ///         resource_exhausted.
    /// Cost:   about ef_construct * log(rows) distances between codes for each row.
    [[nodiscard]] static result<sealed_hnsw> build(const sealed_hnsw_options& options, contiguous_rows originals) {
        VECSTORE_CHECK(check(options, originals));
        auto walked = encode_rows(quantization::code_type::u8, options.metric, originals);
        graph links(options.m);
        std::vector<row_id> all(originals.size());
        std::iota(all.begin(), all.end(), row_id{0});
        VECSTORE_CHECK(link_rows(links, code_space(walked.codec, walked.codes.data()), all, options.build));
        if (options.codes != quantization::code_type::u8)
            walked = encode_rows(options.codes, options.metric, originals);
        return open(options.metric, originals, std::move(walked), freeze(links, originals.size()));
    }

    /// Returns about the `k` nearest rows, nearest first; fewer when fewer exist.
    /// Shapes: query [dim], finite; for cosine of any length but zero.
    /// Units:  neighbor.distance as metric.hpp tells, of the originals.
    /// `ef`:   breadth of the walk, raised to k when below.
    /// `rescored`: candidates compared by their originals; 0 chooses 2 k for 8-bit codes and 6 k for 4-bit ones.
    /// Errors: invalid_argument (dim, not finite, zero vector under cosine, k or ef above ef_max).
    /// Cost:   about ef * log(size) distances between codes.
    template <class Allow = allow_all>
        requires std::predicate<const Allow&, row_id>
    [[nodiscard]] result<std::vector<neighbor>> search(std::span<const float> query, std::size_t k, std::size_t ef,
                                                       std::size_t rescored = 0, const Allow& allow = {},
                                                       search_stats* stats = nullptr) const {
        if (k > ef_max || ef > ef_max) return invalid_argument("k and ef must not exceed " + std::to_string(ef_max));
        VECSTORE_TRY(const auto input, checked_vector::make_query(query, originals_.dim(), metric_, originals_.type()));
        thread_local quantization::code_query prepared;
        walked_.codec.prepare(input.values().data(), prepared);
        const distance_computer computer(metric_, originals_.type(), input.bytes().data(), originals_.dim());
        if (rescored == 0) rescored = (walked_.codec.type() == quantization::code_type::u8 ? 2 : 6) * k;
        // Not more than the walk keeps: a small ef is not to be made a larger one.
        rescored = std::min(rescored, std::max(ef, k));
        return hnsw_search_rescored(graph_, walked_.from(prepared), exact_distances(originals_, computer), k, ef,
                                    rescored, allow, stats);
    }

    [[nodiscard]] std::size_t size() const noexcept { return originals_.size(); }
    /// Lists, codes, and scratch memory kept for reuse; not the originals.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return level0_.memory_bytes() + upper_.memory_bytes() + walked_.memory_bytes() + graph_.memory_bytes();
    }

private:
    sealed_hnsw(vecstore::metric m, contiguous_rows originals, coded_rows walked, aligned_buffer<std::byte> level0,
                aligned_buffer<std::byte> upper, frozen_graph links)
        : metric_(m),
          originals_(originals),
          walked_(std::move(walked)),
          level0_(std::move(level0)),
          upper_(std::move(upper)),
          graph_(std::move(links)) {}

    [[nodiscard]] static result<void> check(const sealed_hnsw_options& options, const contiguous_rows& originals) {
        if (!codable(options.metric, originals.type(), originals.dim()) || !fits(options.metric, originals.type()))
            return invalid_argument("rows of " + std::string(to_string(originals.type())) + " with " +
                                    std::to_string(originals.dim()) + " numbers have no codes for " +
                                    std::string(to_string(options.metric)));
        if (originals.size() == 0 || originals.size() > graph_rows_max)
            return invalid_argument("a sealed index of " + std::to_string(originals.size()) + " rows");
        if (options.m < 2 || options.m > m_max) return invalid_argument("m = " + std::to_string(options.m));
        if (options.build.ef_construct < options.m || options.build.ef_construct > ef_max)
            return invalid_argument("ef_construct = " + std::to_string(options.build.ef_construct));
        return {};
    }
    /// The blocks move into huge pages.
    [[nodiscard]] static result<sealed_hnsw> open(vecstore::metric m, contiguous_rows originals, coded_rows walked,
                                                  const frozen_graph_bytes& bytes) {
        const auto copy = [](const byte_vector& from) {
            aligned_buffer<std::byte> to(from.size());
            std::copy(from.begin(), from.end(), to.begin());
            return to;
        };
        auto level0 = copy(bytes.level0), upper = copy(bytes.upper);
        VECSTORE_TRY(auto links, frozen_graph::open(bytes.header, {level0.data(), level0.size()},
                                                    {upper.data(), upper.size()}, originals.size()));
        return sealed_hnsw(m, originals, std::move(walked), std::move(level0), std::move(upper), std::move(links));
    }

    vecstore::metric metric_;
    contiguous_rows originals_;
    coded_rows walked_;
    aligned_buffer<std::byte> level0_, upper_;
    frozen_graph graph_;
};

}  // namespace vecstore::index
