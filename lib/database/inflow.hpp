/// How fast rows come into collections, so that indexes are not built for parts that will be merged before they are of use.
/// Thread safety: belongs to the background thread.
#pragma once

#include <vecstore/core/types.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

namespace vecstore::detail {

class inflow {
public:
    using clock = std::chrono::steady_clock;
    enum class verdict : std::uint8_t { unknown, slow, fast };

    /// Between two looks.
    static constexpr std::chrono::milliseconds watched{100};
    /// What is older says nothing of now.
    static constexpr std::chrono::milliseconds stale{1'000};

    /// Whether the ordinals of a collection, which now end at `end`, have grown by more than `rows_per_second` since the last
    /// look. unknown: look again in `watched`.
    [[nodiscard]] verdict look(std::uint64_t collection, ordinal_id end, double rows_per_second,
                               clock::time_point now = clock::now()) {
        const auto [place, first] = samples_.try_emplace(collection, sample{now, end});
        const auto before = place->second;
        if (first || now - before.at < watched) return verdict::unknown;
        place->second = {now, end};
        if (now - before.at > stale) return verdict::unknown;
        const std::chrono::duration<double> passed = now - before.at;
        const double rate = static_cast<double>(end - before.end) / passed.count();
        return rate > rows_per_second ? verdict::fast : verdict::slow;
    }

private:
    struct sample {
        clock::time_point at;
        ordinal_id end = 0;
    };
    std::map<std::uint64_t, sample> samples_;  ///< by collection
};

/// About what one thread links into graphs; what matters is the magnitude.
[[nodiscard]] constexpr double rows_linked_per_second(std::size_t dim) noexcept {
    return 1e6 / static_cast<double>(dim);
}

}  // namespace vecstore::detail
