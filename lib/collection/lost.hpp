/// What a salvaged collection knows that it has lost, so that whoever asks for it gets an error and not silence.
/// Thread safety: immutable once shared.
#pragma once

#include "ordinal_set.hpp"

#include <vecstore/core/error.hpp>
#include <vecstore/core/types.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::detail {

struct ordinal_range {
    ordinal_id first = 0;
    ordinal_id last = 0;
};

struct lost_data {
    /// By slot, ascending: ordinals among which vectors were lost. One that has none may never have had one.
    std::vector<std::vector<ordinal_range>> vectors;
    ordinal_set points;  ///< ordinals that have an id, but no point that can be read

    [[nodiscard]] bool may_have_lost_vector(std::size_t slot, ordinal_id ordinal) const noexcept {
        if (slot >= vectors.size()) return false;
        const auto& ranges = vectors[slot];
        const auto at = std::lower_bound(ranges.begin(), ranges.end(), ordinal,
                                         [](const ordinal_range& r, ordinal_id o) { return r.last < o; });
        return at != ranges.end() && at->first <= ordinal;
    }
};

/// What opening for salvage has met, summed up.
struct salvage_log {
    std::vector<std::string> notes{};  ///< a line each
    std::uint64_t lost_points = 0;
    std::uint64_t lost_vectors = 0;

    void note(std::string line) {
        constexpr std::size_t notes_max = 1'000;
        if (notes.size() < notes_max) notes.push_back(std::move(line));
    }
};

}  // namespace vecstore::detail
