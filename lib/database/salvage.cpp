// What can be read of damaged tables; opening a database on it.
#include "salvage.hpp"

#include "database_state.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>
#include <vecstore/storage/memory_table_store.hpp>

#include <collection/lookup.hpp>
#include <collection/newest/tombstones.hpp>
#include <collection/ordinal_set.hpp>
#include <collection/reader.hpp>
#include <collection/tables.hpp>

#include <array>
#include <map>

namespace vecstore::detail {
namespace {

/// Puts entries in transactions of bounded size.
class batched_writer {
public:
    explicit batched_writer(storage::table_store& store) : store_(store) {}
    result<void> put(storage::table_id table, byte_span key, byte_span value) {
        VECSTORE_CHECK(begin());
        VECSTORE_CHECK(writer_->put(table, key, value));
        return end(key.size() + value.size());
    }
    result<void> erase(storage::table_id table, byte_span key) {
        VECSTORE_CHECK(begin());
        VECSTORE_CHECK(writer_->erase(table, key));
        return end(key.size());
    }
    result<void> commit() {
        if (!writer_) return {};
        auto done = writer_->commit();
        writer_.reset();
        bytes_ = 0;
        return done;
    }

private:
    static constexpr std::size_t bytes_max = 16u << 20;
    result<void> begin() {
        if (writer_) return {};
        VECSTORE_TRY(writer_, store_.write());
        return {};
    }
    result<void> end(std::size_t bytes) {
        bytes_ += bytes;
        return bytes_ > bytes_max ? commit() : result<void>{};
    }
    storage::table_store& store_;
    std::unique_ptr<storage::table_writer> writer_;
    std::size_t bytes_ = 0;
};

/// A collection's points, as found.
struct found_points {
    ordinal_set ordinals;
    std::uint64_t count = 0;
};
using points_found = std::map<collection_id, found_points>;

/// Walks a table of the copy. The visitor must not write.
result<void> for_each(storage::table_store& store, storage::table_id table,
                      const std::function<result<void>(byte_span, byte_span)>& visit) {
    VECSTORE_TRY(const auto reader, store.read());
    VECSTORE_TRY(const auto cursor, reader->cursor(table));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        VECSTORE_CHECK(visit(cursor->key(), cursor->value()));
        VECSTORE_CHECK(cursor->next());
    }
    return {};
}

result<points_found> copy_tables(storage::detail::lmdb_pages& from, storage::table_store& into, salvaged_tables& done) {
    points_found found;
    batched_writer out(into);
    const auto names = tables::names();
    for (storage::table_id table = 0; table < names.size(); ++table) {
        if (table == tables::fields)
            continue;  // payload indexes may speak of points that are lost; they are built anew
        VECSTORE_CHECK(from.walk(names[table], [&](byte_span key, byte_span value) -> result<void> {
            ++done.entries;
            if (table == tables::points) {
                byte_reader in(key);
                const auto collection = in.get_big_endian<collection_id>();
                const auto ordinal = in.get_big_endian<ordinal_id>();
                if (!in.finished() || !parse_point(value)) return {};
                found[collection].ordinals.insert(ordinal);
                ++found[collection].count;
            }
            return out.put(table, key, value);
        }));
    }
    VECSTORE_CHECK(out.commit());
    return found;
}

/// Each point's id names it, whatever the table of ids says.
result<void> mend_ids(storage::table_store& store, salvaged_tables& done) {
    batched_writer out(store);
    VECSTORE_TRY(const auto ids, store.read());
    VECSTORE_CHECK(for_each(store, tables::points, [&](byte_span key, byte_span value) -> result<void> {
        byte_reader in(key);
        const auto collection = in.get_big_endian<collection_id>();
        const auto ordinal = in.get_big_endian<ordinal_id>();
        VECSTORE_TRY(const auto point, parse_point(value));
        const auto id = tables::id_key(collection, point.id);
        VECSTORE_TRY(const auto named, ids->get(tables::ids, id));
        if (named && named->size() == sizeof ordinal && load_le<ordinal_id>(named->data()) == ordinal) return {};
        ++done.ids_mended;
        return out.put(tables::ids, id, std::as_bytes(std::span(&ordinal, 1)));
    }));
    return out.commit();
}

/// Leaves the ids that name their own point.
result<void> drop_lost_ids(storage::table_store& store, salvaged_tables& done) {
    batched_writer out(store);
    VECSTORE_TRY(const auto points, store.read());
    VECSTORE_CHECK(for_each(store, tables::ids, [&](byte_span key, byte_span value) -> result<void> {
        byte_reader in(key);
        const auto collection = in.get_big_endian<collection_id>();
        const auto id = point_id::get_key(in);
        if (in.finished() && value.size() == sizeof(ordinal_id)) {
            const auto named = tables::number_key(collection, load_le<ordinal_id>(value.data()));
            VECSTORE_TRY(const auto stored, points->get(tables::points, named));
            const auto point = stored ? parse_point(*stored) : result<point_ref>(error{});
            if (point && point->id == id) return {};
        }
        ++done.ids_without_point;
        return out.erase(tables::ids, key);
    }));
    return out.commit();
}

/// A living ordinal has a point, so all others are dead.
result<void> rewrite_deaths(storage::table_store& store, const points_found& found) {
    batched_writer out(store);
    const found_points none;
    VECSTORE_CHECK(for_each(store, tables::catalog, [&](byte_span key, byte_span value) -> result<void> {
        byte_reader in(key);
        const auto id = in.get_big_endian<collection_id>();
        auto entry = payload::decode(value);
        if (!entry) return {};
        const auto at = found.find(id);
        const auto& points = at == found.end() ? none : at->second;
        const auto end = static_cast<ordinal_id>((*entry)["next_ordinal"].int64_or(0));
        for (std::uint32_t page = 0; page << tombstones::page_bits < end; ++page) {
            std::array<std::byte, tombstones::page_size / 8> bits{};
            bool any = false;
            for (std::uint32_t i = 0; i < tombstones::page_size; ++i) {
                const auto ordinal = (page << tombstones::page_bits) + i;
                if (ordinal >= end || points.ordinals.contains(ordinal)) continue;
                bits[i / 8] |= std::byte{1} << (i % 8);
                any = true;
            }
            if (!any) continue;
            if (auto put = out.put(tables::deaths, tables::number_key(id, page), bits); !put) return put;
        }
        entry->set("points", points.count);
        (void)entry->erase("state_hash");  // the next opening computes it of what is left
        VECSTORE_TRY(const auto encoded, payload::encode(*entry));
        return out.put(tables::catalog, key, encoded);
    }));
    return out.commit();
}

}  // namespace

result<salvaged_tables> copy_readable_tables(storage::detail::lmdb_pages& from, storage::table_store& into,
                                             bool drop_lost) {
    salvaged_tables done;
    VECSTORE_TRY(const auto found, copy_tables(from, into, done));
    VECSTORE_CHECK(mend_ids(into, done));
    if (!drop_lost) return done;
    {
        VECSTORE_TRY(const auto reader, into.read());
        VECSTORE_TRY(const auto applied, reader->get(tables::meta, as_bytes("applied")));
        if (!applied) return error{errc::corruption, "the checkpoint's position is lost", "meta", 0};
    }
    VECSTORE_CHECK(drop_lost_ids(into, done));
    VECSTORE_CHECK(rewrite_deaths(into, found));
    return done;
}

storage::control_state database_state::known_control() const {
    return control_ ? control_->state() : storage::control_state{};
}

void database_state::note_missing(std::string line) {
    const lock_guard lock(status_mutex_);
    missing_.note(std::move(line));
}

/// Damaged tables are never given to LMDB, which would follow a damaged page number out of its map.
result<void> database_state::salvage_tables() {
    const auto verified = storage::detail::verify_pages(storage::posix_file_system(), path("state"), false);
    if (verified) {
        storage::lmdb_options options;
        options.map_bytes = options_.tables_bytes_max;
        options.read_only = true;
        auto opened = storage::open_lmdb(path("state"), tables::names(), options);
        if (opened) {
            tables_ = cipher_.tables(*std::move(opened));
            return {};
        }
    } else if (verified.error().code != errc::corruption) {
        return verified.error();
    }
    tables_ = storage::make_memory_table_store(tables::names());
    auto pages = storage::detail::lmdb_pages::open(storage::posix_file_system(), path("state"));
    if (!pages) {
        if (pages.error().code != errc::not_found || known_control().checkpoint_lsn > 0)
            note_missing("the tables cannot be read: " + pages.error().what());
        return {};
    }
    cipher_.read_values_of(*pages);
    VECSTORE_CHECK(copy_readable_tables(*pages, *tables_, false));
    for (const auto& e : pages->damages()) note_missing(e.what());
    return {};
}

}  // namespace vecstore::detail
