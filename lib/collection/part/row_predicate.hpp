/// Which rows of a part a search may return: a set of ordinals, a predicate, or both.
/// Thread safety: as the predicate.  Lifetime: borrows what it was made from.
#pragma once

#include <vecstore/core/types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace vecstore::detail {

/// Ordinals as bits, 64 to a word, for rows to be looked up in.
struct ordinal_bits {
    const std::uint64_t* words = nullptr;
    ordinal_id end = 0;  ///< from here on nothing is known
    bool sure = false;   ///< members need not be asked about

    [[nodiscard]] bool knows(ordinal_id ordinal) const noexcept { return ordinal < end; }
    /// Precondition: knows(ordinal).
    [[nodiscard]] bool contains(ordinal_id ordinal) const noexcept {
        return (words[ordinal / 64] >> (ordinal % 64) & 1) != 0;
    }
};

/// Costs a look at a bit where bits decide, and else one indirect call; never an allocation.
class row_predicate {
public:
    template <class Allow>
    explicit row_predicate(const Allow& allow) noexcept
        : object_(&allow),
          call_([](const void* object, row_id row) { return (*static_cast<const Allow*>(object))(row); }) {}
    /// `allow` is asked about members of `bits`, unless these are sure, and about what is not known.
    /// Shapes: ordinals [rows], ascending.
    template <class Allow>
    row_predicate(const Allow& allow, const ordinal_bits& bits, std::span<const ordinal_id> ordinals) noexcept
        : row_predicate(allow) {
        bits_ = bits;
        first_ = ordinals.empty() ? 0 : ordinals.front();
        const bool dense = ordinals.empty() || ordinals.back() - first_ + 1 == ordinals.size();
        ordinals_ = dense ? nullptr : ordinals.data();
    }

    [[nodiscard]] bool operator()(row_id row) const {
        const auto ordinal = ordinals_ == nullptr ? first_ + row : ordinals_[row];
        if (!bits_.knows(ordinal)) return call_(object_, row);
        return bits_.contains(ordinal) && (bits_.sure || call_(object_, row));
    }

private:
    ordinal_bits bits_;
    ordinal_id first_ = 0;
    const ordinal_id* ordinals_ = nullptr;  ///< null: one after another from first_
    const void* object_;
    bool (*call_)(const void*, row_id);
};

}  // namespace vecstore::detail
