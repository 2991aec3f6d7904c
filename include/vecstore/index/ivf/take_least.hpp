/// Choosing the least of many values without sorting them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::index {

/// Takes the `count` least of `values` out, by counting them in bins of equal width: linear, and with few branches that a
/// processor could guess wrong, which is what a heap or a quickselect spends its time on. The values just beyond the last
/// whole bin are taken in order, so the choice is exact but for those that share a bin with the last one.
/// Precondition: count <= values.size(). Values that are not finite are as far as the farthest.
/// `taken` is overwritten; the order of both is that of `values`.
template <class Value, class Key>
void take_least(std::vector<Value>& values, std::size_t count, std::vector<Value>& taken, Key&& key) {
    constexpr std::size_t bins = 256;
    taken.resize(count + 1);  // one more: every value is written, those that stay are overwritten
    if (count == 0) return taken.clear();
    float least = key(values[0]), most = least;
    for (const auto& v : values) {
        least = std::min(least, key(v));
        most = std::max(most, key(v));
    }
    const float scale = most > least ? static_cast<float>(bins - 1) / (most - least) : 0;
    const auto bin_of = [&](const Value& v) {
        const float at = (key(v) - least) * scale;
        return at < static_cast<float>(bins) ? static_cast<std::size_t>(at) : bins - 1;
    };
    std::array<std::uint32_t, bins> histogram{};
    for (const auto& v : values) ++histogram[bin_of(v)];
    std::size_t last = 0, below = 0;
    while (below + histogram[last] < count) below += histogram[last++];
    std::size_t from_last = count - below, out = 0, stay = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Value v = values[i];
        const auto bin = bin_of(v);
        const bool takes = bin < last || (bin == last && from_last > 0);
        from_last -= static_cast<std::size_t>(bin == last && takes);
        taken[out] = v;
        values[stay] = v;
        out += static_cast<std::size_t>(takes);
        stay += static_cast<std::size_t>(!takes);
    }
    taken.resize(count);
    values.resize(stay);
}

}  // namespace vecstore::index
