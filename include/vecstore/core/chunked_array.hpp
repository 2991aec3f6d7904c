/// An array that grows without moving: chunk c holds 2^(first_bits + c) elements, so a fixed table of 32 pointers is
/// enough for any size, elements keep their address, and readers never wait for growth.
/// Invariants: a chunk, once published (release), is never replaced before destruction; readers load its pointer with
/// acquire, so they see the constructed elements. What readers may read of an element is the owner's business.
/// Memory: the last chunk may be as large as all before it; of a trivial `T` it is left untouched, so that the
/// operating system backs only what is written.
/// Thread safety: `ensure` by one thread at a time; `operator[]` by any number of threads for elements already ensured.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace vecstore {

/// `T` is default-constructed: a trivial one (float, row_id) holds nothing until written, an atomic holds zero. `group`
/// elements lie side by side for each index: one allocation serves arrays of fixed-size records (a vector of `group`
/// floats, a neighbour list of `group` ids), 64-byte aligned.
template <class T, unsigned first_bits = 10>
class chunked_array {
public:
    explicit chunked_array(std::size_t group = 1) noexcept : group_(group) {}
    ~chunked_array() {
        for (std::size_t c = 0; c < chunks_.size(); ++c) release(c);
    }
    chunked_array(const chunked_array&) = delete;
    chunked_array& operator=(const chunked_array&) = delete;

    /// Makes indexes [0, size) usable. May throw std::bad_alloc, then nothing changed that readers see.
    void ensure(std::size_t size) {
        if (size == 0) return;
        const auto last = locate(size - 1).chunk;
        for (std::size_t c = 0; c <= last; ++c) {
            if (chunks_[c].load(std::memory_order_relaxed) != nullptr) continue;
            const auto count = chunk_size(c) * group_;
            auto* chunk = static_cast<T*>(::operator new(count * sizeof(T), alignment));
            std::uninitialized_default_construct_n(chunk, count);
            chunks_[c].store(chunk, std::memory_order_release);
        }
    }
    /// The first of the `group` elements at `index`. Precondition: ensured.
    [[nodiscard]] T* at(std::size_t index) const noexcept {
        const auto [c, offset] = locate(index);
        return chunks_[c].load(std::memory_order_acquire) + offset * group_;
    }
    [[nodiscard]] T& operator[](std::size_t index) const noexcept { return *at(index); }

    [[nodiscard]] std::size_t group() const noexcept { return group_; }
    /// Address space taken.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        std::size_t bytes = 0;
        for (std::size_t c = 0; c < chunks_.size(); ++c)
            if (chunks_[c].load(std::memory_order_relaxed) != nullptr) bytes += chunk_size(c) * group_ * sizeof(T);
        return bytes;
    }

private:
    struct place {
        std::size_t chunk, offset;
    };
    static constexpr std::align_val_t alignment{64};

    [[nodiscard]] static place locate(std::size_t index) noexcept {
        const auto shifted = static_cast<std::uint64_t>(index) + (std::uint64_t{1} << first_bits);
        const auto top = static_cast<unsigned>(std::bit_width(shifted)) - 1;
        return {top - first_bits, static_cast<std::size_t>(shifted - (std::uint64_t{1} << top))};
    }
    [[nodiscard]] static std::size_t chunk_size(std::size_t c) noexcept { return std::size_t{1} << (first_bits + c); }
    void release(std::size_t c) noexcept {
        auto* chunk = chunks_[c].load(std::memory_order_relaxed);
        if (chunk == nullptr) return;
        std::destroy_n(chunk, chunk_size(c) * group_);
        ::operator delete(chunk, alignment);
    }

    std::array<std::atomic<T*>, 33> chunks_{};
    std::size_t group_;
};

}  // namespace vecstore
