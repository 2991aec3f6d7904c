/// An ordered map in an arena: one writer inserts, any number of readers look up and iterate without waiting.
/// Paper: Pugh, "Skip lists: a probabilistic alternative to balanced trees", CACM 33(6), 1990. Differs: no removal.
/// Invariants: (1) a node is complete before a release store links it; readers follow links with acquire loads.
/// (2) Nodes are never unlinked or moved. (3) A reader may miss a node that is being inserted, never sees a half one.
/// Thread safety: `insert` by one thread at a time; `find`, `lower_bound` and iteration by any number of threads.
#pragma once

#include "arena.hpp"

#include <vecstore/core/random.hpp>

#include <atomic>
#include <cstddef>
#include <new>

namespace vecstore::detail {

/// `Key` is ordered by <; `Value` is default-constructible and synchronises itself. Neither has its destructor run.
template <class Key, class Value>
class skip_list {
public:
    struct node {
        Key key;
        Value value;

        [[nodiscard]] const node* next() const noexcept { return link(0).load(std::memory_order_acquire); }

    private:
        friend class skip_list;
        [[nodiscard]] std::atomic<node*>& link(int level) const noexcept {
            // The links follow the node in the same allocation.
            auto* const after = reinterpret_cast<std::byte*>(const_cast<node*>(this)) + sizeof(node);
            return *(std::launder(reinterpret_cast<std::atomic<node*>*>(after)) + level);
        }
    };

    explicit skip_list(arena& memory) : memory_(memory), head_(make_node(Key{}, level_max)) {}
    skip_list(const skip_list&) = delete;
    skip_list& operator=(const skip_list&) = delete;

    /// The node with this key, made if there is none. Cost: O(log n) expected.
    node& insert(const Key& key) {
        node* before[level_max];
        if (auto* const found = seek(key, before); found != nullptr && found->key == key) return *found;
        const int levels = draw_levels();
        auto* const fresh = make_node(key, levels);
        for (int l = 0; l < levels; ++l) {
            fresh->link(l).store(before[l]->link(l).load(std::memory_order_relaxed), std::memory_order_relaxed);
            before[l]->link(l).store(fresh, std::memory_order_release);
        }
        size_.fetch_add(1, std::memory_order_relaxed);
        return *fresh;
    }
    [[nodiscard]] const node* find(const Key& key) const noexcept {
        const auto* const found = lower_bound(key);
        return found != nullptr && found->key == key ? found : nullptr;
    }
    /// The first node whose key is not less than `key`; null when there is none.
    [[nodiscard]] const node* lower_bound(const Key& key) const noexcept { return seek(key, nullptr); }
    [[nodiscard]] const node* first() const noexcept { return head_->next(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

private:
    static constexpr int level_max = 12;

    node* make_node(const Key& key, int levels) {
        auto* const memory =
            memory_.allocate(sizeof(node) + static_cast<std::size_t>(levels) * sizeof(std::atomic<node*>));
        auto* const made = new (memory) node{key, Value{}};
        for (int l = 0; l < levels; ++l)
            new (memory + sizeof(node) + static_cast<std::size_t>(l) * sizeof(std::atomic<node*>))
                std::atomic<node*>(nullptr);
        return made;
    }
    /// Levels are drawn with probability 1/4 each.
    int draw_levels() noexcept {
        int levels = 1;
        for (auto bits = random_(); levels < level_max && (bits & 3) == 0; bits >>= 2) ++levels;
        return levels;
    }
    node* seek(const Key& key, node** before) const noexcept {
        auto* at = head_;
        for (int l = level_max - 1;; --l) {
            auto* next = at->link(l).load(std::memory_order_acquire);
            while (next != nullptr && next->key < key) {
                at = next;
                next = at->link(l).load(std::memory_order_acquire);
            }
            if (before != nullptr) before[l] = at;
            if (l == 0) return next;
        }
    }

    arena& memory_;
    random_source random_{0};
    node* head_;
    std::atomic<std::size_t> size_{0};
};

}  // namespace vecstore::detail
