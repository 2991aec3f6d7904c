/// The read-only form of an HNSW graph: bytes that are written once, mapped, and walked in place.
/// Every number is little-endian u32 unless said otherwise; a list of ids is filled from the front and its rest is
/// 0xFFFFFFFF. The values are on disk, do not renumber.
///
/// header, 48 bytes
/// | offset | what |
/// |---|---|
/// |  0 | magic 0x47485356 ("VSHG") |
/// |  4 | format version, 1 |
/// |  8 | rows |
/// | 12 | m, [2, 128] |
/// | 16 | entry row; 0xFFFFFFFF when no row is linked |
/// | 20 | level of the entry row, <= 15; no row has a higher one |
/// | 24 | upper rows: rows with a level above 0 |
/// | 28 | zero |
/// | 32 | u64 bytes of the level-0 block |
/// | 40 | u64 bytes of the upper block |
///
/// level-0 block: for each row a list of 2m ids, so a list of m = 16 is two cache lines and needs no count.
///
/// upper block, U = upper rows
/// | offset | what |
/// |---|---|
/// | 0     | U row numbers, ascending |
/// | 4 U   | U + 1 list numbers: row i has the lists [first[i], first[i + 1]), of levels 1, 2, ... |
/// | 8 U + 4 | first[U] lists of m ids |
///
/// There are no checksums here: the file that holds the blocks has them. `open` checks all that a walk relies on, so
/// that damaged bytes which pass it cost recall, never memory safety.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/index/hnsw/graph.hpp>
#include <vecstore/index/hnsw/level.hpp>
#include <vecstore/index/hnsw/scratch.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace vecstore::index {

inline constexpr std::uint32_t frozen_graph_magic = 0x4748'5356;
inline constexpr std::uint32_t frozen_graph_version = 1;
inline constexpr std::size_t frozen_graph_header_bytes = 48;

/// The three blocks, as `freeze` makes them; how a file arranges them is the file's business.
struct frozen_graph_bytes {
    byte_vector header;
    byte_vector level0;
    byte_vector upper;
};

/// Writes `g` as frozen bytes. Rows that are not linked get empty lists; removed rows that are not free yet stay in the
/// graph, and are kept out of results by the caller's predicate.
/// Precondition: no insert, removal or repair runs meanwhile.
/// Cost: one pass over the graph; holds a second copy of its lists.
[[nodiscard]] inline frozen_graph_bytes freeze(const graph& g, row_id row_count) {
    byte_writer header, level0, upper, lists;
    std::array<row_id, list_max> ids;
    const auto put_list = [&](byte_writer& out, row_id row, unsigned level) {
        const bool present = row < g.row_bound() && g.linked(row);
        const auto count = present ? g.neighbors(row, level, ids.data()) : 0;
        for (std::size_t i = 0; i < g.list_size(level); ++i) out.put(i < count ? ids[i] : row_none);
    };
    std::vector<std::uint32_t> first{0};
    level0.reserve(row_count * g.list_size(0) * sizeof(row_id));
    for (row_id row = 0; row < row_count; ++row) {
        put_list(level0, row, 0);
        const unsigned level = row < g.row_bound() && g.linked(row) ? g.node_of(row).level : 0;
        if (level == 0) continue;
        upper.put(row);
        for (unsigned l = 1; l <= level; ++l) put_list(lists, row, l);
        first.push_back(first.back() + level);
    }
    for (const auto number : first) upper.put(number);
    upper.put_bytes(lists.bytes());

    const auto entry = g.entry();
    header.put(frozen_graph_magic);
    header.put(frozen_graph_version);
    header.put(row_count);
    header.put(static_cast<std::uint32_t>(g.m()));
    header.put(entry.row);
    header.put(static_cast<std::uint32_t>(entry.level));
    header.put(static_cast<std::uint32_t>(first.size() - 1));
    header.put(std::uint32_t{0});
    header.put(static_cast<std::uint64_t>(level0.size()));
    header.put(static_cast<std::uint64_t>(upper.size()));
    return {std::move(header).take(), std::move(level0).take(), std::move(upper).take()};
}

/// Freezes the graph of an `hnsw` over all its rows.
template <class Index>
[[nodiscard]] frozen_graph_bytes freeze(const Index& index) {
    return freeze(index.graph(), index.rows().size());
}

/// A graph in frozen bytes; walked by `hnsw_search`.
/// Thread safety: constant; any number of walks at once.
/// Lifetime: borrows the blocks (mapped memory), which must outlive it; movable, not copyable.
class frozen_graph {
public:
    /// Checks the blocks and looks at them in place, without a copy. `row_count` is the number of rows in the part.
    /// Alignment: none needed; 64-byte aligned blocks are fastest.
    /// Errors: corruption (any size, count, id or order that is not as the layout says; `offset` is within the block
    /// that the message names).
    /// Cost:   one pass over all ids (it pages the blocks in).
    [[nodiscard]] static result<frozen_graph> open(byte_span header, byte_span level0, byte_span upper,
                                                   row_id row_count) {
        frozen_graph g(level0, upper);
        VECSTORE_CHECK(g.read_header(header, row_count));
        VECSTORE_CHECK(g.check_upper_table());
        VECSTORE_CHECK(g.check_lists());
        VECSTORE_CHECK(g.check_entry());
        return g;
    }

    [[nodiscard]] entry_point entry() const noexcept { return entry_; }
    [[nodiscard]] row_id row_bound() const noexcept { return row_count_; }
    template <class Visit>
    void for_each_neighbor(row_id row, unsigned level, const Visit& visit) const {
        const auto size = level == 0 ? 2 * m_ : m_;
        const auto* list = level == 0 ? base_list(row) : upper_list(row, level);
        for (std::size_t i = 0; i < size; ++i) {
            const auto id = load_le<row_id>(list + i * sizeof(row_id));
            if (id == row_none) return;
            visit(id);
        }
    }
    /// Inlined always: g++ takes a function that only prefetches for one without effect, and drops calls of it.
    [[gnu::always_inline]] void prefetch(row_id row) const noexcept {
        const auto* list = base_list(row);
        for (std::size_t i = 0; i < 2 * m_ * sizeof(row_id); i += 64) __builtin_prefetch(list + i);
    }
    /// The highest level on which the row has a list. Cost: a binary search among the upper rows.
    [[nodiscard]] unsigned level_of(row_id row) const noexcept {
        const auto i = find_upper(row);
        return i < upper_count_ && upper_row(i) == row ? first_list(i + 1) - first_list(i) : 0;
    }
    [[nodiscard]] scratch_pool& scratches() const noexcept { return *scratches_; }
    [[nodiscard]] std::size_t m() const noexcept { return m_; }
    /// Heap memory alone; the blocks belong to someone else.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return sizeof *this + scratches_->memory_bytes(); }

private:
    frozen_graph(byte_span level0, byte_span upper)
        : level0_(level0), upper_(upper), scratches_(std::make_unique<scratch_pool>()) {}

    [[nodiscard]] static error bad(std::string message, std::uint64_t offset) {
        return corruption("graph " + std::move(message), {}, offset);
    }
    [[nodiscard]] result<void> read_header(byte_span header, row_id row_count) {
        byte_reader in(header);
        if (in.get<std::uint32_t>() != frozen_graph_magic) return bad("header: no graph", 0);
        if (in.get<std::uint32_t>() != frozen_graph_version) return bad("header: unknown version", 4);
        row_count_ = in.get<std::uint32_t>();
        m_ = in.get<std::uint32_t>();
        entry_.row = in.get<std::uint32_t>();
        entry_.level = in.get<std::uint32_t>();
        upper_count_ = in.get<std::uint32_t>();
        const auto zero = in.get<std::uint32_t>();
        const auto level0_bytes = in.get<std::uint64_t>();
        const auto upper_bytes = in.get<std::uint64_t>();
        if (!in.finished() || zero != 0) return bad("header: wrong size or a bit set that is reserved", 28);
        if (row_count_ != row_count || row_count_ > graph_rows_max) return bad("header: wrong number of rows", 8);
        if (m_ < 2 || m_ > m_max) return bad("header: m out of range", 12);
        if (upper_count_ > row_count_) return bad("header: too many upper rows", 24);
        if (level0_bytes != level0_.size() || level0_bytes != std::uint64_t{row_count_} * 2 * m_ * sizeof(row_id))
            return bad("level-0 block: wrong size", 0);
        if (upper_bytes != upper_.size() || upper_bytes < (std::uint64_t{upper_count_} * 2 + 1) * sizeof(row_id))
            return bad("upper block: wrong size", 0);
        return {};
    }
    /// Rows ascend, each has 1 to `level_max` lists, and the lists fill the block.
    [[nodiscard]] result<void> check_upper_table() const {
        if (first_list(0) != 0) return bad("upper block: first list is not 0", table_bytes());
        for (std::size_t i = 0; i < upper_count_; ++i) {
            const auto row = upper_row(i);
            if (row >= row_count_ || (i > 0 && row <= upper_row(i - 1)))
                return bad("upper block: rows out of order", i * sizeof(row_id));
            if (first_list(i + 1) <= first_list(i) || first_list(i + 1) - first_list(i) > level_max)
                return bad("upper block: level out of range", table_bytes() + i * sizeof(row_id));
        }
        const auto bytes =
            2 * table_bytes() + sizeof(row_id) + std::uint64_t{first_list(upper_count_)} * m_ * sizeof(row_id);
        if (bytes != upper_.size()) return bad("upper block: wrong size", 0);
        return {};
    }
    /// Every id is a row that exists on the list's level.
    [[nodiscard]] result<void> check_lists() const {
        for (row_id row = 0; row < row_count_; ++row)
            if (!list_is_good(base_list(row), 2 * m_, 0))
                return bad("level-0 block: bad list", std::uint64_t{row} * 2 * m_ * sizeof(row_id));
        for (std::size_t i = 0; i < upper_count_; ++i)
            for (auto number = first_list(i); number < first_list(i + 1); ++number)
                if (!list_is_good(list_at(number), m_, number - first_list(i) + 1))
                    return bad("upper block: bad list", static_cast<std::uint64_t>(list_at(number) - upper_.data()));
        return {};
    }
    [[nodiscard]] bool list_is_good(const std::byte* list, std::size_t size, unsigned level) const noexcept {
        bool ended = false;
        for (std::size_t i = 0; i < size; ++i) {
            const auto id = load_le<row_id>(list + i * sizeof(row_id));
            if (id == row_none)
                ended = true;
            else if (ended || id >= row_count_ || (level > 0 && level_of(id) < level))
                return false;
        }
        return true;
    }
    [[nodiscard]] result<void> check_entry() const {
        if (entry_.row == row_none && entry_.level == 0) return {};
        if (entry_.row >= row_count_ || level_of(entry_.row) != entry_.level) return bad("header: bad entry row", 16);
        return {};
    }

    [[nodiscard]] std::size_t table_bytes() const noexcept { return upper_count_ * sizeof(row_id); }
    [[nodiscard]] row_id upper_row(std::size_t i) const noexcept {
        return load_le<row_id>(upper_.data() + i * sizeof(row_id));
    }
    [[nodiscard]] std::uint32_t first_list(std::size_t i) const noexcept {
        return load_le<std::uint32_t>(upper_.data() + table_bytes() + i * sizeof(row_id));
    }
    [[nodiscard]] const std::byte* list_at(std::uint32_t number) const noexcept {
        return upper_.data() + 2 * table_bytes() + sizeof(row_id) + std::size_t{number} * m_ * sizeof(row_id);
    }
    [[nodiscard]] const std::byte* base_list(row_id row) const noexcept {
        return level0_.data() + std::size_t{row} * 2 * m_ * sizeof(row_id);
    }
    /// Precondition: the row has a list on `level` (checked at `open` for every id and the entry).
    [[nodiscard]] const std::byte* upper_list(row_id row, unsigned level) const noexcept {
        return list_at(first_list(find_upper(row)) + level - 1);
    }
    /// The first upper row that is not below `row`.
    [[nodiscard]] std::size_t find_upper(row_id row) const noexcept {
        std::size_t low = 0, high = upper_count_;
        while (low < high) {
            const auto middle = (low + high) / 2;
            if (upper_row(middle) < row)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    byte_span level0_, upper_;
    row_id row_count_ = 0;
    std::size_t m_ = 0;
    std::size_t upper_count_ = 0;
    entry_point entry_;
    std::unique_ptr<scratch_pool> scratches_;
};

}  // namespace vecstore::index
