/// Graphs for tests: of parts, frozen, and what is found in them.
#pragma once

#include "support.hpp"

#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>
#include <vecstore/index/hnsw/build.hpp>

#include <numeric>
#include <vector>

namespace vecstore::test {

using rows_space = index::exact_space<index::contiguous_rows>;

inline index::contiguous_rows rows_of(const vectors& v) {
    return {v.values.data(), v.dim, v.dim, static_cast<row_id>(v.rows)};
}

inline std::vector<row_id> up_to(std::size_t count) {
    std::vector<row_id> rows(count);
    std::iota(rows.begin(), rows.end(), row_id{0});
    return rows;
}

/// A frozen graph of some rows of `data`, and where each of them is in `data`.
struct frozen_part {
    frozen_part(const vectors& data, const std::vector<row_id>& chosen, std::size_t m) : source(chosen) {
        rows = {{}, chosen.size(), data.dim};
        for (const auto row : chosen) rows.values.insert(rows.values.end(), data[row].begin(), data[row].end());
        const auto stored = rows_of(rows);
        index::graph graph(m);
        index::link_rows(graph, rows_space(stored, metric::euclid), up_to(chosen.size()), {.ef_construct = 60}).value();
        bytes = index::freeze(graph, static_cast<row_id>(chosen.size()));
    }
    index::frozen_graph graph() const {
        return index::frozen_graph::open(bytes.header, bytes.level0, bytes.upper, static_cast<row_id>(source.size()))
            .value();
    }
    vectors rows;
    std::vector<row_id> source;
    index::frozen_graph_bytes bytes;
};

/// Of the 10 nearest, by euclid.
inline double mean_recall(const index::graph& graph, const vectors& data, const vectors& queries, std::size_t ef) {
    const auto rows = rows_of(data);
    double sum = 0;
    for (std::size_t q = 0; q < queries.rows; ++q) {
        const distance_computer computer(metric::euclid, queries[q].data(), data.dim);
        const index::exact_distances distances(rows, computer);
        sum += recall(index::hnsw_search(graph, distances, 10, ef),
                      index::flat_search(distances, rows.size(), 10, index::allow_all{}));
    }
    return sum / static_cast<double>(queries.rows);
}

/// True when both have the same links, levels and entry.
inline bool same_graph(const index::graph& a, const index::graph& b, row_id rows) {
    const auto x = index::freeze(a, rows), y = index::freeze(b, rows);
    return x.header == y.header && x.level0 == y.level0 && x.upper == y.upper;
}

}  // namespace vecstore::test
