#include "checkpoint.hpp"

#include "salvage.hpp"

#include <vecstore/payload/codec.hpp>

#include <collection/fields/run_files.hpp>
#include <collection/part/index_build.hpp>
#include <collection/slots.hpp>
#include <collection/state_hash.hpp>
#include <collection/tables.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t newest = ~std::uint64_t{0};

result<void> write_ids(storage::table_writer& tables, collection_id collection, const overlay& changes) {
    for (const auto* node = changes.ids().first(); node != nullptr; node = node->next()) {
        const auto* const version = newest_at(node->value, newest);
        if (version == nullptr) continue;
        const auto key = tables::id_key(collection, node->key);
        if (version->ordinal == ordinal_none)
            VECSTORE_CHECK(tables.erase(tables::ids, key));
        else
            VECSTORE_CHECK(tables.put(tables::ids, key, std::as_bytes(std::span(&version->ordinal, 1))));
    }
    return {};
}

result<void> write_point(storage::table_writer& tables, collection_id collection, ordinal_id ordinal,
                         const point_version* point, byte_writer& value) {
    if (point == nullptr) return {};
    encode_point_value(value, {point->id, point->lsn, point->vectors, point->payload()});
    return tables.put(tables::points, tables::number_key(collection, ordinal), value.bytes());
}

result<void> write_points(storage::table_writer& tables, collection_id collection, const sealed_changes& sealed,
                          const tombstones& deaths) {
    const auto& changes = *sealed.changes;
    byte_writer value;
    for (const auto ordinal : changes.deaths())
        if (ordinal < changes.first_ordinal())
            VECSTORE_CHECK(tables.erase(tables::points, tables::number_key(collection, ordinal)));
    for (const auto* node = changes.older_points().first(); node != nullptr; node = node->next())
        if (deaths.alive_at(node->key, sealed.lsn))
            VECSTORE_CHECK(write_point(tables, collection, node->key, newest_at(node->value, newest), value));
    for (auto ordinal = changes.first_ordinal(); ordinal < sealed.ordinal_end; ++ordinal)
        if (deaths.alive_at(ordinal, sealed.lsn))
            VECSTORE_CHECK(write_point(tables, collection, ordinal, changes.find_point(ordinal, newest), value));
    return {};
}

/// Adds the living points that expire, removes the dead ones.
result<void> write_expiry(storage::table_writer& tables, collection_id collection, const sealed_changes& sealed,
                          const tombstones& deaths) {
    for (const auto ordinal : sealed.changes->deaths()) {
        if (ordinal >= sealed.changes->first_ordinal()) continue;
        const auto key = tables::number_key(collection, ordinal);
        VECSTORE_TRY(const auto due, tables.get(tables::due, key));
        if (!due) continue;
        if (due->size() != sizeof(std::uint64_t))
            return error{errc::corruption, "an expire_at does not parse", "due", 0};
        const auto expire_at = load_le<std::uint64_t>(due->data());
        VECSTORE_CHECK(tables.erase(tables::expiry, tables::expiry_key(collection, expire_at, ordinal)));
        VECSTORE_CHECK(tables.erase(tables::due, key));
    }
    for (const auto& [expire_at, ordinal] : sealed.expiring) {
        if (!deaths.alive_at(ordinal, sealed.lsn)) continue;
        VECSTORE_CHECK(
            tables.put(tables::due, tables::number_key(collection, ordinal), std::as_bytes(std::span(&expire_at, 1))));
        VECSTORE_CHECK(tables.put(tables::expiry, tables::expiry_key(collection, expire_at, ordinal), {}));
    }
    return {};
}

result<void> write_deaths(storage::table_writer& tables, collection_id collection, const sealed_changes& sealed,
                          const tombstones& deaths) {
    std::set<std::uint32_t> pages;
    for (const auto ordinal : sealed.changes->deaths()) pages.insert(ordinal >> tombstones::page_bits);
    for (const auto page : pages) {
        std::array<std::byte, tombstones::page_size / 8> bits{};
        for (std::uint32_t i = 0; i < tombstones::page_size; ++i)
            if (!deaths.alive_at((page << tombstones::page_bits) + i, sealed.lsn))
                bits[i / 8] |= std::byte{1} << (i % 8);
        VECSTORE_CHECK(tables.put(tables::deaths, tables::number_key(collection, page), bits));
    }
    return {};
}

/// Points of parts whose payload, and with it the version, is newer than what the part says.
result<void> write_edits(storage::table_writer& tables, collection_id collection, const sealed_changes& sealed,
                         const ordinal_set& edits) {
    std::set<std::uint32_t> pages;
    const auto* node = sealed.changes->older_points().first();
    for (; node != nullptr; node = node->next()) pages.insert(node->key >> ordinal_set::page_bits);
    for (const auto page : pages)
        VECSTORE_CHECK(tables.put(tables::edits, tables::number_key(collection, page), edits.page(page)));
    return {};
}

result<void> write_catalog(storage::table_writer& tables, const collection_state& state, const sealed_changes& sealed) {
    auto entry = to_document(state.name(), state.options_with(*sealed.notes));
    entry.set("next_ordinal", sealed.ordinal_end);
    entry.set("points", sealed.point_count);
    entry.set("next_part", state.next_part());
    if (state.expiring()) entry.set("expiring", true);
    if (sealed.state_hash) entry.set("state_hash", to_string(*sealed.state_hash));
    if (!sealed.fields->empty()) entry.set("fields", fields_to_value(*sealed.fields));
    VECSTORE_TRY(const auto value, payload::encode(entry));
    return tables.put(tables::catalog, tables::collection_key(state.id()), value);
}

byte_vector encode_descriptor(const part_descriptor& d) {
    byte_writer value;
    value.put(d.rows);
    value.put(d.first_ordinal);
    value.put(d.last_ordinal);
    value.put(d.root);
    value.put(d.graph_root);
    value.put(d.ivf_root);
    return std::move(value).take();
}

result<std::shared_ptr<tombstones>> load_deaths(storage::table_reader& tables, collection_id collection,
                                                ordinal_id end) {
    auto deaths = std::make_shared<tombstones>();
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::deaths));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection)));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection)) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto page = key.get_big_endian<std::uint32_t>();
        const auto bits = cursor->value();
        if (!key.finished() || bits.size() != tombstones::page_size / 8)
            return error{errc::corruption, "a page of deaths does not parse", "deaths", 0};
        for (std::uint32_t i = 0; i < tombstones::page_size; ++i)
            if ((bits[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0}) {
                const auto ordinal = (page << tombstones::page_bits) + i;
                if (ordinal < end) deaths->set(ordinal, 1);
            }
        VECSTORE_CHECK(cursor->next());
    }
    return deaths;
}

result<std::shared_ptr<ordinal_set>> load_edits(storage::table_reader& tables, collection_id collection) {
    auto edits = std::make_shared<ordinal_set>();
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::edits));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection)));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection)) {
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto page = key.get_big_endian<std::uint32_t>();
        ordinal_set::page_bytes bits;
        if (!key.finished() || cursor->value().size() != bits.size())
            return error{errc::corruption, "a page of edits does not parse", "edits", 0};
        std::copy(cursor->value().begin(), cursor->value().end(), bits.begin());
        edits->insert_page(page, bits);
        VECSTORE_CHECK(cursor->next());
    }
    return edits;
}

result<std::vector<part_list>> load_parts(storage::file_system& files, const std::string& root,
                                          storage::table_reader& tables, collection_id collection,
                                          const collection_options& options, storage::verify_mode verify,
                                          lost_data& lost, salvage_log* salvage) {
    std::vector<part_list> lists(slot_count(options));
    lost.vectors.resize(lists.size());
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::parts));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection)));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection)) {
        const auto entry = parse_manifest_entry(cursor->key(), cursor->value());
        if (!entry || entry->slot >= lists.size())
            return error{errc::corruption, "an entry of the manifest does not parse", "parts", 0};
        const auto slot = entry->slot;
        const auto& d = entry->descriptor;
        const auto directory = part_directory(root, collection, slot);
        const auto& vector = slot_options(options, slot);
        VECSTORE_TRY(auto opened, salvage != nullptr
                                      ? open_or_salvage(files, directory, d, vector, lost.vectors[slot], *salvage)
                                      : part::open(files, directory, d, vector, verify));
        if (opened != nullptr) lists[slot].push_back(std::move(opened));
        VECSTORE_CHECK(cursor->next());
    }
    for (auto& list : lists) sort_parts(list);
    for (auto& ranges : lost.vectors)
        std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return lists;
}

/// A part that waits for its index is scanned with the codes of the memtable it was written from; where rows have died, they
/// are made anew.
void hand_over_codes(const memtable& from, const part& to, const vector_options& options) {
    auto codes = from.codes();
    if (codes == nullptr || !lacks_index(to, options) || !to.verify()) return;
    if (to.size() != from.size()) {
        try {
            const auto fresh = std::make_shared<bounded_codes>(options.metric, options.type, options.dim);
            for (row_id first = 0; first + quantization::slab_rows <= to.size(); first += quantization::slab_rows)
                fresh->append([&](std::size_t i) { return to.vectors().at(first + static_cast<row_id>(i)); });
            codes = fresh;
        } catch (const std::bad_alloc&) {
            return;  // it is scanned by originals
        }
    }
    to.attach(std::move(codes));
}

/// Null when no row of the slot is alive.
result<std::shared_ptr<const part>> write_sealed_part(storage::file_system& files, const std::string& root,
                                                      collection_state& state, std::size_t slot) {
    const auto& sealed = *state.sealed();
    const auto pinned = state.pin();
    const auto& rows = *sealed.memtables[slot];
    const auto& options = slot_options(state.options(), slot);
    const auto directory = part_directory(root, state.id(), slot);
    std::optional<part_writer> writer;
    for (row_id row = 0; row < rows.size(); ++row) {
        if (!pinned->deaths->alive_at(rows.ordinal_of(row), sealed.lsn)) continue;
        if (!writer) {
            VECSTORE_TRY(auto created, part_writer::create(files, directory, state.take_part_number(), options));
            writer.emplace(std::move(created));
        }
        const auto ordinal = rows.ordinal_of(row);
        std::optional<row_identity> identity;
        if (const auto* point = sealed.changes->find_point(ordinal, newest); point != nullptr)
            identity = row_identity{point->id, point->lsn};
        VECSTORE_CHECK(writer->append(ordinal, rows.row(row), identity));
    }
    if (!writer) return std::shared_ptr<const part>();
    VECSTORE_TRY(const auto descriptor, writer->finish());
    VECSTORE_TRY(auto written, part::open(files, directory, descriptor, options));
    hand_over_codes(rows, *written, options);
    return written;
}

}  // namespace

std::string collection_directory(const std::string& root, collection_id collection) {
    return storage::join_path(storage::join_path(root, "parts"), std::to_string(collection));
}
std::string part_directory(const std::string& root, collection_id collection, std::size_t slot) {
    return storage::join_path(collection_directory(root, collection), std::to_string(slot));
}

result<part_list> write_sealed_parts(storage::file_system& files, const std::string& root, collection_state& state) {
    part_list parts;
    for (std::size_t slot = 0; slot < state.sealed()->memtables.size(); ++slot) {
        auto written = write_sealed_part(files, root, state, slot);
        if (!written) {  // a full disk needs the space; the next try writes all of them again
            for (std::size_t done = 0; done < parts.size(); ++done)
                if (parts[done] != nullptr)
                    (void)files.remove(
                        part_path(part_directory(root, state.id(), done), parts[done]->descriptor().number));
            return std::move(written).error();
        }
        parts.push_back(*std::move(written));
    }
    return parts;
}

result<void> write_sealed_tables(storage::table_writer& tables, const collection_state& state, const part_list& parts) {
    const auto& sealed = *state.sealed();
    const auto pinned = state.pin();
    VECSTORE_CHECK(write_ids(tables, state.id(), *sealed.changes));
    VECSTORE_CHECK(write_points(tables, state.id(), sealed, *pinned->deaths));
    if (state.expiring()) VECSTORE_CHECK(write_expiry(tables, state.id(), sealed, *pinned->deaths));
    VECSTORE_CHECK(write_deaths(tables, state.id(), sealed, *pinned->deaths));
    VECSTORE_CHECK(write_edits(tables, state.id(), sealed, *pinned->edits));
    VECSTORE_CHECK(write_catalog(tables, state, sealed));
    for (std::size_t slot = 0; slot < parts.size(); ++slot)
        if (parts[slot] != nullptr) VECSTORE_CHECK(write_manifest(tables, state.id(), slot, {}, {parts[slot]}));
    return {};
}

result<void> write_manifest(storage::table_writer& tables, collection_id collection, std::size_t slot,
                            const part_list& removed, const part_list& added) {
    const auto key_of = [&](const part& p) {
        return tables::part_key(collection, static_cast<std::uint16_t>(slot), p.descriptor().number);
    };
    for (const auto& p : removed) VECSTORE_CHECK(tables.erase(tables::parts, key_of(*p)));
    for (const auto& p : added)
        VECSTORE_CHECK(tables.put(tables::parts, key_of(*p), encode_descriptor(p->descriptor())));
    return {};
}

std::optional<manifest_entry> parse_manifest_entry(byte_span key, byte_span value) noexcept {
    byte_reader name(key), in(value);
    manifest_entry entry;
    entry.collection = name.get_big_endian<collection_id>();
    entry.slot = name.get_big_endian<std::uint16_t>();
    auto& d = entry.descriptor;
    d.number = name.get_big_endian<std::uint64_t>();
    d.rows = in.get<row_id>();
    d.first_ordinal = in.get<ordinal_id>();
    d.last_ordinal = in.get<ordinal_id>();
    d.root = in.get<std::uint64_t>();
    d.graph_root = in.get<std::uint64_t>();
    if (in.remaining() > 0) d.ivf_root = in.get<std::uint64_t>();
    return name.finished() && in.finished() ? std::optional(entry) : std::nullopt;
}

result<void> erase_tables(storage::table_writer& tables, collection_id collection) {
    const auto prefix = tables::collection_key(collection);
    for (const auto table : {tables::catalog, tables::ids, tables::points, tables::deaths, tables::parts, tables::edits,
                             tables::due, tables::expiry, tables::fields})
        VECSTORE_CHECK(tables.erase_prefix(table, prefix));
    return {};
}

namespace {

result<std::shared_ptr<collection_state>> load_collection(storage::file_system& files, const std::string& root,
                                                          storage::table_reader& tables, collection_id id,
                                                          byte_span value, std::uint64_t applied_lsn,
                                                          storage::verify_mode verify, salvage_log* salvage) {
    VECSTORE_TRY(const auto entry, payload::decode(value));
    VECSTORE_TRY(auto named, from_document(entry));
    auto state = std::make_shared<collection_state>(id, named.name, named.options);
    restored_state restored;
    restored.ordinal_end = static_cast<ordinal_id>(entry["next_ordinal"].int64_or(0));
    restored.point_count = static_cast<std::size_t>(entry["points"].int64_or(0));
    restored.next_part = static_cast<std::uint64_t>(entry["next_part"].int64_or(1));
    restored.expiring = entry["expiring"].bool_or(false);
    const auto lost = std::make_shared<lost_data>();
    VECSTORE_TRY(restored.deaths, load_deaths(tables, id, restored.ordinal_end));
    VECSTORE_TRY(restored.edits, load_edits(tables, id));
    VECSTORE_TRY(restored.parts, load_parts(files, root, tables, id, named.options, verify, *lost, salvage));
    // The optimizer takes numbers, too, and changes the manifest without the catalog.
    for (const auto& list : restored.parts)
        for (const auto& p : list) restored.next_part = std::max(restored.next_part, p->descriptor().number + 1);
    if (salvage == nullptr) {
        VECSTORE_TRY(auto indexes, load_fields(files, root, tables, id, entry["fields"], verify));
        restored.fields = std::move(indexes.fields);
        restored.next_part = std::max(restored.next_part, indexes.next_number);
    }
    if (salvage == nullptr) restored.state_hash = parse_hash128(entry["state_hash"].string_or(""));
    const bool hashed = salvage != nullptr || restored.state_hash;
    if (salvage != nullptr) {
        VECSTORE_CHECK(salvage_points(tables, id, restored, *lost, *salvage));
        restored.lost = lost;
    }
    state->restore(std::move(restored), applied_lsn);
    if (!hashed)  // damage elsewhere must not keep the store from opening: then it stays unknown
        if (const auto computed = hash_of_checkpoint(id, *state->pin(), tables)) state->adopt_state_hash(*computed);
    return state;
}

}  // namespace

result<std::vector<std::shared_ptr<collection_state>>> load_collections(
    storage::file_system& files, const std::string& root, storage::table_reader& tables, std::uint64_t applied_lsn,
    storage::verify_mode verify, salvage_log* salvage) {
    std::vector<std::shared_ptr<collection_state>> collections;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::catalog));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        byte_reader key(cursor->key());
        const auto id = key.get_big_endian<collection_id>();
        auto state = load_collection(files, root, tables, id, cursor->value(), applied_lsn, verify, salvage);
        if (state) {
            collections.push_back(*std::move(state));
        } else {
            if (salvage == nullptr || state.error().code != errc::corruption) return std::move(state).error();
            salvage->note("collection " + std::to_string(id) + " cannot be read: " + state.error().what());
        }
        VECSTORE_CHECK(cursor->next());
    }
    return collections;
}

result<std::vector<listed_file>> list_part_files(storage::table_reader& tables) {
    std::vector<listed_file> all;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::parts));
    VECSTORE_CHECK(cursor->seek({}));
    while (cursor->valid()) {
        const auto entry = parse_manifest_entry(cursor->key(), cursor->value());
        if (!entry) return error{errc::corruption, "an entry of the manifest does not parse", "parts", 0};
        const auto directory = part_directory("", entry->collection, entry->slot);
        const auto& part = entry->descriptor;
        const auto has = [](std::uint64_t root) { return root != 0 && root != index_declined; };
        all.push_back({part_path(directory, part.number), part.root, false});
        if (has(part.graph_root)) all.push_back({graph_path(directory, part.number), part.graph_root, true});
        if (has(part.ivf_root)) all.push_back({ivf_path(directory, part.number), part.ivf_root, true});
        VECSTORE_CHECK(cursor->next());
    }
    VECSTORE_TRY(const auto runs, tables.cursor(tables::fields));
    VECSTORE_CHECK(runs->seek({}));
    while (runs->valid()) {
        const auto entry = parse_field_manifest(runs->key(), runs->value());
        if (!entry) return error{errc::corruption, "an entry of the manifest does not parse", "fields", 0};
        if (entry->number != 0)
            all.push_back({run_path(field_directory("", entry->collection), entry->number), entry->root, true});
        VECSTORE_CHECK(runs->next());
    }
    return all;
}

result<void> remove_unlisted_parts(storage::file_system& files, const std::string& root,
                                   const collection_state& state) {
    const auto lists = state.parts();
    for (std::size_t slot = 0; slot < lists.size(); ++slot) {
        const auto directory = part_directory(root, state.id(), slot);
        if (!files.exists(directory)) continue;
        std::set<std::string> listed;
        for (const auto& p : lists[slot]) {
            listed.insert(part_path(directory, p->descriptor().number));
            if (p->graph() != nullptr) listed.insert(graph_path(directory, p->descriptor().number));
            if (p->lists() != nullptr) listed.insert(ivf_path(directory, p->descriptor().number));
        }
        VECSTORE_TRY(const auto names, files.list(directory));
        for (const auto& name : names) {
            const auto path = storage::join_path(directory, name);
            if (!listed.contains(path)) VECSTORE_CHECK(files.remove(path));
        }
    }
    return remove_unlisted_runs(files, root, state);
}

}  // namespace vecstore::detail
