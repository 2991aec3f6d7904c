/// Memory for arrays that kernels and walks read: on cache lines, and in huge pages when it is large, since a random
/// read over many small pages costs a second miss for the page's address.
/// Thread safety: as std::vector.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace vecstore {

/// `size` elements of a trivial T, not initialised. Movable, not copyable.
template <class T>
class aligned_buffer {
    static_assert(std::is_trivial_v<T>);

public:
    aligned_buffer() = default;
    /// May throw std::bad_alloc.
    explicit aligned_buffer(std::size_t size) : size_(size) {
        if (size == 0) return;
        data_ = static_cast<T*>(::operator new(memory_bytes(), alignment()));
#if defined(__linux__)
        // Whole huge pages only: half of one left empty would cost its memory. Advice: where it is refused, pages are small.
        if (huge()) (void)::madvise(data_, memory_bytes() / huge_page_bytes * huge_page_bytes, MADV_HUGEPAGE);
#endif
    }
    ~aligned_buffer() { release(); }
    aligned_buffer(aligned_buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    aligned_buffer& operator=(aligned_buffer&& other) noexcept {
        if (this != &other) {
            release();
            data_ = std::exchange(other.data_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }

    [[nodiscard]] T* data() noexcept { return data_; }
    [[nodiscard]] const T* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T* begin() noexcept { return data_; }
    [[nodiscard]] T* end() noexcept { return data_ + size_; }
    [[nodiscard]] const T* begin() const noexcept { return data_; }
    [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return (size_ * sizeof(T) + line_bytes - 1) / line_bytes * line_bytes;
    }

private:
    static constexpr std::size_t line_bytes = 64, huge_page_bytes = std::size_t{2} << 20;

    [[nodiscard]] bool huge() const noexcept { return size_ * sizeof(T) >= huge_page_bytes; }
    [[nodiscard]] std::align_val_t alignment() const noexcept {
        return std::align_val_t{huge() ? huge_page_bytes : line_bytes};
    }
    void release() noexcept {
        if (data_ != nullptr) ::operator delete(data_, alignment());
    }

    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace vecstore
