/// Many searches over inverted lists at once, list by list: each list is scanned once for all queries that probe it, as a
/// product of matrices over codes of a byte (slab_scan.hpp). The codes may be those of the lists or come from elsewhere, by row.
/// Differs from ivf_walk: every list has the same turn, so candidates come in no order of nearness; the pools make up
/// for it, since after a few lists hardly a row gets into them.
#pragma once

#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/index/ivf/walk.hpp>
#include <vecstore/index/row_distances.hpp>
#include <vecstore/index/rows.hpp>
#include <vecstore/index/slab_scan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace vecstore::index {

/// The codes of rows, wherever they lie, by entry of the lists (models code_source).
class row_codes {
public:
    /// Shapes: codes [rows][stride]. Lifetime: borrows all.
    row_codes(const ivf_lists& lists, const std::byte* codes, std::size_t stride) noexcept
        : lists_(lists), codes_(codes), stride_(stride) {}
    void prefetch(std::size_t entry) const noexcept {
        const auto* const code = at(entry);
        for (std::size_t i = 0; i < stride_; i += quantization::code_line) __builtin_prefetch(code + i);
    }
    [[nodiscard]] const std::byte* at(std::size_t entry) const noexcept { return codes_ + lists_.id(entry) * stride_; }

private:
    const ivf_lists& lists_;
    const std::byte* codes_;
    std::size_t stride_;
};

namespace detail {

/// The queries of each list.
struct probe_table {
    std::vector<std::uint32_t> starts;   ///< [lists + 1]
    std::vector<std::uint32_t> queries;  ///< by list

    [[nodiscard]] std::span<const std::uint32_t> of(std::size_t list) const noexcept {
        return std::span(queries).subspan(starts[list], starts[list + 1] - starts[list]);
    }
};

/// The `nprobe` nearest lists of each of queries [count, dim], about (see take_least).
/// Cost: one product of matrices for every 32 queries.
[[nodiscard]] probe_table probes_of(const ivf_lists& lists, std::span<const float> queries, std::size_t nprobe);

}  // namespace detail

/// True when `search_slabs` can answer.
[[nodiscard]] inline bool slabs_fit(const ivf_lists& lists, const quantization::scalar_codec& codec) noexcept {
    return codec.fits_slabs() && lists.entry_count() <= lists.row_count();
}

/// Result i is that of `ivf::search` with query i: the same lists are probed.
/// Shapes: queries [count, dim] f32. `codes` give codes of `codec` by entry. `distances_of(i)` as for ivf::search_many.
/// `unsure(i)` is called for queries whose result may lack rows that are as near: codes of a byte tell too little of such rows, or
/// fewer than `k` were found and not all lists were probed. Those are to be asked alone.
/// Precondition: slabs_fit(lists, codec); k > 0, nprobe > 0. May throw std::bad_alloc.
template <code_source Codes, class DistancesOf, class Allow, class Unsure>
void search_slabs(const ivf_lists& lists, const quantization::scalar_codec& codec, const Codes& codes,
                  std::span<const float> queries, const DistancesOf& distances_of, const ivf_search_options& options,
                  const Allow& allow, std::vector<neighbor>* out, ivf_search_stats& stats, const Unsure& unsure) {
    const auto dim = lists.dim(), count = queries.size() / dim;
    const auto nprobe = std::min(options.nprobe, lists.list_count());
    slab_rescorer rescorer;
    for (std::size_t first = 0; first < count; first += slab_batch_queries) {
        const auto group = queries.subspan(first * dim, std::min(slab_batch_queries, count - first) * dim);
        const auto probes = detail::probes_of(lists, group, nprobe);
        slab_scan scan(codec, group, slab_keep(options.k));
        for (std::size_t l = 0; l < lists.list_count(); ++l) {
            const auto wanted = probes.of(l);
            const auto list = lists.at(l);
            if (wanted.empty() || list.entries == 0) continue;
            const auto begin = ivf_lists::first_entry(list);
            if constexpr (std::is_same_v<Allow, allow_all>)
                scan.scan(codes, begin, list.entries, wanted, allow);
            else
                scan.scan(codes, begin, list.entries, wanted, [&](std::uint32_t e) { return allow(lists.id(e)); });
            stats.codes += std::uint64_t{list.entries} * wanted.size();
        }
        stats.lists += probes.queries.size();
        for (std::size_t i = 0; i < group.size() / dim; ++i) {
            bool sure = true;
            out[first + i] = rescorer.run(
                scan, i, options.k, options.slack, distances_of(first + i),
                [&](std::uint32_t entry) { return lists.id(entry); }, sure);
            stats.distances += rescorer.compared();
            if (!sure || (out[first + i].size() < options.k && nprobe < lists.list_count())) unsure(first + i);
        }
    }
}

}  // namespace vecstore::index
