/// Memory that is given out piece by piece and freed all at once.
/// Thread safety: one allocating thread; `memory_bytes` from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace vecstore::detail {

class arena {
public:
    /// Uninitialised, aligned for any scalar. The pieces live as long as the arena; no destructor is run.
    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        bytes = (bytes + alignment - 1) / alignment * alignment;
        if (bytes > left_) add_block(bytes);
        auto* const piece = next_;
        next_ += bytes;
        left_ -= bytes;
        return piece;
    }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    static constexpr std::size_t block_bytes_min = 4 << 10;  // a collection at rest must not cost more
    static constexpr std::size_t block_bytes_max = 1 << 20;

    /// Blocks grow with what is there already, so that their number stays small.
    void add_block(std::size_t bytes) {
        bytes = std::max(bytes, std::clamp(memory_bytes() / 4, block_bytes_min, block_bytes_max));
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
        next_ = blocks_.back().get();
        left_ = bytes;
        memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }

    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
    std::atomic<std::size_t> memory_bytes_{0};
};

}  // namespace vecstore::detail
