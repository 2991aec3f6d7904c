/// A growable set of small numbers, one bit each.
/// Thread safety: as a std::vector: one writer, or any number of readers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecstore {

class bitset {
public:
    bitset() = default;
    explicit bitset(std::size_t size) : words_((size + 63) / 64), size_(size) {}

    /// Grows to at least `size` bits; new bits are clear.
    void grow(std::size_t size) {
        if (size <= size_) return;
        size_ = size;
        words_.resize((size + 63) / 64);
    }
    void set(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    void reset(std::size_t i) noexcept { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
    /// False beyond the end.
    [[nodiscard]] bool test(std::size_t i) const noexcept { return i < size_ && (words_[i / 64] >> (i % 64) & 1) != 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t count() const noexcept {
        std::size_t n = 0;
        for (const auto word : words_) n += static_cast<std::size_t>(std::popcount(word));
        return n;
    }
    /// Calls `visit(i)` for each set bit, ascending.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (std::size_t w = 0; w < words_.size(); ++w)
            for (auto word = words_[w]; word != 0; word &= word - 1)
                visit(w * 64 + static_cast<std::size_t>(std::countr_zero(word)));
    }

private:
    std::vector<std::uint64_t> words_;
    std::size_t size_ = 0;
};

}  // namespace vecstore
