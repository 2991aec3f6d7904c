/// Building the graph of rows that are all there: what a sealed part does.
/// Thread safety: as each function says.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/insert.hpp>
#include <vecstore/index/row_distances.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

namespace vecstore::index {

struct build_options {
    std::size_t ef_construct = 200;
    std::uint64_t seed = 42;
    unsigned threads = 1;  ///< that link rows, the caller's included. With one, the same rows give the same graph
    /// Called now and then by the calling thread; false cancels.
    std::function<bool(std::size_t rows_done, std::size_t rows)> keep_going = {};
};

/// Links `rows` into `g`, in their order when there is one thread.
/// Precondition: each row once, none is linked yet; m of the graph and the options are in the ranges of hnsw_options.
/// Errors: cancelled, resource_exhausted (memory); then the graph is whole and holds some of the rows.
/// Cost:   about ef_construct * log(rows) distances for each row.
template <row_space Space>
[[nodiscard]] result<void> link_rows(graph& g, const Space& space, std::span<const row_id> rows,
                                     const build_options& options) {
    constexpr std::size_t rows_between_checks = 64;
    std::atomic<std::size_t> taken{0};
    std::atomic<bool> cancelled{false}, out_of_memory{false};
    const auto work = [&](bool watches) noexcept {
        graph_inserter inserter(g, space, options.ef_construct, options.seed);
        try {
            for (auto first = taken.fetch_add(rows_between_checks); first < rows.size() && !cancelled && !out_of_memory;
                 first = taken.fetch_add(rows_between_checks)) {
                const auto last = std::min(rows.size(), first + rows_between_checks);
                for (auto i = first; i < last; ++i) inserter.insert(rows[i]);
                if (watches && options.keep_going && !options.keep_going(last, rows.size())) cancelled = true;
            }
        } catch (const std::bad_alloc&) {
            out_of_memory = true;
        }
    };
    std::vector<std::thread> others;
    try {
        for (unsigned t = 1; t < options.threads; ++t) others.emplace_back(work, false);
    } catch (const std::system_error&) {  // fewer threads than asked: slower, as good
    }
    work(true);
    for (auto& thread : others) thread.join();
    if (out_of_memory) return error{errc::resource_exhausted, "out of memory while building a graph"};
    if (cancelled) return error{errc::cancelled, "building a graph was cancelled"};
    return {};
}

}  // namespace vecstore::index
