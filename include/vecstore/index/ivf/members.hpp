/// Where the rows that a filter lets pass lie in inverted lists, worked out once for many searches.
/// Thread safety: constant.
#pragma once

#include <vecstore/index/ivf/lists.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore::index {

class ivf_members {
public:
    /// Cost: one question for each entry of the lists.
    template <class Allow>
    ivf_members(const ivf_lists& lists, const Allow& allow) : in_list_(lists.list_count()) {
        for (std::size_t i = 0; i < lists.list_count(); ++i) {
            const auto l = lists.at(i);
            const auto first = ivf_lists::first_entry(l);
            bits_.resize(std::max(bits_.size(), (first + l.entries + 63) / 64));
            for (std::size_t entry = first; entry < first + l.entries; ++entry) {
                if (!allow(lists.id(entry))) continue;
                bits_[entry / 64] |= std::uint64_t{1} << (entry % 64);
                ++in_list_[i];
            }
        }
    }

    [[nodiscard]] bool any_in(std::size_t list) const noexcept { return in_list_[list] > 0; }
    /// Precondition: an entry of a list.
    [[nodiscard]] bool contains(std::size_t entry) const noexcept {
        return (bits_[entry / 64] >> (entry % 64) & 1) != 0;
    }

private:
    std::vector<std::uint64_t> bits_;  ///< of entries
    std::vector<std::uint32_t> in_list_;
};

}  // namespace vecstore::index
