/// A set of ordinals as a compressed bitmap (CRoaring; Lemire et al., arXiv:1709.07821), so that sets can be joined and
/// intersected at memory speed, and stored as they are.
/// All functions that allocate may throw std::bad_alloc.
/// Thread safety: as a plain value; const access from any number of threads.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/types.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace vecstore::field_index {

class ordinal_bitmap {
public:
    /// Empty, without memory.
    ordinal_bitmap() noexcept = default;
    /// The ordinals from `first` to `end - 1`.
    [[nodiscard]] static ordinal_bitmap range(ordinal_id first, ordinal_id end);
    /// In any order; ascending is fastest.
    [[nodiscard]] static ordinal_bitmap of(std::span<const ordinal_id> ordinals);
    /// All members of any of them.
    [[nodiscard]] static ordinal_bitmap united(std::span<const ordinal_bitmap> sets);

    ordinal_bitmap(const ordinal_bitmap& other);
    ordinal_bitmap(ordinal_bitmap&&) noexcept = default;
    ordinal_bitmap& operator=(const ordinal_bitmap& other);
    ordinal_bitmap& operator=(ordinal_bitmap&&) noexcept = default;
    ~ordinal_bitmap() = default;

    void add(ordinal_id ordinal);
    void add(std::span<const ordinal_id> ordinals);
    void add_range(ordinal_id first, ordinal_id end);

    ordinal_bitmap& operator&=(const ordinal_bitmap& other);
    ordinal_bitmap& operator|=(const ordinal_bitmap& other);
    ordinal_bitmap& operator-=(const ordinal_bitmap& other);

    [[nodiscard]] bool contains(ordinal_id ordinal) const noexcept;
    [[nodiscard]] std::uint64_t cardinality() const noexcept;
    /// Of the members from `first` to `end - 1`.
    [[nodiscard]] std::uint64_t cardinality(ordinal_id first, ordinal_id end) const noexcept;
    /// Members that `other` has, too.
    [[nodiscard]] std::uint64_t common(const ordinal_bitmap& other) const noexcept;
    [[nodiscard]] bool empty() const noexcept;
    /// Preconditions: not empty.
    [[nodiscard]] ordinal_id minimum() const noexcept;
    [[nodiscard]] ordinal_id maximum() const noexcept;
    /// The member that so many are below. Precondition: rank < cardinality().
    [[nodiscard]] ordinal_id select(std::uint64_t rank) const noexcept;
    /// Writes members from `first` on, ascending, as many as fit, and returns how many.
    [[nodiscard]] std::size_t read(ordinal_id first, std::span<ordinal_id> out) const;
    [[nodiscard]] std::vector<ordinal_id> to_vector() const;
    /// The members below `end`, a bit each: bit i % 64 of word i / 64 stands for ordinal i.
    /// Cost: a copy where members are dense.
    [[nodiscard]] std::vector<std::uint64_t> to_words(ordinal_id end) const;
    /// Calls `visit(ordinal)` for each member, ascending, until it returns false.
    template <class Visit>
    void for_each(const Visit& visit) const {
        ordinal_id members[256];
        ordinal_id from = 0;
        for (;;) {
            const auto count = read(from, members);
            for (std::size_t i = 0; i < count; ++i)
                if (!visit(members[i])) return;
            if (count < std::size(members) || members[count - 1] == ~ordinal_id{0}) return;
            from = members[count - 1] + 1;
        }
    }

    /// The portable form that the Roaring format specification describes; the same for equal sets.
    [[nodiscard]] byte_vector serialized() const;
    /// Errors: corruption.
    [[nodiscard]] static result<ordinal_bitmap> parse(byte_span bytes);
    [[nodiscard]] std::size_t memory_bytes() const noexcept;

    friend bool operator==(const ordinal_bitmap& a, const ordinal_bitmap& b) noexcept { return equal(a, b); }

private:
    struct deleter {
        void operator()(void* bits) const noexcept;
    };
    explicit ordinal_bitmap(void* bits);
    [[nodiscard]] static bool equal(const ordinal_bitmap& a, const ordinal_bitmap& b) noexcept;
    void make();

    std::unique_ptr<void, deleter> bits_;  ///< null: empty
};

}  // namespace vecstore::field_index
