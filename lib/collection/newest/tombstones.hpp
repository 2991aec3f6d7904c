/// When each ordinal died. A row is part of a reader's state if its ordinal had not died at the lsn that the reader
/// pinned.
/// Memory: nothing for pages of 4,096 ordinals that all live, 32 KiB for the others.
/// Thread safety: `set` by one thread at a time; `died_at` by any number of readers, which never wait.
#pragma once

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/types.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace vecstore::detail {

class tombstones {
public:
    static constexpr unsigned page_bits = 12;
    static constexpr std::uint32_t page_size = 1u << page_bits;

    void set(ordinal_id ordinal, std::uint64_t lsn) {
        const auto p = ordinal >> page_bits;
        if (p >= page_count_.load(std::memory_order_relaxed)) {
            directory_.ensure(p + std::size_t{1});
            page_count_.store(p + 1, std::memory_order_release);
        }
        auto* page_now = directory_[p].load(std::memory_order_relaxed);
        if (page_now == nullptr) {
            pages_.push_back(std::make_unique<page>());
            page_now = pages_.back().get();
            allocated_.fetch_add(1, std::memory_order_relaxed);
            directory_[p].store(page_now, std::memory_order_release);
        }
        (*page_now)[ordinal % page_size].store(lsn, std::memory_order_release);
        count_.fetch_add(1, std::memory_order_relaxed);
    }
    /// 0 = it lives.
    [[nodiscard]] std::uint64_t died_at(ordinal_id ordinal) const noexcept {
        const auto p = ordinal >> page_bits;
        if (p >= page_count_.load(std::memory_order_acquire)) return 0;
        const auto* const page_now = directory_[p].load(std::memory_order_acquire);
        return page_now == nullptr ? 0 : (*page_now)[ordinal % page_size].load(std::memory_order_acquire);
    }
    [[nodiscard]] bool alive_at(ordinal_id ordinal, std::uint64_t lsn) const noexcept {
        const auto died = died_at(ordinal);
        return died == 0 || died > lsn;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return directory_.memory_bytes() + allocated_.load(std::memory_order_relaxed) * sizeof(page);
    }

private:
    using page = std::array<std::atomic<std::uint64_t>, page_size>;

    chunked_array<std::atomic<page*>, 6> directory_;
    std::atomic<std::uint32_t> page_count_{0};
    std::vector<std::unique_ptr<page>> pages_;  // owned here; readers go through the directory
    std::atomic<std::size_t> allocated_{0};
    std::atomic<std::size_t> count_{0};
};

}  // namespace vecstore::detail
