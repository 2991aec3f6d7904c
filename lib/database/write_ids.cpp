#include "write_ids.hpp"

#include <collection/tables.hpp>

#include <algorithm>

namespace vecstore::detail {
namespace {

byte_vector key_of(std::uint64_t lsn) {
    byte_writer key;
    key.put_big_endian(lsn);
    return std::move(key).take();
}

bool in_window(std::uint64_t lsn, std::uint64_t now) noexcept { return now < lsn + write_ids_window; }

}  // namespace

std::optional<write_result> write_ids::find(const write_id& id, std::uint64_t lsn) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end() || !in_window(found->second.lsn, lsn)) return std::nullopt;
    write_result told;
    told.term = found->second.term;
    told.lsn = found->second.lsn;
    told.points = found->second.points;
    told.skipped = found->second.skipped;
    told.repeated = true;
    return told;
}

void write_ids::put(const entry& added) {
    by_lsn_.push_back(added);
    by_id_.insert_or_assign(added.id, added);
    for (; !in_window(by_lsn_.front().lsn, added.lsn); by_lsn_.pop_front())
        if (const auto old = by_id_.find(by_lsn_.front().id);
            old != by_id_.end() && old->second.lsn == by_lsn_.front().lsn)
            by_id_.erase(old);
}

void write_ids::clear() noexcept {
    by_lsn_.clear();
    by_id_.clear();
}

std::vector<write_ids::entry> write_ids::since(std::uint64_t lsn) const {
    const auto first = std::upper_bound(by_lsn_.begin(), by_lsn_.end(), lsn,
                                        [](std::uint64_t wanted, const entry& e) { return wanted < e.lsn; });
    return {first, by_lsn_.end()};
}

result<void> write_ids::store(storage::table_writer& tables, const std::vector<entry>& fresh, std::uint64_t lsn) {
    for (const auto& e : fresh) {
        byte_writer value;
        for (const auto number : {e.id.client, e.id.number, e.term, e.points, e.skipped}) value.put(number);
        VECSTORE_CHECK(tables.put(tables::write_ids, key_of(e.lsn), value.bytes()));
    }
    if (lsn < write_ids_window) return {};
    return tables.erase_range(tables::write_ids, key_of(0), key_of(lsn - write_ids_window + 1));
}

result<void> write_ids::load(storage::table_reader& tables) {
    clear();
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::write_ids));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        byte_reader key(cursor->key()), in(cursor->value());
        entry e;
        e.lsn = key.get_big_endian<std::uint64_t>();
        for (auto* number : {&e.id.client, &e.id.number, &e.term, &e.points, &e.skipped})
            *number = in.get<std::uint64_t>();
        if (!key.finished() || !in.finished())
            return error{errc::corruption, "a write's id does not parse", "write_ids", 0};
        put(e);
        VECSTORE_CHECK(cursor->next());
    }
    return {};
}

}  // namespace vecstore::detail
