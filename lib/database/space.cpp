// Giving space back: pages of the tables that hold nothing, and marks of versions of which nothing else is left.
#include "database_state.hpp"

#include <collection/tables.hpp>

#include <algorithm>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t worth_a_copy = 1u << 20;     ///< free bytes, at least
constexpr std::uint64_t worth_a_segment = 4u << 20;  ///< bytes of the log, at least

bool all_dead(byte_span page) noexcept {
    return std::all_of(page.begin(), page.end(), [](std::byte eight) { return eight == std::byte{0xFF}; });
}

/// Who asks a payload index believes that what is not marked as dead lives.
bool has_point(const indexed_field& field, std::uint32_t page) {
    const auto first = page << tombstones::page_bits;
    return std::any_of(field.runs().begin(), field.runs().end(),
                       [&](const auto& run) { return covers(run, first, first + tombstones::page_size); });
}

bool has_row(const part& p, std::uint32_t page) {
    const auto row = find_row(p.size(), page << tombstones::page_bits, [&](row_id r) { return p.ordinal_of(r); });
    return row < p.size() && p.ordinal_of(row) >> tombstones::page_bits == page;
}

/// The pages of deaths that are full, and of which no part has rows.
result<std::vector<std::uint32_t>> vanished_pages(storage::table_reader& tables, const collection_state& state) {
    const auto lists = state.parts();
    const auto fields = state.pin()->fields;
    std::vector<std::uint32_t> pages;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::deaths));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(state.id())));
    while (cursor->valid() && tables::of_collection(cursor->key(), state.id())) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto page = key.get_big_endian<std::uint32_t>();
        if (!key.finished()) return error{errc::corruption, "a page of deaths does not parse", "deaths", 0};
        const bool used = !all_dead(cursor->value()) || std::any_of(lists.begin(), lists.end(), [&](const auto& list) {
            return std::any_of(list.begin(), list.end(), [&](const auto& p) { return has_row(*p, page); });
        });
        const bool indexed =
            std::any_of(fields->begin(), fields->end(), [&](const auto& field) { return has_point(*field, page); });
        if (!used && !indexed) pages.push_back(page);
        VECSTORE_CHECK(cursor->next());
    }
    return pages;
}

}  // namespace

result<void> database_state::forget_vanished(collection_state& state) {
    const lock_guard no_index_is_built(fields_mutex_);  // of points that are being forgotten
    const lock_guard lock(checkpoint_mutex_);
    if (state.pin()->dropped) return {};
    VECSTORE_CHECK(check_writable());
    // What is not in parts yet is younger than the checkpoint in the tables, in which a full page has no room for it.
    std::vector<std::uint32_t> pages;
    {
        VECSTORE_TRY(const auto now, tables_->read());
        VECSTORE_TRY(pages, vanished_pages(*now, state));
    }
    if (pages.empty()) return {};
    VECSTORE_TRY(const auto tables, tables_->write());
    for (const auto page : pages)
        for (const auto table : {tables::deaths, tables::edits})
            VECSTORE_CHECK(tables->erase(table, tables::number_key(state.id(), page)));
    return tables->commit();
}

result<void> database_state::compact_tables(std::uint64_t share) {
    const auto free = tables_->free_bytes();
    if (free < worth_a_copy || compaction_unsupported_) return {};
    VECSTORE_TRY(const auto all, tables_->size_bytes());
    if (free < all / share) return {};
    auto done = tables_->compact();
    if (done || done.error().code != errc::unsupported) return done;
    compaction_unsupported_ = true;
    note_error(done.error());
    return {};
}

/// Only whole segments can go, so the one being written is ended.
result<void> database_state::trim_log() {
    return queue_.exclusively([this]() -> result<void> {
        const lock_guard lock(log_mutex_);
        if (!log_ || log_->bytes() < worth_a_segment) return {};
        VECSTORE_CHECK(check_writable());
        if (auto begun = log_->start_segment(); !begun)
            return log_->poisoned() ? poison(std::move(begun).error()) : std::move(begun).error();
        const auto released = release_log(checkpoint_lsn_.load(std::memory_order_relaxed) + 1);
        log_bytes_.store(log_->bytes(), std::memory_order_relaxed);
        return released;
    });
}

result<void> database_state::give_space_back() {
    for (const auto& state : all_collections()) VECSTORE_CHECK(forget_vanished(*state));
    VECSTORE_CHECK(trim_log());
    constexpr std::uint64_t eighth = 8;
    return compact_tables(eighth);
}

}  // namespace vecstore::detail
