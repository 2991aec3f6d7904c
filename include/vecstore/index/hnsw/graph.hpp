/// The growing HNSW graph: neighbour lists that searches read while inserts write them.
/// Paper: Malkov & Yashunin, arXiv:1603.09320, section 4. Differs: lists end at `row_none` instead of having a count;
/// every row keeps a two-way link to a parent on level 0.
/// Invariants:
///  1. A list is an array of row numbers, filled from the front; the first `row_none` ends it. Each slot is read and
///     written as one atomic word. A reader beside a writer may see some old and some new slots: all of them rows that
///     are, or just were, neighbours.
///  2. A slot is stored with release after the row it names is whole (vector, own lists on all levels, node), and is
///     loaded with acquire. So whatever row a walk reaches can be expanded at once.
///  3. Whoever writes holds turn(): inserts share it, removals and repairs have it alone. The lists of a row that no
///     list names yet belong to the thread that inserts it; afterwards an insert writes them only under the row's
///     stripe lock. A thread holds one stripe at a time, so there is no deadlock.
///  4. The links row <-> parent(row) on level 0 are never pruned, and a parent can be reached before its children are.
///     So the rows that are not dead form a tree of two-way links: from any row a walk on level 0 reaches them all.
///     When a row dies its children get other parents first (those links are written before any old one goes), and its
///     own list is left as it is, so that a walk that stands on it finds the way out.
///  5. The entry is not dead, and no row that is not dead has a higher level; there is none when all are dead.
///  6. A dead row is linked to by nobody who was not before. It is free when a sweep over all lists, which began after
///     its death, has ended: then no list names it but those of other free rows, and no walk that begins later can meet
///     it.
///  7. Lists, nodes and vectors never move and are freed with the graph.
/// Thread safety: every const function from any number of threads, without locks; the others as each one says.
#pragma once

#include <vecstore/core/chunked_array.hpp>
#include <vecstore/core/mutex.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/hnsw/level.hpp>
#include <vecstore/index/hnsw/scratch.hpp>
#include <vecstore/index/hnsw/shared_turn.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vecstore::index {

/// Rows of one graph; a walk keeps a flag in the top bit of a row number.
inline constexpr row_id graph_rows_max = 0x7FFF'FFFF;

/// Where a walk begins; `row == row_none` for an empty graph.
struct entry_point {
    row_id row = row_none;
    unsigned level = 0;
};

class graph {
public:
    /// What is known of a row besides its lists. Constant while inserts run, once the row can be reached, except
    /// `child_count`, which the row's stripe guards.
    struct node {
        row_id parent;             ///< on level 0; row_none for the root, and for dead rows
        std::uint32_t upper_list;  ///< its list on level 1, higher levels follow
        std::uint8_t level;
        std::uint8_t child_count;
    };

    /// Dead rows on their way out.
    struct departing_rows {
        std::vector<row_id> dead;     ///< since the sweep began; they leave with the next
        std::vector<row_id> leaving;  ///< dropped from all lists by the sweep; none when there is no sweep
        row_id next = 0;              ///< where the sweep is
    };

    explicit graph(std::size_t m) noexcept : m_(m), base_(2 * m), upper_(m) {}

    // Reading, as every graph that search.hpp walks does it.
    [[nodiscard]] entry_point entry() const noexcept {
        const auto word = entry_.load(std::memory_order_acquire);
        if (word == 0) return {};
        return {static_cast<row_id>(word), static_cast<unsigned>(word >> 32) - 1};
    }
    /// Every row number in a list is below this; it may grow meanwhile.
    [[nodiscard]] row_id row_bound() const noexcept { return bound_.load(std::memory_order_acquire); }
    /// Copies the neighbours of `row` on `level` into `out` [list_size(level)] and returns how many. Precondition: the
    /// row was reached on that level.
    std::size_t neighbors(row_id row, unsigned level, row_id* out) const noexcept {
        auto* slots = list(row, level);
        const auto size = list_size(level);
        std::size_t count = 0;
        for (; count < size; ++count) {
            const auto id = std::atomic_ref(slots[count]).load(std::memory_order_acquire);
            if (id == row_none) break;
            out[count] = id;
        }
        return count;
    }
    /// Calls `visit(row_id)` for each. Precondition: as `neighbors`.
    template <class Visit>
    void for_each_neighbor(row_id row, unsigned level, const Visit& visit) const {
        auto* slots = list(row, level);
        const auto size = list_size(level);
        for (std::size_t i = 0; i < size; ++i) {
            const auto id = std::atomic_ref(slots[i]).load(std::memory_order_acquire);
            if (id == row_none) return;
            visit(id);
        }
    }
    /// Inlined always: g++ takes a function that only prefetches for one without effect, and drops calls of it.
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept {
        const auto* slots = base_.at(row);
        for (std::size_t i = 0; i < base_.group(); i += 16) __builtin_prefetch(slots + i);
    }
    [[nodiscard]] scratch_pool& scratches() const noexcept { return scratches_; }

    [[nodiscard]] std::size_t m() const noexcept { return m_; }
    [[nodiscard]] std::size_t list_size(unsigned level) const noexcept { return level == 0 ? 2 * m_ : m_; }
    /// True for a row that lists may name: inserted, and not free. Precondition: row < row_bound().
    [[nodiscard]] bool linked(row_id row) const noexcept {
        const auto state = state_of(row);
        return state != state_absent && state != state_free;
    }
    /// True for a row that may be returned. Precondition: as `linked`.
    [[nodiscard]] bool live(row_id row) const noexcept { return state_of(row) == state_live; }
    /// True for a removed row, free ones too. Precondition: as `linked`.
    [[nodiscard]] bool dead(row_id row) const noexcept { return state_of(row) >= state_dead; }
    [[nodiscard]] bool leaving(row_id row) const noexcept { return state_of(row) == state_leaving; }
    [[nodiscard]] std::size_t linked_count() const noexcept { return linked_count_.load(std::memory_order_relaxed); }
    /// Linked rows that are dead. When it is 0, a walk that begins now meets none.
    [[nodiscard]] std::size_t dead_count() const noexcept { return dead_count_.load(std::memory_order_acquire); }
    [[nodiscard]] const node& node_of(row_id row) const noexcept { return nodes_[row]; }
    /// Of the rows there are; the room kept for more is not backed by memory yet.
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof *this + row_bound() * (list_size(0) * sizeof(row_id) + sizeof(node) + 1) + upper_.memory_bytes() +
               scratches_.memory_bytes();
    }

    // Writing: preconditions are those of invariant 3.
    [[nodiscard]] shared_turn& turn() noexcept { return turn_; }
    /// Gives `row` empty lists on levels 0 to `level`, or, if it is free, to the level it had; returns the level. By
    /// any thread. May throw std::bad_alloc, then the row is as before (a few list slots may stay unused).
    unsigned allocate(row_id row, unsigned level) VECSTORE_EXCLUDES(growth_) {
        const lock_guard lock(growth_);
        const auto size = static_cast<std::size_t>(row) + 1;
        if (row < bound_.load(std::memory_order_relaxed) && state_of(row) == state_free) {
            level = nodes_[row].level;
            nodes_[row] = {row_none, nodes_[row].upper_list, nodes_[row].level, 0};
        } else {
            upper_.ensure(upper_count_ + level);
            base_.ensure(size);
            nodes_.ensure(size);
            states_.ensure(size);
            nodes_[row] = {row_none, upper_count_, static_cast<std::uint8_t>(level), 0};
            upper_count_ += level;
        }
        for (unsigned l = 0; l <= level; ++l) write_list(row, l, {});
        states_[row].store(state_absent, std::memory_order_release);
        if (size > bound_.load(std::memory_order_relaxed)) bound_.store(row + 1, std::memory_order_release);
        return level;
    }
    /// Replaces a list. Precondition: the caller owns it (invariant 3); ids.size() <= list_size(level).
    void write_list(row_id row, unsigned level, std::span<const row_id> ids) noexcept {
        auto* slots = list(row, level);
        const auto size = list_size(level);
        for (std::size_t i = 0; i < size; ++i)
            std::atomic_ref(slots[i]).store(i < ids.size() ? ids[i] : row_none, std::memory_order_release);
    }
    /// Adds to a list that has room. Precondition: as for write_list, and `count` is the list's length.
    void append_to_list(row_id row, unsigned level, std::size_t count, row_id id) noexcept {
        std::atomic_ref(list(row, level)[count]).store(id, std::memory_order_release);
    }
    [[nodiscard]] mutex& stripe(row_id row) noexcept { return stripes_[mix64(row) % stripes_.size()]; }
    /// Precondition: the caller owns the row (invariant 3) for `parent`, or holds its stripe for `child_count`.
    [[nodiscard]] node& node_of(row_id row) noexcept { return nodes_[row]; }

    /// Makes the first row the entry; false when there is one already.
    bool start_with(entry_point first) noexcept {
        std::uint64_t none = 0;
        return entry_.compare_exchange_strong(none, word_of(first), std::memory_order_acq_rel);
    }
    /// Makes `candidate` the entry when its level is higher than that of the entry.
    void raise_entry(entry_point candidate) noexcept {
        auto word = entry_.load(std::memory_order_acquire);
        while ((word >> 32) < candidate.level + 1u &&
               !entry_.compare_exchange_weak(word, word_of(candidate), std::memory_order_acq_rel)) {
        }
    }
    /// Precondition: alone.
    void replace_entry(entry_point entry) noexcept {
        entry_.store(entry.row == row_none ? 0 : word_of(entry), std::memory_order_release);
    }

    // The life of a row: absent, live, dead, leaving, free, and live again if its number is used again. The last three
    // steps alone.
    void mark_linked(row_id row) noexcept {
        states_[row].store(state_live, std::memory_order_release);
        linked_count_.fetch_add(1, std::memory_order_relaxed);
    }
    /// False when the row is not live.
    bool mark_dead(row_id row) noexcept {
        if (!live(row)) return false;
        states_[row].store(state_dead, std::memory_order_release);
        dead_count_.fetch_add(1, std::memory_order_release);
        return true;
    }
    void mark_leaving(row_id row) noexcept { states_[row].store(state_leaving, std::memory_order_release); }
    void mark_free(row_id row) noexcept {
        states_[row].store(state_free, std::memory_order_release);
        linked_count_.fetch_sub(1, std::memory_order_relaxed);
        dead_count_.fetch_sub(1, std::memory_order_release);
    }
    [[nodiscard]] departing_rows& departing() noexcept { return departing_; }

private:
    static constexpr std::uint8_t state_absent = 0, state_live = 1, state_dead = 2, state_leaving = 3, state_free = 4;

    [[nodiscard]] static std::uint64_t word_of(entry_point e) noexcept {
        return (static_cast<std::uint64_t>(e.level) + 1) << 32 | e.row;
    }
    [[nodiscard]] row_id* list(row_id row, unsigned level) const noexcept {
        return level == 0 ? base_.at(row) : upper_.at(nodes_[row].upper_list + level - 1);
    }
    [[nodiscard]] std::uint8_t state_of(row_id row) const noexcept {
        return states_[row].load(std::memory_order_acquire);
    }

    std::size_t m_;
    chunked_array<row_id> base_;   // [rows, 2m]
    chunked_array<row_id> upper_;  // [lists, m]
    chunked_array<node> nodes_;
    chunked_array<std::atomic<std::uint8_t>> states_;
    std::atomic<std::uint64_t> entry_{0};  // (level + 1) << 32 | row; 0 when empty
    std::atomic<row_id> bound_{0};
    std::atomic<std::size_t> linked_count_{0};
    std::atomic<std::size_t> dead_count_{0};

    mutex growth_;
    std::uint32_t upper_count_ VECSTORE_GUARDED_BY(growth_) = 0;
    std::array<mutex, 1024> stripes_;
    shared_turn turn_;
    departing_rows departing_;  // whoever has the turn alone
    mutable scratch_pool scratches_;
};

}  // namespace vecstore::index
