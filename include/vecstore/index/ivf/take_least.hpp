/// Choosing the least of many values without sorting them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
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

/// The same for few of many, exactly: one pass with the bound so far, which soon is hardly ever beaten, and one that takes.
template <class Value, class Key>
void take_few_least(std::vector<Value>& values, std::size_t count, std::vector<Value>& taken, Key&& key) {
    constexpr std::size_t few = 64;
    if (count > few || count == 0 || 2 * count > values.size()) return take_least(values, count, taken, key);
    std::array<float, few> least;  // sorted
    std::fill_n(least.begin(), count, std::numeric_limits<float>::infinity());
    for (const auto& v : values) {
        const float x = key(v);
        if (!(x < least[count - 1])) continue;
        std::size_t at = count - 1;
        for (; at > 0 && x < least[at - 1]; --at) least[at] = least[at - 1];
        least[at] = x;
    }
    const float bound = least[count - 1];
    const auto below =
        static_cast<std::size_t>(std::lower_bound(least.begin(), least.begin() + count, bound) - least.begin());
    std::size_t at_bound = count - below, out = 0, stay = 0;
    taken.resize(count + 1);  // as above
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Value v = values[i];
        const float x = key(v);
        const bool at = at_bound > 0 && !(x < bound) && !(x > bound);
        const bool takes = x < bound || at;
        at_bound -= static_cast<std::size_t>(at);
        taken[out] = v;
        values[stay] = v;
        out += static_cast<std::size_t>(takes);
        stay += static_cast<std::size_t>(!takes);
    }
    taken.resize(count);
    values.resize(stay);
}

}  // namespace vecstore::index
