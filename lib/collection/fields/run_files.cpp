#include "run_files.hpp"

#include <vecstore/payload/path.hpp>

#include <collection/point_value.hpp>
#include <collection/tables.hpp>
#include <collection/upkeep/checkpoint.hpp>
#include <field_index/segment.hpp>
#include <field_index/segment_builder.hpp>

#include <algorithm>
#include <bit>
#include <set>

namespace vecstore::detail {
namespace {

using field_index::ordinal_bitmap;
using field_index::segment;
using field_index::segment_builder;

constexpr std::uint64_t newest = ~std::uint64_t{0};
constexpr std::size_t points_between_checks = 1024;

byte_vector index_key(collection_id collection, std::uint64_t index) {
    byte_writer key;
    key.put_big_endian(collection);
    key.put_big_endian(index);
    return std::move(key).take();
}
byte_vector run_key(collection_id collection, std::uint64_t index, std::uint64_t number) {
    byte_writer key;
    key.put_big_endian(collection);
    key.put_big_endian(index);
    key.put_big_endian(number);
    return std::move(key).take();
}

segment_builder builder_of(const indexed_field& field) {
    return {field.id(), field.schema(), *payload::path::parse(field.path()), field.analyzer()};
}

/// None when the builder is empty.
result<std::optional<field_run>> finish(storage::file_system& files, const std::string& directory,
                                        collection_state& state, const indexed_field& field, segment_builder& builder,
                                        std::uint64_t lsn) {
    if (builder.empty()) return std::optional<field_run>();
    VECSTORE_CHECK(files.create_directories(directory));
    const auto number = state.take_part_number();
    const auto path = run_path(directory, number);
    VECSTORE_CHECK(builder.write(files, path));
    VECSTORE_TRY(auto content, segment::open(files, path, field.id(), storage::verify_mode::footer));
    return std::optional(field_run{number, lsn, std::move(content)});
}

/// Calls `visit(ordinal, payload)` for the living points that the sealed overlay has.
template <class Visit>
void for_each_sealed(const sealed_changes& sealed, const tombstones& deaths, const Visit& visit) {
    const auto& changes = *sealed.changes;
    const auto take = [&](ordinal_id ordinal, const point_version* point) {
        if (point != nullptr && deaths.alive_at(ordinal, sealed.lsn))
            visit(ordinal, payload::view::trusted(point->payload()));
    };
    for (const auto* node = changes.older_points().first(); node != nullptr; node = node->next())
        take(node->key, newest_at(node->value, newest));
    for (auto ordinal = changes.first_ordinal(); ordinal < sealed.ordinal_end; ++ordinal)
        take(ordinal, changes.find_point(ordinal, newest));
}

/// Size class, as of parts: up to 4,096 points, 16,384, 65,536, ...
int tier_of(const field_run& run) noexcept {
    const auto points = std::max<std::uint64_t>(run.content->head().points, 1);
    return std::max(0, (static_cast<int>(std::bit_width(points - 1)) - 11) / 2);
}

result<run_list> open_runs(storage::file_system& files, const std::string& directory, std::uint64_t index,
                           const std::vector<field_manifest_entry>& listed, storage::verify_mode verify) {
    run_list runs;
    for (const auto& entry : listed) {
        if (entry.index != index || entry.number == 0) continue;
        const auto path = run_path(directory, entry.number);
        VECSTORE_TRY(auto content, segment::open(files, path, index, verify));
        if (content->file().root() != entry.root) return corruption("another file than the manifest names", path, 0);
        runs.push_back({entry.number, entry.lsn, std::move(content)});
    }
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a.lsn < b.lsn; });
    return runs;
}

}  // namespace

std::string field_directory(const std::string& root, collection_id collection) {
    return storage::join_path(collection_directory(root, collection), "fields");
}
std::string run_path(const std::string& directory, std::uint64_t number) {
    return storage::join_path(directory, std::to_string(number) + ".fields");
}

result<std::vector<made_run>> write_sealed_runs(storage::file_system& files, const std::string& root,
                                                collection_state& state) {
    const auto& sealed = *state.sealed();
    std::vector<made_run> made;
    if (sealed.fields->empty()) return made;
    std::vector<segment_builder> builders;
    for (const auto& field : *sealed.fields) builders.push_back(builder_of(*field));
    const auto deaths = state.pin()->deaths;
    for_each_sealed(sealed, *deaths, [&](ordinal_id ordinal, payload::view content) {
        for (auto& builder : builders) builder.add(ordinal, content);
    });
    const auto directory = field_directory(root, state.id());
    for (std::size_t i = 0; i < builders.size(); ++i) {
        auto run = finish(files, directory, state, *(*sealed.fields)[i], builders[i], sealed.lsn);
        if (!run) {  // a full disk needs the space; the next try writes all of them again
            for (const auto& done : made) (void)files.remove(run_path(directory, done.run.number));
            return std::move(run).error();
        }
        if (*run) made.push_back({(*sealed.fields)[i]->id(), **std::move(run)});
    }
    return made;
}

result<void> write_sealed_fields(storage::table_writer& tables, const collection_state& state,
                                 const std::vector<made_run>& runs) {
    for (const auto& dropped : state.sealed()->dropped_fields)
        VECSTORE_CHECK(tables.erase_prefix(tables::fields, index_key(state.id(), dropped->id())));
    for (const auto& [index, run] : runs) {
        byte_writer value;
        value.put(run.lsn);
        value.put(run.content->file().root());
        VECSTORE_CHECK(tables.put(tables::fields, run_key(state.id(), index, run.number), value.bytes()));
    }
    return {};
}

result<std::optional<field_run>> build_run(storage::file_system& files, const std::string& root,
                                           collection_state& state, const indexed_field& field,
                                           storage::table_reader& tables, std::uint64_t lsn,
                                           const field_progress& keep_going) {
    auto builder = builder_of(field);
    std::size_t done = 0;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::points));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(state.id())));
    while (cursor->valid() && tables::of_collection(cursor->key(), state.id())) {
        if (done++ % points_between_checks == 0 && keep_going && !keep_going(done))
            return error{errc::cancelled, "indexing was cancelled"};
        byte_reader key(cursor->key().subspan(sizeof(collection_id)));
        const auto ordinal = key.get_big_endian<ordinal_id>();
        const auto point = parse_point_value(cursor->value());
        if (!key.finished() || !point)
            return error{errc::corruption, "a point in the tables does not parse", "points", 0};
        builder.add(ordinal, payload::view::trusted(point->payload));
        VECSTORE_CHECK(cursor->next());
    }
    return finish(files, field_directory(root, state.id()), state, field, builder, lsn);
}

result<std::optional<field_run>> merge_runs(storage::file_system& files, const std::string& root,
                                            collection_state& state, const indexed_field& field,
                                            std::span<const field_run> inputs, std::uint64_t droppable_lsn,
                                            const field_progress& keep_going) {
    auto builder = builder_of(field);
    const auto deaths = state.pin()->deaths;
    ordinal_bitmap newer;
    std::size_t done = 0;
    for (auto input = inputs.rbegin(); input != inputs.rend(); ++input) {
        auto wanted = input->content->covered();
        wanted -= newer;
        newer |= input->content->covered();
        std::vector<ordinal_id> living;
        wanted.for_each([&](ordinal_id ordinal) {
            if (deaths->alive_at(ordinal, droppable_lsn)) living.push_back(ordinal);
            return true;
        });
        if (keep_going && !keep_going(done)) return error{errc::cancelled, "merging was cancelled"};
        done += living.size();
        if (auto added = builder.add(*input->content, ordinal_bitmap::of(living)); !added) {
            if (added.error().code == errc::corruption) input->content->note_damage();
            return std::move(added).error();
        }
    }
    return finish(files, field_directory(root, state.id()), state, field, builder, inputs.back().lsn);
}

std::uint64_t bytes_of(const field_run& run) noexcept { return run.content->file().bytes(); }

bool covers(const field_run& run, ordinal_id first, ordinal_id end) noexcept {
    return run.content->covered().cardinality(first, end) > 0;
}

std::span<const field_run> next_merge(const indexed_field& field) noexcept {
    constexpr std::size_t width = 4;
    const auto& runs = field.runs();
    for (std::size_t first = 0; first < runs.size(); ++first) {
        const int tier = tier_of(runs[first]);
        std::size_t last = first, of_tier = 0;
        for (; last < runs.size() && tier_of(runs[last]) <= tier; ++last) of_tier += tier_of(runs[last]) == tier;
        if (of_tier >= width) return std::span(runs).subspan(first, last - first);
    }
    return {};
}

bool is_tidy(const indexed_field& field, const tombstones& deaths, std::uint64_t lsn) {
    if (field.runs().size() > 1) return false;
    bool living = true;
    for (const auto& run : field.runs())
        run.content->covered().for_each([&](ordinal_id ordinal) { return living = deaths.alive_at(ordinal, lsn); });
    return living;
}

result<void> write_field_manifest(storage::table_writer& tables, collection_id collection, std::uint64_t index,
                                  const run_list& runs, std::optional<std::uint64_t> complete_lsn) {
    VECSTORE_CHECK(tables.erase_prefix(tables::fields, index_key(collection, index)));
    if (complete_lsn)
        VECSTORE_CHECK(
            tables.put(tables::fields, run_key(collection, index, 0), std::as_bytes(std::span(&*complete_lsn, 1))));
    for (const auto& run : runs) {
        byte_writer value;
        value.put(run.lsn);
        value.put(run.content->file().root());
        VECSTORE_CHECK(tables.put(tables::fields, run_key(collection, index, run.number), value.bytes()));
    }
    return {};
}

std::optional<field_manifest_entry> parse_field_manifest(byte_span key, byte_span value) noexcept {
    byte_reader name(key), in(value);
    field_manifest_entry entry;
    entry.collection = name.get_big_endian<collection_id>();
    entry.index = name.get_big_endian<std::uint64_t>();
    entry.number = name.get_big_endian<std::uint64_t>();
    entry.lsn = in.get<std::uint64_t>();
    if (entry.number != 0) entry.root = in.get<std::uint64_t>();
    return name.finished() && in.finished() ? std::optional(entry) : std::nullopt;
}

payload::value fields_to_value(const field_list& fields) {
    payload::value::array all;
    for (const auto& field : fields)
        all.push_back(
            payload::document{{"id", field->id()}, {"path", field->path()}, {"schema", to_value(field->schema())}});
    return all;
}

result<loaded_fields> load_fields(storage::file_system& files, const std::string& root, storage::table_reader& tables,
                                  collection_id collection, const payload::value& catalog,
                                  storage::verify_mode verify) {
    std::vector<field_manifest_entry> listed;
    VECSTORE_TRY(const auto cursor, tables.cursor(tables::fields));
    VECSTORE_CHECK(cursor->seek(tables::collection_key(collection)));
    while (cursor->valid() && tables::of_collection(cursor->key(), collection)) {
        const auto entry = parse_field_manifest(cursor->key(), cursor->value());
        if (!entry) return error{errc::corruption, "an entry of the manifest does not parse", "fields", 0};
        listed.push_back(*entry);
        VECSTORE_CHECK(cursor->next());
    }
    loaded_fields loaded{std::make_shared<const field_list>(), 1};
    for (const auto& entry : listed) loaded.next_number = std::max(loaded.next_number, entry.number + 1);
    const auto* all = catalog.if_array();
    if (all == nullptr) return loaded;
    for (const auto& each : *all) {
        const auto index = static_cast<std::uint64_t>(each["id"].int64_or(0));
        VECSTORE_TRY(const auto schema, parse_field_schema(each["schema"]));
        const std::string path(each["path"].string_or(""));
        VECSTORE_CHECK(payload::path::parse(path));
        const bool complete = std::any_of(listed.begin(), listed.end(),
                                          [&](const auto& entry) { return entry.index == index && entry.number == 0; });
        auto runs = open_runs(files, field_directory(root, collection), index, listed, verify);
        if (!runs && runs.error().code != errc::corruption && runs.error().code != errc::not_found &&
            runs.error().code != errc::unsupported)
            return std::move(runs).error();
        const bool whole = complete && runs;
        loaded.fields = with_field(
            *loaded.fields,
            std::make_shared<const indexed_field>(index, path, schema, runs ? *std::move(runs) : run_list(), whole));
    }
    return loaded;
}

result<void> remove_unlisted_runs(storage::file_system& files, const std::string& root, const collection_state& state) {
    const auto directory = field_directory(root, state.id());
    if (!files.exists(directory)) return {};
    std::set<std::string> listed;
    for (const auto& field : *state.fields())
        for (const auto& run : field->runs()) listed.insert(run_path(directory, run.number));
    VECSTORE_TRY(const auto names, files.list(directory));
    for (const auto& name : names) {
        const auto path = storage::join_path(directory, name);
        if (!listed.contains(path)) VECSTORE_CHECK(files.remove(path));
    }
    return {};
}

}  // namespace vecstore::detail
