/// A set of ordinals that only grows.
/// Memory: nothing for pages of 4,096 ordinals without a member, 512 bytes for the others.
/// Thread safety: `insert` by one thread at a time; `contains` and `page` by any number of readers, which never wait.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/types.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace vecstore::detail {

class ordinal_set {
public:
    static constexpr unsigned page_bits = 12;
    static constexpr std::uint32_t page_size = 1u << page_bits;
    using page_bytes = std::array<std::byte, page_size / 8>;  ///< bit i % 8 of byte i / 8 stands for the i-th ordinal

    void insert(ordinal_id ordinal) {
        const auto p = ordinal >> page_bits;
        if (p >= page_count_.load(std::memory_order_relaxed)) {
            directory_.ensure(p + std::size_t{1});
            page_count_.store(p + 1, std::memory_order_release);
        }
        auto* words = directory_[p].load(std::memory_order_relaxed);
        if (words == nullptr) {
            pages_.push_back(std::make_unique<page_words>());
            words = pages_.back().get();
            directory_[p].store(words, std::memory_order_release);
        }
        (*words)[ordinal % page_size / 64].fetch_or(std::uint64_t{1} << (ordinal % 64), std::memory_order_release);
    }
    [[nodiscard]] bool contains(ordinal_id ordinal) const noexcept {
        const auto* const words = words_of(ordinal >> page_bits);
        return words != nullptr &&
               ((*words)[ordinal % page_size / 64].load(std::memory_order_acquire) >> (ordinal % 64) & 1) != 0;
    }
    /// The members among the ordinals of one page.
    [[nodiscard]] page_bytes page(std::uint32_t number) const noexcept {
        page_bytes bytes{};
        const auto* const words = words_of(number);
        for (std::size_t i = 0; words != nullptr && i < words->size(); ++i)
            store_le(bytes.data() + i * sizeof(std::uint64_t), (*words)[i].load(std::memory_order_acquire));
        return bytes;
    }
    /// Adds what `page` gave.
    void insert_page(std::uint32_t number, const page_bytes& bytes) {
        for (std::uint32_t i = 0; i < page_size; ++i)
            if ((bytes[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0}) insert((number << page_bits) + i);
    }

private:
    using page_words = std::array<std::atomic<std::uint64_t>, page_size / 64>;

    [[nodiscard]] const page_words* words_of(std::uint32_t p) const noexcept {
        return p < page_count_.load(std::memory_order_acquire) ? directory_[p].load(std::memory_order_acquire)
                                                               : nullptr;
    }

    chunked_array<std::atomic<page_words*>, 6> directory_;
    std::atomic<std::uint32_t> page_count_{0};
    std::vector<std::unique_ptr<page_words>> pages_;  // owned here; readers go through the directory
};

}  // namespace vecstore::detail
