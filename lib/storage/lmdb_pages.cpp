#include "lmdb_pages.hpp"

#include "table_checks.hpp"

#include <vecstore/storage/checksum.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace vecstore::storage::detail {
namespace {

// A meta page: page header, magic u32 at 16, version u32, address u64, map size u64, two table records (free pages,
// then all others; the first one's first field is the page size), last page u64, transaction u64.
constexpr std::uint64_t meta_pages = 2;
constexpr std::uint32_t meta_magic = 0xBEEF'C0DE;
constexpr std::uint32_t meta_version = 1;
constexpr std::size_t meta_magic_at = 16, meta_free_at = 40, meta_main_at = 88, meta_last_at = 136, meta_bytes = 152;
// A table record: page size or pad u32, flags u16, depth u16, branch, leaf and overflow pages u64, entries u64, root
// u64.
constexpr std::size_t record_bytes = 48;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::uint16_t depth_max = 32;  // as LMDB's own cursor
// A page: number u64, pad u16, flags u16, end of the offsets u16, begin of the nodes u16 (or, of an overflow, u32
// pages); then u16 offsets of nodes. A node: u16 and u16 of size (or of page number), flags u16, key bytes u16, key.
constexpr std::size_t page_header_bytes = 16, node_header_bytes = 8;
constexpr std::uint16_t page_branch = 1, page_leaf = 2, page_overflow = 4;
constexpr std::uint16_t node_big = 1, node_table = 2;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t damages_kept_max = 1'000;

std::uint16_t u16(byte_span page, std::size_t at) noexcept { return load_le<std::uint16_t>(page.data() + at); }

std::size_t node_count(byte_span page) noexcept { return (u16(page, 12) - page_header_bytes) / 2; }

struct node {
    std::uint32_t low = 0;  ///< bytes of the data of a leaf, or the low half of a page number
    std::uint16_t flags = 0;
    byte_span key;
    byte_span data;  ///< of a leaf: what lies in the page

    [[nodiscard]] std::uint64_t page() const noexcept { return low | std::uint64_t{flags} << 32; }
};

/// Nothing when it does not lie in the page.
std::optional<node> node_at(byte_span page, std::size_t index, bool leaf) noexcept {
    const std::size_t at = u16(page, page_header_bytes + 2 * index);
    if (at < u16(page, 14) || at % 2 != 0 || at + node_header_bytes > page.size()) return std::nullopt;
    node found;
    found.low = u16(page, at) | std::uint32_t{u16(page, at + 2)} << 16;
    found.flags = u16(page, at + 4);
    const std::size_t key_bytes = u16(page, at + 6);
    const auto rest = page.subspan(at + node_header_bytes);
    if (key_bytes > rest.size()) return std::nullopt;
    found.key = rest.first(key_bytes);
    if (!leaf) return found;
    const auto data_bytes = (found.flags & node_big) != 0 ? sizeof(std::uint64_t) : std::size_t{found.low};
    if (data_bytes > rest.size() - key_bytes) return std::nullopt;
    found.data = rest.subspan(key_bytes, data_bytes);
    return found;
}

std::uint64_t number_of_key(byte_span key) noexcept {
    return key.size() == sizeof(std::uint64_t) ? load_le<std::uint64_t>(key.data()) : 0;
}

}  // namespace

/// What a walk does with its nodes.
struct lmdb_pages::walk_state {
    bool plain_keys = true;  ///< sorted as bytes; else as numbers, as the list of free pages is
    bool checksums = true;
    std::function<result<void>(byte_span key, byte_span value, std::uint16_t flags)> visit;
    std::uint64_t entries = 0;
    bool complete = true;

    [[nodiscard]] bool less(byte_span a, byte_span b) const noexcept {
        return plain_keys ? key_less(a, b) : number_of_key(a) < number_of_key(b);
    }
};

void lmdb_pages::damage(std::string what, std::uint64_t page) {
    ++damage_count_;
    if (damages_.size() < damages_kept_max)
        damages_.push_back(corruption("table file: " + std::move(what), path_, page * usage_.page_bytes));
}

result<lmdb_pages> lmdb_pages::open(file_system& files, const std::string& directory) {
    const auto path = join_path(directory, tables_file_name);
    VECSTORE_TRY(auto tables, files.open(path, open_mode::read));
    lmdb_pages opened(std::move(tables), path);
    VECSTORE_TRY(opened.file_bytes_, opened.file_->size());
    VECSTORE_CHECK(opened.read_metas());
    VECSTORE_CHECK(opened.read_free_pages());
    VECSTORE_CHECK(opened.find_tables());
    return opened;
}

lmdb_pages::table_record lmdb_pages::parse_record(byte_span bytes) noexcept {
    return {load_le<std::uint64_t>(bytes.data() + 32), load_le<std::uint64_t>(bytes.data() + 40), u16(bytes, 6)};
}

result<void> lmdb_pages::read_metas() {
    constexpr std::uint32_t page_sizes[] = {4096, 512, 1024, 2048, 8192, 16384, 32768, 65536};
    bool found = false;
    for (const auto page_bytes : page_sizes) {
        for (std::uint64_t number = 0; number < meta_pages; ++number) {
            byte_vector meta(meta_bytes);
            VECSTORE_TRY(const auto count, file_->read_at(number * page_bytes, meta));
            if (count < meta_bytes || load_le<std::uint32_t>(meta.data() + meta_magic_at) != meta_magic ||
                load_le<std::uint32_t>(meta.data() + meta_magic_at + 4) != meta_version ||
                load_le<std::uint32_t>(meta.data() + meta_free_at) != page_bytes ||
                load_le<std::uint64_t>(meta.data()) != number)
                continue;
            const auto transaction = load_le<std::uint64_t>(meta.data() + meta_last_at + 8);
            const auto pages = load_le<std::uint64_t>(meta.data() + meta_last_at) + 1;
            // Pages at the end that were freed by the transaction that took them may never have been written.
            if ((found && transaction <= usage_.transaction) || (transaction & 1) != number || pages < meta_pages ||
                pages > file_bytes_ / page_bytes + (std::uint64_t{1} << 20))
                continue;
            found = true;
            usage_ = {transaction, pages, page_bytes, {}};
            free_ = parse_record(byte_span(meta).subspan(meta_free_at, record_bytes));
            main_ = parse_record(byte_span(meta).subspan(meta_main_at, record_bytes));
        }
        if (found) break;
    }
    if (!found) return corruption("table file: no meta page is right", path_, 0);
    used_.assign(static_cast<std::size_t>(usage_.page_count), false);
    used_[0] = used_[1] = true;
    return {};
}

bool lmdb_pages::claim(std::uint64_t page, std::uint64_t referrer) {
    if (page >= usage_.page_count) {
        damage("a page number is beyond the end", referrer);
        return false;
    }
    if (used_[static_cast<std::size_t>(page)]) {
        damage("a page is used twice, or used and free", page);
        return false;
    }
    used_[static_cast<std::size_t>(page)] = true;
    return true;
}

result<bool> lmdb_pages::read_page(std::uint64_t number, byte_vector& into) {
    into.resize(usage_.page_bytes);
    VECSTORE_TRY(const auto count, file_->read_at(number * usage_.page_bytes, into));
    ++pages_read_;
    if (count == into.size() && load_le<std::uint64_t>(into.data()) == number) return true;
    damage(count < into.size() ? "a page lies behind the end of the file" : "a page has the number of another", number);
    return false;
}

result<bool> lmdb_pages::read_overflow(std::uint64_t number, std::size_t bytes, std::uint64_t referrer,
                                       byte_vector& into) {
    const auto needed = (page_header_bytes + bytes + usage_.page_bytes - 1) / usage_.page_bytes;
    if (!claim(number, referrer)) return false;
    VECSTORE_TRY(const bool read, read_page(number, into));
    if (!read) return false;
    // A run that was made for a larger value may have been used again.
    const std::uint64_t pages = load_le<std::uint32_t>(into.data() + 12);
    if (u16(into, 10) != page_overflow || pages < needed || pages > usage_.page_count) {
        damage("a run of pages for a large value is not what its owner says", number);
        return false;
    }
    for (std::uint64_t i = 1; i < pages; ++i)
        if (!claim(number + i, referrer)) return false;
    into.resize(page_header_bytes + bytes);
    VECSTORE_TRY(const auto count, file_->read_at(number * usage_.page_bytes, into));
    pages_read_ += needed - 1;
    if (count < into.size()) {
        damage("a large value lies behind the end of the file", number);
        return false;
    }
    into.erase(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(page_header_bytes));
    return true;
}

bool lmdb_pages::check_shape(const place& at, byte_span page) {
    const auto kind = u16(page, 10);
    const std::size_t offsets_end = u16(page, 12), nodes_begin = u16(page, 14);
    const auto wanted = at.levels == 1 ? page_leaf : page_branch;
    if (kind != wanted) {
        damage("a page is of the wrong kind", at.page);
        return false;
    }
    if (offsets_end < page_header_bytes || offsets_end % 2 != 0 || offsets_end > nodes_begin ||
        nodes_begin > page.size() || node_count(page) == 0 || (kind == page_branch && node_count(page) < 2)) {
        damage("a page has no right shape", at.page);
        return false;
    }
    return true;
}

result<void> lmdb_pages::walk_page(const place& at, walk_state& state) {
    byte_vector page;
    VECSTORE_TRY(const bool read, read_page(at.page, page));
    if (!read || !check_shape(at, page)) {
        state.complete = false;
        return {};
    }
    return at.levels == 1 ? walk_leaf(at, page, state) : walk_branch(at, page, state);
}

result<void> lmdb_pages::walk_branch(const place& at, byte_span page, walk_state& state) {
    const auto count = node_count(page);
    auto low = at.low;
    for (std::size_t i = 0; i < count; ++i) {
        const auto found = node_at(page, i, false);
        if (!found) {
            damage("a node lies outside its page", at.page);
            state.complete = false;
            return {};
        }
        place child{found->page(), static_cast<std::uint16_t>(at.levels - 1), low, at.high, at.bounded};
        const auto next = i + 1 < count ? node_at(page, i + 1, false) : std::nullopt;
        if (next) {
            if (!low.empty() && !state.less(low, next->key)) damage("keys are out of order", at.page);
            child.high.assign(next->key.begin(), next->key.end());
            child.bounded = true;
            low = child.high;
        }
        if (claim(child.page, at.page))
            VECSTORE_CHECK(walk_page(child, state));
        else
            state.complete = false;
    }
    return {};
}

result<void> lmdb_pages::walk_leaf(const place& at, byte_span page, walk_state& state) {
    byte_vector before, large;
    for (std::size_t i = 0; i < node_count(page); ++i) {
        ++state.entries;
        const auto found = node_at(page, i, true);
        if (!found || found->key.empty() || (found->flags & ~(node_big | node_table)) != 0) {
            damage("a node does not parse", at.page);
            continue;
        }
        const bool ordered = (at.low.empty() || !state.less(found->key, at.low)) &&
                             (!at.bounded || state.less(found->key, at.high)) &&
                             (before.empty() || state.less(before, found->key));
        before.assign(found->key.begin(), found->key.end());
        auto value = found->data;
        if ((found->flags & node_big) != 0) {
            const auto first = load_le<std::uint64_t>(value.data());
            // Bounded by the file, so that a damaged size cannot ask for all memory.
            if (found->low > file_bytes_) {
                damage("a value is larger than the file", at.page);
                continue;
            }
            VECSTORE_TRY(const bool read, read_overflow(first, found->low, at.page, large));
            if (!read) continue;
            value = large;
        }
        if (state.checksums) {
            const auto bytes = value.size() < checksum_bytes ? 0 : value.size() - checksum_bytes;
            const bool right =
                value.size() >= checksum_bytes &&
                load_le<std::uint32_t>(value.data() + bytes) == checksum32(value.first(bytes), checksum64(found->key));
            if (!right) {
                damage("the checksum of a value differs", at.page);
                continue;
            }
            value = value.first(bytes);
        }
        // A key whose checksum is right is a key; that it is out of place is damage all the same.
        if (!ordered) damage("keys are out of order", at.page);
        VECSTORE_CHECK(state.visit(found->key, value, found->flags));
    }
    return {};
}

result<void> lmdb_pages::walk_tree(const table_record& table, walk_state& state) {
    if (table.root == no_page) {
        if (table.entries != 0) damage("a table has entries, but no pages", 0);
        return {};
    }
    if (table.depth == 0 || table.depth > depth_max) {
        damage("a table has no right depth", 0);
        return {};
    }
    if (!claim(table.root, 0)) return {};
    VECSTORE_CHECK(walk_page({table.root, table.depth, {}, {}, false}, state));
    if (state.complete && state.entries != table.entries) damage("a table has lost entries", table.root);
    return {};
}

result<void> lmdb_pages::read_free_pages() {
    walk_state state;
    state.plain_keys = state.checksums = false;
    std::vector<std::uint64_t> pages;
    state.visit = [&](byte_span, byte_span value, std::uint16_t) -> result<void> {
        byte_reader numbers(value);
        auto count = numbers.get<std::uint64_t>();
        if (count > numbers.remaining() / sizeof(std::uint64_t)) {
            damage("the list of free pages does not parse", free_.root);
            count = 0;
        }
        for (; count > 0; --count) pages.push_back(numbers.get<std::uint64_t>());
        return {};
    };
    VECSTORE_CHECK(walk_tree(free_, state));
    for (const auto page : pages)
        if (claim(page, free_.root)) usage_.free_pages.push_back(page);
    return {};
}

result<void> lmdb_pages::find_tables() {
    walk_state state;
    state.checksums = false;
    state.visit = [&](byte_span key, byte_span value, std::uint16_t flags) -> result<void> {
        if (flags != node_table || value.size() != record_bytes)
            damage("the record of a table does not parse", main_.root);
        else
            tables_.emplace_back(std::string(as_text(key)), parse_record(value));
        return {};
    };
    return walk_tree(main_, state);
}

std::vector<std::string> lmdb_pages::table_names() const {
    std::vector<std::string> names;
    for (const auto& [name, record] : tables_) names.push_back(name);
    return names;
}

result<void> lmdb_pages::walk(std::string_view table, const entry_visitor& visit) {
    const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const auto& t) { return t.first == table; });
    if (found == tables_.end()) return {};
    walk_state state;
    state.visit = [&](byte_span key, byte_span value, std::uint16_t flags) -> result<void> {
        if ((flags & node_table) != 0) {
            damage("a table inside a table", found->second.root);
            return {};
        }
        if (!opener_) return visit(key, value);
        const auto opened = opener_(table, key, value);
        if (opened) return visit(key, *opened);
        if (opened.error().code != errc::corruption) return opened.error();
        damage(opened.error().message, found->second.root);
        return {};
    };
    return walk_tree(found->second, state);
}

}  // namespace vecstore::storage::detail
