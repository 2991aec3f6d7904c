/// Where the rows that a filter lets pass lie in inverted lists, worked out once for many searches.
/// Thread safety: constant.
#pragma once

#include <vecstore/index/ivf/lists.hpp>
#include <vecstore/quantization/fast_scan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::index {

class ivf_members {
public:
    /// Cost: one question for each entry of the lists.
    template <class Allow>
    ivf_members(const ivf_lists& lists, const Allow& allow) : delays_(lists.list_count(), none) {
        double all = 0, together = 0;
        for (std::size_t i = 0; i < lists.list_count(); ++i) {
            const auto l = lists.at(i);
            const auto first = ivf_lists::first_entry(l);
            bits_.resize(std::max(bits_.size(), (first + l.entries + word - 1) / word));
            std::size_t members = 0;
            for (std::size_t entry = first; entry < first + l.entries; ++entry) {
                if (!allow(lists.id(entry))) continue;
                bits_[entry / word] |= 1u << (entry % word);
                ++members;
            }
            if (members == 0) continue;
            const auto count = static_cast<double>(members);
            all += count;
            together += count * count / l.entries;
            delays_[i] = share_power * std::log2(static_cast<float>(l.entries) / static_cast<float>(members));
        }
        if (all > 0)
            caution_ =
                std::min(caution_most,
                         caution_power * static_cast<float>(std::log2(together / all * lists.entry_count() / all)));
    }

    /// Where members lie together, lists with many of them come first, and those found on the way say too much of how many there
    /// are near the query: by a factor of 2^caution. 0 when they lie anywhere.
    [[nodiscard]] float caution() const noexcept { return caution_; }
    [[nodiscard]] bool any_in(std::size_t list) const noexcept { return delays_[list] > none; }
    /// How much later than by its distance a list that has few members is looked at: log2 of a factor of its rank; 0
    /// when all its entries are. What a list has to offer falls with a power of its rank, and with the share of members.
    /// Precondition: any_in(list).
    [[nodiscard]] float delay_of(std::size_t list) const noexcept { return delays_[list]; }
    /// Precondition: an entry of a list.
    [[nodiscard]] bool contains(std::size_t entry) const noexcept {
        return (bits_[entry / word] >> (entry % word) & 1) != 0;
    }
    /// A bit for each row of each block of codes, from the block of `entry` on.
    /// Precondition: the first entry of a block of a list.
    [[nodiscard]] const std::uint32_t* from(std::size_t entry) const noexcept { return bits_.data() + entry / word; }

private:
    /// Measured on one set (GloVe, rows near to a row): of 0, 1/2, 3/4 and 1 the one with the highest recall for as many codes.
    static constexpr float share_power = 0.75f;
    /// Of how much larger the share of members is in the list of a member than in all; so large that recall holds on that set.
    static constexpr float caution_power = 0.6f, caution_most = 0.4f;
    static constexpr float none = -1;
    static constexpr std::size_t word = quantization::block_rows;

    std::vector<std::uint32_t> bits_;  ///< of entries
    std::vector<float> delays_;        ///< of lists
    float caution_ = 0;
};

}  // namespace vecstore::index
