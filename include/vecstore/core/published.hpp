/// One writer publishes immutable values; any number of readers pin the newest without a lock, a slot or a wait.
/// How: the pointer and a count of readers in the middle of pinning share one 64-bit word (split reference counts).
/// A reader adds one to the word, which also tells it the pointer; it then takes a reference of its own and gives the
/// word's count back. A writer that exchanges the word moves the counts it found there into the old value.
/// Invariants: (1) a value is freed when `references` falls to zero, and only then; (2) while a value is current, the
/// word holds `word_share` references for it, more than all readers together, so that it cannot fall to zero between
/// the writer's exchange and the writer's correction; (3) a count given to the word is either taken back from the word,
/// if the value is still current, or from the value, to which the writer moves it.
/// Thread safety: `publish` by one thread at a time, `pin` by any number at any time.
/// Limits: 48-bit user addresses (Linux without explicit 57-bit hints); 65,535 readers between two instructions of
/// `pin`.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace vecstore {

template <class T>
class published;

/// Keeps one published value alive. Cheap to copy.
template <class T>
class snapshot {
    static constexpr std::int64_t word_share = std::int64_t{1} << 40;
    struct node {
        T value;
        std::atomic<std::int64_t> references{word_share};
    };

public:
    snapshot() noexcept = default;
    snapshot(const snapshot& other) noexcept : node_(other.node_) {
        if (node_ != nullptr) node_->references.fetch_add(1, std::memory_order_relaxed);
    }
    snapshot(snapshot&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    snapshot& operator=(snapshot other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~snapshot() { drop(node_, 1); }

    [[nodiscard]] const T& operator*() const noexcept { return node_->value; }
    [[nodiscard]] const T* operator->() const noexcept { return &node_->value; }
    explicit operator bool() const noexcept { return node_ != nullptr; }

private:
    friend class published<T>;
    explicit snapshot(node* n) noexcept : node_(n) {}

    static void drop(node* n, std::int64_t count) noexcept {
        if (n != nullptr && n->references.fetch_sub(count, std::memory_order_acq_rel) == count) delete n;
    }

    node* node_ = nullptr;
};

template <class T>
class published {
    using node = typename snapshot<T>::node;

public:
    published() = default;
    ~published() { replace(nullptr); }
    published(const published&) = delete;
    published& operator=(const published&) = delete;

    void publish(T value) { replace(new node{std::move(value)}); }

    /// The newest value; empty before the first `publish`.
    [[nodiscard]] snapshot<T> pin() const noexcept {
        auto word = word_.fetch_add(1, std::memory_order_acquire);
        auto* const n = address(word);
        if (n != nullptr) n->references.fetch_add(1, std::memory_order_relaxed);
        ++word;
        while (address(word) == n)
            if (word_.compare_exchange_weak(word, word - 1, std::memory_order_release, std::memory_order_relaxed))
                return snapshot<T>(n);
        snapshot<T>::drop(n, 1);  // a writer moved our count into the value: give that one back
        return snapshot<T>(n);
    }

private:
    static constexpr unsigned count_bits = 16;
    [[nodiscard]] static node* address(std::uint64_t word) noexcept {
        return reinterpret_cast<node*>(static_cast<std::uintptr_t>(word >> count_bits));
    }
    void replace(node* n) noexcept {
        const auto fresh = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(n)) << count_bits;
        const auto old = word_.exchange(fresh, std::memory_order_acq_rel);
        const auto moved = static_cast<std::int64_t>(old & ((std::uint64_t{1} << count_bits) - 1));
        snapshot<T>::drop(address(old), snapshot<T>::word_share - moved);
    }

    mutable std::atomic<std::uint64_t> word_{0};
};

}  // namespace vecstore
