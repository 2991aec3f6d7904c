/// What queries come to a part: how far they lie from what they find.
/// How much of a search a query needs depends on that distance: with ef 40, those nearest to WordNet's entries find 0.999 of
/// their neighbours, the farthest tenth 0.935. And that holds whatever the queries are: sentences, which lie much farther
/// from the entries than these from each other, find as much as entries at the same distance do (0.921), where the mean
/// over entries would promise 0.98. So recall is measured for each band of distances, and weighed with the bands in which
/// the queries of late have been.
/// Thread safety: any number of threads; a count may be lost when two come together, which changes nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vecstore::detail {

inline constexpr std::size_t query_bands = 4;
/// The distance by which a query is put into a band is that of its so-many-th neighbour.
inline constexpr std::size_t band_rank = 10;

/// Share of queries in each band; their sum is 1.
using band_shares = std::array<double, query_bands>;
/// Of the rows themselves, by definition of the bands: the last is where few of them lie.
inline constexpr band_shares shares_of_rows{0.4, 0.3, 0.2, 0.1};

class query_mix {
public:
    void note(std::size_t band) noexcept {
        auto& count = counts_[band];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        // The past fades: half of it with every so many queries.
        if (seen_.fetch_add(1, std::memory_order_relaxed) % fading_queries != fading_queries - 1) return;
        for (auto& each : counts_) each.store(each.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
    }
    /// Until there are queries, they are taken to be like the rows.
    [[nodiscard]] band_shares shares() const noexcept {
        constexpr double assumed_queries = 32;
        band_shares shares;
        double sum = 0;
        for (std::size_t i = 0; i < query_bands; ++i)
            sum += shares[i] = assumed_queries * shares_of_rows[i] + counts_[i].load(std::memory_order_relaxed);
        for (auto& share : shares) share /= sum;
        return shares;
    }

private:
    static constexpr std::uint32_t fading_queries = 512;

    std::array<std::atomic<std::uint32_t>, query_bands> counts_{};
    std::atomic<std::uint32_t> seen_{0};
};

}  // namespace vecstore::detail
