/// Inverted lists to test, and what they are compared with.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/index/flat.hpp>
#include <vecstore/index/ivf.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

namespace vecstore::test {

using namespace vecstore::index;

/// False in a library without FAISS, which trains; it says so, and then there is nothing here to test.
inline bool can_build() {
    static const auto made = build_ivf({.dim = 1}, 1, [](row_id, std::size_t, float* out) { *out = 1; });
    if (made) return true;
    REQUIRE(made.error().code == errc::unsupported);
    return false;
}

/// Rows in clusters, and queries from the same clusters; of unit length for cosine.
struct sample {
    std::size_t dim;
    row_id rows;
    metric m;
    std::vector<float> values;
    std::vector<float> queries;

    sample(metric of, std::size_t dimension, row_id row_count, std::uint64_t seed)
        : dim(dimension), rows(row_count), m(of) {
        random_source random(seed);
        constexpr std::size_t clusters = 40, query_count = 40;
        std::vector<float> centers(clusters * dim);
        for (auto& x : centers) x = normal(random);
        const auto fill = [&](std::vector<float>& to, std::size_t count) {
            to.resize(count * dim);
            for (std::size_t i = 0; i < count; ++i) {
                const auto cluster = random.below(clusters);
                for (std::size_t d = 0; d < dim; ++d)
                    to[i * dim + d] = centers[cluster * dim + d] + 0.7f * normal(random);
                if (m == metric::cosine) (void)normalize({to.data() + i * dim, dim});
            }
        };
        fill(values, rows);
        fill(queries, query_count);
    }
    static float normal(random_source& random) {
        double sum = -6;
        for (int i = 0; i < 12; ++i) sum += random.unit();
        return static_cast<float>(sum);
    }
    [[nodiscard]] contiguous_rows source() const { return {values.data(), dim, dim, rows}; }
    [[nodiscard]] std::span<const float> query(std::size_t i) const { return {queries.data() + i * dim, dim}; }
    [[nodiscard]] std::size_t query_count() const { return queries.size() / dim; }

    template <class Allow>
    [[nodiscard]] std::vector<neighbor> nearest(std::size_t i, std::size_t k, const Allow& allow) const {
        const distance_computer distance(m, query(i).data(), dim);
        top_k<> best(k);
        for (row_id row = 0; row < rows; ++row)
            if (allow(row)) best.push({distance(values.data() + row * dim), row});
        return best.take_sorted();
    }
};

struct built {
    ivf_bytes bytes;
    ivf index;

    static built make(const sample& s, ivf_options options) {
        options.dim = s.dim;
        options.metric = s.m;
        auto bytes = build_ivf(options, s.source()).value();
        auto index = ivf::open(bytes.header, bytes.model, bytes.codes, bytes.ids, s.rows).value();
        return {std::move(bytes), std::move(index)};
    }
    template <class Allow = allow_all>
    [[nodiscard]] std::vector<neighbor> search(const sample& s, std::size_t i, const ivf_search_options& options,
                                               const Allow& allow = {}, ivf_search_stats* stats = nullptr) const {
        const auto rows = s.source();
        const distance_computer distance(s.m, s.query(i).data(), s.dim);
        return index.search(s.query(i), exact_distances(rows, distance), options, allow, stats).value();
    }
    template <class Allow = allow_all>
    [[nodiscard]] double recall(const sample& s, const ivf_search_options& options, const Allow& allow = {}) const {
        std::size_t hits = 0, wanted = 0;
        for (std::size_t i = 0; i < s.query_count(); ++i) {
            const auto found = search(s, i, options, allow);
            const auto truth = s.nearest(i, options.k, allow);
            wanted += truth.size();
            for (const auto& n : truth)
                hits += static_cast<std::size_t>(
                    std::count_if(found.begin(), found.end(), [&](const neighbor& f) { return f.row == n.row; }));
        }
        return static_cast<double>(hits) / static_cast<double>(wanted);
    }
};

/// The same rows at the same distances, up to rounding.
inline bool agree(const std::vector<neighbor>& a, const std::vector<neighbor>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const neighbor& x, const neighbor& y) {
        return x.distance == Approx(y.distance).epsilon(1e-4).margin(1e-5);
    });
}

inline bool same(const ivf_bytes& a, const ivf_bytes& b) {
    return a.header == b.header && a.model == b.model && a.codes == b.codes && a.ids == b.ids;
}

}  // namespace vecstore::test
