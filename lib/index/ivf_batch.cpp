#include <vecstore/index/ivf/batch.hpp>

namespace vecstore::index::detail {

using quantization::panel_rows;

void ivf_batch::start(std::span<const float> queries) {
    const auto dim = lists_.dim(), padded = lists_.panel_count() * panel_rows;
    scratch_.begin();
    if (scratch_.each.size() < count_) scratch_.each.resize(count_);
    auto& centered = scratch_.centered;
    auto& products = scratch_.products;
    centered.resize(count_ * dim);
    products.resize(count_ * padded);
    for (std::size_t i = 0; i < count_; ++i) {
        const auto from = scratch_.each[i].query.center(lists_, queries.subspan(i * dim, dim));
        std::copy(from.begin(), from.end(), centered.begin() + static_cast<std::ptrdiff_t>(i * dim));
    }
    quantization::active_fast_scan().dots(centered.data(), count_, dim, lists_.centroids(), lists_.panel_count(), dim,
                                          products.data(), padded);
    for (std::size_t i = 0; i < count_; ++i)
        scratch_.each[i].query.start_with(lists_, queries.subspan(i * dim, dim), products.data() + i * padded);
}

/// Counting sort of the probes by list; those of queries without a limit yet are left out.
void ivf_batch::sort_probes() {
    auto& starts = scratch_.starts;
    auto& probes = scratch_.probes;
    starts.assign(lists_.list_count() + 1, 0);
    const auto each_probe = [&](auto&& use) {
        for (std::uint32_t i = 0; i < count_; ++i) {
            if (!std::isfinite(limits_[i])) continue;
            for (auto rank = static_cast<std::uint32_t>(head); rank < nprobe_; ++rank)
                use(scratch_.each[i].query.list_at(rank), ivf_probe{i, rank});
        }
    };
    each_probe([&](std::uint32_t list, ivf_probe) { ++starts[list + 1]; });
    for (std::size_t l = 1; l < starts.size(); ++l) starts[l] += starts[l - 1];
    probes.resize(starts.back());
    each_probe([&](std::uint32_t list, ivf_probe probe) { probes[starts[list]++] = probe; });
    // Each start has become the end of its list.
}

void ivf_batch::scan_ahead() {
    sort_probes();
    scratch_.runs.assign(count_ * nprobe_, {});
    auto& waiting = scratch_.waiting;
    std::size_t next = 0;
    for (std::uint32_t l = 0; l < lists_.list_count(); ++l) {
        if (next == scratch_.starts[l]) continue;
        const auto list = lists_.at(l);
        if (l + 1 < lists_.list_count()) lists_.prefetch(lists_.at(l + 1));
        for (; next < scratch_.starts[l]; ++next) {
            if (waiting.size() >= waiting_max) return;
            const auto probe = scratch_.probes[next];
            auto& query = scratch_.each[probe.query].query;
            const auto first = waiting.size();
            query.aim(lists_, l, slack_);
            for (std::size_t chunk = 0; chunk * ivf_chunk < list.entries; ++chunk)
                (void)query.scan(lists_, chunk, limits_[probe.query], nullptr, waiting);
            scratch_.runs[probe.query * nprobe_ + probe.rank] = {
                static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(waiting.size() - first), true};
        }
    }
}

}  // namespace vecstore::index::detail
